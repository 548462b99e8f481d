//! What is known about the type of an expression before anything runs.
//!
//! Neighbours: `typecheck` holds types against parameters, `resolve` has looked the names up. What cannot be known here
//! is judged when the node is prepared; nothing is guessed.

use super::read::RawWorkflow;
use super::read_nodes::RawNode;
use crate::expr::{Ast, Dynamic, DynamicKind, Expression};
use crate::value::{PortType, Value};

/// A type as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing: `null`.
    Null,
    /// That of a port.
    Port(PortType),
    /// A list of one type.
    List(Box<Type>),
    /// A list whose items have types of their own, as `zip` makes them.
    Tuple(Vec<Option<Type>>),
}

impl Type {
    fn of_port(port: &PortType) -> Self {
        match port {
            PortType::List(inner) => Self::List(Box::new(Self::of_port(inner))),
            other => Self::Port(other.clone()),
        }
    }

    fn list(self) -> Self {
        Self::List(Box::new(self))
    }

    /// The port type that is the same; none for nothing, and for lists of several types.
    pub(super) fn port_type(&self) -> Option<PortType> {
        match self {
            Self::Null | Self::Tuple(_) => None,
            Self::Port(port) => Some(port.clone()),
            Self::List(inner) => Some(inner.port_type()?.list()),
        }
    }

    /// The type of its items; none when it is no list, or one of several types.
    fn item(&self) -> Option<Self> {
        match self {
            Self::List(inner) => Some((**inner).clone()),
            _ => None,
        }
    }

    /// Whether values of it can be a list.
    pub(super) fn may_be_list(&self) -> bool {
        match self {
            Self::List(_) | Self::Tuple(_) => true,
            Self::Null => false,
            Self::Port(port) => *port == PortType::Json,
        }
    }
}

/// The types of a document's expressions, seen from one of its nodes.
#[derive(Clone, Copy)]
pub(super) struct Types<'a> {
    raw: &'a RawWorkflow,
    node: Option<&'a RawNode>,
}

impl<'a> Types<'a> {
    /// As variables and outputs see them.
    pub(super) const fn of(raw: &'a RawWorkflow) -> Self {
        Self { raw, node: None }
    }

    /// As the values of a node see them.
    pub(super) const fn in_node(raw: &'a RawWorkflow, node: &'a RawNode) -> Self {
        Self {
            raw,
            node: Some(node),
        }
    }

    /// The type of a value of the document.
    pub(super) fn value(self, value: &Dynamic) -> Option<Type> {
        match &value.kind {
            DynamicKind::Literal(Value::Null) => Some(Type::Null),
            DynamicKind::Literal(literal) => Some(Type::of_port(&literal.port_type()?)),
            DynamicKind::Text(_) => Some(Type::Port(PortType::Text)),
            DynamicKind::Expression(expression) => self.tree(&expression.tree),
            DynamicKind::List(items) => {
                let types: Vec<Option<Type>> = items.iter().map(|item| self.value(item)).collect();
                of_items(types)
            }
            DynamicKind::Record(_) => Some(Type::Port(PortType::Json)),
        }
    }

    /// The type of an expression.
    pub(super) fn expression(self, expression: &Expression) -> Option<Type> {
        self.tree(&expression.tree)
    }

    /// The type of `item` in the node.
    fn item(self) -> Option<Type> {
        let list = self.node?.for_each.as_ref()?;
        Self::of(self.raw).value(&list.expr)?.item()
    }

    fn tree(self, tree: &Ast) -> Option<Type> {
        self.walk(tree, false, &mut |_, _| {})
    }

    /// The type of a tree. `seen` is told of every part that something is done to, with the types of what it is done to;
    /// `lenient` parts may be missing, so nothing is said about what they reach into.
    pub(super) fn walk(
        self,
        tree: &Ast,
        lenient: bool,
        seen: &mut dyn FnMut(&Ast, &[Option<Type>]),
    ) -> Option<Type> {
        let port = |port: PortType| Some(Type::Port(port));
        match tree {
            Ast::Null => Some(Type::Null),
            Ast::Bool(_) => port(PortType::Bool),
            Ast::Whole(_) | Ast::Float(_) => port(PortType::Number),
            Ast::Text(_) => port(PortType::Text),
            Ast::List(items) => of_items(self.all(items, seen)),
            Ast::Map(fields) => {
                for (_, value) in fields {
                    self.walk(value, false, seen);
                }
                port(PortType::Json)
            }
            Ast::Root(name) => match name.as_str() {
                "index" => port(PortType::Number),
                "item" => self.item(),
                _ => None,
            },
            Ast::Field(of, name) => match self.context(of, name) {
                Some(named) => named,
                None => {
                    let of = self.walk(of, lenient, seen);
                    if !lenient {
                        seen(tree, std::slice::from_ref(&of));
                    }
                    part(&of?, name)
                }
            },
            Ast::Index(of, at) => {
                let types = [self.walk(of, lenient, seen), self.walk(at, false, seen)];
                if !lenient {
                    seen(tree, &types);
                }
                let [of, _] = types;
                indexed(of?, at)
            }
            Ast::Call(name, arguments) => {
                let defaulted = |at: usize| name == "default" && at == 0;
                let types: Vec<Option<Type>> = arguments
                    .iter()
                    .enumerate()
                    .map(|(at, argument)| self.walk(argument, defaulted(at), seen))
                    .collect();
                seen(tree, &types);
                call(name, arguments, &types)
            }
            Ast::Operator(name, left, right) => {
                let mut types = vec![self.walk(left, false, seen)];
                types.extend(right.as_ref().map(|right| self.walk(right, false, seen)));
                seen(tree, &types);
                operator(name, &types)
            }
            Ast::Logic(_, parts) => {
                let bool = Some(Type::Port(PortType::Bool));
                let types = self.all(parts, seen);
                types.iter().all(|one| *one == bool).then_some(bool?)
            }
            Ast::Choice {
                then,
                condition,
                otherwise,
            } => {
                self.walk(condition, false, seen);
                let (then, otherwise) = (
                    self.walk(then, false, seen),
                    self.walk(otherwise, false, seen),
                );
                either(then?, otherwise?)
            }
        }
    }

