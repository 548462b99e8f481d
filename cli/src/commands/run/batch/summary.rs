//! What a batch came to: one line of JSON for programs, a table for people.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{JobError, OutputValue};
use serde::Serialize;

use super::settle::ReadyRow;
use crate::ui::job_lines::{self, NodeCount};
use crate::ui::span;
use crate::ui::table::{Row, Table};

/// How the job of a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowState {
    Completed,
    Failed,
    /// It waits for someone; `fenta job resume` lets it go on.
    Paused,
    Cancelled,
    /// The batch ended before its turn.
    NotStarted,
}

impl RowState {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::NotStarted => "not started",
        }
    }
}

/// What became of a row.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RowResult {
    #[serde(rename = "type")]
    kind: &'static str,
    pub(super) row: usize,
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    place: String,
    params: BTreeMap<String, String>,
    out_dir: String,
    pub(super) state: RowState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) outputs: BTreeMap<String, OutputValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<JobError>,
    pub(super) wall_ms: u64,
    pub(super) ran: u32,
    pub(super) cached: u32,
    pub(super) saved_ms: u64,
}

impl RowResult {
    /// A row whose turn has not come.
    pub(super) fn new(row: &ReadyRow) -> Self {
        Self {
            kind: "row",
            row: row.number,
            name: row.name.clone(),
            place: row.place.clone(),
            params: row.values.clone(),
            out_dir: row.job.out_dir.clone().unwrap_or_default(),
            state: RowState::NotStarted,
            job: None,
            outputs: BTreeMap::new(),
            error: None,
            wall_ms: 0,
            ran: 0,
            cached: 0,
            saved_ms: 0,
        }
    }

    /// How much of it ran, in a few words.
    pub(super) fn work(&self) -> String {
        let count = NodeCount {
            ran: self.ran,
            cached: self.cached,
            wall_ms: self.wall_ms,
            saved_ms: self.saved_ms,
        };
        match self.state {
            RowState::NotStarted => String::new(),
            _ if self.ran == 0 && self.state == RowState::Completed => job_lines::hit(count),
            _ => job_lines::work(count),
        }
    }

    /// What it made, or why not.
    pub(super) fn detail(&self) -> String {
        match &self.error {
            Some(error) if error.node.is_empty() => error.message.clone(),
            Some(error) => format!("{}: {}", error.node, error.message),
            None => self.paths().join(", "),
        }
    }

