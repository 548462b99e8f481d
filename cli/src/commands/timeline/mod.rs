//! `fenta timeline`: look at what a template made of clips and words, before anything is rendered.
//!
//! Neighbours: the daemon resolves the timeline while it plans; `outline` picks what is shown, `strip` and `shots` draw it.

mod outline;
mod shots;
mod strip;

use std::collections::BTreeSet;

use fenta_client::api::plan::{NodePlan, Plan, PlanRequest};
use fenta_templates::timeline::Timeline;
use fenta_workflows::{NodeId, Workflow, nearest};

use self::outline::Outline;
use super::plan::ask;
use super::run::request::RequestArgs;
use super::{Context, wait};
use crate::command_error::CommandError;

/// The type of the nodes that make timelines.
const MAKER: &str = "Edit.Timeline";

/// Look at timelines.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum TimelineCommand {
    /// Draw the timelines of a workflow and list their shots
    Show(ShowArgs),
}

/// Draw the timelines of a workflow as they would be rendered now, and list their shots. Nothing is made; a timeline can
/// be drawn as soon as the recordings it follows are in the cache.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Only this node's timeline; all by default
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

impl TimelineCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Show(args) => args.run(context),
        }
    }
}

impl ShowArgs {
    fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut request = self.request.read(context)?;
        let makers = makers(&request.workflow);
        if makers.is_empty() {
            return Err(CommandError::NotFound {
                message: format!("workflow `{}` makes no timeline", request.workflow.name),
                hint: Some(format!("a node of type {MAKER} makes one")),
            });
        }
        if let Some(node) = &self.node {
            known(node, &makers)?;
        }
        request.settle(context)?;
        let asked = PlanRequest {
            job: request.job(),
            with_timelines: true,
        };
        let plan = wait(ask(context, &asked))?;
        let chosen: Vec<(&String, &Timeline)> = plan
            .timelines
            .iter()
            .filter(|(name, _)| self.node.as_deref().is_none_or(|node| belongs(name, node)))
            .collect();
        if chosen.is_empty() {
            let node = self.node.as_deref().unwrap_or(&makers[0]);
            return Err(not_yet(&request.workflow, &plan, node));
        }
        for (name, timeline) in chosen {
            show(context, name, timeline)?;
        }
        Ok(())
    }
}

fn makers(workflow: &Workflow) -> Vec<String> {
    let nodes = workflow.nodes().iter();
    nodes
        .filter(|(_, node)| node.kind() == MAKER)
        .map(|(id, _)| id.as_str().to_owned())
        .collect()
}

fn known(node: &str, makers: &[String]) -> Result<(), CommandError> {
    if makers.iter().any(|maker| maker == node) {
        return Ok(());
    }
    Err(CommandError::NotFound {
        message: format!("no node `{node}` makes a timeline"),
        hint: Some(match nearest(node, makers.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("these do: {}", makers.join(", ")),
        }),
    })
}

/// `cut[2]` is a timeline of `cut`.
fn belongs(name: &str, node: &str) -> bool {
    let rest = name.strip_prefix(node);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

/// What has to run first, which is the only thing that helps.
fn not_yet(workflow: &Workflow, plan: &Plan, node: &str) -> CommandError {
    let waits_for = unmade(workflow, plan, node);
    let note = plan
        .nodes
        .iter()
        .find(|known| known.node == node)
        .map(|known| known.note.as_str())
        .filter(|note| !note.is_empty())
        .map_or(String::new(), |note| format!(": {note}"));
    if waits_for.is_empty() {
        return CommandError::NotFound {
            message: format!("the timeline of `{node}` cannot be told yet{note}"),
            hint: Some("`fenta plan` shows what the job would do".to_owned()),
        };
    }
    let names: Vec<String> = waits_for.iter().map(|name| format!("`{name}`")).collect();
    CommandError::NotFound {
        message: format!(
            "the timeline of `{node}` cannot be told before {} {} run{note}",
            names.join(" and "),
            if names.len() == 1 { "has" } else { "have" },
        ),
        hint: Some(format!(
            "`fenta run FILE --until {}` makes what is missing",
            waits_for.join(",")
        )),
    }
}

/// The nodes before this one whose results are missing and that can run now.
fn unmade(workflow: &Workflow, plan: &Plan, node: &str) -> Vec<String> {
    let mut before = BTreeSet::new();
    let mut open = vec![NodeId::new(node)];
    while let Some(next) = open.pop() {
        for dependency in workflow.dependencies(&next) {
            if before.insert(dependency.clone()) {
                open.push(dependency);
            }
        }
    }
    let is_missing = |known: &&NodePlan| {
        known.status.is_work() && known.misses > 0 && before.contains(known.node.as_str())
    };
    let missing = plan.nodes.iter().filter(is_missing);
    missing.map(|known| known.node.clone()).collect()
}

fn show(context: &Context, name: &str, timeline: &Timeline) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(timeline);
    }
    if ui.is_quiet() {
        return ui.result(name);
    }
    let outline = Outline::of(timeline);
    let canvas = &timeline.canvas;
    ui.note(&format!(
        "{name}: {:.2}s, {} shots, {}x{} at {} frames a second, template {} {}",
        timeline.duration.as_seconds(),
        outline.shots.len(),
        canvas.width,
        canvas.height,
        canvas.frame_rate.as_f64(),
        timeline.template.name,
        timeline.template.version,
    ));
    let lines = strip::lines(&outline, ui.columns());
    ui.result(&format!("{}\n", lines.join("\n")))?;
    ui.table(&shots::table(&outline))?;
    for note in &timeline.notes {
        ui.warn(note);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_belong_to_their_node() {
        assert!(belongs("cut", "cut") && belongs("cut[2]", "cut"));
        assert!(!belongs("cut2", "cut"));
    }

    #[test]
    fn a_slip_in_the_nodes_name_is_told() {
        let error = known("cot", &["cut".into(), "teaser".into()]).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `cut`?");
        assert!(known("cut", &["cut".into()]).is_ok());
    }
}
