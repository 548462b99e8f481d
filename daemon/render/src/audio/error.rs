//! Why an audio action failed, and whose fault that is.
//!
//! One enum for the module: its three actions fail for the same few reasons. The class decides about retries, the
//! hint tells the user what to do; both are derived here and nowhere else.

use std::path::PathBuf;

use fenta_workflows::digest::Digest;
use fenta_workflows::worker::{FailureClass, WorkerFailure};

/// A failed audio action.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AudioError {
    /// A speech library or program is not installed.
    #[error("speech needs `{name}`, which is not installed: {detail}")]
    EngineMissing {
        name: String,
        package: &'static str,
        detail: String,
    },
    /// The engine's name is not one of ours.
    #[error("speech engine `{0}` is not known")]
    UnknownEngine(String),
    /// The engine lacks the voice.
    #[error("{engine} has no voice `{voice}`")]
    UnknownVoice {
        engine: &'static str,
        voice: String,
        known: &'static str,
    },
    /// A number or a length outside its limits.
    #[error("{what} is {seen}; it must be {limit}")]
    OutOfRange {
        what: &'static str,
        seen: String,
        limit: &'static str,
    },
    /// A text without a single speakable word.
    #[error("the text {0:?} has no word that can be spoken")]
    NothingToSpeak(String),
    /// A provider's recording in which nothing is said.
    #[error("the recording of {0:?} is silent")]
    Silent(String),
    /// The engine itself gave up.
    #[error("{engine} failed: {detail}")]
    Engine {
        engine: &'static str,
        detail: String,
    },
    /// A mood we do not compose.
    #[error("mood `{0}` is not known")]
    UnknownMood(String),
    /// The request names a blob that was not handed over.
    #[error("blob {} was not given to the worker", .0.short())]
    BlobMissing(Digest),
    /// A recording that FFmpeg cannot read.
    #[error("cannot decode {}: {detail}", path.display())]
    Decode { path: PathBuf, detail: String },
    /// A file without sound.
    #[error("{} has no audio stream", .0.display())]
    NoAudio(PathBuf),
    /// FFmpeg refused to encode.
    #[error("cannot encode {}: {detail}", path.display())]
    Encode { path: PathBuf, detail: String },
    /// No try of mastering and encoding kept under the true-peak target.
    #[error(
        "the soundtrack cannot be held under {wanted:.1} dBTP: the lowest true peak of all tries is {lowest:.2} dBTP"
    )]
    PeakMissed { wanted: f64, lowest: f64 },
    /// Loudness cannot be measured.
    #[error("cannot measure loudness: {0}")]
    Loudness(#[from] ebur128::Error),
    /// Disk trouble.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        path: PathBuf,
        source: std::io::Error,
    },
}

impl AudioError {
    fn class(&self) -> FailureClass {
        match self {
            Self::EngineMissing { .. }
            | Self::UnknownEngine(_)
            | Self::UnknownVoice { .. }
            | Self::UnknownMood(_) => FailureClass::Unsupported,
            Self::OutOfRange { .. } | Self::PeakMissed { .. } => FailureClass::Limit,
            Self::NothingToSpeak(_) | Self::Silent(_) | Self::Decode { .. } | Self::NoAudio(_) => {
                FailureClass::Input
            }
            Self::Io { source, .. } if crate::error::is_full(source) => FailureClass::Disk,
            Self::Io { .. } => FailureClass::Resource,
            Self::Engine { .. }
            | Self::BlobMissing(_)
            | Self::Encode { .. }
            | Self::Loudness(_) => FailureClass::Internal,
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::EngineMissing { package, .. } => {
                format!("install it, on Debian and Ubuntu with `apt install {package}`")
            }
            Self::UnknownEngine(_) => "use `flite` (English) or `espeak-ng`".to_owned(),
            Self::UnknownVoice { known, .. } => format!("use {known}"),
            Self::UnknownMood(_) => "use calm, uplifting, dreamy or driving".to_owned(),
            Self::OutOfRange { limit, .. } => format!("choose a value that is {limit}"),
            Self::PeakMissed { .. } => {
                "choose a lower `loudness`, or a higher `true_peak`".to_owned()
            }
            Self::NothingToSpeak(_) => "write at least one word in this scene".to_owned(),
            Self::Silent(_) => "choose another voice or model".to_owned(),
            Self::Decode { .. } => "check that the file plays, or convert it to WAV".to_owned(),
            Self::NoAudio(_) => "choose a file with sound".to_owned(),
            Self::Io { .. } => "check free space and permissions of the output folder".to_owned(),
            Self::Engine { .. }
            | Self::BlobMissing(_)
            | Self::Encode { .. }
            | Self::Loudness(_) => String::new(),
        }
    }
}

impl From<AudioError> for WorkerFailure {
    fn from(error: AudioError) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_engine_names_the_package() {
        let failure = WorkerFailure::from(AudioError::EngineMissing {
            name: "libflite.so.1".to_owned(),
            package: "libflite1",
            detail: "no such file".to_owned(),
        });
        assert_eq!(failure.class, FailureClass::Unsupported);
        assert!(failure.message.contains("libflite.so.1"));
        assert!(failure.hint.contains("apt install libflite1"));
    }

    #[test]
    fn a_limit_names_what_was_seen() {
        let failure = WorkerFailure::from(AudioError::OutOfRange {
            what: "the speaking rate",
            seen: "9000 permille".to_owned(),
            limit: "between 500 and 2000 permille",
        });
        assert_eq!(failure.class, FailureClass::Limit);
        assert!(failure.message.contains("9000 permille"));
    }
}
