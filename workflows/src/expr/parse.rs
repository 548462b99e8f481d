//! From values of the YAML tree to values with expressions in them, with every problem that shows without knowing the
//! rest of the document: syntax, size, functions and names that do not exist.

use super::ast::Ast;
use super::grammar::{self, Parsed, Used};
use super::token::find_end;
use super::{
    CONTEXTS, Dynamic, DynamicKind, Expression, FUNCTIONS, FunctionDoc, Piece, PlacedReference,
    function_names,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::suggest::nearest;
use crate::syntax::{Kind, Node};
use crate::value::Value;

/// Most parts of one text, those between its expressions included.
const MAX_PIECES: usize = 2000;

const OPEN: &str = "${{";
const ESCAPED: &str = "$${{";

/// Reads a value of the document. `source` is the document's text.
pub(crate) fn parse(node: &Node, source: &str, found: &mut Diagnostics) -> Dynamic {
    let kind = match &node.kind {
        Kind::Null => DynamicKind::Literal(Value::Null),
        Kind::Bool(yes) => DynamicKind::Literal(Value::Bool(*yes)),
        Kind::Int(number) => DynamicKind::Literal(Value::Int(*number)),
        Kind::Float(number) => DynamicKind::Literal(Value::Float(*number)),
        Kind::Text(text) => {
            let mut places = Places::new(source, node.span);
            parse_text(text, &mut places, found)
        }
        Kind::List(items) => DynamicKind::List(
            items
                .iter()
                .map(|item| parse(item, source, found))
                .collect(),
        ),
        Kind::Map(entries) => DynamicKind::Record(
            entries
                .iter()
                .map(|entry| {
                    let value = parse(&entry.value, source, found);
                    (entry.key.clone(), entry.key_span, value)
                })
                .collect(),
        ),
    };
    Dynamic {
        kind,
        span: node.span,
    }
}

/// Where the expressions of one scalar stand in the document. A scalar's text and its source differ by quotes, escapes
/// and indentation, so the n-th `${{` of one is matched with the n-th of the other.
struct Places<'a> {
    source: &'a str,
    scalar: Span,
    from: usize,
}

impl<'a> Places<'a> {
    const fn new(source: &'a str, scalar: Span) -> Self {
        Self {
            source,
            scalar,
            from: scalar.start,
        }
    }

    /// The span of the next expression, and the byte its inside begins at.
    fn next(&mut self) -> (Span, Option<usize>) {
        let rest = self.source.get(self.from..self.scalar.end).unwrap_or("");
        let Some(open) = find_open(rest, 0) else {
            return (self.scalar, None);
        };
        let inside = self.from + open + OPEN.len();
        let text = self.source.get(..self.scalar.end).unwrap_or("");
        match find_end(text, inside) {
            Some(end) => {
                let span = Span::new(inside - OPEN.len(), end + 2);
                self.from = span.end;
                (span, Some(inside))
            }
            None => (Span::new(inside - OPEN.len(), self.scalar.end), None),
        }
    }
}

/// The next `${{` that is not written `$${{`.
fn find_open(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let open = at + text.get(at..)?.find(OPEN)?;
        if !text[..open].ends_with('$') {
            return Some(open);
        }
        at = open + OPEN.len();
    }
}

fn parse_text(text: &str, places: &mut Places<'_>, found: &mut Diagnostics) -> DynamicKind {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(open) = find_open(text, at) {
        push_literal(&mut pieces, &text[at..open]);
        let (span, inside) = places.next();
        if pieces.len() > MAX_PIECES {
            found.push(
                Diagnostic::error(
                    codes::EXPR_LIMIT,
                    span,
                    format!("the text has more than {} expressions", MAX_PIECES / 2),
                )
                .hint("compute a list and join it: ${{ join(list, ', ') }}"),
            );
            break;
        }
        let Some(end) = find_end(text, open + OPEN.len()) else {
            found.push(
                Diagnostic::error(codes::EXPR_SYNTAX, span, "the expression has no end")
                    .hint("close it with `}}`; for a literal `${{` write `$${{`"),
            );
            return DynamicKind::Literal(Value::Text(text.to_owned()));
        };
        let body = &text[open + OPEN.len()..end];
        pieces.push(Piece::Expression(parse_expression(
            body,
            Place {
                span,
                inside,
                source: places.source,
            },
            found,
        )));
        at = end + 2;
    }
    push_literal(&mut pieces, &text[at..]);
    whole_or_pieces(pieces, text)
}

/// A text that is exactly one expression (and white space around it) is that expression.
fn whole_or_pieces(pieces: Vec<Piece>, text: &str) -> DynamicKind {
    let blank = |piece: &Piece| matches!(piece, Piece::Literal(text) if text.trim().is_empty());
    let expressions = pieces
        .iter()
        .filter(|piece| matches!(piece, Piece::Expression(_)))
        .count();
    match expressions {
        0 => DynamicKind::Literal(Value::Text(text.replace(ESCAPED, OPEN))),
        1 if pieces
            .iter()
            .all(|piece| blank(piece) || matches!(piece, Piece::Expression(_))) =>
        {
            let one = pieces.into_iter().find_map(|piece| match piece {
                Piece::Expression(expression) => Some(expression),
                Piece::Literal(_) => None,
            });
            DynamicKind::Expression(one.expect("one was counted, because the match arm says so"))
        }
        _ => DynamicKind::Text(pieces),
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Literal(text.replace(ESCAPED, OPEN)));
    }
}

