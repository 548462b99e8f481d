//! What is known about every node type, for people and programs: `fenta nodes` and the reference read this.
//!
//! Neighbours: all of it comes from the descriptors of `nodes`; nothing is written here a second time.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cost::KnownParams;
use crate::models::Role;
use crate::node::{ParamSpec, ParamType, PortSpec};
use crate::nodes;
use crate::value::{PortType, Value};

/// Longest default that is shown whole, characters.
const DEFAULT_CHARS: usize = 60;

/// Every type of one value.
const SINGLE: &[PortType] = &[
    PortType::Text,
    PortType::Number,
    PortType::Bool,
    PortType::Json,
    PortType::File,
    PortType::Image,
    PortType::Video,
    PortType::Audio,
    PortType::Voice,
    PortType::Media,
    PortType::Script,
    PortType::Scene,
    PortType::Words,
    PortType::Captions,
    PortType::Timeline,
];

/// A node type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeDoc {
    /// The first part of its name.
    pub group: &'static str,
    /// Its name.
    pub kind: &'static str,
    /// Version of what it does.
    pub version: u32,
    /// One sentence.
    pub summary: &'static str,
    /// The provider it needs or can use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What its work is counted in; empty when it costs nothing but this machine's time.
    pub meters: Vec<&'static str>,
    /// Its parameters.
    pub params: Vec<ParamDoc>,
    /// Its outputs.
    pub ports: Vec<PortDoc>,
    /// A document that uses it.
    pub example: &'static str,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParamDoc {
    /// Its name; with a dot for fields of maps.
    pub name: String,
    /// What it takes, in words.
    pub takes: String,
    /// Whether it must be written.
    pub required: bool,
    /// Its default as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The unit of its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// The types of outputs it can be connected with.
    pub accepts: Vec<String>,
    /// One sentence.
    pub doc: &'static str,
    /// What to do instead, where this version refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later: Option<&'static str>,
    /// Words this version refuses, with what to do instead.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub later_words: &'static [(&'static str, &'static str)],
}

/// An output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PortDoc {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub gives: String,
    /// The unit of its numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// One sentence.
    pub doc: &'static str,
}

/// Every node type, in the order people meet them.
pub fn all() -> Vec<NodeDoc> {
    nodes::types().map(|node| doc_of(*node)).collect()
}

fn doc_of(node: &dyn crate::node::NodeType) -> NodeDoc {
    let descriptor = node.descriptor();
    let meters: BTreeSet<&'static str> = node
        .estimate(&KnownParams::default())
        .iter()
        .map(|quantity| quantity.meter.name())
        .collect();
    NodeDoc {
        group: descriptor.kind.split('.').next().unwrap_or_default(),
        kind: descriptor.kind,
        version: descriptor.version,
        summary: descriptor.summary,
        role: node.role(),
        meters: meters.into_iter().collect(),
        params: params("", &descriptor.params),
        ports: descriptor.ports.iter().map(port).collect(),
        example: descriptor.example,
    }
}

/// Parameters, those inside maps behind them.
fn params(prefix: &str, specs: &[ParamSpec]) -> Vec<ParamDoc> {
    let mut all = Vec::new();
    for spec in specs {
        let name = format!("{prefix}{}", spec.name);
        let inner = params(
            &format!("{name}."),
            spec.param_type.fields().unwrap_or_default(),
        );
        all.push(param(name, spec));
        all.extend(inner);
    }
    all
}

fn param(name: String, spec: &ParamSpec) -> ParamDoc {
    ParamDoc {
        name,
        takes: spec.param_type.to_string(),
        required: spec.required,
        default: (spec.default != Value::Null).then(|| spec.default.preview(DEFAULT_CHARS)),
        unit: spec.unit,
        accepts: accepts(&spec.param_type),
        doc: spec.doc,
        later: spec.later,
        later_words: spec.later_words,
    }
}

/// The types of outputs a parameter takes, coercions included.
fn accepts(param_type: &ParamType) -> Vec<String> {
    let single = SINGLE.to_vec();
    let lists = single.clone().into_iter().map(PortType::list);
    single
        .into_iter()
        .chain(lists)
        .filter(|from| param_type.accepts(from))
        .map(|from| from.to_string())
        .collect()
}

