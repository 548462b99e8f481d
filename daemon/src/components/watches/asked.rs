//! What people ask of watches: make them, look, pause, run a file again, explain.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fenta_client::api::jobs::{CreateJob, JobState};
use fenta_client::api::watches::{
    After, CreateWatch, FileState, Watch, WatchAgain, WatchFile, WatchRule, WatchRun, WatchState,
    WatchVerdict,
};
use fenta_workflows::cost::Decimal;
use fenta_workflows::{BindError, InputType, Workflow};

use super::look::{out_dir, remove_copies};
use super::names::Names;
use super::{Watches, held};
use crate::runner::SubmitError;
use crate::store::{
    LedgerFilter, NewWatch, StoreError, WatchFileRecord, WatchRecord, WatchRunRecord, WatchRunState,
};

/// Runs shown at once, at most.
const MOST_SHOWN: u32 = 10_000;

/// Why something that was asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The document or its values do not make a job.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// There is nothing to be watched, or nothing to be done.
    #[error("{message}")]
    Nothing {
        /// What is missing or too much.
        message: String,
        /// What to do.
        hint: String,
    },
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn nothing(message: impl Into<String>, hint: impl Into<String>) -> WatchError {
    WatchError::Nothing {
        message: message.into(),
        hint: hint.into(),
    }
}

impl Watches {
    /// Makes the watch a document writes, or one of a rule of its own.
    ///
    /// # Errors
    /// What is wrong with the document, its values or the rule; that there is no watch.
    pub async fn create(&self, new: CreateWatch) -> Result<Watch, WatchError> {
        let wanted = wanted(new)?;
        // Whatever would keep its runs from beginning is said now, but for the file that is not there yet.
        match self.runner.check(wanted.request.clone()).await {
            Err(SubmitError::Inputs(mut wrong)) => {
                wrong.retain(|one| !is_about(one, &wanted.rule.into));
                if !wrong.is_empty() {
                    return Err(SubmitError::Inputs(wrong).into());
                }
            }
            other => other?,
        }
        let id = self.store.put_watch(wanted).await?;
        *held(&self.post(&id).asked) = Instant::now();
        self.wake.notify_one();
        Ok(self.show(&id).await?)
    }

    /// All of them, by name.
    pub async fn list(&self) -> Result<Vec<Watch>, StoreError> {
        let mut watches = Vec::new();
        for record in self.store.watches().await? {
            watches.push(self.shown(record).await?);
        }
        Ok(watches)
    }

    /// One of them: id, unique beginning of one, or name.
    pub async fn show(&self, given: &str) -> Result<Watch, StoreError> {
        let record = self.store.watch(given).await?;
        self.shown(record).await
    }

    /// Forgets one and what it knows; its jobs stay.
    pub async fn remove(&self, given: &str) -> Result<Watch, StoreError> {
        let watch = self.show(given).await?;
        self.store.remove_watch(&watch.id).await?;
        self.wake.notify_one();
        Ok(watch)
    }

    /// Looks no more.
    pub async fn pause(&self, given: &str, why: &str) -> Result<Watch, StoreError> {
        let record = self.store.watch(given).await?;
        if record.state == WatchState::Active {
            let why = if why.is_empty() { "by hand" } else { why };
            self.store
                .set_watch(&record.id, WatchState::Paused, why)
                .await?;
            self.wake.notify_one();
        }
        self.show(&record.id).await
    }

    /// Looks again.
    pub async fn resume(&self, given: &str) -> Result<Watch, StoreError> {
        let record = self.store.watch(given).await?;
        if record.state == WatchState::Paused {
            *held(&self.post(&record.id).asked) = Instant::now();
            self.store
                .set_watch(&record.id, WatchState::Active, "")
                .await?;
            self.wake.notify_one();
        }
        self.show(&record.id).await
    }

    /// Its files, by path.
    pub async fn files(&self, given: &str) -> Result<Vec<WatchFile>, StoreError> {
        let record = self.store.watch(given).await?;
        *held(&self.post(&record.id).asked) = Instant::now();
        self.files_of(&record.id).await
    }

    async fn files_of(&self, id: &str) -> Result<Vec<WatchFile>, StoreError> {
        let runs = self.store.watch_runs(id, u32::MAX).await?;
        let runs: HashMap<&str, &WatchRunRecord> = runs
            .iter()
            .map(|run| (run.new.content.as_str(), run))
            .collect();
        let files = self.store.watch_files(id).await?;
        Ok(files
            .into_iter()
            .map(|file| shown_file(file, &runs))
            .collect())
    }