    /// The files it made.
    pub(super) fn paths(&self) -> Vec<&str> {
        fn walk<'a>(value: &'a OutputValue, found: &mut Vec<&'a str>) {
            match value {
                OutputValue::Text(text) if text.starts_with('/') => found.push(text),
                OutputValue::List(items) => items.iter().for_each(|item| walk(item, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        self.outputs
            .values()
            .for_each(|value| walk(value, &mut found));
        found
    }
}

/// The whole batch.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    #[serde(rename = "type")]
    kind: &'static str,
    workflow: String,
    pub(super) rows: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    pub(super) paused: usize,
    pub(super) cancelled: usize,
    pub(super) not_started: usize,
    wall_ms: u64,
    ran: u32,
    cached: u32,
    saved_ms: u64,
    /// Files that more than one row wrote, which happens when the document names an absolute path.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) overwritten: Vec<String>,
    pub(super) results: Vec<RowResult>,
}

impl Summary {
    /// Of these rows, which took `wall_ms` together.
    pub(super) fn new(workflow: &str, wall_ms: u64, results: Vec<RowResult>) -> Self {
        let in_state = |state| results.iter().filter(|row| row.state == state).count();
        Self {
            kind: "summary",
            workflow: workflow.to_owned(),
            rows: results.len(),
            completed: in_state(RowState::Completed),
            failed: in_state(RowState::Failed),
            paused: in_state(RowState::Paused),
            cancelled: in_state(RowState::Cancelled),
            not_started: in_state(RowState::NotStarted),
            wall_ms,
            ran: results.iter().map(|row| row.ran).sum(),
            cached: results.iter().map(|row| row.cached).sum(),
            saved_ms: results.iter().map(|row| row.saved_ms).sum(),
            overwritten: overwritten(&results),
            results,
        }
    }

    /// One row a line.
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new(&["ROW", "STATE", "TOOK", "WORK", "RESULT"]);
        for row in &self.results {
            let took = match row.state {
                RowState::NotStarted => String::new(),
                _ => span::short(row.wall_ms),
            };
            table.row(
                Row::new()
                    .cell(&row.name)
                    .cell(row.state.as_str())
                    .cell(took)
                    .cell(row.work())
                    .cell(row.detail()),
            );
        }
        table
    }

    /// The last line for people.
    pub(super) fn line(&self) -> String {
        let mut text = format!("{} of {} rows completed", self.completed, self.rows);
        for (count, word) in [
            (self.failed, "failed"),
            (self.paused, "paused"),
            (self.cancelled, "cancelled"),
            (self.not_started, "not started"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {word}"));
            }
        }
        let all = self.ran + self.cached;
        text.push_str(&format!(
            " in {}: ran {} of {all} actions, saved {}",
            span::short(self.wall_ms),
            self.ran,
            span::short(self.saved_ms)
        ));
        text
    }
}

fn overwritten(results: &[RowResult]) -> Vec<String> {
    let mut rows: BTreeMap<&str, std::collections::BTreeSet<usize>> = BTreeMap::new();
    for row in results {
        for path in row.paths() {
            rows.entry(path).or_default().insert(row.row);
        }
    }
    rows.into_iter()
        .filter(|(_, rows)| rows.len() > 1)
        .map(|(path, _)| path.to_owned())
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn result(row: usize, state: RowState, path: &str) -> RowResult {
        RowResult {
            kind: "row",
            row,
            name: format!("{row:03}"),
            place: format!("r.csv:{}", row + 1),
            params: BTreeMap::new(),
            out_dir: "/o".into(),
            state,
            job: Some("job_1".into()),
            outputs: BTreeMap::from([(
                "video".to_owned(),
                OutputValue::List(vec![
                    OutputValue::Text(path.into()),
                    OutputValue::Number(1.0),
                ]),
            )]),
            error: None,
            wall_ms: 2_000,
            ran: 1,
            cached: 3,
            saved_ms: 500,
        }
    }

    #[test]
    fn the_sums_are_of_the_rows() {
        let mut failed = result(2, RowState::Failed, "/o/b.mp4");
        failed.outputs.clear();
        failed.error = Some(JobError {
            node: "voice".into(),
            message: "no engine".into(),
            hint: String::new(),
            class: None,
        });
        let rows = vec![
            result(1, RowState::Completed, "/o/a.mp4"),
            failed,
            result(3, RowState::NotStarted, "relative"),
        ];
        let summary = Summary::new("daily", 3_000, rows);
        assert_eq!(
            summary.line(),
            "1 of 3 rows completed, 1 failed, 1 not started in 3.0s: ran 3 of 12 actions, saved 1.5s"
        );
        assert_eq!(
            summary.table().for_pipes(),
            "001\tcompleted\t2.0s\tran 1 of 4, saved 0.5s\t/o/a.mp4\n\
             002\tfailed\t2.0s\tran 1 of 4, saved 0.5s\tvoice: no engine\n\
             003\tnot started\t\t\t"
        );
        assert!(summary.overwritten.is_empty());
    }

    #[test]
    fn files_written_twice_are_named() {
        let rows = vec![
            result(1, RowState::Completed, "/o/a.mp4"),
            result(2, RowState::Completed, "/o/a.mp4"),
        ];
        assert_eq!(Summary::new("w", 0, rows).overwritten, ["/o/a.mp4"]);
    }
}
