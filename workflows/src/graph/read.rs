//! The first pass: which keys are there, and do their values have the right shape?
//!
//! Names inside expressions are still texts here; `resolve` looks them up.

use std::cell::Cell;

use indexmap::IndexMap;

use super::keys::{DOCUMENT_KEYS, DOCUMENT_KEYS_LATER};
use super::read_nodes::RawNode;
use super::read_schedule::{self, RawSchedule};
use super::settings::{Settings, Watch};
use super::shape::{check_keys, find, map, text};
use super::{
    NodeId, NodeInstance, ParamExpr, Workflow, declare, foreign, read_settings, read_watch,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, codes};
use crate::execution::SourceFile;
use crate::expr::{self, Dynamic};
use crate::input::InputSpec;
use crate::suggest::nearest;
use crate::syntax::{Entry, Kind, Node};

/// The document's version this compiler reads.
const VERSION: &str = "workflow/v1";

/// A document whose keys are known and whose names are not resolved yet.
pub(super) struct RawWorkflow {
    pub(super) name: String,
    description: String,
    pub(super) settings: Settings,
    pub(super) inputs: IndexMap<String, InputSpec>,
    pub(super) vars: IndexMap<String, ParamExpr>,
    pub(super) nodes: IndexMap<String, RawNode>,
    pub(super) outputs: IndexMap<String, ParamExpr>,
    /// How many more names are compared with those that are there. Comparing every unknown name of a large document with
    /// every known one would take minutes, and nobody reads the thousandth suggestion.
    comparisons_left: Cell<usize>,
}

/// Most comparisons of names: some hundredths of a second, and all that ordinary documents need.
const MAX_COMPARISONS: usize = 100_000;

impl RawWorkflow {
    /// The name of a node that was probably meant.
    pub(super) fn near_node(&self, name: &str) -> Option<&str> {
        self.near(name, self.nodes.keys())
    }

    /// The name of an input that was probably meant.
    pub(super) fn near_input(&self, name: &str) -> Option<&str> {
        self.near(name, self.inputs.keys())
    }

    /// The name of a variable that was probably meant.
    pub(super) fn near_var(&self, name: &str) -> Option<&str> {
        self.near(name, self.vars.keys())
    }

    fn near<'a>(
        &self,
        name: &str,
        known: impl ExactSizeIterator<Item = &'a String>,
    ) -> Option<&'a str> {
        let left = self.comparisons_left.get().checked_sub(known.len())?;
        self.comparisons_left.set(left);
        nearest(name, known.map(String::as_str))
    }

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
                    condition: raw.condition.map(|param| param.expr),
                    for_each: raw.for_each.map(|param| param.expr),
                    fallback: raw.fallback,
                    rules: raw.rules,
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
            settings: self.settings,
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
    if find(entries, "fenta").is_none() {
        let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let misspelt = |key: &&str| nearest(key, ["fenta"]).is_some();
        if !keys.iter().any(misspelt)
            && let Some(foreign) = foreign::judge(&keys, entries_span(entries, tree.span))
        {
            found.push(foreign);
            return None;
        }
    }
    check_keys(
        entries,
        "a workflow",
        &DOCUMENT_KEYS,
        &DOCUMENT_KEYS_LATER,
        found,
    );
    check_version(entries, tree.span, found)?;
    let mut raw = RawWorkflow {
        name: file_stem(&source.name),
        description: String::new(),
        settings: Settings::default(),
        inputs: IndexMap::new(),
        vars: IndexMap::new(),
        nodes: IndexMap::new(),
        outputs: IndexMap::new(),
        comparisons_left: Cell::new(MAX_COMPARISONS),
    };
    let mut triggers = Triggers::default();
    for entry in entries {
        reader.key(entry, &mut raw, &mut triggers, found);
    }
    triggers.settle(&mut raw, &source.text, found);
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

/// Where the first key stands.
fn entries_span(entries: &[Entry], whole: Span) -> Span {
    entries.first().map_or(whole, |entry| entry.key_span)
}

fn check_version(entries: &[Entry], whole: Span, found: &mut Diagnostics) -> Option<()> {
    let Some(entry) = find(entries, "fenta") else {
        let meant = |entry: &Entry| nearest(&entry.key, ["fenta"]).is_some();
        if entries.iter().any(meant) {
            // The key is misspelt, and told as that.
            return Some(());
        }
        let span = entries_span(entries, whole);
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

/// What starts the workflow, before its inputs are known.
#[derive(Default)]
struct Triggers {
    schedules: Vec<RawSchedule>,
    watch: Option<(Watch, Option<Span>)>,
}

impl Triggers {
    /// Holds the inputs that triggers give against those that are declared.
    fn settle(self, raw: &mut RawWorkflow, source: &str, found: &mut Diagnostics) {
        raw.settings.schedules = read_schedule::with_inputs(self.schedules, &raw.inputs, found);
        let of_nodes = read_schedule::of_nodes(&raw.nodes, source, found);
        raw.settings.schedules.extend(of_nodes);
        if let Some((watch, into)) = self.watch {
            if let Some(into) = into {
                read_watch::check_into(&watch, into, &raw.inputs, found);
            }
            raw.settings.watch = Some(watch);
        }
    }
}

/// The name of the workflow. It becomes a line of lists and part of file names.
fn name(entry: &Entry, found: &mut Diagnostics) -> String {
    let name = text(entry, found).unwrap_or_default();
    if name.contains(char::is_control) {
        found.push(
            Diagnostic::error(
                codes::BAD_NAME,
                entry.value.span,
                "the name of a workflow has no line breaks and no control characters",
            )
            .hint("write the name as one line of letters, digits, spaces and signs"),
        );
    }
    name
}

/// Reads values with the document's text at hand.
pub(super) struct Reader<'a> {
    source: &'a SourceFile,
}

impl Reader<'_> {
    fn key(
        &self,
        entry: &Entry,
        raw: &mut RawWorkflow,
        triggers: &mut Triggers,
        found: &mut Diagnostics,
    ) {
        match entry.key.as_str() {
            "name" => raw.name = name(entry, found),
            "description" => raw.description = text(entry, found).unwrap_or_default(),
            "seed" => raw.settings.seed = read_settings::seed(entry, found),
            "inputs" => raw.inputs = declare::inputs(entry, found),
            "vars" => raw.vars = self.named_values(entry, found),
            "nodes" => raw.nodes = self.nodes(entry, found),
            "outputs" => raw.outputs = self.named_values(entry, found),
            "network" => raw.settings.network = read_settings::network(entry, found),
            "budget" => raw.settings.budget = read_settings::budget(entry, found),
            "providers" => raw.settings.providers = read_settings::providers(entry, found),
            "schedule" => {
                triggers.schedules = read_schedule::schedules(entry, &self.source.text, found);
            }
            "watch" => triggers.watch = read_watch::watch(entry, found),
            _ => {}
        }
    }

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

    // spec: W-19
    #[test]
    fn names_come_from_files() {
        assert_eq!(file_stem("/a/b/daily-short.yaml"), "daily-short");
        assert_eq!(file_stem("x.yml"), "x");
        assert_eq!(file_stem("-"), "-");
        assert_eq!(file_stem(".yaml"), "workflow");
    }
}
