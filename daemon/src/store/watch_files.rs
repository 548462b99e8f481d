//! Files of watched folders, the contents that were found in them, and the runs these had.
//!
//! The key of `watch_runs` is the promise: one content of one watch begins one run, whatever its file is called and however
//! often the daemon dies. What becomes of a file is `components::watches`' business.

use std::collections::BTreeMap;

use fenta_client::api::jobs::{JobError, JobState};
use fenta_client::api::watches::FileState;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError};

/// A file of a watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchFileRecord {
    /// Below the folder.
    pub path: String,
    /// Up to `queued`; what comes after is told by the run of its content.
    pub state: FileState,
    /// The rule or the fact behind it; may be empty.
    pub reason: String,
    /// What the file system said.
    pub stamp: String,
    /// Bytes.
    pub size: u64,
    /// Since when it says so, RFC 3339 UTC.
    pub since: String,
    /// The key of its run.
    pub content: Option<String>,
    /// Whether it was there before the watch, and such files begin no run.
    pub initial: bool,
}

/// Where the run of a content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchRunState {
    /// It waits.
    Queued,
    /// It is a job.
    Started,
    /// Its job is completed.
    Done,
    /// It could not become a job, or its job failed.
    Failed,
    /// It was left out.
    Skipped,
}

impl WatchRunState {
    /// The state of a word; a word of another version waits.
    fn of(word: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == word)
            .unwrap_or(Self::Queued)
    }

    const ALL: [Self; 5] = [
        Self::Queued,
        Self::Started,
        Self::Done,
        Self::Failed,
        Self::Skipped,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Started => "started",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// A content that was found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWatchRun {
    /// What it is.
    pub content: String,
    /// The files it was found in, with the stamps they had.
    pub files: BTreeMap<String, String>,
    /// Why it begins no run; empty where it does.
    pub skipped: String,
}

/// A run, and how its job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRunRecord {
    /// As it was found.
    pub new: NewWatchRun,
    /// The key it is submitted under: it is one job, however often that is tried.
    pub key: String,
    /// Where it stands.
    pub state: WatchRunState,
    /// Why it failed or was left out.
    pub reason: String,
    /// The job.
    pub job: Option<String>,
    /// How it stands; none where it is not there any more.
    pub job_state: Option<JobState>,
    /// Why it failed.
    pub job_error: Option<String>,
    /// When its files were found to be whole.
    pub queued_at: String,
}

/// How many files stand somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileCount {
    /// Where they stand by themselves.
    pub file: FileState,
    /// Where the run of their content stands.
    pub run: Option<WatchRunState>,
    /// Where its job stands.
    pub job: Option<JobState>,
    /// How many.
    pub count: u64,
}

/// What came of a content that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakenContent {
    /// It begins a run.
    New,
    /// It had one, from these files.
    Known(Vec<String>),
}

/// What becomes of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchStep {
    /// It is a job.
    Start(String),
    /// It is left out.
    Skip(String),
    /// Its job is completed.
    Done,
    /// It could not become a job, or its job failed.
    Fail(String),
}

