//! A job while it runs: bars on a terminal, a line now and then elsewhere, the events themselves for programs.
//!
//! Neighbours: `job_lines` makes the lines that stay; `follow` feeds the events. The one door of indicatif's bars.

use std::collections::BTreeMap;
use std::time::Duration;

use fenta_client::api::jobs::{JobEvent, JobEventKind};
use fenta_workflows::diagnostic::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::Ui;
use super::job_lines::JobLines;
use super::span;
use super::turn;
use crate::command_error::CommandError;

/// Without a terminal, a node says how far it is at most this often.
const QUIET_MS: u64 = 10_000;

/// Shows one job.
pub(crate) struct JobProgress<'a> {
    ui: &'a Ui,
    width: usize,
    lines: JobLines,
    bars: BTreeMap<String, ProgressBar>,
    pace: Pace,
}

impl<'a> JobProgress<'a> {
    /// For a job whose node names are at most `width` wide.
    pub(crate) fn new(ui: &'a Ui, width: usize) -> Self {
        Self {
            ui,
            width,
            lines: JobLines::new(ui.err_style(), width),
            bars: BTreeMap::new(),
            pace: Pace::default(),
        }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, event: &JobEvent) -> Result<(), CommandError> {
        if self.ui.is_json() {
            return self.ui.json(event);
        }
        if self.ui.is_live() {
            self.move_bars(&event.kind);
        } else if let Some(line) = self.pace.line(event) {
            self.ui.note(&line);
        }
        for line in self.lines.lines(event) {
            self.ui.note(&line);
        }
        Ok(())
    }

    /// Takes everything that moves off the screen.
    pub(crate) fn clear(&mut self) {
        for (_, bar) in std::mem::take(&mut self.bars) {
            bar.finish_and_clear();
        }
    }

    fn move_bars(&mut self, kind: &JobEventKind) {
        if self.is_of_turn(kind) {
            return;
        }
        match kind {
            JobEventKind::NodeStarted { node } => {
                self.bar(node);
            }
            JobEventKind::ActionsPlanned {
                node,
                total,
                cached,
            } if *cached > 0 => {
                self.bar(node)
                    .set_message(format!("{cached} of {total} cached"));
            }
            JobEventKind::NodeProgress { node, done, total } => {
                let bar = self.bar(node);
                if bar.length() != Some(*total) {
                    bar.set_style(counted());
                    bar.set_length(*total);
                }
                bar.set_position(*done);
            }
            JobEventKind::NodeFinished { node, .. }
            | JobEventKind::NodeSkipped { node, .. }
            | JobEventKind::NodeFailed { node, .. } => {
                if let Some(bar) = self.bars.remove(node) {
                    bar.finish_and_clear();
                }
            }
            JobEventKind::JobStarted { .. }
            | JobEventKind::JobWaiting { .. }
            | JobEventKind::JobCompleted { .. }
            | JobEventKind::JobFailed { .. }
            | JobEventKind::JobPaused { .. }
            | JobEventKind::JobNeedsAttention { .. }
            | JobEventKind::JobCancelled => self.clear(),
            _ => {}
        }
    }

    /// Turns of a `for_each` have no bars of their own: their node's bar counts them and names the last that moved.
    fn is_of_turn(&mut self, kind: &JobEventKind) -> bool {
        let (name, text) = match kind {
            JobEventKind::NodeStarted { node } => (node, node.clone()),
            JobEventKind::NodeProgress { node, done, total } => {
                (node, format!("{node} {done}/{total}"))
            }
            JobEventKind::ActionsPlanned { node, .. }
            | JobEventKind::NodeFinished { node, .. }
            | JobEventKind::NodeSkipped { node, .. }
            | JobEventKind::NodeFailed { node, .. } => (node, String::new()),
            _ => return false,
        };
        let Some(node) = turn::node_of(name).map(str::to_owned) else {
            return false;
        };
        if !text.is_empty() {
            self.bar(&node).set_message(printable(&text).into_owned());
        }
        true
    }

    fn bar(&mut self, node: &str) -> &ProgressBar {
        let (bars, width) = (self.ui.bars(), self.width);
        self.bars.entry(node.to_owned()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::no_length());
            bar.set_style(waiting());
            bar.set_prefix(format!("{:<width$}", printable(node)));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        })
    }
}

impl Drop for JobProgress<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn waiting() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  {elapsed:>6}  {msg}")
        .expect("the template is valid, because a test draws with it")
}

fn counted() -> ProgressStyle {
    ProgressStyle::with_template(
        "{spinner} {prefix}  {elapsed:>6}  {bar:24} {pos}/{len}  {eta} left  {msg}",
    )
    .expect("the template is valid, because a test draws with it")
    .progress_chars("━╸ ")
}

/// Which events are worth a line where lines cannot be rewritten. Time is the events' own.
#[derive(Debug, Default)]
struct Pace {
    told: BTreeMap<String, String>,
}

impl Pace {
    fn line(&mut self, event: &JobEvent) -> Option<String> {
        let JobEventKind::NodeProgress { node, done, total } = &event.kind else {
            if let JobEventKind::NodeStarted { node } = &event.kind {
                self.told.insert(node.clone(), event.at.clone());
            }
            return None;
        };
        if turn::node_of(node).is_some() {
            return None;
        }
        let told = self
            .told
            .entry(node.clone())
            .or_insert_with(|| event.at.clone());
        if span::between(told, &event.at)? < QUIET_MS {
            return None;
        }
        event.at.clone_into(told);
        Some(format!("  {node}  {done}/{total}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(at: &str, done: u64) -> JobEvent {
        JobEvent {
            seq: 1,
            job: "job_1".into(),
            at: format!("2026-01-01T00:{at}Z"),
            kind: JobEventKind::NodeProgress {
                node: "render".into(),
                done,
                total: 900,
            },
        }
    }

    #[test]
    fn plain_progress_is_rare() {
        let mut pace = Pace::default();
        let lines: Vec<_> = [
            ("00:00", 1),
            ("00:09", 80),
            ("00:10", 90),
            ("00:19", 95),
            ("00:21", 99),
        ]
        .into_iter()
        .filter_map(|(at, done)| pace.line(&progress(at, done)))
        .collect();
        assert_eq!(lines, ["  render  90/900", "  render  99/900"]);
    }

    #[test]
    fn turns_are_left_to_their_node() {
        let mut pace = Pace::default();
        let of = |node: &str, at: &str| {
            let mut event = progress(at, 5);
            event.kind = JobEventKind::NodeProgress {
                node: node.into(),
                done: 3,
                total: 8,
            };
            event
        };
        assert_eq!(pace.line(&of("footage", "00:00")), None);
        assert_eq!(pace.line(&of("footage[3]", "00:30")), None);
        let line = pace.line(&of("footage", "00:31"));
        assert_eq!(line.as_deref(), Some("  footage  3/8"));
    }

    #[test]
    fn the_bars_can_be_drawn() {
        for style in [waiting(), counted()] {
            let bar = ProgressBar::hidden();
            bar.set_style(style);
            bar.set_length(9);
            bar.set_position(3);
            assert_eq!(bar.position(), 3);
        }
    }
}
