//! What people ask of watches: make them, look, pause, run a file again, explain.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fenta_client::api::jobs::{CreateJob, JobState};
use fenta_client::api::watches::{
    After, CreateWatch, FileState, Watch, WatchAgain, WatchFile, WatchRule, WatchRun, WatchState,
    WatchVerdict,
};
use fenta_workflows::{BindError, InputType, Workflow};

use super::look::out_dir;
use super::names::Names;
use super::{Watches, held, sweep};
use crate::runner::SubmitError;
use crate::store::{
    JobEnd, NewWatch, StoreError, WatchFileRecord, WatchRecord, WatchRunRecord, WatchRunState,
};

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
        if let Some((message, hint)) = self.notices.complaint(&wanted.rule.notify).await {
            return Err(WatchError::Nothing { message, hint });
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
        let left = self.store.watches().await?;
        self.sweep_removed(&left).await?;
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

    /// Its files, by path; of those behind a path where that is given.
    pub async fn files(
        &self,
        given: &str,
        limit: u32,
        behind: &str,
    ) -> Result<Vec<WatchFile>, StoreError> {
        let record = self.store.watch(given).await?;
        *held(&self.post(&record.id).asked) = Instant::now();
        self.files_of(&record.id, limit, behind).await
    }

    async fn files_of(
        &self,
        id: &str,
        limit: u32,
        behind: &str,
    ) -> Result<Vec<WatchFile>, StoreError> {
        let files = self.store.watch_files_with_runs(id, limit, behind).await?;
        let shown = |(file, run): (_, Option<_>)| shown_file(file, run.as_ref());
        Ok(files.into_iter().map(shown).collect())
    }

    /// Its newest runs, and where the next page begins; of those before a cursor where one is given.
    pub async fn runs(
        &self,
        given: &str,
        limit: u32,
        before: Option<String>,
    ) -> Result<(Vec<WatchRun>, Option<String>), StoreError> {
        let record = self.store.watch(given).await?;
        // One more than asked tells whether there is another page.
        let more = limit.saturating_add(1);
        let mut runs = self.store.watch_runs(&record.id, more, before).await?;
        let is_more = runs.len() > limit as usize;
        runs.truncate(limit as usize);
        let next = runs.last().filter(|_| is_more).map(|run| run.key.clone());
        Ok((self.shown_runs(runs).await?, next))
    }

    async fn shown_runs(&self, runs: Vec<WatchRunRecord>) -> Result<Vec<WatchRun>, StoreError> {
        let jobs = runs.iter().filter_map(|run| run.job.clone()).collect();
        let ends = self.store.job_ends(jobs).await?;
        Ok(runs.into_iter().map(|run| shown_run(run, &ends)).collect())
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
        let files = self.files_of(&record.id, u32::MAX, "").await?;
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
        let mut contents: Vec<&String> = wanted
            .iter()
            .filter_map(|file| file.content.as_ref())
            .collect();
        contents.sort();
        contents.dedup();
        let mut runs = Vec::new();
        for content in contents {
            let Some(run) = self.store.watch_run(&record.id, content).await? else {
                continue;
            };
            let in_work = run.state == WatchRunState::Queued
                || run.job_state.is_some_and(|state| !state.is_final());
            if in_work {
                return Err(nothing(
                    "its run has not ended yet",
                    "wait for it, or cancel its job with `fenta job cancel`",
                ));
            }
            runs.push(run);
        }
        let mut contents = Vec::new();
        for run in runs {
            sweep::remove(self.copies_of(&record.id, &run.key)).await;
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
        let file = self.file(&record.id, &below).await?;
        let content = file.as_ref().and_then(|file| file.content.as_deref());
        let run = match content {
            Some(content) => self.store.watch_run(&record.id, content).await?,
            None => None,
        };
        let run = self.shown_runs(run.into_iter().collect()).await?.pop();
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

    async fn file(&self, id: &str, path: &str) -> Result<Option<WatchFile>, StoreError> {
        let files = self.files_of(id, u32::MAX, "").await?;
        Ok(files.into_iter().find(|file| file.path == path))
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
        for one in self.store.watch_file_counts(&record.id).await? {
            let state = match one.run {
                Some(run) if one.file == FileState::Queued => state_of(run, one.job),
                _ => one.file,
            };
            *counts.entry(state.as_str().to_owned()).or_insert(0) += one.count;
        }
        let last = self.store.watch_runs(&record.id, 1, None).await?;
        let last = self.shown_runs(last).await?.pop();
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
}

fn shown_run(record: WatchRunRecord, ends: &HashMap<String, JobEnd>) -> WatchRun {
    let end = record.job.as_ref().and_then(|job| ends.get(job));
    let (state, reason) = run_state(&record);
    WatchRun {
        content: record.new.content,
        files: record.new.files.into_keys().collect(),
        state,
        reason,
        queued_at: record.queued_at,
        usd: end.map(|end| end.usd.clone()),
        outputs: end.map(|end| end.outputs.clone()).unwrap_or_default(),
        job: record.job,
        job_state: record.job_state,
    }
}

/// Where a run stands, for people. It goes on until what becomes of its files is done too.
fn state_of(run: WatchRunState, job: Option<JobState>) -> FileState {
    match (run, job) {
        (WatchRunState::Queued, _) | (WatchRunState::Started, Some(JobState::Queued)) => {
            FileState::Queued
        }
        (WatchRunState::Skipped, _) => FileState::Ignored,
        // A job that was resumed after it had failed.
        (WatchRunState::Done, _) | (WatchRunState::Failed, Some(JobState::Completed)) => {
            FileState::Done
        }
        (WatchRunState::Started, _) => FileState::Running,
        (WatchRunState::Failed, _) => FileState::Failed,
    }
}

/// The same, with the reason.
fn run_state(run: &WatchRunRecord) -> (FileState, String) {
    let state = state_of(run.state, run.job_state);
    let reason = match state {
        FileState::Failed | FileState::Ignored => run.reason.clone(),
        _ => String::new(),
    };
    (state, reason)
}

fn shown_file(file: WatchFileRecord, run: Option<&WatchRunRecord>) -> WatchFile {
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
