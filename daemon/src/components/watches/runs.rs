//! Runs of contents: each becomes a job under a key of its own, and is told how that ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fenta_client::api::jobs::{CreateJob, JobState, Priority};
use fenta_client::api::watches::{GroupBy, NotifyOn, WhileBusy};
use fenta_workflows::InputType;
use fenta_workflows::digest::blob_digest;
use futures_util::StreamExt;

use super::super::notices::{News, run_event};
use super::super::{told, with_document_of_now};
use super::{Watches, after, sidecar, sweep, take};
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
    /// Notes what has ended, then begins what may; whether there is more to come.
    pub(super) async fn advance(&self, watch: &WatchRecord) -> Result<bool, StoreError> {
        self.note_ends(watch).await?;
        self.begin_waiting(watch).await
    }

    /// Notes what has ended, and tells of runs that wait for a person.
    pub(super) async fn note_ends(&self, watch: &WatchRecord) -> Result<(), StoreError> {
        let open = self.store.open_watch_runs(&watch.id).await?;
        for run in open.iter().filter(|run| waits_for_a_person(run)) {
            let why = format!(
                "{} waits for a person",
                run.job.as_deref().unwrap_or_default()
            );
            self.tell_of_run(watch, run, NotifyOn::Paused, &why).await?;
        }
        let ended = open.into_iter().filter_map(|run| {
            let step = ending(&run)?;
            Some((run, step))
        });
        let noted = futures_util::stream::iter(ended)
            .map(|(run, step)| self.end(watch, run, step))
            .buffer_unordered(SUBMITTERS)
            .collect::<Vec<_>>()
            .await;
        noted.into_iter().collect()
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
        if count == 0 {
            return Ok(busy);
        }
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
        let prepared = self.prepared(watch).await?;
        let begun = futures_util::stream::iter(to_begin)
            .map(|run| self.begin(watch, run, Arc::clone(&prepared)))
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
        let news = match &step {
            WatchStep::Done => Some((NotifyOn::Completed, String::new())),
            WatchStep::Fail(why) => Some((NotifyOn::Failed, why.clone())),
            WatchStep::Start(_) | WatchStep::Skip(_) => None,
        };
        if let Some((what, why)) = news {
            self.tell_of_run(watch, &run, what, &why).await?;
        }
        let keeps = matches!(step, WatchStep::Fail(_)) && run.job.is_some();
        self.store
            .step_watch_run(&watch.id, &run.new.content, step)
            .await?;
        if !keeps {
            sweep::remove(self.copies_of(&watch.id, &run.key)).await;
        }
        Ok(())
    }

    async fn tell_of_run(
        &self,
        watch: &WatchRecord,
        run: &WatchRunRecord,
        what: NotifyOn,
        why: &str,
    ) -> Result<(), StoreError> {
        let files: Vec<&String> = run.new.files.keys().collect();
        let news = News {
            of: ("watch", &watch.id, &watch.new.name),
            what,
            subject: &run.key,
            event: run_event(what),
            job: run.job.as_deref(),
            reason: why,
            more: serde_json::json!({ "files": files }),
        };
        self.notices.tell(&watch.new.rule.notify, news).await
    }

    /// The document as it is now, read once for all runs that begin together.
    async fn prepared(&self, watch: &WatchRecord) -> Result<Arc<Prepared>, StoreError> {
        let watch = watch.clone();
        let read = tokio::task::spawn_blocking(move || Arc::new(Prepared::of(watch)));
        read.await.map_err(|_| StoreError::Closed)
    }

    /// Submits a run, under a key that makes it one job however often this is asked; whether it is in work now.
    async fn begin(
        &self,
        watch: &WatchRecord,
        run: WatchRunRecord,
        prepared: Arc<Prepared>,
    ) -> Result<bool, StoreError> {
        let copies = self.copies_of(&watch.id, &run.key);
        let files: Vec<String> = run.new.files.keys().cloned().collect();
        let made = tokio::task::spawn_blocking(move || prepared.request(&files, &copies))
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

/// Whether nothing comes of a run until somebody has seen to it.
fn waits_for_a_person(run: &WatchRunRecord) -> bool {
    run.state == WatchRunState::Started
        && matches!(
            run.job_state,
            Some(JobState::Paused | JobState::NeedsAttention)
        )
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

/// What the runs of a watch have in common.
struct Prepared {
    watch: WatchRecord,
    /// What is asked for but the file, and what the input takes; or why nothing can be.
    document: Result<(CreateJob, InputType), String>,
}

impl Prepared {
    /// Reads the document. Blocks.
    fn of(watch: WatchRecord) -> Self {
        let document = Self::read(&watch);
        Self { watch, document }
    }

    fn read(watch: &WatchRecord) -> Result<(CreateJob, InputType), String> {
        let request = with_document_of_now(watch.new.request.clone(), watch.new.pinned)?;
        let workflow = compiled(&request).map_err(|found| told(&SubmitError::Document(found)))?;
        let into = &watch.new.rule.into;
        let Some(spec) = workflow.inputs().get(into) else {
            return Err(format!("the document has no input `{into}` any more"));
        };
        Ok((request, spec.input_type.clone()))
    }

    /// What one run asks for: the document with the copies of its files. Blocks.
    fn request(&self, files: &[String], copies: &Path) -> Result<CreateJob, Refused> {
        let rule = &self.watch.new.rule;
        let there = take::copies(files.iter(), copies);
        if there.values().any(|copy| !copy.is_file()) {
            return Err(Refused::NoCopy);
        }
        let (request, input) = self
            .document
            .as_ref()
            .map_err(|why| Refused::Wrong(why.clone()))?;
        let mut request = request.clone();
        let is_grouped = rule.group_by.is_some();
        let (values, media): (Vec<_>, Vec<_>) = there
            .iter()
            .partition(|(path, _)| is_grouped && sidecar::is_one(path));
        for (_, copy) in values {
            request
                .params
                .extend(sidecar::read(copy).map_err(Refused::Wrong)?);
        }
        let mut media: Vec<&PathBuf> = media
            .into_iter()
            .filter(|(path, _)| !(is_grouped && sidecar::is_marker(path)))
            .map(|(_, copy)| copy)
            .collect();
        media.sort_by_key(|copy| {
            let end = super::groups::extension(&copy.to_string_lossy()).unwrap_or_default();
            let place = rule.requires.iter().position(|one| *one == end);
            (place.unwrap_or(usize::MAX), copy.as_path())
        });
        let texts: Vec<String> = media
            .into_iter()
            .map(|copy| copy.to_string_lossy().into_owned())
            .collect();
        let is_folder = rule.group_by == Some(GroupBy::Folder);
        let value = match input {
            InputType::List(_) => serde_json::to_string(&texts).unwrap_or_default(),
            InputType::File if is_folder => copies.to_string_lossy().into_owned(),
            _ => texts.into_iter().next().unwrap_or_default(),
        };
        request.params.insert(rule.into.clone(), value);
        if rule.while_busy == WhileBusy::Parallel {
            request.options.priority = Priority::High;
        }
        Ok(request)
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