    fn all(self, trees: &[Ast], seen: &mut dyn FnMut(&Ast, &[Option<Type>])) -> Vec<Option<Type>> {
        trees
            .iter()
            .map(|tree| self.walk(tree, false, seen))
            .collect()
    }

    /// The type of what a context holds under a name; the outer none when this is no name in a context.
    fn context(self, of: &Ast, name: &str) -> Option<Option<Type>> {
        match of {
            Ast::Root(context) => Some(match context.as_str() {
                "inputs" => self
                    .raw
                    .inputs
                    .get(name)
                    .map(|spec| Type::of_port(&spec.input_type.port_type())),
                "vars" => {
                    let var = self.raw.vars.get(name);
                    var.and_then(|var| Self::of(self.raw).value(&var.expr))
                }
                "job" => Some(Type::Port(PortType::Text)),
                "item" => return None,
                _ => None,
            }),
            Ast::Field(context, node) if **context == Ast::Root("nodes".to_owned()) => {
                Some(self.port(node, name))
            }
            _ => None,
        }
    }

    fn port(self, node: &str, name: &str) -> Option<Type> {
        let node = self.raw.nodes.get(node)?;
        let own = &node.node_type?.descriptor().port(name)?.port_type;
        let one = Type::of_port(own);
        Some(match node.for_each {
            Some(_) => one.list(),
            None => one,
        })
    }
}

fn operator(name: &str, types: &[Option<Type>]) -> Option<Type> {
    let number = Some(Type::Port(PortType::Number));
    match name {
        "_text" => Some(Type::Port(PortType::Text)),
        "_equal" | "_different" | "_less" | "_at_most" | "_more" | "_at_least" | "_in"
        | "_not_in" | "_not" => Some(Type::Port(PortType::Bool)),
        _ => types.iter().all(|one| *one == number).then_some(number?),
    }
}

fn call(name: &str, arguments: &[Ast], types: &[Option<Type>]) -> Option<Type> {
    let of = |at: usize| types.get(at)?.clone();
    Some(match name {
        "lower" | "upper" | "slug" | "trim" | "truncate" | "replace" | "join" | "json" | "date" => {
            Type::Port(PortType::Text)
        }
        "len" | "sum" | "round" | "duration" => Type::Port(PortType::Number),
        "split" => Type::Port(PortType::Text).list(),
        "range" => Type::Port(PortType::Number).list(),
        "default" => match (of(0)?, of(1)) {
            (Type::Null, other) => other?,
            (one, Some(Type::Null)) => one,
            // An empty list has no type of its own.
            (one @ (Type::List(_) | Type::Tuple(_)), None) if is_empty(arguments.get(1)?) => one,
            (one, other) => (other? == one).then_some(one)?,
        },
        "first" | "last" | "pick" => of(0)?.item()?,
        "unique" => of(0)?,
        "concat" => {
            let one = of(0)?;
            let same = types.iter().all(|other| other.as_ref() == Some(&one));
            same.then_some(one)?
        }
        "flatten" => match of(0)?.item()? {
            inner @ Type::List(_) => inner,
            Type::Tuple(_) => return None,
            one => one.list(),
        },
        "zip" | "product" => {
            let items = types.iter().map(|list| list.as_ref()?.item()).collect();
            Type::Tuple(items).list()
        }
        _ => return None,
    })
}

fn is_empty(tree: &Ast) -> bool {
    matches!(tree, Ast::List(items) if items.is_empty())
}

/// A list of one type where all items have it, else of their own.
fn of_items(types: Vec<Option<Type>>) -> Option<Type> {
    let first = types.first()?.clone();
    match first {
        Some(one) if types.iter().all(|other| other.as_ref() == Some(&one)) => Some(one.list()),
        _ => Some(Type::Tuple(types)),
    }
}