fn port(port: &PortSpec) -> PortDoc {
    PortDoc {
        name: port.name,
        gives: port.port_type.to_string(),
        unit: port.unit,
        doc: port.doc,
    }
}

impl ParamDoc {
    /// Whether it must be written, its default and its unit, as a list in words.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.required {
            notes.push("required".to_owned());
        }
        if let Some(unit) = self.unit {
            notes.push(format!("in {unit}"));
        }
        if let Some(default) = &self.default {
            notes.push(format!("default {default}"));
        }
        if self.later.is_some() {
            notes.push("not available in this version yet".to_owned());
        }
        notes
    }
}

/// The reference of all node types, as Markdown.
pub fn markdown(docs: &[NodeDoc]) -> String {
    let mut text = String::from(
        "# Node types\n\nMade from the program: `fenta nodes show --all --markdown`. Outputs fit parameters of their own type, and by \
         these coercions: `T` where `T[]` is wanted, `image` and `video` where `media` is, `voice` where `audio` is and a \
         parameter says so, `script` where `text` is. Any parameter may be a `${{ }}` expression.\n",
    );
    let mut group = "";
    for doc in docs {
        if doc.group != group {
            group = doc.group;
            let _ = write!(text, "\n## {group}\n");
        }
        node_markdown(&mut text, doc);
    }
    text
}

fn node_markdown(text: &mut String, doc: &NodeDoc) {
    let _ = write!(text, "\n### {}\n\n{}", doc.kind, doc.summary);
    if let Some(role) = doc.role {
        let _ = write!(text, " Provider: `{role}`.");
    }
    if !doc.meters.is_empty() {
        let _ = write!(text, " Counted in {}.", doc.meters.join(", "));
    }
    let _ = write!(text, " Version {}.\n\n", doc.version);
    if !doc.params.is_empty() {
        text.push_str("| parameter | takes | | meaning |\n|---|---|---|---|\n");
        for param in &doc.params {
            let mut meaning = param.doc.to_owned();
            if let Some(instead) = param.later {
                let _ = write!(meaning, " Instead: {instead}.");
            }
            for (word, instead) in param.later_words {
                let _ = write!(meaning, " `{word}` is not available yet: {instead}.");
            }
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                param.name,
                cell(&param.takes),
                cell(&param.notes().join(", ")),
                cell(&meaning)
            );
        }
        text.push('\n');
    }
    text.push_str("| output | type | meaning |\n|---|---|---|\n");
    for port in &doc.ports {
        let unit = port
            .unit
            .map_or_else(String::new, |unit| format!(", {unit}"));
        let _ = writeln!(
            text,
            "| `{}` | {}{unit} | {} |",
            port.name,
            port.gives,
            cell(port.doc)
        );
    }
    let _ = write!(text, "\n```yaml\n{}\n```\n", doc.example.trim_end());
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_a_descriptor_says_is_in_the_reference() {
        let docs = all();
        let text = markdown(&docs);
        for doc in &docs {
            assert!(text.contains(&format!("### {}\n", doc.kind)));
            for param in &doc.params {
                assert!(
                    text.contains(&format!("| `{}` |", param.name)),
                    "{}",
                    param.name
                );
            }
            assert!(text.contains(doc.example.trim_end()));
        }
    }

    #[test]
    fn coercions_are_spelled_out() {
        let clips = accepts(&ParamType::Port(PortType::Media.list()));
        assert!(clips.contains(&"video".to_owned()) && clips.contains(&"image[]".to_owned()));
        assert!(!clips.contains(&"audio".to_owned()));
    }

    #[test]
    fn no_type_of_an_output_is_forgotten() {
        let single: Vec<String> = SINGLE.iter().map(ToString::to_string).collect();
        for port in all().iter().flat_map(|doc| &doc.ports) {
            let one = port.gives.trim_end_matches("[]").to_owned();
            assert!(single.contains(&one), "{one} is missing");
        }
    }

    #[test]
    fn fields_of_maps_are_named_with_their_map() {
        let inner = ParamSpec::optional("min", ParamType::Int { min: 1, max: 9 }, "Fewest.");
        let outer = ParamSpec::optional("scenes", ParamType::Fields(vec![inner]), "How many.");
        let names: Vec<String> = params("", &[outer])
            .into_iter()
            .map(|doc| doc.name)
            .collect();
        assert_eq!(names, ["scenes", "scenes.min"]);
    }
}