/// Where an expression stands: its span, the byte its inside begins at when that is known, and the document.
struct Place<'a> {
    span: Span,
    inside: Option<usize>,
    source: &'a str,
}

impl Place<'_> {
    /// The span of bytes `start..end` of the expression's text, or of the whole expression where escapes make the two
    /// differ.
    fn part(&self, body: &str, start: usize, end: usize) -> Span {
        match self.inside {
            Some(inside) if self.source.get(inside..inside + body.len()) == Some(body) => {
                Span::new(inside + start, inside + end)
            }
            _ => self.span,
        }
    }
}

fn parse_expression(body: &str, place: Place<'_>, found: &mut Diagnostics) -> Expression {
    let mut expression = Expression {
        source: body.to_owned(),
        program: String::new(),
        tree: Ast::Null,
        references: Vec::new(),
        bare: false,
        span: place.span,
    };
    let parsed = match grammar::parse(body) {
        Ok(parsed) => parsed,
        Err(problem) => {
            let code = match problem.limit {
                true => codes::EXPR_LIMIT,
                false => codes::EXPR_SYNTAX,
            };
            // A problem of the whole, or behind its last word, is shown at the whole.
            let everything = problem.limit || body[problem.start..problem.end].trim().is_empty();
            let span = match everything {
                true => place.span,
                false => place.part(body, problem.start, problem.end),
            };
            found.push(Diagnostic::error(code, span, problem.message).hint(problem.hint));
            return expression;
        }
    };
    unknown_functions(body, &parsed, &place, found);
    unknown_contexts(body, &parsed, &place, found);
    expression.program = parsed.program;
    expression.tree = parsed.tree;
    expression.bare = parsed.bare;
    expression.references = parsed
        .references
        .into_iter()
        .map(|reference| PlacedReference {
            span: place.part(body, reference.start, reference.end),
            path: reference.path,
        })
        .collect();
    expression
}

fn unknown_functions(body: &str, parsed: &Parsed, place: &Place<'_>, found: &mut Diagnostics) {
    for used in &parsed.functions {
        let name = used.name.as_str();
        let span = place.part(body, used.start, used.start + name.len());
        if let Some(function) = FUNCTIONS.iter().find(|known| known.name == name) {
            if let Some(problem) = wrong_count(used, function, span) {
                found.push(problem);
            }
            continue;
        }
        let diagnostic = Diagnostic::error(
            codes::EXPR_FUNCTION,
            span,
            format!("there is no function `{name}`"),
        );
        let near = nearest(name, function_names()).or_else(|| known_elsewhere(name));
        found.push(match (near, operator_instead(name)) {
            (Some(near), _) => diagnostic.suggest(Some(near), span),
            (None, Some(instead)) => diagnostic.hint(instead),
            (None, None) => diagnostic.hint(format!(
                "the functions are {}",
                function_names().collect::<Vec<_>>().join(", ")
            )),
        });
    }
}

fn wrong_count(used: &Used, function: &FunctionDoc, span: Span) -> Option<Diagnostic> {
    let (least, most) = function.arguments;
    if (least..=most).contains(&used.arguments) {
        return None;
    }
    let wanted = match (least, most) {
        (1, 1) => "one argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, usize::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most} arguments"),
    };
    Some(
        Diagnostic::error(
            codes::EXPR_ARGUMENTS,
            span,
            format!("`{}` takes {wanted}, not {}", used.name, used.arguments),
        )
        .hint(format!("{}: {}", function.signature, function.doc)),
    )
}

/// What other languages call our functions.
fn known_elsewhere(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "length" | "lenght" | "count" | "size" => "len",
        "uppercase" | "toupper" | "to_upper" => "upper",
        "lowercase" | "tolower" | "to_lower" => "lower",
        "strip" => "trim",
        "tojson" | "to_json" | "json_encode" | "stringify" => "json",
        "slugify" => "slug",
        "substr" | "substring" | "limit" => "truncate",
        "coalesce" | "ifnull" | "d" => "default",
        "distinct" | "uniq" | "dedupe" => "unique",
        "sub" | "gsub" => "replace",
        "strftime" | "format_date" | "dateformat" => "date",
        "choice" | "random" | "sample" => "pick",
        "head" => "first",
        "tail" => "last",
        "total" | "add" => "sum",
        _ => return None,
    })
}

/// Functions of other languages that are operators here.
fn operator_instead(name: &str) -> Option<&'static str> {
    Some(match name {
        "contains" | "includes" | "has" => "write `a in b`",
        "format" | "str" | "string" => "write `a ~ b`: it makes texts of both sides",
        "if" | "iif" | "ternary" => "write `a if condition else b`",
        "int" | "floor" | "ceil" => "write round(number)",
        "env" | "getenv" => {
            "there is none, so that no document can leak a key; pass a value with `inputs`"
        }
        _ => return None,
    })
}