/// The type of a named part of a value whose shape the language fixes.
fn part(of: &Type, name: &str) -> Option<Type> {
    let Type::Port(port) = of else {
        return None;
    };
    let text = || Type::Port(PortType::Text);
    Some(match (port, name) {
        (PortType::Scene, "id" | "text" | "on_screen")
        | (PortType::Script, "title" | "language") => text(),
        (PortType::Scene, "visual" | "emphasis") => text().list(),
        (PortType::Scene, "seconds") => Type::Port(PortType::Number),
        (PortType::Script, "scenes") => Type::Port(PortType::Scene).list(),
        _ => return None,
    })
}

/// The type of an item at a place.
fn indexed(of: Type, at: &Ast) -> Option<Type> {
    match (of, at) {
        (Type::Tuple(types), Ast::Whole(at)) => types.get(usize::try_from(*at).ok()?)?.clone(),
        (list, _) => list.item(),
    }
}

/// The type of one or the other: known when they agree, or when one of them is nothing.
fn either(one: Type, other: Type) -> Option<Type> {
    match (one, other) {
        (one, Type::Null) | (Type::Null, one) => Some(one),
        (one, other) => (one == other).then_some(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::execution::SourceFile;
    use crate::graph::read;

    /// The type of the text of node `n` in a document with a few inputs and nodes.
    fn type_of(expression: &str) -> Option<Type> {
        let source = SourceFile {
            name: "types.yaml".into(),
            text: format!(
                "fenta: workflow/v1\ninputs:\n  topics: {{ type: 'string[]' }}\n  n: {{ type: int }}\n  word: string\n\
                 vars: {{ v: '${{{{ upper(inputs.word) }}}}', l: [1, 2], m: [1, x] }}\nnodes:\n  \
                 s: {{ type: Script.Transform, with: {{ text: x }} }}\n  \
                 clips: {{ type: Input.Motion }}\n  \
                 each: {{ type: Input.Motion, for_each: '${{{{ inputs.topics }}}}' }}\n  \
                 n: {{ type: Input.Text, for_each: '${{{{ zip(inputs.topics, vars.l, nodes.s.script.scenes) }}}}', with: {{ text: \"${{{{ {expression} }}}}\" }} }}\n"
            ),
        };
        let mut found = Diagnostics::new();
        let tree = crate::syntax::load(&source.text, &mut found).unwrap();
        let raw = read::read(&tree, &source, &mut found).unwrap();
        assert!(found.is_empty(), "{expression}: {found}");
        let node = &raw.nodes["n"];
        Types::in_node(&raw, node).value(&node.with["text"].expr)
    }

    fn port(port: PortType) -> Option<Type> {
        Some(Type::Port(port))
    }

    #[test]
    fn references_have_the_types_of_what_they_name() {
        assert_eq!(type_of("inputs.n"), port(PortType::Number));
        assert_eq!(
            type_of("inputs.topics"),
            Some(Type::Port(PortType::Text).list())
        );
        assert_eq!(type_of("vars.v"), port(PortType::Text));
        assert_eq!(type_of("job.date"), port(PortType::Text));
        let media = Type::Port(PortType::Media).list();
        assert_eq!(type_of("nodes.clips.media"), Some(media.clone()));
        assert_eq!(type_of("nodes.each.media"), Some(media.clone().list()));
        assert_eq!(type_of("nodes.each.media[0]"), Some(media.clone()));
        assert_eq!(type_of("flatten(nodes.each.media)"), Some(media));
        assert_eq!(type_of("nodes.s.script.title"), port(PortType::Text));
        assert_eq!(type_of("nodes.none.text"), None);
    }

    #[test]
    fn items_have_the_types_of_what_they_come_from() {
        assert_eq!(type_of("index"), port(PortType::Number));
        assert_eq!(type_of("item[0]"), port(PortType::Text));
        assert_eq!(type_of("item[1]"), port(PortType::Number));
        assert_eq!(type_of("item[2].text"), port(PortType::Text));
        assert_eq!(type_of("item[2].seconds"), port(PortType::Number));
        assert_eq!(type_of("item[7]"), None);
    }

    #[test]
    fn functions_and_operators_have_types_where_they_are_sure() {
        for (expression, wanted) in [
            ("len(inputs.topics) + 1", PortType::Number),
            ("inputs.word ~ inputs.n", PortType::Text),
            ("inputs.n > 1 and inputs.word == 'x'", PortType::Bool),
            ("inputs.word | upper", PortType::Text),
            ("first(inputs.topics)", PortType::Text),
            ("default(inputs.n, null)", PortType::Number),
            ("inputs.n if inputs.n > 1 else null", PortType::Number),
            ("-inputs.n", PortType::Number),
            ("{'a': 1}", PortType::Json),
        ] {
            assert_eq!(type_of(expression), port(wanted), "{expression}");
        }
        for unsure in [
            "inputs.n if inputs.n > 1 else inputs.word",
            "default(inputs.n, inputs.word)",
            "inputs.word + inputs.word",
            "max(inputs.n, 2)",
            "concat(inputs.topics, vars.l)",
        ] {
            assert_eq!(type_of(unsure), None, "{unsure}");
        }
        assert_eq!(type_of("null"), Some(Type::Null));
        assert_eq!(
            type_of("[1, 'x']"),
            Some(Type::Tuple(vec![
                port(PortType::Number),
                port(PortType::Text)
            ]))
        );
    }
}
