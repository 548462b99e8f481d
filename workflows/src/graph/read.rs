//! The first pass: which keys are there, and do their values have the right shape?
//!
//! Names inside expressions are still texts here; `resolve` looks them up.

use indexmap::IndexMap;

use super::read_nodes::RawNode;
use super::{DEFAULT_SEED, NodeId, NodeInstance, ParamExpr, Workflow, declare};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::execution::SourceFile;
use crate::expr::{self, Dynamic};
use crate::input::InputSpec;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};

/// The document's version this compiler reads.
const VERSION: &str = "workflow/v1";

const WORKFLOW_KEYS: [&str; 8] = [
    "fenta",
    "name",
    "description",
    "seed",
    "inputs",
    "vars",
    "nodes",
    "outputs",
];

/// Keys of the language that this version refuses, because it cannot do them yet.
const WORKFLOW_KEYS_LATER: [&str; 6] = [
    "schedule",
    "watch",
    "budget",
    "providers",
    "network",
    "run_on",
];

/// A document whose keys are known and whose names are not resolved yet.
pub(super) struct RawWorkflow {
    pub(super) name: String,
    description: String,
    seed: i64,
    pub(super) inputs: IndexMap<String, InputSpec>,
    pub(super) vars: IndexMap<String, ParamExpr>,
    pub(super) nodes: IndexMap<String, RawNode>,
    pub(super) outputs: IndexMap<String, ParamExpr>,
}

impl RawWorkflow {
    /// The finished workflow. Every name has been resolved and every node has a type by now.
    pub(super) fn into_workflow(self, order: Vec<NodeId>) -> Workflow {
        let nodes = self
            .nodes
            .into_iter()
            .filter_map(|(id, raw)| {
                let dependencies = raw
                    .waits_for()
                    .into_iter()
                    .map(|(name, _)| NodeId::new(name))
                    .collect();
                let instance = NodeInstance {
                    node_type: raw.node_type?,
                    with: raw.with,
                    dependencies,
                };
                Some((NodeId::new(id), instance))
            })
            .collect();
        let plain = |exprs: IndexMap<String, ParamExpr>| -> IndexMap<String, Dynamic> {
            exprs
                .into_iter()
                .map(|(name, param)| (name, param.expr))
                .collect()
        };
        Workflow {
            name: self.name,
            description: self.description,
            seed: self.seed,
            inputs: self.inputs,
            vars: plain(self.vars),
            nodes,
            outputs: plain(self.outputs),
            order,
        }
    }
}

/// Reads the document, or says why there is nothing to read.
pub(super) fn read(
    tree: &Node,
    source: &SourceFile,
    found: &mut Diagnostics,
) -> Option<RawWorkflow> {
    let reader = Reader { source };
    let entries = match &tree.kind {
        Kind::Map(entries) => entries,
        other => {
            // Of an empty document the reader gives the end; what is missing is missing at its beginning.
            let span = if *other == Kind::Null {
                Span::default()
            } else {
                tree.span
            };
            found.push(
                Diagnostic::error(
                    codes::VERSION,
                    span,
                    format!("a workflow is a map of keys, found {}", tree.noun()),
                )
                .hint("begin with `fenta: workflow/v1`, then `nodes:`"),
            );
            return None;
        }
    };
    check_keys(
        entries,
        "a workflow",
        &WORKFLOW_KEYS,
        &WORKFLOW_KEYS_LATER,
        found,
    );
    check_version(entries, tree.span, found)?;
    let mut raw = RawWorkflow {
        name: file_stem(&source.name),
        description: String::new(),
        seed: DEFAULT_SEED,
        inputs: IndexMap::new(),
        vars: IndexMap::new(),
        nodes: IndexMap::new(),
        outputs: IndexMap::new(),
    };
    for entry in entries {
        match entry.key.as_str() {
            "name" => raw.name = text(entry, found).unwrap_or_default(),
            "description" => raw.description = text(entry, found).unwrap_or_default(),
            "seed" => raw.seed = seed(entry, found),
            "inputs" => raw.inputs = declare::inputs(entry, found),
            "vars" => raw.vars = reader.named_values(entry, found),
            "nodes" => raw.nodes = reader.nodes(entry, found),
            "outputs" => raw.outputs = reader.named_values(entry, found),
            _ => {}
        }
    }
    if raw.nodes.is_empty() && !found.has_errors() {
        let span = find(entries, "nodes").map_or(entries[0].key_span, |entry| entry.key_span);
        found.push(
            Diagnostic::error(codes::MISSING_KEY, span, "the workflow has no nodes").hint(
                "add one: `nodes: { words: { type: Input.Text, with: { text: \"Hello.\" } } }`",
            ),
        );
    }
    Some(raw)
}

