//! An expression as a tree, and the program the engine runs for it.
//!
//! Every operator becomes a call of a function of ours, so that the engine never multiplies a list or compares two
//! trees without a limit. Calls are written as filters: a long chain `a + b + c` stays flat for the engine's parser.

use std::fmt::Write as _;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ast {
    Null,
    Bool(bool),
    Whole(i64),
    Float(f64),
    Text(String),
    List(Vec<Ast>),
    Map(Vec<(String, Ast)>),
    /// What expressions can begin with: `inputs`.
    Root(String),
    Field(Box<Ast>, String),
    Index(Box<Ast>, Box<Ast>),
    /// A function of the language with its arguments.
    Call(String, Vec<Ast>),
    /// An operator as a function: its name in the engine, and its operands.
    Operator(&'static str, Box<Ast>, Option<Box<Ast>>),
    /// Both, evaluated one after the other: `and` when true.
    Logic(bool, Vec<Ast>),
    Choice {
        then: Box<Ast>,
        condition: Box<Ast>,
        otherwise: Box<Ast>,
    },
}

impl Ast {
    /// The program for the engine.
    pub(super) fn program(&self) -> String {
        let mut program = String::new();
        self.write(&mut program, false);
        program
    }

    /// How deep the engine's parser goes: an argument is one level, a bracket two.
    pub(super) fn depth(&self) -> usize {
        let deepest =
            |parts: &mut dyn Iterator<Item = &Self>| parts.map(Self::depth).max().unwrap_or(0);
        match self {
            Self::Null | Self::Bool(_) | Self::Whole(_) | Self::Float(_) | Self::Text(_) => 2,
            Self::Root(_) => 2,
            Self::List(items) => 2 + deepest(&mut items.iter()),
            Self::Map(fields) => 2 + deepest(&mut fields.iter().map(|(_, value)| value)),
            Self::Field(of, _) => of.depth().max(3),
            Self::Index(of, at) => of.depth().max(1 + at.depth()),
            Self::Call(_, arguments) => match arguments.split_first() {
                Some((first, rest)) => first.depth().max(1 + deepest(&mut rest.iter())),
                None => 2,
            },
            Self::Operator(_, left, right) => {
                let right = right.as_ref().map_or(0, |right| 1 + right.depth());
                left.depth().max(right)
            }
            Self::Logic(_, parts) => 2 + deepest(&mut parts.iter()),
            Self::Choice {
                then,
                condition,
                otherwise,
            } => 2 + deepest(&mut [then, condition, otherwise].into_iter().map(|part| &**part)),
        }
    }

    /// `lenient`: what is not there is nothing, not an error; the first argument of `default` is read so.
    fn write(&self, out: &mut String, lenient: bool) {
        match self {
            Self::Null => out.push_str("none"),
            Self::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
            Self::Whole(number) => push(out, format_args!("{number}")),
            Self::Float(number) => push(out, format_args!("{number:?}")),
            Self::Text(text) => quote(out, text),
            Self::List(items) => {
                out.push('[');
                separated(out, items);
                out.push(']');
            }
            Self::Map(fields) => write_map(out, fields),
            Self::Root(name) => out.push_str(name),
            Self::Field(of, name) => {
                of.write(out, lenient);
                out.push_str(if lenient { "|_try_field(" } else { "|_field(" });
                quote(out, name);
                out.push(')');
            }
            Self::Index(of, at) => {
                of.write(out, lenient);
                out.push_str(if lenient { "|_try_item(" } else { "|_item(" });
                at.write(out, false);
                out.push(')');
            }
            Self::Call(name, arguments) => write_call(out, name, arguments),
            Self::Operator(name, left, right) => {
                left.write(out, false);
                push(out, format_args!("|{name}("));
                if let Some(right) = right {
                    right.write(out, false);
                }
                out.push(')');
            }
            Self::Logic(both, parts) => write_logic(out, *both, parts),
            Self::Choice {
                then,
                condition,
                otherwise,
            } => {
                out.push('(');
                then.write(out, false);
                out.push_str(" if ");
                condition.write(out, false);
                out.push_str(" else ");
                otherwise.write(out, false);
                out.push(')');
            }
        }
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string cannot fail, because it grows");
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out.push('"');
}

fn separated(out: &mut String, items: &[Ast]) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        item.write(out, false);
    }
}

fn write_map(out: &mut String, fields: &[(String, Ast)]) {
    out.push('{');
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quote(out, name);
        out.push(':');
        value.write(out, false);
    }
    out.push('}');
}

fn write_call(out: &mut String, name: &str, arguments: &[Ast]) {
    let Some((first, rest)) = arguments.split_first() else {
        push(out, format_args!("{name}()"));
        return;
    };
    first.write(out, name == "default");
    push(out, format_args!("|{name}("));
    separated(out, rest);
    out.push(')');
}

fn write_logic(out: &mut String, both: bool, parts: &[Ast]) {
    out.push('(');
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push_str(if both { " and " } else { " or " });
        }
        part.write(out, false);
    }
    out.push(')');
}
