//! `fenta nodes`: the node types, from the same descriptors that check documents.

use fenta_workflows::node::{NodeDescriptor, ParamSpec};
use fenta_workflows::nodes::descriptors;
use fenta_workflows::{nearest, value::Value};
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::ui::style::Style;
use crate::ui::table::{Row, Table};

/// The node types workflows are made of.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum NodesCommand {
    /// List the node types
    Ls,
    /// Parameters, outputs and an example of one node type
    Show(ShowArgs),
}

/// One node type.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The type, for example Voice.TTS
    #[arg(value_name = "TYPE")]
    kind: String,
}

#[derive(Serialize)]
struct NodeDoc {
    kind: &'static str,
    version: u32,
    summary: &'static str,
    params: Vec<ParamDoc>,
    ports: Vec<PortDoc>,
    example: &'static str,
}

#[derive(Serialize)]
struct ParamDoc {
    name: &'static str,
    takes: String,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
    doc: &'static str,
}

#[derive(Serialize)]
struct PortDoc {
    name: &'static str,
    gives: String,
    doc: &'static str,
}

impl NodesCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Ls => list(context),
            Self::Show(args) => show(context, &args.kind),
        }
    }
}

fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return descriptors().try_for_each(|node| ui.json(&doc(node)));
    }
    if ui.is_quiet() {
        return descriptors().try_for_each(|node| ui.result(node.kind));
    }
    let mut table = Table::new(&["TYPE", "WHAT IT DOES"]);
    for node in descriptors() {
        table.row(Row::new().cell(node.kind).cell(node.summary));
    }
    ui.table(&table)
}

fn show(context: &Context, kind: &str) -> Result<(), CommandError> {
    let node = find(kind)?;
    if context.ui.is_json() {
        context.ui.json(&doc(node))
    } else {
        let text = told(&doc(node), context.ui.out_style());
        context.ui.result(&text)
    }
}

fn find(kind: &str) -> Result<&'static NodeDescriptor, CommandError> {
    descriptors()
        .find(|node| node.kind.eq_ignore_ascii_case(kind))
        .ok_or_else(|| CommandError::NotFound {
            message: format!("there is no node type `{kind}`"),
            hint: Some(match nearest(kind, descriptors().map(|node| node.kind)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`fenta nodes ls` lists them".to_owned(),
            }),
        })
}

fn doc(node: &NodeDescriptor) -> NodeDoc {
    NodeDoc {
        kind: node.kind,
        version: node.version,
        summary: node.summary,
        params: node.params.iter().map(param_doc).collect(),
        ports: node
            .ports
            .iter()
            .map(|port| PortDoc {
                name: port.name,
                gives: port.port_type.to_string(),
                doc: port.doc,
            })
            .collect(),
        example: node.example,
    }
}

fn param_doc(param: &ParamSpec) -> ParamDoc {
    ParamDoc {
        name: param.name,
        takes: param.param_type.to_string(),
        required: param.required,
        default: (!matches!(param.default, Value::Null)).then(|| param.default.preview(60)),
        doc: param.doc,
    }
}

/// A node type for people.
fn told(node: &NodeDoc, style: Style) -> String {
    let mut text = format!(
        "{} (version {})\n{}\n",
        style.bold(node.kind),
        node.version,
        node.summary
    );
    text.push_str(&format!("\n{}\n", style.bold("Parameters")));
    for param in &node.params {
        let note = match (&param.default, param.required) {
            (_, true) => ", required".to_owned(),
            (Some(default), false) => format!(", default {default}"),
            (None, false) => ", optional".to_owned(),
        };
        text.push_str(&format!(
            "  {}: {}{note}\n      {}\n",
            style.cyan(param.name),
            param.takes,
            param.doc
        ));
    }
    text.push_str(&format!("\n{}\n", style.bold("Outputs")));
    for port in &node.ports {
        text.push_str(&format!(
            "  {}: {}\n      {}\n",
            style.cyan(port.name),
            port.gives,
            port.doc
        ));
    }
    text.push_str(&format!("\n{}\n", style.bold("Example")));
    for line in node.example.trim_end().lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_whatever_the_case() {
        assert_eq!(find("input.text").unwrap().kind, "Input.Text");
        let error = find("Input.Txt").unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert_eq!(error.hint().unwrap(), "did you mean `Input.Text`?");
    }

    #[test]
    fn every_type_can_be_shown_with_all_it_has() {
        for node in descriptors() {
            let text = told(&doc(node), Style::new(false));
            assert!(text.starts_with(node.kind), "{text}");
            for param in &node.params {
                assert!(text.contains(&format!("  {}: ", param.name)), "{text}");
            }
            for port in &node.ports {
                assert!(text.contains(port.doc), "{text}");
            }
            assert!(text.contains("Example"), "{text}");
        }
    }
}
