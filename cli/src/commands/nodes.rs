//! `fenta nodes`: the node types, from the same descriptors that check documents.

use fenta_workflows::nearest;
use fenta_workflows::node_docs::{self, NodeDoc, ParamDoc};

use super::Context;
use crate::command_error::CommandError;
use crate::ui::style::Style;
use crate::ui::table::{Row, Table};

/// The node types workflows are made of.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum NodesCommand {
    /// List the node types
    #[command(visible_alias = "ls")]
    List,
    /// Parameters, outputs and an example of node types
    Show(ShowArgs),
}

/// Some node types.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The types, for example Voice.TTS; case does not matter
    #[arg(value_name = "TYPE", required_unless_present = "all")]
    kinds: Vec<String>,
    /// Every type
    #[arg(long, conflicts_with = "kinds")]
    all: bool,
    /// As Markdown: with --all the reference in the documentation
    #[arg(long)]
    markdown: bool,
}

impl NodesCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::List => list(context),
            Self::Show(args) => args.run(context),
        }
    }
}

fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let docs = node_docs::all();
    if ui.is_json() {
        return docs.iter().try_for_each(|node| ui.json(node));
    }
    if ui.is_quiet() {
        return docs.iter().try_for_each(|node| ui.result(node.kind));
    }
    let mut table = Table::new(&["GROUP", "TYPE", "PROVIDER", "WHAT IT DOES"]);
    let mut group = "";
    for node in &docs {
        // People see where a group begins; programs see it in every row.
        let shown = if node.group == group { "" } else { node.group };
        group = node.group;
        let role = node.role.map_or_else(String::new, |role| role.to_string());
        let row = Row::new().both(shown, node.group).cell(node.kind);
        table.row(row.cell(role).cell(node.summary));
    }
    ui.table(&table)
}

impl ShowArgs {
    fn run(&self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let mut docs = node_docs::all();
        if !self.all {
            docs = self
                .kinds
                .iter()
                .map(|kind| find(&docs, kind))
                .collect::<Result<_, _>>()?;
        }
        if ui.is_json() {
            return docs.iter().try_for_each(|node| ui.json(node));
        }
        let text = if self.markdown {
            node_docs::markdown(&docs)
        } else {
            let texts: Vec<String> = docs.iter().map(|node| told(node, ui.out_style())).collect();
            texts.join("\n\n")
        };
        ui.result(text.trim_end_matches('\n'))
    }
}

fn find(docs: &[NodeDoc], kind: &str) -> Result<NodeDoc, CommandError> {
    docs.iter()
        .find(|node| node.kind.eq_ignore_ascii_case(kind))
        .cloned()
        .ok_or_else(|| CommandError::NotFound {
            message: format!("there is no node type `{kind}`"),
            hint: Some(match nearest(kind, docs.iter().map(|node| node.kind)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`fenta nodes list` shows them".to_owned(),
            }),
        })
}

/// A node type for people.
fn told(node: &NodeDoc, style: Style) -> String {
    let mut lines = vec![
        format!("{} (version {})", style.bold(node.kind), node.version),
        node.summary.to_owned(),
    ];
    if let Some(role) = node.role {
        lines.push(format!("Provider: {role}"));
    }
    if !node.meters.is_empty() {
        lines.push(format!("Counted in: {}", node.meters.join(", ")));
    }
    if !node.params.is_empty() {
        lines.push(format!("\n{}", style.bold("Parameters")));
        for param in &node.params {
            lines.extend(told_param(param, style));
        }
    }
    lines.push(format!("\n{}", style.bold("Outputs")));
    for port in &node.ports {
        let unit = port
            .unit
            .map_or_else(String::new, |unit| format!(", in {unit}"));
        lines.push(format!("  {}: {}{unit}", style.cyan(port.name), port.gives));
        lines.push(format!("      {}", port.doc));
    }
    lines.push(format!("\n{}", style.bold("Example")));
    let example = node.example.trim_end().lines();
    lines.extend(example.map(|line| format!("  {line}").trim_end().to_owned()));
    lines.join("\n")
}

fn told_param(param: &ParamDoc, style: Style) -> Vec<String> {
    let mut notes = param.notes();
    if notes.is_empty() {
        notes.push("optional".to_owned());
    }
    let mut lines = vec![
        format!(
            "  {}: {} ({})",
            style.cyan(&param.name),
            param.takes,
            notes.join(", ")
        ),
        format!("      {}", param.doc),
    ];
    if !param.accepts.is_empty() {
        lines.push(style.dim(&format!("      from outputs: {}", param.accepts.join(", "))));
    }
    if let Some(instead) = param.later {
        lines.push(format!("      instead: {instead}"));
    }
    for (word, instead) in param.later_words {
        lines.push(format!("      `{word}` is not available yet: {instead}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_whatever_the_case() {
        let docs = node_docs::all();
        assert_eq!(find(&docs, "input.text").unwrap().kind, "Input.Text");
        let error = find(&docs, "Input.Txt").unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert_eq!(error.hint().unwrap(), "did you mean `Input.Text`?");
    }

    #[test]
    fn every_type_can_be_shown_with_all_it_has() {
        for node in node_docs::all() {
            let text = told(&node, Style::new(false));
            assert!(text.starts_with(node.kind), "{text}");
            for param in &node.params {
                assert!(text.contains(&format!("  {}: ", param.name)), "{text}");
            }
            for port in &node.ports {
                assert!(text.contains(port.doc), "{text}");
            }
        }
    }
}
