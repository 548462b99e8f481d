//! Executes the rows, several at a time: a job each, followed to its end. One row's failure is no other row's.
//!
//! Ctrl-C: the first starts no more rows, the second cancels the running ones, the third leaves. Where nobody can press
//! it again, the first cancels.

use std::cell::RefCell;
use std::time::Instant;

use fenta_client::api::jobs::{JobError, JobEventKind};
use fenta_client::{Client, ClientError, ErrorKind, EventStream, Followed, exit_code};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::settle::ReadyRow;
use super::summary::{RowResult, RowState};
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::follow::{Interrupt, Interrupts};
use crate::ui::batch_progress::BatchProgress;
use crate::ui::job_lines::widest;
use crate::ui::{span, turn};

/// How a batch goes about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Jobs at a time.
    pub(super) at_once: usize,
    /// Whether the first failure is the last row.
    pub(super) fail_fast: bool,
}

/// What a batch came to, and the code of the signal that ended it.
pub(super) struct Ended {
    pub(super) results: Vec<RowResult>,
    pub(super) signal: Option<u8>,
}

/// Executes every row.
pub(super) async fn execute(
    context: &Context,
    rows: &[ReadyRow],
    pace: Pace,
) -> Result<Ended, CommandError> {
    let client = context.session.client(&context.ui).await?;
    let mut interrupts = Interrupts::listen()?;
    let width = widest(rows.iter().map(|row| row.name.as_str()));
    let crew = Crew {
        context,
        client,
        width,
        progress: RefCell::new(BatchProgress::new(&context.ui, rows.len(), width)),
        running: RefCell::new(Vec::new()),
    };
    let mut results: Vec<RowResult> = rows.iter().map(RowResult::new).collect();
    let mut waiting = rows.iter();
    let mut jobs = FuturesUnordered::new();
    let (mut open, mut pressed, mut signal) = (true, 0, None);
    loop {
        while open && jobs.len() < pace.at_once {
            let Some(row) = waiting.next() else { break };
            jobs.push(crew.row(row));
        }
        tokio::select! {
            ended = jobs.next() => {
                let Some(ended) = ended else { break };
                open &= !(pace.fail_fast && ended.state == RowState::Failed);
                crew.tell(&ended)?;
                let index = ended.row - 1;
                results[index] = ended;
            }
            interrupt = interrupts.next() => {
                open = false;
                signal = Some(code(interrupt));
                pressed += 1;
                if crew.interrupted(interrupt, pressed).await {
                    crew.give_up(&mut results);
                    break;
                }
            }
        }
    }
    Ok(Ended { results, signal })
}

fn code(interrupt: Interrupt) -> u8 {
    match interrupt {
        Interrupt::CtrlC => exit_code::INTERRUPTED,
        Interrupt::Terminate => exit_code::TERMINATED,
    }
}

/// Everything the rows share.
struct Crew<'a> {
    context: &'a Context,
    client: Client,
    width: usize,
    progress: RefCell<BatchProgress<'a>>,
    /// Rows whose jobs run, with the jobs.
    running: RefCell<Vec<(usize, String)>>,
}

