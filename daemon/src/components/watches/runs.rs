//! Runs of contents: each becomes a job under a key of its own, and is told how that ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fenta_client::api::jobs::{CreateJob, JobState, Priority};
use fenta_client::api::watches::{GroupBy, WhileBusy};
use fenta_workflows::InputType;
use fenta_workflows::digest::blob_digest;
use futures_util::StreamExt;

use super::look::remove_copies;
use super::{Watches, after, sidecar, take};
use crate::runner::{SubmitError, compiled};
use crate::store::{
    Accepted, Replay, StoreError, WatchRecord, WatchRunRecord, WatchRunState, WatchStep,
};

/// Between two looks at runs in work.
pub(super) const LOOK: Duration = Duration::from_millis(500);

/// Jobs that are submitted at a time: what they write shares a commit.
const SUBMITTERS: usize = 32;

/// Whether the copies of a run may be asked for again: a failed job can be resumed.
pub(super) fn needs_copies(run: &WatchRunRecord) -> bool {
    match run.state {
        WatchRunState::Queued | WatchRunState::Started => true,
        WatchRunState::Failed => run.job.is_some(),
        WatchRunState::Done | WatchRunState::Skipped => false,
    }
}

impl Watches {
    /// Begins what may begin, then notes what has ended; whether there is more to come.
    pub(super) async fn advance(&self, watch: &WatchRecord) -> Result<bool, StoreError> {
        let busy = self.begin_waiting(watch).await?;
        let open = self.store.open_watch_runs(&watch.id).await?;
        let ended = open
            .iter()
            .filter_map(|run| Some((run.clone(), ending(run)?)));
        let ended: Vec<(WatchRunRecord, WatchStep)> = ended.collect();
        if ended.is_empty() {
            return Ok(busy);
        }
        let noted = futures_util::stream::iter(ended)
            .map(|(run, step)| self.end(watch, run, step))
            .buffer_unordered(SUBMITTERS)
            .collect::<Vec<_>>()
            .await;
        noted.into_iter().collect::<Result<(), _>>()?;
        // Whoever waited for them may begin.
        self.begin_waiting(watch).await
    }

    /// Begins what may begin; whether any run is in work, or waits.
    pub(super) async fn begin_waiting(&self, watch: &WatchRecord) -> Result<bool, StoreError> {
        let open = self.store.open_watch_runs(&watch.id).await?;
        let (waiting, started): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|run| run.state == WatchRunState::Queued);
        let in_work = started.iter().filter(|run| ending(run).is_none()).count();
        let mut busy = !started.is_empty();
        let mut to_begin = Vec::new();
        let count = waiting.len();
        for (index, run) in waiting.into_iter().enumerate() {
            match turn(watch.new.rule.while_busy, in_work, index, count) {
                Turn::Begin => to_begin.push(run),
                Turn::Wait => busy = true,
                Turn::Skip(why) => {
                    self.end(watch, run, WatchStep::Skip(why.to_owned()))
                        .await?
                }
            }
        }
        let begun = futures_util::stream::iter(to_begin)
            .map(|run| self.begin(watch, run))
            .buffered(SUBMITTERS)
            .collect::<Vec<_>>()
            .await;
        for one in begun {
            busy |= one?;
        }
        Ok(busy)
    }

    async fn end(
        &self,
        watch: &WatchRecord,
        run: WatchRunRecord,
        step: WatchStep,
    ) -> Result<(), StoreError> {
        let (root, rule) = (
            PathBuf::from(&watch.new.rule.folder),
            watch.new.rule.clone(),
        );
        let (files, outcome) = (run.new.files.clone(), step.clone());
        // First the files, then the row: what is done twice after a crash changes nothing the second time.
        let put_away = tokio::task::spawn_blocking(move || match outcome {
            WatchStep::Done => after::good(&root, &files, &rule.after),
            WatchStep::Fail(why) => after::bad(&root, &files, &why),
            WatchStep::Start(_) | WatchStep::Skip(_) => {}
        });
        let _ = put_away.await;
        let keeps = matches!(step, WatchStep::Fail(_)) && run.job.is_some();
        self.store
            .step_watch_run(&watch.id, &run.new.content, step)
            .await?;
        if !keeps {
            remove_copies(self.copies_of(&watch.id, &run.key)).await;
        }
        Ok(())
    }

    /// Submits a run, under a key that makes it one job however often this is asked; whether it is in work now.
    async fn begin(&self, watch: &WatchRecord, run: WatchRunRecord) -> Result<bool, StoreError> {
        let copies = self.copies_of(&watch.id, &run.key);
        let wanted = watch.clone();
        let files: Vec<String> = run.new.files.keys().cloned().collect();
        let made = tokio::task::spawn_blocking(move || request(&wanted, &files, &copies))
            .await
            .map_err(|_| StoreError::Closed)?;
        let request = match made {
            Ok(request) => request,
            Err(Refused::NoCopy) => {
                // The file is looked at again; if it is gone too, there is nothing left to make a film of.
                let contents = vec![run.new.content.clone()];
                self.store.forget_watch_runs(&watch.id, contents).await?;
                return Ok(false);
            }
            Err(Refused::Wrong(why)) => {
                self.end(watch, run, WatchStep::Fail(why)).await?;
                return Ok(false);
            }
        };
        let replay = Replay {
            key: run.key.clone(),
            fingerprint: blob_digest(watch.id.as_bytes()).to_string(),
        };
        let step = match self.runner.submit(request, Some(replay)).await {
            Ok(Accepted::New(job) | Accepted::Known(job)) => WatchStep::Start(job),
            Ok(Accepted::KeyReused) => {
                WatchStep::Fail("its key was used for another job".to_owned())
            }
            // The next daemon begins it, or this one a little later.
            Err(SubmitError::Draining) => return Ok(true),
            Err(SubmitError::Store(error)) => return Err(error),
            Err(error) => WatchStep::Fail(told(&error)),
        };
        match step {
            WatchStep::Start(job) => {
                tracing::info!(watch = watch.id, job, "begun by a file");
                self.store
                    .step_watch_run(&watch.id, &run.new.content, WatchStep::Start(job))
                    .await?;
                Ok(true)
            }
            other => {
                self.end(watch, run, other).await?;
                Ok(false)
            }
        }
    }
}