    /// Its newest runs.
    pub async fn runs(&self, given: &str, limit: u32) -> Result<Vec<WatchRun>, StoreError> {
        let record = self.store.watch(given).await?;
        let mut runs = Vec::new();
        for run in self
            .store
            .watch_runs(&record.id, limit.min(MOST_SHOWN))
            .await?
        {
            runs.push(self.run(run).await?);
        }
        Ok(runs)
    }

    /// Forgets the run of a file's content, or all that failed, so that they begin anew; gives the files.
    pub async fn again(
        &self,
        given: &str,
        what: &WatchAgain,
    ) -> Result<Vec<WatchFile>, WatchError> {
        let record = self.store.watch(given).await?;
        let below = match &what.path {
            Some(path) => Some(self.below(&record, path)?),
            None => None,
        };
        let files = self.files_of(&record.id).await?;
        let wanted: Vec<WatchFile> = files
            .into_iter()
            .filter(|file| match &below {
                Some(below) => file.path == *below,
                None => file.state == FileState::Failed,
            })
            .collect();
        if let (Some(below), true) = (&below, wanted.is_empty()) {
            return Err(nothing(
                format!("the watch {} knows no file {below}", record.new.name),
                "`fenta watch explain` says what it makes of it",
            ));
        }
        let runs = self.store.watch_runs(&record.id, u32::MAX).await?;
        let mut contents = Vec::new();
        for run in runs {
            if !wanted
                .iter()
                .any(|file| file.content.as_ref() == Some(&run.new.content))
            {
                continue;
            }
            let in_work = run.state == WatchRunState::Queued
                || run.job_state.is_some_and(|state| !state.is_final());
            if in_work {
                return Err(nothing(
                    "its run has not ended yet",
                    "wait for it, or cancel its job with `fenta job cancel`",
                ));
            }
            remove_copies(self.copies_of(&record.id, &run.key)).await;
            contents.push(run.new.content);
        }
        self.store.forget_watch_runs(&record.id, contents).await?;
        let post = self.post(&record.id);
        *held(&post.looked) = None;
        post.wake.notify_one();
        Ok(wanted)
    }

    /// Which rule decides about a file.
    pub async fn explain(&self, given: &str, path: &str) -> Result<WatchVerdict, WatchError> {
        let record = self.store.watch(given).await?;
        let below = self.below(&record, path)?;
        let whole = Path::new(&record.new.rule.folder).join(&below);
        let files = self.files_of(&record.id).await?;
        let file = files.into_iter().find(|file| file.path == below);
        let runs = self.store.watch_runs(&record.id, u32::MAX).await?;
        let run = match runs.into_iter().find(|run| {
            file.as_ref()
                .is_some_and(|file| file.content.as_ref() == Some(&run.new.content))
        }) {
            Some(run) => Some(self.run(run).await?),
            None => None,
        };
        let (names, _) = Names::read(&record.new.rule, Some(&out_dir(&record)));
        let (rule, why) = match (names.refuses_anywhere(Path::new(&below)), &file) {
            (Some(verdict), _) => (verdict.rule.to_owned(), verdict.why),
            (None, Some(file)) => of_state(file, run.as_ref()),
            (None, None) => unknown(&record, &whole),
        };
        Ok(WatchVerdict {
            path: whole.to_string_lossy().into_owned(),
            rule,
            why,
            file,
            run,
        })
    }

    /// A path below the folder of a watch.
    fn below(&self, record: &WatchRecord, path: &str) -> Result<String, WatchError> {
        let folder = Path::new(&record.new.rule.folder);
        let whole = folder.join(path);
        let plain: PathBuf = whole.components().collect();
        match plain.strip_prefix(folder) {
            Ok(below) if !below.as_os_str().is_empty() => Ok(below.to_string_lossy().into_owned()),
            _ => Err(nothing(
                format!("{path} does not lie in {}", folder.display()),
                "a watch decides about files in its folder only",
            )),
        }
    }

