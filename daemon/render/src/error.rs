//! Why an action failed, in the worker's own words, and how that is told to the daemon.
//!
//! Every module of the picture path reports through [`RenderError`]; `job` turns it into a
//! [`WorkerFailure`] exactly once.

use std::path::PathBuf;

use fenta_workflows::worker::{FailureClass, WorkerFailure};

use crate::ffi_error::AvError;

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The input is broken.
    #[error("{message}")]
    Input {
        /// Fragment naming place and value.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// The input is fine but cannot be used.
    #[error("{message}")]
    Unsupported {
        /// Fragment naming place and value.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// A limit was hit.
    #[error("{message}")]
    Limit {
        /// Fragment naming limit and value.
        message: String,
        /// What to do.
        hint: &'static str,
    },
    /// The job contradicts itself or a promise between modules was broken.
    #[error("{0}")]
    Internal(String),
    /// FFmpeg failed at something that should have worked.
    #[error(transparent)]
    Av(#[from] AvError),
    /// A file could not be read or written.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// `read`, `write`.
        operation: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Another part of the worker failed and has already said why.
    #[error("{}", .0.message)]
    Reported(WorkerFailure),
}

impl RenderError {
    /// A broken input.
    pub fn input(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Input {
            message: message.into(),
            hint,
        }
    }

    /// An input that cannot be used.
    pub fn unsupported(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Unsupported {
            message: message.into(),
            hint,
        }
    }

    /// A limit that was hit.
    pub fn limit(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Limit {
            message: message.into(),
            hint,
        }
    }

    /// A mistake of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// Reads an FFmpeg error as the input's fault, unless memory or disk ran out.
    pub fn blame_input(error: AvError, what: &str, hint: &'static str) -> Self {
        if error.is_resource() {
            Self::Av(error)
        } else {
            Self::input(format!("{what}: {error}"), hint)
        }
    }
}

/// Whether a disk, or the user's part of it, has no space left.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

impl From<RenderError> for WorkerFailure {
    fn from(error: RenderError) -> Self {
        let message = error.to_string();
        let (class, hint) = match error {
            RenderError::Reported(failure) => return failure,
            RenderError::Input { hint, .. } => (FailureClass::Input, hint),
            RenderError::Unsupported { hint, .. } => (FailureClass::Unsupported, hint),
            RenderError::Limit { hint, .. } => (FailureClass::Limit, hint),
            RenderError::Internal(_) => (FailureClass::Internal, ""),
            RenderError::Av(error) if error.is_full_disk() => {
                (FailureClass::Disk, "free some space: it goes on by itself")
            }
            RenderError::Av(error) if error.is_resource() => {
                (FailureClass::Resource, "free memory or disk space")
            }
            RenderError::Av(_) => (FailureClass::Internal, ""),
            RenderError::Io { source, .. } if is_full(&source) => {
                (FailureClass::Disk, "free some space: it goes on by itself")
            }
            RenderError::Io { .. } => (
                FailureClass::Resource,
                "check that the disk is not full and the file is readable",
            ),
        };
        Self {
            class,
            message,
            hint: hint.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi_error::check;

    #[test]
    fn classes_follow_the_fault() {
        let failure = WorkerFailure::from(RenderError::limit("20000 px wide", "scale it down"));
        assert_eq!(failure.class, FailureClass::Limit);
        assert_eq!(failure.message, "20000 px wide");
        assert_eq!(failure.hint, "scale it down");

        let no_memory = check("decode", -12).unwrap_err();
        let blamed = RenderError::blame_input(no_memory, "a.mp4", "");
        assert_eq!(WorkerFailure::from(blamed).class, FailureClass::Resource);

        let full = WorkerFailure::from(RenderError::Av(check("write", -28).unwrap_err()));
        assert_eq!(full.class, FailureClass::Disk);

        let broken = check("decode", ffmpeg_next::ffi::AVERROR_INVALIDDATA).unwrap_err();
        let blamed = WorkerFailure::from(RenderError::blame_input(broken, "a.mp4", "replace it"));
        assert_eq!(blamed.class, FailureClass::Input);
        assert!(
            blamed.message.starts_with("a.mp4: cannot decode"),
            "{}",
            blamed.message
        );
    }
}
