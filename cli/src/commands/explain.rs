//! `fenta explain`: why nodes of a job ran or did not, or what a diagnostic's code means.

use fenta_client::api::jobs::{Job, NodeRun, NodeState};
use fenta_workflows::diagnostic::{codes, example};
use fenta_workflows::{explain, nearest};
use serde::Serialize;

use super::job::work;
use super::{Context, wait};
use crate::command_error::CommandError;
use crate::ui::style::Style;
use crate::ui::turn;

/// Say why the nodes of a job ran or did not, with every reason. With a code such as `graph/unknown-node`, say what it
/// means.
#[derive(Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// Id, unique prefix of an id, `latest`, or the code of an error
    #[arg(value_name = "JOB|CODE")]
    what: String,
    /// Only this node
    #[arg(value_name = "NODE")]
    node: Option<String>,
}

#[derive(Serialize)]
struct Meaning<'a> {
    code: &'a str,
    meaning: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<&'a str>,
}

impl ExplainArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        // Codes have a slash, ids of jobs have none.
        if self.what.contains('/') {
            explain_code(context, &self.what)
        } else {
            wait(explain_job(context, &self.what, self.node.as_deref()))
        }
    }
}

fn explain_code(context: &Context, code: &str) -> Result<(), CommandError> {
    let Some(meaning) = explain(code) else {
        let known = codes::ALL.iter().map(|(code, _)| *code);
        return Err(CommandError::NotFound {
            message: format!("there is no code `{code}`"),
            hint: nearest(code, known).map(|near| format!("did you mean `{near}`?")),
        });
    };
    let shown = example(code);
    if context.ui.is_json() {
        return context.ui.json(&Meaning {
            code,
            meaning,
            wrong: shown.map(|one| one.wrong),
            right: shown.map(|one| one.right),
        });
    }
    context.ui.result(meaning)?;
    match shown {
        Some(one) => context.ui.result(&format!(
            "\nwrong:\n{}\n\nright:\n{}",
            indented(one.wrong),
            indented(one.right)
        )),
        None => Ok(()),
    }
}

/// The lines of an example, shown as a block.
fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

async fn explain_job(context: &Context, id: &str, node: Option<&str>) -> Result<(), CommandError> {
    let ui = &context.ui;
    let library = context.session.library(ui).await?;
    let job = library.client().job(id).await?;
    let runs = match node {
        Some(name) => vec![known_node(&job, name)?],
        None => {
            let runs = job.nodes.iter();
            runs.filter(|run| turn::node_of(&run.node).is_none())
                .collect()
        }
    };
    for run in &runs {
        let turns = turns_of(&job, &run.node);
        if ui.is_json() {
            ui.json(run)?;
            turns.iter().try_for_each(|turn| ui.json(turn))?;
        } else {
            ui.result(&told(run, ui.out_style()))?;
            if !turns.is_empty() {
                ui.result(&told_turns(&turns, ui.out_style()))?;
            }
        }
    }
    Ok(())
}

/// The turns of a node with `for_each`.
pub(super) fn turns_of<'a>(job: &'a Job, node: &str) -> Vec<&'a NodeRun> {
    let runs = job.nodes.iter();
    runs.filter(|run| turn::node_of(&run.node) == Some(node))
        .collect()
}

/// Turns that had nothing to do are counted, the others get a line each.
fn told_turns(turns: &[&NodeRun], style: Style) -> String {
    let (quiet, busy): (Vec<&NodeRun>, Vec<&NodeRun>) = turns
        .iter()
        .copied()
        .partition(|run| has_nothing_to_say(run));
    let mut lines: Vec<String> = busy.iter().map(|run| told_turn(run, style)).collect();
    if !quiet.is_empty() {
        lines.push(format!(
            "  {} of {} turns had nothing to run",
            quiet.len(),
            turns.len()
        ));
    }
    lines.join("\n")
}

/// Whether a turn found everything in the cache.
pub(super) fn has_nothing_to_say(run: &NodeRun) -> bool {
    run.state == NodeState::Finished && run.ran == 0 && run.note.is_empty()
}