/// How a run ended, where it did.
fn ending(run: &WatchRunRecord) -> Option<WatchStep> {
    if run.state != WatchRunState::Started {
        return None;
    }
    let job = run.job.as_deref().unwrap_or_default();
    let failed = |why: &str| Some(WatchStep::Fail(format!("{job}: {why}")));
    match run.job_state {
        None => failed("the job is not there any more"),
        Some(JobState::Completed) => Some(WatchStep::Done),
        Some(JobState::Cancelled) => failed("it was cancelled"),
        Some(state) if state.is_final() => failed(run.job_error.as_deref().unwrap_or("it failed")),
        Some(_) => None,
    }
}

/// What becomes of a run that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Begin,
    Wait,
    Skip(&'static str),
}

/// Whose turn it is: that of the run with this place among those that wait, the oldest first.
fn turn(rule: WhileBusy, in_work: usize, index: usize, waiting: usize) -> Turn {
    let is_newest = index + 1 == waiting;
    match rule {
        WhileBusy::Queue | WhileBusy::Parallel => Turn::Begin,
        WhileBusy::Skip if in_work == 0 && index == 0 => Turn::Begin,
        WhileBusy::Skip => Turn::Skip("another run went on when it came (`while_busy: skip`)"),
        WhileBusy::Latest if !is_newest => {
            Turn::Skip("a newer file came before its turn (`while_busy: latest`)")
        }
        WhileBusy::Latest if in_work > 0 => Turn::Wait,
        WhileBusy::Latest => Turn::Begin,
    }
}

/// Why there is no request.
enum Refused {
    NoCopy,
    Wrong(String),
}

/// What a run asks for: the document as it is now, with the copies of its files.
fn request(watch: &WatchRecord, files: &[String], copies: &Path) -> Result<CreateJob, Refused> {
    let rule = &watch.new.rule;
    let mut request = watch.new.request.clone();
    if let Some(path) = request.workflow.path.as_ref().filter(|_| !watch.new.pinned) {
        request.workflow.text = std::fs::read_to_string(path).map_err(|error| {
            Refused::Wrong(format!("the document {path} cannot be read: {error}"))
        })?;
    }
    let there = take::copies(files.iter(), copies);
    if there.values().any(|copy| !copy.is_file()) {
        return Err(Refused::NoCopy);
    }
    let workflow =
        compiled(&request).map_err(|found| Refused::Wrong(told(&SubmitError::Document(found))))?;
    let is_grouped = rule.group_by.is_some();
    let (values, media): (Vec<_>, Vec<_>) = there
        .iter()
        .partition(|(path, _)| is_grouped && sidecar::is_one(path));
    for (_, copy) in values {
        request
            .params
            .extend(sidecar::read(copy).map_err(Refused::Wrong)?);
    }
    let mut media: Vec<&PathBuf> = media.into_iter().map(|(_, copy)| copy).collect();
    media.sort_by_key(|copy| {
        let end = super::groups::extension(&copy.to_string_lossy()).unwrap_or_default();
        let place = rule.requires.iter().position(|one| *one == end);
        (place.unwrap_or(usize::MAX), copy.as_path())
    });
    let texts: Vec<String> = media
        .into_iter()
        .map(|copy| copy.to_string_lossy().into_owned())
        .collect();
    let input = workflow.inputs().get(&rule.into);
    let is_folder = rule.group_by == Some(GroupBy::Folder);
    let value = match input.map(|spec| &spec.input_type) {
        None => {
            return Err(Refused::Wrong(format!(
                "the document has no input `{}` any more",
                rule.into
            )));
        }
        Some(InputType::List(_)) => serde_json::to_string(&texts).unwrap_or_default(),
        Some(InputType::File) if is_folder => copies.to_string_lossy().into_owned(),
        Some(_) => texts.into_iter().next().unwrap_or_default(),
    };
    request.params.insert(rule.into.clone(), value);
    if rule.while_busy == WhileBusy::Parallel {
        request.options.priority = Priority::High;
    }
    Ok(request)
}

/// An error with everything it found, for somebody who was not there.
fn told(error: &SubmitError) -> String {
    match error {
        SubmitError::Document(found) => match found.first() {
            Some(first) => format!(
                "the document does not compile: {}:{}:{} {}",
                first.file, first.line, first.column, first.message
            ),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_turn_it_is_while_something_goes_on() {
        let turns = |rule, in_work| -> String {
            (0..3)
                .map(|index| match turn(rule, in_work, index, 3) {
                    Turn::Begin => 'b',
                    Turn::Wait => 'w',
                    Turn::Skip(_) => 's',
                })
                .collect()
        };
        for (rule, idle, busy) in [
            (WhileBusy::Queue, "bbb", "bbb"),
            (WhileBusy::Parallel, "bbb", "bbb"),
            (WhileBusy::Skip, "bss", "sss"),
            (WhileBusy::Latest, "ssb", "ssw"),
        ] {
            assert_eq!(
                (turns(rule, 0).as_str(), turns(rule, 2).as_str()),
                (idle, busy),
                "{rule:?}"
            );
        }
    }
}
