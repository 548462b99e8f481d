//! A batch while it runs: a bar for the whole, a line for each running row, and a line that stays for each that ended.
//!
//! Neighbours: `run::batch` feeds it; `progress` shows single jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use fenta_client::api::jobs::JobEventKind;
use fenta_workflows::diagnostic::printable;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Ui, turn};

/// Shows many jobs.
pub(crate) struct BatchProgress<'a> {
    ui: &'a Ui,
    width: usize,
    total: ProgressBar,
    rows: BTreeMap<usize, RowBar>,
}

struct RowBar {
    bar: ProgressBar,
    nodes: usize,
    finished: usize,
}

impl<'a> BatchProgress<'a> {
    /// For so many rows with names of at most this width.
    pub(crate) fn new(ui: &'a Ui, rows: usize, width: usize) -> Self {
        let total = ui.bars().add(ProgressBar::new(rows as u64));
        total.set_style(whole());
        Self {
            ui,
            width,
            total,
            rows: BTreeMap::new(),
        }
    }

    /// A row's job begins; it has so many nodes.
    pub(crate) fn begin(&mut self, row: usize, name: &str, nodes: usize) {
        let bar = self
            .ui
            .bars()
            .insert_before(&self.total, ProgressBar::no_length());
        bar.set_style(running());
        bar.set_prefix(format!("{:<width$}", printable(name), width = self.width));
        bar.enable_steady_tick(Duration::from_millis(120));
        let row_bar = RowBar {
            bar,
            nodes,
            finished: 0,
        };
        self.rows.insert(row, row_bar);
    }

    /// Something happened in a row's job.
    pub(crate) fn event(&mut self, row: usize, kind: &JobEventKind) {
        let Some(row) = self.rows.get_mut(&row) else {
            return;
        };
        match kind {
            JobEventKind::NodeStarted { node } => row.say(node),
            JobEventKind::NodeProgress { node, done, total } => {
                row.say(&format!("{node} {done}/{total}"));
            }
            JobEventKind::NodeFinished { node, .. } if turn::node_of(node).is_none() => {
                row.finished += 1;
                row.say(node);
            }
            _ => {}
        }
    }

    /// A row has ended.
    pub(crate) fn end(&mut self, row: usize, line: &str) {
        if let Some(row) = self.rows.remove(&row) {
            row.bar.finish_and_clear();
        }
        self.total.inc(1);
        self.ui.note(line);
    }
}

impl RowBar {
    fn say(&self, what: &str) {
        self.bar.set_message(format!(
            "{} of {} nodes  {}",
            self.finished.min(self.nodes),
            self.nodes,
            printable(what)
        ));
    }
}

impl Drop for BatchProgress<'_> {
    fn drop(&mut self) {
        for row in self.rows.values() {
            row.bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }
}

fn running() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix}  {elapsed:>6}  {msg}")
        .expect("the template is valid, because a test draws with it")
}

fn whole() -> ProgressStyle {
    ProgressStyle::with_template("  {bar:24} {pos}/{len} rows  {elapsed}")
        .expect("the template is valid, because a test draws with it")
        .progress_chars("━╸ ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_can_be_drawn() {
        for style in [running(), whole()] {
            let bar = ProgressBar::hidden();
            bar.set_style(style);
            bar.set_length(2);
            bar.inc(1);
            assert_eq!(bar.position(), 1);
        }
    }
}