    async fn shown(&self, record: WatchRecord) -> Result<Watch, StoreError> {
        let mut counts = BTreeMap::new();
        for file in self.files_of(&record.id).await? {
            *counts.entry(file.state.as_str().to_owned()).or_insert(0) += 1;
        }
        let last = match self.store.watch_runs(&record.id, 1).await?.pop() {
            Some(run) => Some(self.run(run).await?),
            None => None,
        };
        let post = self.post(&record.id);
        let poll_ms = held(&post.ear)
            .as_ref()
            .filter(|ear| !ear.deaf.is_empty())
            .and_then(|ear| u64::try_from(ear.pause().as_millis()).ok());
        let trouble = held(&post.trouble).clone();
        Ok(Watch {
            id: record.id,
            name: record.new.name,
            workflow: record.new.workflow,
            path: record.new.request.workflow.path,
            rule: record.new.rule,
            reason: match record.state {
                WatchState::Active => trouble,
                WatchState::Paused => record.reason,
            },
            state: record.state,
            params: record.new.request.params,
            out_dir: record.new.request.out_dir,
            pinned: record.new.pinned,
            foreground: record.new.foreground,
            poll_ms,
            created_at: record.created_at,
            files: counts,
            last,
        })
    }

    async fn run(&self, record: WatchRunRecord) -> Result<WatchRun, StoreError> {
        let mut usd = None;
        let mut outputs = Vec::new();
        if let (Some(job), Some(state)) = (&record.job, record.job_state) {
            usd = Some(self.cost(job).await?);
            if state.is_final() {
                let job = self.store.job(job).await?.job;
                outputs = job.outputs.values().map(ToString::to_string).collect();
            }
        }
        let (state, reason) = run_state(&record);
        Ok(WatchRun {
            content: record.new.content,
            files: record.new.files.into_keys().collect(),
            state,
            reason,
            queued_at: record.queued_at,
            job: record.job,
            job_state: record.job_state,
            usd,
            outputs,
        })
    }

    /// What a job cost so far, US dollars.
    async fn cost(&self, job: &str) -> Result<String, StoreError> {
        let filter = LedgerFilter {
            job: Some(job.to_owned()),
            ..LedgerFilter::default()
        };
        let rows = self.store.ledger(filter).await?;
        let settled = rows.iter().filter(|row| row.entry == "settled");
        let sum: Decimal = settled.filter_map(|row| row.usd).sum();
        Ok(sum.normalize().to_string())
    }
}

/// Where a run stands, for people.
fn run_state(run: &WatchRunRecord) -> (FileState, String) {
    let failed = run.job_error.clone().unwrap_or_default();
    match (run.state, run.job_state) {
        (WatchRunState::Queued, _) | (WatchRunState::Started, Some(JobState::Queued)) => {
            (FileState::Queued, String::new())
        }
        (WatchRunState::Skipped, _) => (FileState::Ignored, run.reason.clone()),
        // A job that was resumed after it had failed.
        (WatchRunState::Done, _) | (_, Some(JobState::Completed)) => {
            (FileState::Done, String::new())
        }
        (WatchRunState::Started, Some(JobState::Failed | JobState::Cancelled)) => {
            (FileState::Failed, failed)
        }
        (WatchRunState::Started, Some(_)) => (FileState::Running, String::new()),
        (WatchRunState::Started, None) | (WatchRunState::Failed, _) => {
            (FileState::Failed, run.reason.clone())
        }
    }
}

fn shown_file(file: WatchFileRecord, runs: &HashMap<&str, &WatchRunRecord>) -> WatchFile {
    let run = file
        .content
        .as_deref()
        .and_then(|content| runs.get(content));
    let (state, reason) = match (file.state, run) {
        (FileState::Queued, Some(run)) => run_state(run),
        (state, _) => (state, file.reason),
    };
    WatchFile {
        path: file.path,
        state,
        reason,
        size: file.size,
        job: run.and_then(|run| run.job.clone()),
        content: file.content,
    }
}

/// The rule behind the state of a file that is known.
fn of_state(file: &WatchFile, run: Option<&WatchRun>) -> (String, String) {
    let job = file.job.as_deref().unwrap_or("no job");
    let of_reason = |otherwise: &str| match file.reason.as_str() {
        "" => otherwise.to_owned(),
        reason => reason.to_owned(),
    };
    let (rule, why) = match file.state {
        FileState::Seen | FileState::Growing => ("settle", of_reason("it changed a moment ago")),
        FileState::Settling => (
            "settle",
            of_reason("it has not been unchanged for long enough"),
        ),
        FileState::Probing => ("probe", "it is read".to_owned()),
        FileState::Ready => ("group", of_reason("it waits for others of its group")),
        FileState::Dup => (
            "content",
            format!("{}; each content begins one run", file.reason),
        ),
        FileState::Queued => ("run", "its run waits".to_owned()),
        FileState::Running => ("run", format!("its run is {job}")),
        FileState::Done => (
            "content",
            format!("it had its run: {job}; it begins another when its content changes"),
        ),
        FileState::Failed => (
            "run",
            format!("{}; `fenta watch again` begins another", file.reason),
        ),
        FileState::Ignored if run.is_some() => ("run", file.reason.clone()),
        FileState::Ignored => ("results", file.reason.clone()),
    };
    (rule.to_owned(), why)
}