fn check_version(entries: &[Entry], whole: Span, found: &mut Diagnostics) -> Option<()> {
    let Some(entry) = find(entries, "fenta") else {
        let span = entries.first().map_or(whole, |entry| entry.key_span);
        found.push(
            Diagnostic::error(codes::VERSION, span, "the document does not say what it is")
                .hint("write `fenta: workflow/v1` as its first line"),
        );
        return Some(());
    };
    match &entry.value.kind {
        Kind::Text(version) if version == VERSION => Some(()),
        Kind::Text(version) if version.starts_with("template/") => {
            found.push(
                Diagnostic::error(
                    codes::VERSION,
                    entry.value.span,
                    "this is a template, not a workflow",
                )
                .hint("name its path as `template` of an Edit.Timeline node"),
            );
            None
        }
        _ => {
            let seen = match &entry.value.kind {
                Kind::Text(version) => format!("`{version}`"),
                _ => entry.value.noun().to_owned(),
            };
            found.push(
                Diagnostic::error(
                    codes::VERSION,
                    entry.value.span,
                    format!("{seen} is not a version this program reads"),
                )
                .hint(format!("write `fenta: {VERSION}`"))
                .patch(entry.value.span, VERSION),
            );
            None
        }
    }
}

fn file_stem(name: &str) -> String {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file
        .strip_suffix(".yaml")
        .or_else(|| file.strip_suffix(".yml"))
        .unwrap_or(file);
    if stem.is_empty() { "workflow" } else { stem }.to_owned()
}

/// The entry with this key.
pub(super) fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

/// Refuses keys that the place does not have, and keys it will have one day.
pub(super) fn check_keys(
    entries: &[Entry],
    place: &str,
    known: &[&str],
    later: &[&str],
    found: &mut Diagnostics,
) {
    for entry in entries {
        let key = entry.key.as_str();
        if known.contains(&key) {
            continue;
        }
        if later.contains(&key) {
            found.push(
                Diagnostic::error(
                    codes::UNAVAILABLE,
                    entry.key_span,
                    format!(
                        "`{key}` is part of the language but not available in this version yet"
                    ),
                )
                .hint(format!("remove `{key}`; it is refused rather than ignored")),
            );
            continue;
        }
        let near = nearest(key, known.iter().copied());
        let diagnostic = Diagnostic::error(
            codes::UNKNOWN_KEY,
            entry.key_span,
            format!("{place} has no key `{key}`"),
        )
        .suggest(near, entry.key_span);
        found.push(match near {
            Some(_) => diagnostic,
            None => diagnostic.hint(format!("the keys are {}", known.join(", "))),
        });
    }
}

/// The entries of a map, or a complaint.
pub(super) fn map<'a>(node: &'a Node, what: &str, found: &mut Diagnostics) -> Option<&'a [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    node.span,
                    format!("{what} must be a map, found {}", node.noun()),
                )
                .hint("write `name: value` lines, indented below it"),
            );
            None
        }
    }
}

/// The text of an entry, or a complaint.
pub(super) fn text(entry: &Entry, found: &mut Diagnostics) -> Option<String> {
    match &entry.value.kind {
        Kind::Text(text) => Some(text.clone()),
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    entry.value.span,
                    format!("`{}` must be text, found {}", entry.key, entry.value.noun()),
                )
                .hint("quote it to make it text"),
            );
            None
        }
    }
}

fn seed(entry: &Entry, found: &mut Diagnostics) -> i64 {
    match entry.value.kind {
        Kind::Int(seed) => seed,
        _ => {
            found.push(
                Diagnostic::error(
                    codes::WRONG_TYPE,
                    entry.value.span,
                    format!(
                        "`seed` must be a whole number, found {}",
                        entry.value.noun()
                    ),
                )
                .hint("write a number like 7; the same seed gives the same video"),
            );
            DEFAULT_SEED
        }
    }
}

/// Whether a name may stand in expressions; complains otherwise.
pub(super) fn check_name(entry: &Entry, what: &str, found: &mut Diagnostics) -> bool {
    let name = entry.key.as_str();
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 40
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !plain {
        found.push(
            Diagnostic::error(
                codes::BAD_NAME,
                entry.key_span,
                format!("`{name}` cannot be the name of {what}"),
            )
            .hint("names begin with a small letter and go on with small letters, digits and _; at most 40"),
        );
    }
    plain
}

/// Reads values with the document's text at hand.
pub(super) struct Reader<'a> {
    source: &'a SourceFile,
}

impl Reader<'_> {
    /// A value with its expressions.
    pub(super) fn value(&self, entry: &Entry, found: &mut Diagnostics) -> ParamExpr {
        ParamExpr {
            key_span: entry.key_span,
            expr: expr::parse(&entry.value, &self.source.text, found),
        }
    }

    fn named_values(&self, entry: &Entry, found: &mut Diagnostics) -> IndexMap<String, ParamExpr> {
        let what = match entry.key.as_str() {
            "vars" => "a variable",
            _ => "an output",
        };
        let mut values = IndexMap::new();
        for inner in map(&entry.value, &format!("`{}`", entry.key), found).unwrap_or_default() {
            check_name(inner, what, found);
            values.insert(inner.key.clone(), self.value(inner, found));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_files() {
        assert_eq!(file_stem("/a/b/daily-short.yaml"), "daily-short");
        assert_eq!(file_stem("x.yml"), "x");
        assert_eq!(file_stem("-"), "-");
        assert_eq!(file_stem(".yaml"), "workflow");
    }

    #[test]
    fn later_keys_are_not_known_keys() {
        assert!(
            WORKFLOW_KEYS_LATER
                .iter()
                .all(|key| !WORKFLOW_KEYS.contains(key))
        );
    }
}