impl Crew<'_> {
    /// One row from its submission to its end.
    async fn row(&self, row: &ReadyRow) -> RowResult {
        let begun = Instant::now();
        let mut result = RowResult::new(row);
        if let Err(error) = self.follow(row, &mut result).await {
            result.state = RowState::Failed;
            result.error = Some(JobError {
                node: String::new(),
                message: error.to_string(),
                hint: error.hint().unwrap_or_default(),
                class: None,
            });
        }
        result.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.running
            .borrow_mut()
            .retain(|(number, _)| *number != row.number);
        result
    }

    async fn follow(&self, row: &ReadyRow, result: &mut RowResult) -> Result<(), ClientError> {
        let job = self.client.create_job(&row.job).await?;
        result.job = Some(job.id.clone());
        self.running.borrow_mut().push((row.number, job.id.clone()));
        self.progress
            .borrow_mut()
            .begin(row.number, &row.name, job.nodes.len());
        let session = &self.context.session;
        let mut events = EventStream::new(self.client.clone(), job.id, 0, async || {
            session.again().await
        });
        while let Some(next) = events.next().await? {
            // The daemon coming and going concerns all rows alike; a row waits until it is back.
            if let Followed::Event(event) = next {
                self.progress.borrow_mut().event(row.number, &event.kind);
                note(result, event.kind);
            }
        }
        Ok(())
    }

    /// The line that stays on the screen, or the row itself for programs.
    fn tell(&self, ended: &RowResult) -> Result<(), CommandError> {
        let ui = &self.context.ui;
        let style = ui.err_style();
        let mark = match ended.state {
            RowState::Completed if ended.ran == 0 => style.dim("•"),
            RowState::Completed => style.green("✓"),
            RowState::Failed => style.red("✗"),
            RowState::Paused | RowState::Cancelled | RowState::NotStarted => style.yellow("-"),
        };
        let what = match &ended.error {
            Some(_) => ended.detail(),
            None => ended.work(),
        };
        let line = format!(
            "{mark} {:<width$}  {:>6}  {what}",
            ended.name,
            span::short(ended.wall_ms),
            width = self.width
        );
        self.progress.borrow_mut().end(ended.row, &line);
        if ui.is_json() {
            ui.json(ended)?;
        }
        Ok(())
    }

    /// Whether to leave at once.
    async fn interrupted(&self, interrupt: Interrupt, pressed: u32) -> bool {
        let ui = &self.context.ui;
        let count = self.running.borrow().len();
        match (interrupt, pressed) {
            (Interrupt::CtrlC, 1) if ui.is_interactive() => {
                ui.note(&format!(
                    "no more rows are started; {count} running ones end first (again: cancel them)"
                ));
                false
            }
            (Interrupt::CtrlC, 1 | 2) => {
                self.cancel().await;
                false
            }
            (Interrupt::CtrlC, _) => true,
            (Interrupt::Terminate, _) => {
                self.cancel().await;
                true
            }
        }
    }

    async fn cancel(&self) {
        let jobs = self.running.borrow().clone();
        for (_, job) in jobs {
            match self.client.cancel_job(&job).await {
                Ok(_) => {}
                // It has just ended by itself.
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => self
                    .context
                    .ui
                    .warn(&format!("job {job} could not be cancelled: {error}")),
            }
        }
    }

    /// The rows that run are not waited for.
    fn give_up(&self, results: &mut [RowResult]) {
        for (row, job) in self.running.borrow().iter() {
            let result = &mut results[row - 1];
            result.state = RowState::Cancelled;
            result.job = Some(job.clone());
        }
    }
}

/// What an event says about its row.
fn note(result: &mut RowResult, kind: JobEventKind) {
    match kind {
        JobEventKind::JobStarted { .. } => {
            (result.ran, result.cached, result.saved_ms) = (0, 0, 0);
        }
        // A node's own event has the sum of its turns.
        JobEventKind::NodeFinished {
            node,
            ran,
            cached,
            saved_ms,
            ..
        } if turn::node_of(&node).is_none() => {
            result.ran += ran;
            result.cached += cached;
            result.saved_ms += saved_ms;
        }
        JobEventKind::JobCompleted { outputs } => {
            result.state = RowState::Completed;
            result.outputs = outputs;
        }
        JobEventKind::JobFailed {
            node,
            message,
            hint,
            class,
        } => {
            result.state = RowState::Failed;
            result.error = Some(JobError {
                node,
                message,
                hint,
                class,
            });
        }
        JobEventKind::JobPaused {
            node,
            message,
            hint,
        }
        | JobEventKind::JobNeedsAttention {
            node,
            message,
            hint,
        } => {
            result.state = RowState::Paused;
            result.error = Some(JobError {
                node,
                message,
                hint,
                class: None,
            });
        }
        JobEventKind::JobCancelled => result.state = RowState::Cancelled,
        _ => {}
    }
}