impl Store {
    /// The files of a watch, by path.
    pub async fn watch_files(&self, watch: &str) -> Result<Vec<WatchFileRecord>, StoreError> {
        let watch = watch.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection
                    .prepare_cached("SELECT * FROM watch_files WHERE watch = ?1 ORDER BY path")?;
                let rows = statement.query_map([watch], stored_file)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Writes down what was seen of files, which are gone, and that the folder was looked at.
    pub async fn put_watch_files(
        &self,
        watch: &str,
        files: Vec<WatchFileRecord>,
        gone: Vec<String>,
    ) -> Result<(), StoreError> {
        let watch = watch.to_owned();
        self.threads
            .write(move |connection| {
                for file in &files {
                    put_file(connection, &watch, file)?;
                }
                let mut remove = connection
                    .prepare_cached("DELETE FROM watch_files WHERE watch = ?1 AND path = ?2")?;
                for path in &gone {
                    remove.execute(params![watch, path])?;
                }
                connection
                    .prepare_cached("UPDATE watches SET scanned = 1 WHERE id = ?1 AND scanned = 0")?
                    .execute([&watch])?;
                Ok(())
            })
            .await
    }

    /// Takes a content in: it begins a run unless it had one. Its files are written down with it.
    pub async fn take_content(
        &self,
        watch: &str,
        run: NewWatchRun,
        key: String,
        files: Vec<WatchFileRecord>,
    ) -> Result<TakenContent, StoreError> {
        let (watch, now) = (watch.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| take(connection, &watch, &run, (&key, &now), files))
            .await
    }

    /// The path something of this content was published at.
    pub async fn published_at(&self, content: &str) -> Result<Option<String>, StoreError> {
        let content = content.to_owned();
        self.threads
            .read(move |connection| {
                Ok(connection
                    .prepare_cached("SELECT path FROM published_contents WHERE content = ?1")?
                    .query_row([content], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// Remembers what is about to be published.
    pub async fn note_published(&self, content: &str, path: &str) -> Result<(), StoreError> {
        let (content, path) = (content.to_owned(), path.to_owned());
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO published_contents (content, path) VALUES (?1, ?2)",
                    )?
                    .execute([content, path])?;
                Ok(())
            })
            .await
    }

    /// Takes the next step with a run. One that is at its end is counted.
    pub async fn step_watch_run(
        &self,
        watch: &str,
        content: &str,
        step: WatchStep,
    ) -> Result<(), StoreError> {
        let (watch, content) = (watch.to_owned(), content.to_owned());
        self.threads
            .write(move |connection| {
                let (state, reason, job) = match step {
                    WatchStep::Start(job) => (WatchRunState::Started, String::new(), Some(job)),
                    WatchStep::Skip(reason) => (WatchRunState::Skipped, reason, None),
                    WatchStep::Done => (WatchRunState::Done, String::new(), None),
                    WatchStep::Fail(reason) => (WatchRunState::Failed, reason, None),
                };
                connection
                    .prepare_cached(
                        "UPDATE watch_runs SET state = ?3, reason = ?4, job = coalesce(?5, job), counted = ?6
                         WHERE watch = ?1 AND content = ?2",
                    )?
                    .execute(params![
                        watch,
                        content,
                        state.as_str(),
                        reason,
                        job,
                        state != WatchRunState::Started
                    ])?;
                Ok(())
            })
            .await
    }

    /// Runs that are not at their end, oldest first.
    pub async fn open_watch_runs(&self, watch: &str) -> Result<Vec<WatchRunRecord>, StoreError> {
        self.watch_runs_where(
            "r.counted = 0 AND ?3 IS NULL ORDER BY r.queued_at, r.key",
            watch,
            u32::MAX,
            None,
        )
        .await
    }

    /// The newest runs, of those before the one with a key where that is given.
    pub async fn watch_runs(
        &self,
        watch: &str,
        limit: u32,
        before: Option<String>,
    ) -> Result<Vec<WatchRunRecord>, StoreError> {
        self.watch_runs_where(
            "r.key < coalesce(?3, 's') ORDER BY r.key DESC",
            watch,
            limit,
            before,
        )
        .await
    }

    /// The run of a content.
    pub async fn watch_run(
        &self,
        watch: &str,
        content: &str,
    ) -> Result<Option<WatchRunRecord>, StoreError> {
        let content = Some(content.to_owned());
        let found = self.watch_runs_where("r.content = ?3", watch, 1, content);
        Ok(found.await?.pop())
    }

    /// Files of a watch with the runs of their contents, by path; of those behind a path where that is given.
    pub async fn watch_files_with_runs(
        &self,
        watch: &str,
        limit: u32,
        behind: &str,
    ) -> Result<Vec<(WatchFileRecord, Option<WatchRunRecord>)>, StoreError> {
        let (watch, behind) = (watch.to_owned(), behind.to_owned());
        self.threads
            .read(move |connection| {
                let mut files = connection.prepare_cached(
                    "SELECT * FROM watch_files WHERE watch = ?1 AND path > ?2 ORDER BY path LIMIT ?3",
                )?;
                let files = files
                    .query_map(params![watch, behind, limit], stored_file)?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                let mut run = connection.prepare_cached(
                    "SELECT r.*, j.state AS job_state, j.error AS job_error
                     FROM watch_runs r LEFT JOIN jobs j ON j.id = r.job
                     WHERE r.watch = ?1 AND r.content = ?2",
                )?;
                let mut found = Vec::with_capacity(files.len());
                for file in files {
                    let stored = match &file.content {
                        Some(content) => run
                            .query_row(params![watch, content], stored_run)
                            .optional()?,
                        None => None,
                    };
                    found.push((file, stored.map(StoredRun::read).transpose()?));
                }
                Ok(found)
            })
            .await
    }

    /// How many files of a watch stand where: their state, that of their run and that of its job.
    pub async fn watch_file_counts(&self, watch: &str) -> Result<Vec<FileCount>, StoreError> {
        let watch = watch.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT f.state AS file, r.state AS run, j.state AS job, count(*) AS count
                     FROM watch_files f
                     LEFT JOIN watch_runs r ON r.watch = f.watch AND r.content = f.content
                     LEFT JOIN jobs j ON j.id = r.job
                     WHERE f.watch = ?1 GROUP BY 1, 2, 3",
                )?;
                let rows = statement.query_map([watch], |row| {
                    Ok(FileCount {
                        file: word(row.get("file")?).unwrap_or(FileState::Seen),
                        run: row
                            .get::<_, Option<String>>("run")?
                            .map(|run| WatchRunState::of(&run)),
                        job: row.get::<_, Option<String>>("job")?.and_then(word),
                        count: row.get("count")?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn watch_runs_where(
        &self,
        which: &'static str,
        watch: &str,
        limit: u32,
        more: Option<String>,
    ) -> Result<Vec<WatchRunRecord>, StoreError> {
        let watch = watch.to_owned();
        self.threads
            .read(move |connection| {
                let sql = format!(
                    "SELECT r.*, j.state AS job_state, j.error AS job_error
                     FROM watch_runs r LEFT JOIN jobs j ON j.id = r.job
                     WHERE r.watch = ?1 AND {which} LIMIT ?2"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![watch, limit, more], stored_run)?;
                rows.map(|row| row?.read()).collect()
            })
            .await
    }

    /// Forgets the runs of contents and the files they were found in, so that they begin anew.
    pub async fn forget_watch_runs(
        &self,
        watch: &str,
        contents: Vec<String>,
    ) -> Result<(), StoreError> {
        let watch = watch.to_owned();
        self.threads
            .write(move |connection| {
                for content in &contents {
                    for sql in [
                        "DELETE FROM watch_files WHERE watch = ?1 AND content = ?2",
                        "DELETE FROM watch_runs WHERE watch = ?1 AND content = ?2",
                    ] {
                        connection
                            .prepare_cached(sql)?
                            .execute(params![watch, content])?;
                    }
                }
                Ok(())
            })
            .await
    }
}

fn put_file(
    connection: &Connection,
    watch: &str,
    file: &WatchFileRecord,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO watch_files (watch, path, state, reason, stamp, size, since, content, initial)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (watch, path) DO UPDATE SET
                state = excluded.state, reason = excluded.reason, stamp = excluded.stamp, size = excluded.size,
                since = excluded.since, content = excluded.content, initial = excluded.initial",
        )?
        .execute(params![
            watch,
            file.path,
            file.state.as_str(),
            file.reason,
            file.stamp,
            file.size,
            file.since,
            file.content,
            file.initial
        ])?;
    Ok(())
}

fn take(
    connection: &Connection,
    watch: &str,
    run: &NewWatchRun,
    (key, now): (&str, &str),
    files: Vec<WatchFileRecord>,
) -> Result<TakenContent, StoreError> {
    let bad = |error| StoreError::row("watch_runs", error);
    // The watch may have been removed while the files were read.
    let there: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM watches WHERE id = ?1)")?
        .query_row([watch], |row| row.get(0))?;
    if !there {
        return Err(StoreError::UnknownWatch(watch.to_owned()));
    }
    let known: Option<String> = connection
        .prepare_cached("SELECT files FROM watch_runs WHERE watch = ?1 AND content = ?2")?
        .query_row([watch, &run.content], |row| row.get(0))
        .optional()?;
    let known: Option<BTreeMap<String, String>> = known
        .map(|text| serde_json::from_str(&text).map_err(bad))
        .transpose()?;
    let taken = match known {
        Some(known) => TakenContent::Known(known.into_keys().collect()),
        None => {
            let is_skipped = !run.skipped.is_empty();
            let state = if is_skipped { "skipped" } else { "queued" };
            connection
                .prepare_cached(
                    "INSERT INTO watch_runs (watch, content, files, key, state, reason, queued_at, counted)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    watch,
                    run.content,
                    serde_json::to_string(&run.files).map_err(bad)?,
                    key,
                    state,
                    run.skipped,
                    now,
                    is_skipped
                ])?;
            TakenContent::New
        }
    };
    for mut file in files {
        file.content = Some(run.content.clone());
        (file.state, file.reason) = match &taken {
            TakenContent::New => (FileState::Queued, String::new()),
            // It was touched, or read a second time: it is what it was.
            TakenContent::Known(paths) if paths.contains(&file.path) => {
                (FileState::Queued, String::new())
            }
            TakenContent::Known(paths) => (
                FileState::Dup,
                format!(
                    "the same content as {}",
                    paths.first().map_or("", String::as_str)
                ),
            ),
        };
        put_file(connection, watch, &file)?;
    }
    Ok(taken)
}

/// A word of the API; none for one of another version.
fn word<T: serde::de::DeserializeOwned>(word: String) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word)).ok()
}

fn stored_file(row: &Row<'_>) -> rusqlite::Result<WatchFileRecord> {
    let state: String = row.get("state")?;
    Ok(WatchFileRecord {
        path: row.get("path")?,
        // A word of another version is looked at anew.
        state: word(state).unwrap_or(FileState::Seen),
        reason: row.get("reason")?,
        stamp: row.get("stamp")?,
        size: row.get("size")?,
        since: row.get("since")?,
        content: row.get("content")?,
        initial: row.get("initial")?,
    })
}

/// A row of runs before its texts are read.
struct StoredRun {
    content: String,
    files: String,
    key: String,
    state: String,
    reason: String,
    job: Option<String>,
    job_state: Option<String>,
    job_error: Option<String>,
    queued_at: String,
}

fn stored_run(row: &Row<'_>) -> rusqlite::Result<StoredRun> {
    Ok(StoredRun {
        content: row.get("content")?,
        files: row.get("files")?,
        key: row.get("key")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        job: row.get("job")?,
        job_state: row.get("job_state")?,
        job_error: row.get("job_error")?,
        queued_at: row.get("queued_at")?,
    })
}

impl StoredRun {
    fn read(self) -> Result<WatchRunRecord, StoreError> {
        let bad = |error: serde_json::Error| StoreError::row("watch_runs", error);
        let word = |text: String| serde_json::Value::String(text);
        let error = self
            .job_error
            .and_then(|json| serde_json::from_str::<JobError>(&json).ok());
        let state = WatchRunState::of(&self.state);
        Ok(WatchRunRecord {
            new: NewWatchRun {
                content: self.content,
                files: serde_json::from_str(&self.files).map_err(bad)?,
                skipped: match state {
                    WatchRunState::Skipped => self.reason.clone(),
                    _ => String::new(),
                },
            },
            key: self.key,
            state,
            reason: self.reason,
            job: self.job,
            job_state: self
                .job_state
                .map(|state| serde_json::from_value(word(state)).map_err(bad))
                .transpose()?,
            job_error: error.map(|error| error.message),
            queued_at: self.queued_at,
        })
    }
}
