//! Failures of the daemon's own executors, in the same shape as a worker's: whose fault, what was seen, what to do.

use std::io;
use std::path::Path;

use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

use crate::store::StoreError;

pub(super) fn failure(
    class: FailureClass,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> WorkerFailure {
    WorkerFailure {
        class,
        message: message.into(),
        hint: hint.into(),
    }
}

/// The file system refused to do `what` to one of the user's paths.
pub(super) fn io_failure(what: &str, path: &Path, error: &io::Error) -> WorkerFailure {
    let (class, hint) = classify(error);
    failure(
        class,
        format!("cannot {what} {}: {error}", path.display()),
        hint,
    )
}

fn classify(error: &io::Error) -> (FailureClass, &'static str) {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            (FailureClass::Disk, "free some space: it goes on by itself")
        }
        ErrorKind::OutOfMemory | ErrorKind::Interrupted | ErrorKind::ResourceBusy => {
            (FailureClass::Resource, "run it again")
        }
        ErrorKind::PermissionDenied => (
            FailureClass::Input,
            "give yourself access to it, or choose another place",
        ),
        ErrorKind::ReadOnlyFilesystem => {
            (FailureClass::Input, "choose a place that can be written")
        }
        ErrorKind::NotFound => (FailureClass::Input, "check the path"),
        ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::InvalidFilename => (FailureClass::Input, "choose another path"),
        _ => (FailureClass::Resource, "check the disk and run it again"),
    }
}

/// The store refused.
pub(super) fn store_failure(error: &StoreError) -> WorkerFailure {
    let class = if error.is_passing() {
        FailureClass::Resource
    } else {
        FailureClass::Internal
    };
    failure(class, error.to_string(), "")
}

/// A blob that had been made is not there any more.
pub(super) fn blob_gone(blob: &Digest) -> WorkerFailure {
    failure(
        FailureClass::Internal,
        format!("blob {} is gone from the store or damaged", blob.short()),
        "run the workflow again: what is missing is made again",
    )
}

/// A blocking task ended by a panic.
pub(super) fn panicked(what: &str) -> WorkerFailure {
    failure(
        FailureClass::Internal,
        format!("{what} ended unexpectedly"),
        "see the daemon's log",
    )
}

/// Runs blocking work on the runtime's blocking pool.
pub(super) async fn blocking<T, F>(what: &'static str, body: F) -> Result<T, WorkerFailure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, WorkerFailure> + Send + 'static,
{
    tokio::task::spawn_blocking(body)
        .await
        .map_err(|_| panicked(what))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_may_pass_and_a_wrong_path_will_not() {
        let at = |kind: io::ErrorKind| {
            io_failure("write", Path::new("/out/a.mp4"), &io::Error::from(kind))
        };
        let full = at(io::ErrorKind::StorageFull);
        assert_eq!(full.class, FailureClass::Disk);
        assert!(full.hint.contains("free some space"));
        let missing = at(io::ErrorKind::NotFound);
        assert_eq!(missing.class, FailureClass::Input);
        assert!(missing.message.starts_with("cannot write /out/a.mp4: "));
    }

    #[tokio::test]
    async fn a_panic_in_blocking_work_is_a_failure() {
        let outcome = blocking::<(), _>("hashing", || panic!("oh")).await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.class, FailureClass::Internal);
        assert!(failure.message.contains("hashing"));
    }
}