fn unknown_contexts(body: &str, parsed: &Parsed, place: &Place<'_>, found: &mut Diagnostics) {
    for reference in &parsed.references {
        let first = reference.path[0].as_str();
        if CONTEXTS.contains(&first) {
            continue;
        }
        let span = place.part(body, reference.start, reference.start + first.len());
        let diagnostic = Diagnostic::error(
            codes::EXPR_CONTEXT,
            span,
            format!("expressions cannot see `{first}`"),
        );
        found.push(match first {
            "env" | "secrets" => diagnostic.hint(
                "there is none, so that no document can leak a key; pass a value with `inputs`",
            ),
            "run" | "github" | "execution" => diagnostic.suggest(Some("job"), span),
            "params" | "parameters" | "args" => diagnostic.suggest(Some("inputs"), span),
            "steps" | "jobs" | "needs" => diagnostic.suggest(Some("nodes"), span),
            "matrix" | "each" | "it" | "this" => diagnostic.suggest(Some("item"), span),
            _ => match nearest(first, CONTEXTS) {
                Some(near) => diagnostic.suggest(Some(near), span),
                None => diagnostic.hint(format!(
                    "they see {}; for an input write inputs.{first}",
                    CONTEXTS.join(", ")
                )),
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax;

    fn read(text: &str) -> (Dynamic, Diagnostics) {
        let mut found = Diagnostics::new();
        let tree = syntax::load(text, &mut found).expect("the test's YAML is right");
        let dynamic = parse(&tree, text, &mut found);
        (dynamic, found)
    }

    fn problem(text: &str) -> (&'static str, String) {
        let (_, found) = read(text);
        assert_eq!(found.len(), 1, "{found}");
        let one = found.into_iter().next().unwrap();
        (one.code, one.span.of(text).to_owned())
    }

    // spec: W-27
    #[test]
    fn one_expression_keeps_its_nature_and_texts_are_composed() {
        let (one, _) = read("'${{ nodes.a.b }}'");
        assert!(matches!(one.kind, DynamicKind::Expression(ref e) if e.bare));
        assert_eq!(one.first_node(), Some("a"));
        let (text, _) = read("'a ${{ inputs.b }} c ${{ inputs.d }}'");
        assert!(matches!(text.kind, DynamicKind::Text(ref pieces) if pieces.len() == 4));
        assert!(text.literal().is_none());
    }

    // spec: W-26
    #[test]
    fn escaped_braces_are_literal() {
        let (value, found) = read("'$${{ x }}'");
        assert!(found.is_empty());
        assert_eq!(value.literal(), Some(Value::Text("${{ x }}".into())));
        let (value, _) = read("'$${{ x }} ${{ inputs.y }}'");
        assert!(matches!(&value.kind, DynamicKind::Text(pieces)
            if pieces[0] == Piece::Literal("${{ x }} ".into())));
    }

    #[test]
    fn references_have_places_in_block_and_quoted_texts() {
        let text = "|\n  a ${{ inputs.x }}\n  b ${{ upper(nodes.n.port) }}\n";
        let (value, _) = read(text);
        let places: Vec<&str> = value.references().map(|r| r.span.of(text)).collect();
        assert_eq!(places, ["inputs.x", "nodes.n.port"]);
        let text = "\"é\\n${{ inputs.x }}\"";
        let (value, _) = read(text);
        assert_eq!(value.references().next().unwrap().span.of(text), "inputs.x");
    }

    #[test]
    fn problems_point_at_the_word() {
        assert_eq!(
            problem("${{ uper(inputs.x) }}"),
            (codes::EXPR_FUNCTION, "uper".into())
        );
        assert_eq!(
            problem("${{ env.HOME }}"),
            (codes::EXPR_CONTEXT, "env".into())
        );
        assert_eq!(
            problem("${{ inputs.x is defined }}"),
            (codes::EXPR_SYNTAX, "is".into())
        );
        assert_eq!(
            problem("${{ inputs.x + }}"),
            (codes::EXPR_SYNTAX, "${{ inputs.x + }}".into())
        );
        assert_eq!(
            problem("a ${{ inputs.x"),
            (codes::EXPR_SYNTAX, "${{ inputs.x".into())
        );
        assert_eq!(problem("${{ }}").0, codes::EXPR_SYNTAX);
    }

    #[test]
    fn long_expressions_never_reach_the_engine() {
        let long = format!("${{{{ {} }}}}", "1+".repeat(600) + "1");
        assert_eq!(problem(&long).0, codes::EXPR_LIMIT);
        let chain = format!("${{{{ inputs.a{} }}}}", ".b".repeat(300));
        assert_eq!(problem(&chain).0, codes::EXPR_LIMIT);
    }

    #[test]
    fn maps_and_lists_are_read_through() {
        let (value, found) = read("{a: [1, '${{ inputs.x }}'], b: yes}");
        assert!(found.is_empty());
        assert_eq!(value.references().count(), 1);
        assert!(value.literal().is_none());
    }
}
