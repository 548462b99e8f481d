//! Does every operator and function of an expression get what it takes, as far as types are known before anything runs?
//!
//! Neighbours: `types` knows the types, `expr` the functions. The words are those of the run, so that a mistake is told
//! alike whenever it is seen. A type that is not known may be anything; a value that may be missing has its type.

use super::read::RawWorkflow;
use super::types::{Type, Types};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::expr::{Ast, Dynamic, DynamicKind, Expression, FUNCTIONS, Piece, Take};
use crate::suggest::nearest;
use crate::value::PortType;

/// Every expression of the document.
pub(super) fn check(raw: &RawWorkflow, found: &mut Diagnostics) {
    for value in raw.vars.values().chain(raw.outputs.values()) {
        check_value(Types::of(raw), &value.expr, found);
    }
    for node in raw.nodes.values() {
        let types = Types::in_node(raw, node);
        node.values()
            .for_each(|param| check_value(types, &param.expr, found));
    }
}

fn check_value(types: Types<'_>, value: &Dynamic, found: &mut Diagnostics) {
    match &value.kind {
        DynamicKind::Literal(_) => {}
        DynamicKind::Expression(expression) => {
            check_expression(types, expression, found);
        }
        DynamicKind::Text(pieces) => {
            for piece in pieces {
                if let Piece::Expression(expression) = piece {
                    check_in_text(types, expression, found);
                }
            }
        }
        DynamicKind::List(items) => items
            .iter()
            .for_each(|item| check_value(types, item, found)),
        DynamicKind::Record(fields) => fields
            .iter()
            .for_each(|(_, _, field)| check_value(types, field, found)),
    }
}

/// The type of the expression, where nothing in it is wrong.
fn check_expression(
    types: Types<'_>,
    expression: &Expression,
    found: &mut Diagnostics,
) -> Option<Type> {
    let mut problem = None;
    let of_all = types.walk(&expression.tree, false, &mut |tree, types| {
        if problem.is_none() {
            problem = problem_of(tree, types);
        }
    });
    let Some((message, hint)) = problem else {
        return of_all;
    };
    found.push(Diagnostic::error(codes::EXPR_VALUE, expression.span, message).hint(hint));
    None
}

fn check_in_text(types: Types<'_>, expression: &Expression, found: &mut Diagnostics) {
    let seen = check_expression(types, expression, found);
    if let Some(kind) = seen.as_ref().and_then(kind).filter(|kind| !kind.shown()) {
        found.push(
            Diagnostic::error(
                codes::EXPR_VALUE,
                expression.span,
                format!("{} cannot stand inside a text", kind.noun()),
            )
            .hint("write the value alone, or make text of it: ${{ join(..., ', ') }}"),
        );
    }
}

/// What a value is to operators and functions.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Nothing,
    Bool,
    Number,
    Text,
    List,
    /// A value of a node with fields of its own.
    Thing(PortType),
}

fn kind(of: &Type) -> Option<Kind> {
    Some(match of {
        Type::Null => Kind::Nothing,
        Type::List(_) | Type::Tuple(_) => Kind::List,
        Type::Port(PortType::Json) => return None,
        Type::Port(PortType::Bool) => Kind::Bool,
        Type::Port(PortType::Number) => Kind::Number,
        Type::Port(PortType::Text) => Kind::Text,
        Type::Port(PortType::List(_)) => Kind::List,
        Type::Port(other) => Kind::Thing(other.clone()),
    })
}

impl Kind {
    fn noun(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Bool => "a bool".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::List => "a list".to_owned(),
            Self::Thing(port) => port.with_article(),
        }
    }

    /// Whether it can stand inside a text.
    fn shown(&self) -> bool {
        !matches!(self, Self::List)
            && (!matches!(self, Self::Thing(port) if *port != PortType::Script))
    }

    fn fits(&self, take: Take, alone: bool) -> bool {
        match take {
            Take::Any => true,
            Take::Text => *self == Self::Text,
            Take::Number | Take::Whole(..) => *self == Self::Number,
            Take::List => *self == Self::List,
            Take::Numbers => *self == Self::Number || (alone && *self == Self::List),
            Take::Length => matches!(self, Self::Number | Self::Text),
            Take::Measured => matches!(self, Self::Text | Self::List | Self::Thing(_)),
            Take::Shown => self.shown(),
        }
    }
}

type Problem = (String, String);

fn problem_of(tree: &Ast, types: &[Option<Type>]) -> Option<Problem> {
    let kinds: Vec<Option<Kind>> = types
        .iter()
        .map(|one| one.as_ref().and_then(kind))
        .collect();
    match tree {
        Ast::Operator(name, ..) => in_operator(name, &kinds),
        Ast::Call(name, _) => in_call(name, &kinds),
        Ast::Field(_, name) => in_field(name, kinds.first()?.as_ref()?),
        Ast::Index(..) => in_index(&kinds),
        _ => None,
    }
}

