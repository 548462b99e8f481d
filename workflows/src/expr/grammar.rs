//! The grammar of expressions: from words to a tree, with everything the tree looks up and calls, and its places.
//!
//! ```text
//! choice   = or [ "if" or "else" choice ]
//! or       = and { "or" and }             and = not { "and" not }       not = "not" not | compare
//! compare  = cat [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") cat ]
//! cat      = sum { "~" sum }
//! sum      = term { ("+" | "-") term }    term = pipe { ("*" | "/" | "%") pipe }
//! pipe     = unary { "|" name [ "(" arguments ")" ] }
//! unary    = "-" unary | postfix          postfix = primary { "." name | "[" choice "]" }
//! primary  = number | text | "true" | "false" | "null" | list | map | "(" choice ")" | name [ "(" arguments ")" ]
//! ```
//! Neighbours: `token` makes the words, `ast` turns the tree into the engine's program. Habits of other languages are
//! refused with what to write instead.

use super::ast::Ast;
use super::token::{Placed, Problem, Token, tokens};

/// Longest expression, bytes.
pub(crate) const MAX_BYTES: usize = 1024;
/// Most operators, dots, brackets and calls.
pub(crate) const MAX_LINKS: usize = 200;
/// Deepest nesting of brackets, signs and choices: each level is a few frames of the parser's stack.
pub(crate) const MAX_DEPTH: usize = 32;

/// Deepest nesting of the engine's program: the engine's own parser stops at 150.
const MAX_PROGRAM_DEPTH: usize = 130;

const ADVICE: &str = "`fenta explain expr/syntax` shows what expressions can say";

/// A name with what is reached through it: `nodes.voice.seconds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The names between the dots.
    pub(crate) path: Vec<String>,
    /// First byte in the expression.
    pub(crate) start: usize,
    /// First byte after it.
    pub(crate) end: usize,
}

/// A function that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    /// Its name.
    pub(crate) name: String,
    /// First byte of its name.
    pub(crate) start: usize,
    /// How many arguments it gets.
    pub(crate) arguments: usize,
}

/// What was found in an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    /// What the engine runs.
    pub(crate) program: String,
    /// What the program was made from; its roots are the references, in the same order.
    pub(crate) tree: Ast,
    /// Every name that must be looked up.
    pub(crate) references: Vec<Reference>,
    /// Every function used, as `f(x)` or `x | f`.
    pub(crate) functions: Vec<Used>,
    /// Whether the whole expression is one reference and nothing else.
    pub(crate) bare: bool,
}

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Parsed, Problem> {
    if text.len() > MAX_BYTES {
        return Err(limit(
            0,
            text.len(),
            format!(
                "the expression has {} bytes, more than {MAX_BYTES}",
                text.len()
            ),
        ));
    }
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        links: 0,
        references: Vec::new(),
        functions: Vec::new(),
    };
    let ast = parser.choice()?;
    if parser.here().token != Token::End {
        return Err(parser.unexpected("an operator or the end"));
    }
    if ast.depth() > MAX_PROGRAM_DEPTH {
        return Err(limit(
            0,
            text.len(),
            "the expression's operators are nested too deeply".to_owned(),
        ));
    }
    let bare = parser.references.len() == 1 && is_path(&ast);
    Ok(Parsed {
        program: ast.program(),
        tree: ast,
        references: parser.references,
        functions: parser.functions,
        bare,
    })
}

fn is_path(ast: &Ast) -> bool {
    match ast {
        Ast::Root(_) => true,
        Ast::Field(of, _) => is_path(of),
        _ => false,
    }
}