fn told_turn(run: &NodeRun, style: Style) -> String {
    let verdict = match run.state {
        NodeState::Finished if run.ran > 0 => format!("{} {}", style.yellow("MISS"), work(run)),
        _ => run.state.as_str().to_owned(),
    };
    let error = run.error.as_ref().map(|error| error.message.clone());
    let note = Some(run.note.clone()).filter(|note| !note.is_empty());
    let why: Vec<String> = run
        .reasons
        .iter()
        .map(ToString::to_string)
        .chain(note)
        .chain(error)
        .collect();
    match why.is_empty() {
        true => format!("  {}  {verdict}", run.node),
        false => format!("  {}  {verdict}: {}", run.node, why.join("; ")),
    }
}

/// The node with this name, or an error that names the others.
pub(super) fn known_node<'a>(job: &'a Job, name: &str) -> Result<&'a NodeRun, CommandError> {
    job.nodes
        .iter()
        .find(|run| run.node == name)
        .ok_or_else(|| {
            let names: Vec<&str> = job.nodes.iter().map(|run| run.node.as_str()).collect();
            let near = nearest(name, names.iter().copied())
                .map_or(String::new(), |near| format!("did you mean `{near}`? "));
            CommandError::NotFound {
                message: format!("job {} has no node `{name}`", job.id),
                hint: Some(format!("{near}its nodes: {}", names.join(", "))),
            }
        })
}

/// A node's verdict, and under it every reason.
fn told(run: &NodeRun, style: Style) -> String {
    let verdict = match run.state {
        NodeState::Finished if run.ran > 0 => format!("{}  {}", style.yellow("MISS"), work(run)),
        NodeState::Finished => work(run),
        _ => run.state.as_str().to_owned(),
    };
    let mut lines = vec![format!("{}  {verdict}", style.bold(&run.node))];
    lines.extend(
        run.reasons
            .iter()
            .map(|reason| format!("  because: {reason}")),
    );
    if !run.note.is_empty() {
        lines.push(format!("  note: {}", run.note));
    }
    if let Some(error) = &run.error {
        lines.push(format!("  error: {}", error.message));
        if !error.hint.is_empty() {
            lines.push(format!("  help: {}", error.hint));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use fenta_client::api::jobs::{JobError, JobState, RerunReason};

    use super::*;
    use crate::commands::job::tests::{job, run};

    #[test]
    fn a_miss_lists_every_reason() {
        let mut missed = run(NodeState::Finished, 3, 11);
        missed.reasons = vec![
            RerunReason::Upstream {
                key: "timeline".into(),
                node: "edit".into(),
                field: "tracks[0]".into(),
            },
            RerunReason::NodeVersion { old: 1, new: 2 },
        ];
        assert_eq!(
            told(&missed, Style::new(false)),
            "render  MISS  ran 3 of 14, saved 31s in 9.8s\n  because: input timeline changed at tracks[0], from edit\n  because: node version 1 -> 2"
        );
    }

    #[test]
    fn turns_are_compact() {
        let of = |index: u32, state, ran| {
            let mut turn = run(state, ran, 1);
            turn.node = format!("footage[{index}]");
            turn
        };
        let mut skipped = of(2, NodeState::Skipped, 0);
        skipped.note = "its `if` is false".into();
        let turns = [
            of(0, NodeState::Finished, 0),
            of(1, NodeState::Finished, 1),
            skipped,
            of(3, NodeState::Finished, 0),
        ];
        let turns: Vec<&NodeRun> = turns.iter().collect();
        assert_eq!(
            told_turns(&turns, Style::new(false)),
            "  footage[1]  MISS ran 1 of 2, saved 31s in 9.8s: first run\n  footage[2]  skipped: its `if` is false\n  2 of 4 turns had nothing to run"
        );
    }

    #[test]
    fn hits_and_failures_are_told_apart() {
        assert_eq!(
            told(&run(NodeState::Finished, 0, 4), Style::new(false)),
            "render  HIT (saved 31s)"
        );
        let mut failed = run(NodeState::Failed, 0, 0);
        failed.error = Some(JobError {
            class: None,
            node: "render".into(),
            message: "m".into(),
            hint: "h".into(),
        });
        assert_eq!(
            told(&failed, Style::new(false)),
            "render  failed\n  error: m\n  help: h"
        );
    }

    #[test]
    fn an_unknown_node_names_the_known_ones() {
        let job = job(JobState::Completed);
        let error = known_node(&job, "rendr").unwrap_err();
        assert_eq!(error.exit_code(), 5);
        assert_eq!(
            error.hint().unwrap(),
            "did you mean `render`? its nodes: render"
        );
    }
}