/// The mark of an operator, what it takes, and whether one side, or both, may be so.
fn in_operator(name: &str, kinds: &[Option<Kind>]) -> Option<Problem> {
    let both = |allowed: &[Kind]| {
        let known: Vec<&Kind> = kinds.iter().flatten().collect();
        let same = known.windows(2).all(|pair| pair[0] == pair[1]);
        same && known.iter().all(|kind| allowed.contains(kind))
    };
    let (mark, wanted, fits) = match name {
        "_subtract" | "_negative" => ("-", "two numbers", both(&[Kind::Number])),
        "_multiply" => ("*", "two numbers", both(&[Kind::Number])),
        "_divide" => ("/", "two numbers", both(&[Kind::Number])),
        "_rest" => ("%", "two numbers", both(&[Kind::Number])),
        "_add" => (
            "+",
            "two numbers, two texts or two lists",
            both(&[Kind::Number, Kind::Text, Kind::List]),
        ),
        "_less" | "_at_most" | "_more" | "_at_least" => (
            match name {
                "_less" => "<",
                "_at_most" => "<=",
                "_more" => ">",
                _ => ">=",
            },
            "two numbers or two texts",
            both(&[Kind::Number, Kind::Text]),
        ),
        "_text" => (
            "~",
            "what can stand inside a text",
            kinds.iter().flatten().all(Kind::shown),
        ),
        "_in" | "_not_in" => (
            "in",
            "a list, a text or a map behind it, and a text before a text",
            fits_in(kinds),
        ),
        _ => return None,
    };
    if fits {
        return None;
    }
    let noun = |at: usize| kinds.get(at)?.as_ref().map(Kind::noun);
    let seen = match (noun(0), noun(1)) {
        (Some(left), Some(right)) => format!("not {left} and {right}"),
        (Some(left), None) => format!("but there is {left}"),
        (None, right) => format!("but behind it is {}", right.unwrap_or_default()),
    };
    let hint = match mark {
        "+" => "`~` makes a text of both sides: ${{ inputs.topic ~ 1 }}",
        "~" => "take a part of it, or make text of a list: ${{ join(list, ', ') }}",
        _ => "`fenta explain expr/value` says what operators take",
    };
    Some((format!("`{mark}` needs {wanted}, {seen}"), hint.to_owned()))
}

fn fits_in(kinds: &[Option<Kind>]) -> bool {
    match kinds {
        [left, Some(Kind::Text)] => left.as_ref().is_none_or(|left| *left == Kind::Text),
        [_, Some(right)] => matches!(right, Kind::List | Kind::Thing(_)),
        _ => true,
    }
}

fn in_call(name: &str, kinds: &[Option<Kind>]) -> Option<Problem> {
    let function = FUNCTIONS.iter().find(|known| known.name == name)?;
    for (at, kind) in kinds.iter().enumerate() {
        let (Some(kind), Some((argument, take))) = (kind, function.take(at)) else {
            continue;
        };
        let left_out = at >= function.arguments.0 && *kind == Kind::Nothing;
        if !left_out && !kind.fits(take, kinds.len() == 1) {
            return Some((
                format!("`{name}` takes {take} as `{argument}`, not {}", kind.noun()),
                format!("{}: {}", function.signature, function.doc),
            ));
        }
    }
    None
}

fn in_field(name: &str, of: &Kind) -> Option<Problem> {
    let fields: &[&str] = match of {
        Kind::Nothing => return None,
        Kind::Thing(PortType::Scene) => {
            &["id", "text", "visual", "on_screen", "emphasis", "seconds"]
        }
        Kind::Thing(PortType::Script) => &["title", "language", "scenes"],
        Kind::Thing(_) => return None,
        other => {
            let message = format!("{} has no fields, so no `{name}`", other.noun());
            return Some((
                message,
                match other {
                    Kind::List => "take one item first: ${{ first(list) }}, ${{ list[0] }}",
                    _ => "write it without the dot",
                }
                .to_owned(),
            ));
        }
    };
    if fields.contains(&name) {
        return None;
    }
    let hint = match nearest(name, fields.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its fields are {}", fields.join(", ")),
    };
    Some((format!("{} has no field `{name}`", of.noun()), hint))
}