fn limit(start: usize, end: usize, message: String) -> Problem {
    Problem {
        limit: true,
        ..Problem::new(start, end, message, "split it: put a part under `vars`")
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    links: usize,
    references: Vec<Reference>,
    functions: Vec<Used>,
}

type Parse = Result<Ast, Problem>;

impl Parser {
    fn here(&self) -> &Placed {
        &self.tokens[self.at]
    }

    fn advance(&mut self) -> Placed {
        let placed = self.tokens[self.at].clone();
        if placed.token != Token::End {
            self.at += 1;
        }
        placed
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.here().token, Token::Mark(seen) if seen == mark)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.here().token, Token::Name(name) if name == word)
    }

    fn take_mark(&mut self, mark: &str) -> bool {
        let there = self.is_mark(mark);
        self.at += usize::from(there);
        there
    }

    fn take_word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    /// Counts an operator, dot, bracket or call.
    fn link(&mut self) -> Result<(), Problem> {
        self.links += 1;
        if self.links > MAX_LINKS {
            let (start, end) = (self.here().start, self.here().end);
            return Err(limit(
                start,
                end,
                format!("the expression has more than {MAX_LINKS} operators, dots and calls"),
            ));
        }
        Ok(())
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Parse) -> Parse {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let (start, end) = (self.here().start, self.here().end);
            return Err(limit(
                start,
                end,
                format!("the expression is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        let ast = inner(self);
        self.depth -= 1;
        ast
    }

    fn choice(&mut self) -> Parse {
        let then = self.logic(false)?;
        if !self.take_word("if") {
            if self.is_mark("?") {
                return Err(self.instead(
                    "`? :` is not part of the language",
                    "write `a if condition else b`",
                ));
            }
            return Ok(then);
        }
        self.link()?;
        let condition = self.logic(false)?;
        if !self.take_word("else") {
            return Err(self.unexpected("`else`, with what holds otherwise"));
        }
        let otherwise = self.nested(Self::choice)?;
        Ok(Ast::Choice {
            then: Box::new(then),
            condition: Box::new(condition),
            otherwise: Box::new(otherwise),
        })
    }

    /// `or` and, one level below, `and`.
    fn logic(&mut self, both: bool) -> Parse {
        let word = if both { "and" } else { "or" };
        let mut parts = Vec::new();
        loop {
            parts.push(if both { self.not() } else { self.logic(true) }?);
            if !self.take_word(word) {
                break;
            }
            self.link()?;
        }
        match (parts.len(), parts.pop()) {
            (1, Some(only)) => Ok(only),
            (_, last) => {
                parts.extend(last);
                Ok(Ast::Logic(both, parts))
            }
        }
    }

    fn not(&mut self) -> Parse {
        if self.take_word("not") {
            self.link()?;
            let of = self.nested(Self::not)?;
            return Ok(Ast::Operator("_not", Box::new(of), None));
        }
        self.compare()
    }

    fn compare(&mut self) -> Parse {
        let left = self.cat()?;
        let Some(name) = self.comparison()? else {
            return Ok(left);
        };
        let right = self.cat()?;
        let place = self.at;
        if self.comparison()?.is_some() {
            self.at = place;
            return Err(self.instead("comparisons cannot be chained", "write `a < b and b < c`"));
        }
        Ok(Ast::Operator(name, Box::new(left), Some(Box::new(right))))
    }

    fn comparison(&mut self) -> Result<Option<&'static str>, Problem> {
        let name = match &self.here().token {
            Token::Mark("==") => "_equal",
            Token::Mark("!=") => "_different",
            Token::Mark("<") => "_less",
            Token::Mark("<=") => "_at_most",
            Token::Mark(">") => "_more",
            Token::Mark(">=") => "_at_least",
            Token::Name(name) if name == "in" => "_in",
            Token::Name(name) if name == "not" => {
                let next = self.tokens.get(self.at + 1).map(|next| &next.token);
                if next != Some(&Token::Name("in".to_owned())) {
                    return Ok(None);
                }
                self.at += 1;
                "_not_in"
            }
            _ => return Ok(None),
        };
        self.at += 1;
        self.link()?;
        Ok(Some(name))
    }

    fn cat(&mut self) -> Parse {
        self.chain(&[("~", "_text")], Self::sum)
    }

    fn sum(&mut self) -> Parse {
        self.chain(&[("+", "_add"), ("-", "_subtract")], Self::term)
    }

    fn term(&mut self) -> Parse {
        self.chain(
            &[("*", "_multiply"), ("/", "_divide"), ("%", "_rest")],
            Self::pipe,
        )
    }

    /// Operators of one strength, from left to right.
    fn chain(
        &mut self,
        operators: &[(&str, &'static str)],
        operand: fn(&mut Self) -> Parse,
    ) -> Parse {
        let mut left = operand(self)?;
        while let Some((_, name)) = operators.iter().find(|(mark, _)| self.is_mark(mark)) {
            self.at += 1;
            self.link()?;
            let right = operand(self)?;
            left = Ast::Operator(name, Box::new(left), Some(Box::new(right)));
        }
        Ok(left)
    }

    fn pipe(&mut self) -> Parse {
        let mut value = self.unary()?;
        while self.take_mark("|") {
            self.link()?;
            let placed = self.advance();
            let Token::Name(name) = placed.token else {
                self.at -= usize::from(placed.token != Token::End);
                return Err(self.unexpected("the name of a function after `|`"));
            };
            let mut arguments = vec![value];
            if self.take_mark("(") {
                arguments.extend(self.list(")")?);
            }
            value = self.call(name, placed.start, arguments);
        }
        Ok(value)
    }

    fn unary(&mut self) -> Parse {
        if self.take_mark("-") {
            self.link()?;
            return Ok(match self.nested(Self::unary)? {
                Ast::Whole(number) => Ast::Whole(-number),
                Ast::Float(number) => Ast::Float(-number),
                other => Ast::Operator("_negative", Box::new(other), None),
            });
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Parse {
        let mut value = self.primary()?;
        // While only dots were seen, the names still belong to the reference.
        let mut growing = matches!(value, Ast::Root(_));
        loop {
            if self.take_mark(".") {
                self.link()?;
                let placed = self.advance();
                let (start, end) = (placed.start, placed.end);
                let Token::Name(name) = placed.token else {
                    self.at -= usize::from(placed.token != Token::End);
                    return Err(self.after_dot());
                };
                if self.is_mark("(") {
                    return Err(method(&name, start, end));
                }
                if let (true, Some(reference)) = (growing, self.references.last_mut()) {
                    reference.path.push(name.clone());
                    reference.end = end;
                }
                value = Ast::Field(Box::new(value), name);
            } else if self.take_mark("[") {
                self.link()?;
                growing = false;
                let index = self.nested(Self::choice)?;
                self.close("]")?;
                value = Ast::Index(Box::new(value), Box::new(index));
            } else {
                return Ok(value);
            }
        }
    }

    fn primary(&mut self) -> Parse {
        let placed = self.advance();
        match placed.token {
            Token::Whole(number) => Ok(Ast::Whole(number)),
            Token::Float(number) => Ok(Ast::Float(number)),
            Token::Text(text) => Ok(Ast::Text(text)),
            Token::Mark("(") => {
                self.link()?;
                let inner = self.nested(Self::choice)?;
                self.close(")")?;
                Ok(inner)
            }
            Token::Mark("[") => {
                self.link()?;
                Ok(Ast::List(self.list("]")?))
            }
            Token::Mark("{") => {
                self.link()?;
                self.map()
            }
            Token::Name(ref name) => self.name(name.clone(), &placed),
            Token::Mark(_) | Token::End => {
                self.at -= usize::from(placed.token != Token::End);
                Err(self.unexpected("a value"))
            }
        }
    }

    fn name(&mut self, name: String, placed: &Placed) -> Parse {
        match name.as_str() {
            "true" | "True" => return Ok(Ast::Bool(true)),
            "false" | "False" => return Ok(Ast::Bool(false)),
            "null" | "none" | "None" => return Ok(Ast::Null),
            "and" | "or" | "in" | "if" | "else" | "is" => {
                self.at -= 1;
                return Err(self.unexpected("a value"));
            }
            _ => {}
        }
        if self.take_mark("(") {
            self.link()?;
            let arguments = self.list(")")?;
            return Ok(self.call(name, placed.start, arguments));
        }
        self.references.push(Reference {
            path: vec![name.clone()],
            start: placed.start,
            end: placed.end,
        });
        Ok(Ast::Root(name))
    }

    fn call(&mut self, name: String, start: usize, arguments: Vec<Ast>) -> Ast {
        self.functions.push(Used {
            name: name.clone(),
            start,
            arguments: arguments.len(),
        });
        Ast::Call(name, arguments)
    }

    /// What stands between commas, up to the closing mark.
    fn list(&mut self, close: &str) -> Result<Vec<Ast>, Problem> {
        let mut items = Vec::new();
        while !self.is_mark(close) {
            items.push(self.nested(Self::choice)?);
            if self.is_mark("=") {
                return Err(self.instead(
                    "arguments have no names",
                    "write them in order: truncate(text, 40)",
                ));
            }
            if !self.take_mark(",") {
                break;
            }
        }
        self.close(close)?;
        Ok(items)
    }

    fn map(&mut self) -> Parse {
        let mut fields = Vec::new();
        while !self.is_mark("}") {
            let placed = self.advance();
            let name = match placed.token {
                Token::Text(name) | Token::Name(name) => name,
                _ => {
                    self.at -= usize::from(placed.token != Token::End);
                    return Err(self.unexpected("a quoted name, then `:`"));
                }
            };
            self.close(":")?;
            fields.push((name, self.nested(Self::choice)?));
            if !self.take_mark(",") {
                break;
            }
        }
        self.close("}")?;
        Ok(Ast::Map(fields))
    }

    fn close(&mut self, mark: &str) -> Result<(), Problem> {
        if self.take_mark(mark) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{mark}`")))
    }
}

// What to say when the grammar is left.
impl Parser {
    fn instead(&self, message: &str, hint: &str) -> Problem {
        let here = self.here();
        Problem::new(here.start, here.end, message, hint)
    }

    fn after_dot(&self) -> Problem {
        match self.here().token {
            Token::Whole(at) => self.instead(
                "a list is not read with a dot",
                &format!("write [{at}] instead of .{at}"),
            ),
            _ => self.unexpected("a name after the dot"),
        }
    }

    fn unexpected(&self, wanted: &str) -> Problem {
        let (mark, name) = match &self.here().token {
            Token::Mark(mark) => (*mark, ""),
            Token::Name(name) => ("", name.as_str()),
            _ => ("", ""),
        };
        let hint = match (mark, name) {
            ("&&", _) => "write `and`",
            ("||", _) => "write `or`; a single | calls a function",
            ("!", _) => "write `not`",
            ("=" | "===", _) => "write `==`",
            ("!==", _) => "write `!=`",
            ("??", _) => "write default(value, other)",
            ("?", _) => "write `a if condition else b`",
            ("**", _) => "there are no powers; multiply",
            ("//", _) => "divide with `/` and use round(…)",
            (":", _) => "parts of lists and texts are taken with first, last, split and truncate",
            (_, "is") => "compare with `==`, or use default(…) for what may be missing",
            _ => ADVICE,
        };
        let seen = match &self.here().token {
            Token::Mark(mark) => format!("`{mark}`"),
            Token::Name(name) => format!("`{name}`"),
            Token::Whole(number) => format!("`{number}`"),
            Token::Float(number) => format!("`{number}`"),
            Token::Text(_) => "a text".to_owned(),
            Token::End => "the end".to_owned(),
        };
        let here = self.here();
        Problem::new(
            here.start,
            here.end,
            format!("expected {wanted}, found {seen}"),
            hint,
        )
    }
}

fn method(name: &str, start: usize, end: usize) -> Problem {
    Problem::new(
        start,
        end,
        format!("values have no methods like `{name}()`"),
        match super::function_names().any(|known| known == name) {
            true => format!("write it as a function: {name}(value) or value | {name}"),
            false => "call a function: upper(inputs.topic)".to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let parsed = parse(text).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
        let paths = parsed.references.iter().map(|one| one.path.join("."));
        paths.collect()
    }

    #[test]
    fn finds_references_and_nothing_else() {
        assert_eq!(paths("nodes.a.port"), ["nodes.a.port"]);
        assert_eq!(
            paths("upper(inputs.x) ~ 'inputs.y' ~ vars.z.w | default('q')"),
            ["inputs.x", "vars.z.w"]
        );
        assert_eq!(
            paths("nodes.a.list[inputs.n].text"),
            ["nodes.a.list", "inputs.n"]
        );
        assert_eq!(
            paths("{'k': inputs.x, j: [1, inputs.y]}"),
            ["inputs.x", "inputs.y"]
        );
        assert_eq!(paths("true and null == 1.5"), Vec::<String>::new());
        assert_eq!(paths("f(a.b).c.d"), ["a.b"]);
    }

    #[test]
    fn references_know_their_bytes() {
        let text = "1 + nodes . voice . seconds * 2";
        let parsed = parse(text).unwrap();
        let reference = &parsed.references[0];
        assert_eq!(
            &text[reference.start..reference.end],
            "nodes . voice . seconds"
        );
        assert_eq!(reference.path, ["nodes", "voice", "seconds"]);
    }

    #[test]
    fn knows_what_is_bare() {
        assert!(parse(" nodes.a.port ").unwrap().bare);
        assert!(parse("(inputs.x)").unwrap().bare);
        for text in ["nodes.a.port[0]", "-inputs.x", "inputs.x | upper", "1"] {
            assert!(!parse(text).unwrap().bare, "{text}");
        }
    }

    #[test]
    fn collects_functions_of_both_forms() {
        let parsed = parse("inputs.x | upper | trim ~ join(vars.l, ',')").unwrap();
        let names: Vec<&str> = parsed
            .functions
            .iter()
            .map(|used| used.name.as_str())
            .collect();
        assert_eq!(names, ["upper", "trim", "join"]);
    }

    // spec: W-31
    #[test]
    fn strength_and_order_are_those_of_the_grammar() {
        for (text, program) in [
            ("1 + 2 * 3", "1|_add(2|_multiply(3))"),
            ("1 - 2 - 3", "1|_subtract(2)|_subtract(3)"),
            ("a ~ 1 + 2", "a|_text(1|_add(2))"),
            ("not a == b", "a|_equal(b)|_not()"),
            ("a or b and c", "(a or (b and c))"),
            ("-a | f", "a|_negative()|f()"),
            ("-1.5", "-1.5"),
            ("a not in [1, 'x\"']", "a|_not_in([1,\"x\\\"\"])"),
            ("a if b else c if d else e", "(a if b else (c if d else e))"),
            (
                "default(a.b[0], 1).c",
                "a|_try_field(\"b\")|_try_item(0)|default(1)|_field(\"c\")",
            ),
        ] {
            assert_eq!(parse(text).unwrap().program, program, "{text}");
        }
    }

    // spec: W-33
    #[test]
    fn chains_and_nests_end() {
        for chain in [
            "1+".repeat(300) + "1",
            "-".repeat(300) + "1",
            "not ".repeat(200) + "1",
            format!("a{}", ".b".repeat(300)),
            format!("a{}", "|len".repeat(250)),
            "1 if 1 else ".repeat(80) + "1",
            "[".repeat(300),
            "(".repeat(300),
            "{a:".repeat(300),
            "f(".repeat(300),
            "a[".repeat(300),
            "x".repeat(2000),
        ] {
            let problem = parse(&chain).unwrap_err();
            assert!(problem.limit, "{} {problem:?}", &chain[..20]);
        }
        assert!(parse(&("1+".repeat(199) + "1")).is_ok());
    }

    // spec: W-32
    #[test]
    fn habits_of_other_languages_are_told_what_to_write() {
        for (text, part, hint) in [
            ("a && b", "&&", "`and`"),
            ("a || b", "||", "`or`"),
            ("!a", "!", "`not`"),
            ("a = b", "=", "`==`"),
            ("a === b", "===", "`==`"),
            ("a ? b : c", "?", "`a if condition else b`"),
            ("a ?? b", "??", "default("),
            ("a is defined", "is", "default("),
            ("a.upper()", "upper", "upper(value)"),
            ("a.0", "0", "[0]"),
            ("a[1:2]", ":", "first, last"),
            ("a < b < c", "<", "`a < b and b < c`"),
            ("truncate(a, length=5)", "=", "in order"),
            ("a ** 2", "**", "multiply"),
            ("a b", "b", "explain"),
            ("a +", "", "explain"),
            ("(a", "", "explain"),
            ("a if b", "", "explain"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(
                !problem.limit && problem.hint.contains(hint),
                "{text}: {problem:?}"
            );
            assert_eq!(&text[problem.start..problem.end], part, "{text}");
        }
    }
}
