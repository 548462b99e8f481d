//! What can go wrong in the store, in words that name the file.

use std::path::PathBuf;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database does not pass its own check.
    #[error(
        "the database {} is damaged ({detail}); move it aside and start again: finished videos are not touched, \
         the history and the cache index start empty",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A newer daemon wrote it.
    #[error(
        "the database {} was written by a newer fentad ({detail}); install that version or newer",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// What the migrations say.
        detail: String,
    },
    /// Its schema could not be brought up to date.
    #[error("cannot bring the schema of {} up to date: {detail}", path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// What the migrations say.
        detail: String,
    },
    /// SQLite refused an operation.
    #[error("the database refused: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The transaction that several operations shared could not be committed.
    #[error("the database could not commit: {detail}")]
    Commit {
        /// What SQLite says.
        detail: String,
        /// Whether it may work later.
        passing: bool,
    },
    /// A row holds what this version cannot read.
    #[error("a row of {table} cannot be read: {detail}")]
    Row {
        /// The table.
        table: &'static str,
        /// Why.
        detail: String,
    },
    /// There is no such job.
    #[error("there is no job {0}")]
    UnknownJob(String),
    /// Several jobs begin like this.
    #[error("{given} is not unique: {count} jobs begin with it")]
    AmbiguousJob {
        /// What was asked for.
        given: String,
        /// How many it could be.
        count: usize,
    },
    /// There is no such schedule.
    #[error("there is no schedule {0}")]
    UnknownSchedule(String),
    /// Several schedules begin like this.
    #[error("{given} is not unique: {count} schedules begin with it")]
    AmbiguousSchedule {
        /// What was asked for.
        given: String,
        /// How many it could be.
        count: usize,
    },
    /// There is no such watch.
    #[error("there is no watch {0}")]
    UnknownWatch(String),
    /// Several watches begin like this.
    #[error("{given} is not unique: {count} watches begin with it")]
    AmbiguousWatch {
        /// What was asked for.
        given: String,
        /// How many it could be.
        count: usize,
    },
    /// There is no such document.
    #[error("there is no {kind} {given}")]
    UnknownDocument {
        /// What it would be.
        kind: &'static str,
        /// What was asked for.
        given: String,
    },
    /// Several documents are called so.
    #[error("{given} is not unique: {count} {kind}s are called so")]
    AmbiguousDocument {
        /// What they are.
        kind: &'static str,
        /// What was asked for.
        given: String,
        /// How many it could be.
        count: usize,
    },
    /// The job is not in the state the change starts from.
    #[error("job {job} is {found}, it cannot become {wanted}")]
    Transition {
        /// The job.
        job: String,
        /// Its state.
        found: String,
        /// The state asked for.
        wanted: &'static str,
    },
    /// Someone else has claimed the job since, or it has ended: what was to be written is not wanted any more.
    #[error("claim {epoch} of job {job} does not hold any more")]
    Fenced {
        /// The job.
        job: String,
        /// The number of the claim.
        epoch: u64,
    },
    /// The job did not stop at its budget, so nothing can be added to it.
    #[error("job {job} did not stop at its budget: there is nothing to add to")]
    NoBudget {
        /// The job.
        job: String,
    },
    /// Nobody asks what became of a call of the job.
    #[error("job {job} is {found}: no paid call of it is in doubt")]
    NothingInDoubt {
        /// The job.
        job: String,
        /// Its state.
        found: String,
    },
    /// A paid call cannot take this step from where it stands.
    #[error("paid call {reference} is {found}, it cannot become {wanted}")]
    PaidStep {
        /// Our name for it.
        reference: String,
        /// Where it stands.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// One name was given for several calls.
    #[error("{count} paid calls of job {job} are open; one name cannot be that of all")]
    SeveralCalls {
        /// The job.
        job: String,
        /// How many.
        count: usize,
    },
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

impl StoreError {
    /// Whether the same operation may succeed later without anybody changing it: a full disk, a lock, a failing drive.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Sqlite(error) => sqlite_is_passing(error),
            Self::Commit { passing, .. } => *passing,
            _ => false,
        }
    }

    pub(super) fn commit(error: &rusqlite::Error) -> Self {
        Self::Commit {
            detail: error.to_string(),
            passing: sqlite_is_passing(error),
        }
    }

    pub(super) fn row(table: &'static str, error: impl std::fmt::Display) -> Self {
        Self::Row {
            table,
            detail: error.to_string(),
        }
    }
}

fn sqlite_is_passing(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: std::ffi::c_int) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_passes_and_a_broken_rule_does_not() {
        assert!(StoreError::from(sqlite(rusqlite::ffi::SQLITE_FULL)).is_passing());
        assert!(StoreError::from(sqlite(rusqlite::ffi::SQLITE_BUSY)).is_passing());
        assert!(StoreError::commit(&sqlite(rusqlite::ffi::SQLITE_IOERR)).is_passing());
        assert!(!StoreError::from(sqlite(rusqlite::ffi::SQLITE_CONSTRAINT)).is_passing());
        assert!(!StoreError::UnknownJob("job_1".to_owned()).is_passing());
    }

    #[test]
    fn damage_names_the_file_and_what_to_do() {
        let error = StoreError::Damaged {
            path: PathBuf::from("/s/fenta.db"),
            detail: "row 3 missing".to_owned(),
        };
        let text = error.to_string();
        assert!(text.contains("/s/fenta.db") && text.contains("row 3 missing"));
        assert!(text.contains("move it aside"));
    }
}