fn in_index(kinds: &[Option<Kind>]) -> Option<Problem> {
    match kinds {
        [Some(of @ (Kind::Bool | Kind::Number | Kind::Text)), _] => Some((
            format!("{} has no items", of.noun()),
            "an item is taken of a list: ${{ split(inputs.words)[0] }}".to_owned(),
        )),
        [Some(Kind::List), Some(at)] if *at != Kind::Number => Some((
            format!("an item is chosen by a whole number, not by {}", at.noun()),
            "the first item is [0], the last one [-1]".to_owned(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::codes;
    use crate::execution::{SourceFile, compile};

    /// The messages about one expression as an output.
    fn problems(expression: &str) -> Vec<String> {
        let source = SourceFile {
            name: "operands.yaml".into(),
            text: format!(
                "fenta: workflow/v1\ninputs:\n  n: int\n  t: string\n  b: bool\n  maybe: {{ type: int, required: false }}\n  l: 'string[]'\nnodes:\n  \
                 s: {{ type: Script.Transform, with: {{ text: x }} }}\n  v: {{ type: Voice.TTS, with: {{ script: '${{{{ nodes.s.script }}}}' }} }}\n  \
                 m: {{ type: Audio.Mix, with: {{ voice: '${{{{ nodes.v.audio }}}}' }} }}\n  \
                 e: {{ type: Input.Text, for_each: '${{{{ nodes.s.scenes }}}}', with: {{ text: '${{{{ item.text }}}}' }} }}\n\
                 outputs:\n  keep: \"${{{{ nodes.e.text }}}}\"\n  lufs: \"${{{{ nodes.m.loudness.lufs }}}}\"\n  o: \"${{{{ {expression} }}}}\"\n"
            ),
        };
        match compile(&source) {
            Ok(_) => Vec::new(),
            Err(found) => found
                .iter()
                .map(|one| {
                    assert_eq!(one.code, codes::EXPR_VALUE, "{found}");
                    assert!(!one.hints.is_empty());
                    one.message.clone()
                })
                .collect(),
        }
    }

    // spec: W-40
    #[test]
    fn operators_and_functions_are_held_against_known_types() {
        for (expression, message) in [
            (
                "inputs.t / 2",
                "`/` needs two numbers, not a text and a number",
            ),
            (
                "inputs.t + 5",
                "`+` needs two numbers, two texts or two lists, not a text and a number",
            ),
            (
                "upper(inputs.n)",
                "`upper` takes a text as `text`, not a number",
            ),
            (
                "inputs.t | round",
                "`round` takes a number as `number`, not a text",
            ),
            ("-inputs.t", "`-` needs two numbers, but there is a text"),
            (
                "nodes.m.loudness.lufs + inputs.b",
                "`+` needs two numbers, two texts or two lists, but behind it is a bool",
            ),
            (
                "inputs.n < inputs.t",
                "`<` needs two numbers or two texts, not a number and a text",
            ),
            (
                "inputs.n in inputs.n",
                "`in` needs a list, a text or a map behind it",
            ),
            (
                "nodes.s.script ~ inputs.l",
                "`~` needs what can stand inside a text, not a script and a list",
            ),
            ("inputs.n.x", "a number has no fields, so no `x`"),
            ("nodes.s.script.titel", "a script has no field `titel`"),
            (
                "nodes.e.text['a']",
                "an item is chosen by a whole number, not by a text",
            ),
            ("inputs.t[0]", "a text has no items"),
            (
                "len(inputs.n)",
                "`len` takes a text, a list or a map as `value`, not a number",
            ),
            (
                "join(inputs.t)",
                "`join` takes a list as `list`, not a text",
            ),
            ("1 if inputs.t * 2 else 2", "`*` needs two numbers"),
        ] {
            let found = problems(expression);
            assert_eq!(found.len(), 1, "{expression}: {found:?}");
            assert!(found[0].starts_with(message), "{expression}: {found:?}");
        }
    }

    // spec: W-40
    #[test]
    fn what_may_be_anything_is_left_to_the_run() {
        for expression in [
            "nodes.m.loudness.lufs + 1",
            "nodes.m.loudness.lufs ~ 'x'",
            "inputs.maybe + 1",
            "default(inputs.maybe, 'none') ~ ''",
            "default(nodes.s.script.titel, 'x')",
            "max(inputs.n, 2) + min([1, 2])",
            "len(nodes.s.script) + len(inputs.l)",
            "inputs.t in inputs.l and 'a' in inputs.t",
            "date(inputs.t, null, 1)",
            "nodes.s.script ~ ' ' ~ null",
            "nodes.s.scenes[0].seconds * 2",
            "inputs.t == 5",
            "split(inputs.t)[-1]",
            "range(inputs.n)[0] + 1",
        ] {
            assert_eq!(problems(expression), [""; 0], "{expression}");
        }
    }
}