/// What is to be said of a file that is not known although its name is fine.
fn unknown(record: &WatchRecord, path: &Path) -> (String, String) {
    let (rule, why) = if record.state == WatchState::Paused {
        ("paused", "the watch is paused, nobody looks".to_owned())
    } else if path.is_dir() {
        ("kind", "it is a folder".to_owned())
    } else if path.is_file() {
        ("scan", "nobody has looked since it came".to_owned())
    } else if path.symlink_metadata().is_ok() {
        (
            "kind",
            "it is no file, or a link that leads nowhere".to_owned(),
        )
    } else {
        ("scan", "there is no such file".to_owned())
    };
    (rule.to_owned(), why)
}

/// Whether what is wrong with a value is about this input, which gets its value from a file.
fn is_about(error: &BindError, into: &str) -> bool {
    matches!(error, BindError::Missing { name, .. } if name == into)
}

/// The watch a request asks for.
fn wanted(new: CreateWatch) -> Result<NewWatch, WatchError> {
    let request = CreateJob {
        workflow: new.workflow.clone(),
        params: new.params.clone(),
        caller_dir: new.caller_dir.clone(),
        out_dir: new.out_dir.clone(),
        options: new.options.clone(),
    };
    let workflow = crate::runner::compiled(&request).map_err(SubmitError::Document)?;
    let written = workflow.settings().watch.as_ref();
    let rule = match (new.rule, written) {
        (Some(rule), _) => rule,
        (None, Some(watch)) => WatchRule::of(watch, &new.workflow.dir),
        (None, None) => {
            return Err(nothing(
                format!("{} writes no watch", new.workflow.name),
                "name a folder, or write `watch: { path: ./inbox, into: INPUT }` in the document",
            ));
        }
    };
    check_rule(&rule, &workflow)?;
    let source = match &new.workflow.path {
        Some(path) if new.foreground => format!("{path}#{}#here", rule.folder),
        Some(path) => format!("{path}#{}", rule.folder),
        None => String::new(),
    };
    Ok(NewWatch {
        name: new.name.unwrap_or_else(|| workflow.name.clone()),
        workflow: workflow.name.clone(),
        source,
        pinned: new.pinned || request.workflow.path.is_none(),
        foreground: new.foreground,
        request,
        rule,
    })
}

fn check_rule(rule: &WatchRule, workflow: &Workflow) -> Result<(), WatchError> {
    let folder = Path::new(&rule.folder);
    if !folder.is_absolute() || !folder.is_dir() {
        return Err(nothing(
            format!("there is no folder {}", rule.folder),
            "make it, then watch it",
        ));
    }
    if let After::Move(to) = &rule.after {
        let to = Path::new(to);
        if !to.is_absolute() || to == folder {
            return Err(nothing(
                format!("`after` cannot move files to {}", to.display()),
                "name another folder, for example `move:./done`",
            ));
        }
    }
    if rule.matches.is_empty() {
        return Err(nothing(
            "no pattern, so no file would count",
            "name one, for example `*`",
        ));
    }
    if !rule.requires.is_empty() && rule.group_by.is_none() {
        return Err(nothing(
            "`requires` means nothing without `group_by`",
            "group by stem or folder, or leave it out",
        ));
    }
    let takes_files = |one: &InputType| one.is_path();
    match workflow.inputs().get(&rule.into) {
        Some(spec) if takes_files(&spec.input_type) => Ok(()),
        Some(spec) => Err(nothing(
            format!(
                "the input `{}` is {}, but a watch gives it a file",
                rule.into, spec.input_type
            ),
            "name an input of type file, asset, image, video or audio",
        )),
        None => Err(nothing(
            format!("{} has no input `{}`", workflow.name, rule.into),
            "name the input that takes the file",
        )),
    }
}
