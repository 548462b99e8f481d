//! How a command ends when it does not end well: made once, printed once, turned into an exit code once.
//!
//! Neighbours: commands make these; `app` prints them through `ui`; the codes are named in `fenta_client::exit_code`.

use std::error::Error;
use std::io;

use fenta_client::api::problem::LocatedDiagnostic;
use fenta_client::{ClientError, ConnectError, ErrorKind, Retry, exit_code};
use serde::Serialize;

use crate::commands::run::batch::row::RowProblem;

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command line is wrong.
    #[error("{message}")]
    Usage {
        /// What was seen.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// Nobody is logged in to the server.
    #[error("you are not logged in to `{context}`")]
    NotLoggedIn {
        /// The name of its context.
        context: String,
    },
    /// The document does not compile.
    #[error("{name} does not compile: {}", count(*.errors))]
    Document {
        /// The document as shown.
        name: String,
        /// How many errors it has; more than are shown when there are very many.
        errors: usize,
        /// Everything wrong, as a terminal shows it.
        rendered: String,
        /// The same for programs.
        diagnostics: Vec<LocatedDiagnostic>,
    },
    /// Rows of a batch do not fit the workflow.
    #[error("{}; nothing was started", unfit_rows(*.bad, *.rows))]
    Rows {
        /// How many of them do not fit.
        bad: usize,
        /// How many rows there are; none when not even they could be told apart.
        rows: usize,
        /// Everything wrong with them.
        problems: Vec<RowProblem>,
    },
    /// `fenta plan --detailed-exitcode` found work.
    #[error("the plan has work to do")]
    PlanHasWork,
    /// Jobs of a batch failed.
    #[error("{failed} of {rows} rows failed")]
    BatchFailed {
        /// How many failed.
        failed: usize,
        /// How many there are.
        rows: usize,
    },
    /// A batch was ended before all rows were done.
    #[error("the batch was ended; {done} of {rows} rows are done")]
    BatchEnded {
        /// How many are completed.
        done: usize,
        /// How many there are.
        rows: usize,
        /// 11, 130 or 143.
        code: u8,
    },
    /// The document or a file beside it cannot be read.
    #[error("{message}")]
    Unreadable {
        /// Which file and why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// There is no such thing.
    #[error("{message}")]
    NotFound {
        /// What was looked for.
        message: String,
        /// What there is.
        hint: Option<String>,
    },
    /// The job waits for someone.
    #[error("paused: {message}")]
    Paused {
        /// The job.
        job: String,
        /// Why.
        message: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// Somebody has to say whether something was paid.
    #[error("needs attention: {message}")]
    NeedsAttention {
        /// The job.
        job: String,
        /// What is not known.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The job ran and failed.
    #[error("{}", failed(.node, .message))]
    JobFailed {
        /// The job.
        job: String,
        /// The node that failed; empty when it was none of them.
        node: String,
        /// Whether a budget stopped it.
        refused: bool,
        /// What went wrong.
        message: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// The job was cancelled.
    #[error("job {job} was cancelled")]
    Cancelled {
        /// The job.
        job: String,
    },
    /// A signal ended the command.
    #[error("interrupted; job {job} is {left}")]
    Interrupted {
        /// The job that was followed.
        job: String,
        /// What becomes of the job.
        left: &'static str,
        /// 130 or 143.
        code: u8,
    },
    /// `fenta doctor` found something that must be put right.
    #[error("{failed} of {checks} checks failed")]
    Unhealthy {
        /// How many failed.
        failed: usize,
        /// How many there are.
        checks: usize,
    },
    /// `fenta fmt --check` found documents to lay out.
    #[error("laid out differently: {files} of the documents")]
    Unformatted {
        /// How many.
        files: usize,
    },
    /// A provider does not answer, or does not take the key.
    #[error("{vendor} does not work: {message}")]
    Provider {
        /// The vendor.
        vendor: String,
        /// What was found.
        message: String,
    },
    /// The server said no, or is not there.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The terminal or a file of our own failed.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// `fenta cache verify` found damage.
    #[error("{}", damaged_blobs(*.blobs))]
    CacheDamaged {
        /// Blobs that were not what their names say.
        blobs: usize,
    },
    /// Nobody reads our output any more, which is their right.
    #[error("the output was closed")]
    ClosedPipe,
}

impl From<ConnectError> for CommandError {
    fn from(error: ConnectError) -> Self {
        Self::Client(error.into())
    }
}

/// The last line of stderr with `--json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ExitError {
    #[serde(rename = "type")]
    kind: &'static str,
    code: u8,
    retryable: bool,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    diagnostics: Vec<LocatedDiagnostic>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<RowProblem>,
}

impl CommandError {
    /// A wrong command line.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// The code the program ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Rows { .. } => exit_code::USAGE,
            Self::Document { .. } | Self::Unreadable { .. } => exit_code::DOCUMENT_INVALID,
            Self::NotFound { .. } => exit_code::NOT_FOUND,
            Self::NotLoggedIn { .. } => exit_code::AUTH,
            Self::JobFailed { refused: true, .. } => exit_code::REFUSED,
            Self::JobFailed { .. } | Self::BatchFailed { .. } => exit_code::JOB_FAILED,
            Self::Paused { .. } | Self::NeedsAttention { .. } => exit_code::PAUSED,
            Self::Cancelled { .. } => exit_code::CANCELLED,
            Self::Provider { .. } => exit_code::PROVIDER_REFUSED,
            Self::Interrupted { code, .. } | Self::BatchEnded { code, .. } => *code,
            Self::Unhealthy { .. } | Self::Io { .. } => exit_code::INTERNAL,
            Self::Unformatted { .. } | Self::PlanHasWork => exit_code::PLAN_HAS_WORK,
            Self::CacheDamaged { .. } => exit_code::CACHE_DAMAGED,
            Self::Client(error) => code_of(error.kind()),
            Self::ClosedPipe => exit_code::OK,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::Unreadable { hint, .. }
            | Self::NotFound { hint, .. } => hint.clone(),
            Self::JobFailed { hint, .. } | Self::NeedsAttention { hint, .. } => {
                (!hint.is_empty()).then(|| hint.clone())
            }
            Self::Paused { hint, job, .. } => {
                let resume = format!("`fenta job resume {job}` goes on from there");
                Some(match hint.as_str() {
                    "" => resume,
                    hint => format!("{hint}; then {resume}"),
                })
            }
            Self::Cancelled { job } => Some(format!(
                "`fenta job resume {job}` goes on; what is finished is not done again"
            )),
            Self::Interrupted { job, .. } => Some(format!("`fenta logs {job} -f` follows it")),
            Self::NotLoggedIn { context } => Some(format!(
                "`fenta auth login --context {context}` logs you in"
            )),
            Self::Unformatted { .. } => {
                Some("`fenta fmt FILE` lays them out, `--diff` shows how".to_owned())
            }
            Self::CacheDamaged { .. } => Some(
                "nothing is lost: what needs them makes them again (`fenta explain` will say output_corrupt); a disk that does this often is failing"
                    .to_owned(),
            ),
            Self::Client(error) => error.hint(),
            Self::BatchFailed { .. } | Self::BatchEnded { .. } => {
                Some("run the same command again: rows that are done are not done again".to_owned())
            }
            Self::Provider { vendor, .. } => Some(format!(
                "`fenta auth provider add {vendor}` stores another key; `fenta providers` says what is configured"
            )),
            Self::Document { .. }
            | Self::Rows { .. }
            | Self::PlanHasWork
            | Self::Unhealthy { .. }
            | Self::Io { .. }
            | Self::ClosedPipe => None,
        }
    }

    /// The message with everything underneath it.
    pub(crate) fn full_message(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            // Libraries often repeat their source in their own message.
            if !text.contains(&inner_text) {
                text.push_str(": ");
                text.push_str(&inner_text);
            }
            source = inner.source();
        }
        text
    }

    /// The server's name for the failed request.
    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Self::Client(error) => error.request_id(),
            _ => None,
        }
    }

    /// What is wrong with the document, when that is what is wrong.
    pub(crate) fn diagnostics(&self) -> &[LocatedDiagnostic] {
        match self {
            Self::Document { diagnostics, .. } => diagnostics,
            Self::Client(ClientError::Problem { problem, .. }) => &problem.diagnostics,
            _ => &[],
        }
    }

    /// The error for programs.
    pub(crate) fn to_exit_error(&self) -> ExitError {
        ExitError {
            kind: "exit_error",
            code: self.exit_code(),
            retryable: matches!(self, Self::Client(error) if error.retry() != Retry::Never),
            message: self.full_message(),
            hint: self.hint(),
            request_id: self.request_id().map(str::to_owned),
            diagnostics: self.diagnostics().to_vec(),
            problems: self.problems().to_vec(),
        }
    }

    /// What is wrong with the rows, when that is what is wrong.
    pub(crate) fn problems(&self) -> &[RowProblem] {
        match self {
            Self::Rows { problems, .. } => problems,
            _ => &[],
        }
    }
}

fn damaged_blobs(blobs: usize) -> String {
    match blobs {
        1 => "1 blob of the cache was damaged and is set aside".to_owned(),
        many => format!("{many} blobs of the cache were damaged and are set aside"),
    }
}

fn unfit_rows(bad: usize, rows: usize) -> String {
    match rows {
        0 => "there are no rows that could run".to_owned(),
        rows => format!("{bad} of {rows} rows cannot run"),
    }
}

fn code_of(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Internal => exit_code::INTERNAL,
        ErrorKind::Usage | ErrorKind::Conflict => exit_code::USAGE,
        ErrorKind::DocumentInvalid => exit_code::DOCUMENT_INVALID,
        ErrorKind::Auth => exit_code::AUTH,
        ErrorKind::NotFound => exit_code::NOT_FOUND,
        ErrorKind::Refused => exit_code::REFUSED,
        ErrorKind::Unreachable => exit_code::DAEMON_UNREACHABLE,
        ErrorKind::VersionSkew => exit_code::VERSION_SKEW,
        ErrorKind::LockHeld => exit_code::LOCK_HELD,
        ErrorKind::ServerDown => exit_code::API_DOWN,
        ErrorKind::RateLimited => exit_code::RATE_LIMITED,
    }
}

fn count(errors: usize) -> String {
    match errors {
        1 => "1 error".to_owned(),
        many => format!("{many} errors"),
    }
}

fn failed(node: &str, message: &str) -> String {
    if node.is_empty() {
        message.to_owned()
    } else {
        format!("node `{node}`: {message}")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn from_server(status: u16, more: &str) -> CommandError {
        let json = format!(
            r#"{{"title":"T","status":{status},"detail":"d","code":"c","request_id":"req_1"{more}}}"#
        );
        CommandError::Client(ClientError::Problem {
            problem: serde_json::from_str(&json).unwrap(),
            retry_after: None,
        })
    }

    fn job_failed() -> CommandError {
        CommandError::JobFailed {
            job: "job_1".into(),
            node: "voice".into(),
            refused: false,
            message: "no engine".into(),
            hint: "install it".into(),
        }
    }

    #[test]
    fn every_ending_has_its_documented_code() {
        let not_running = CommandError::from(ConnectError::NotRunning {
            socket: PathBuf::from("/s"),
        });
        let cancelled = CommandError::Cancelled { job: "j".into() };
        let table = [
            (CommandError::usage("m", "h"), 2),
            (
                CommandError::Unreadable {
                    message: "m".into(),
                    hint: None,
                },
                3,
            ),
            (
                CommandError::NotFound {
                    message: "m".into(),
                    hint: None,
                },
                5,
            ),
            (job_failed(), 10),
            (cancelled, 11),
            (not_running, 20),
            (from_server(404, ""), 5),
            (from_server(409, ""), 2),
            (from_server(401, ""), 4),
            (from_server(402, ""), 12),
            (from_server(503, ""), 30),
            (from_server(429, ""), 31),
            (from_server(500, ""), 1),
            (CommandError::CacheDamaged { blobs: 2 }, 40),
            (CommandError::ClosedPipe, 0),
        ];
        for (error, code) in table {
            assert_eq!(error.exit_code(), code, "{error}");
            assert!(exit_code::ALL.iter().any(|(known, _, _)| *known == code));
        }
    }

    #[test]
    fn a_failed_job_names_its_node_and_what_to_do() {
        let error = job_failed();
        assert_eq!(error.to_string(), "node `voice`: no engine");
        assert_eq!(error.hint().as_deref(), Some("install it"));
    }

    #[test]
    fn programs_get_one_line() {
        let line = serde_json::to_string(&from_server(503, "").to_exit_error()).unwrap();
        assert_eq!(
            line,
            r#"{"type":"exit_error","code":30,"retryable":true,"message":"d","request_id":"req_1"}"#
        );
        let line = serde_json::to_string(&job_failed().to_exit_error()).unwrap();
        assert!(line.contains(r#""retryable":false"#) && line.contains(r#""hint":"install it""#));
    }

    #[test]
    fn sources_are_told_once() {
        let error = CommandError::Io {
            what: "cannot write `a`".into(),
            source: io::Error::other("disk full"),
        };
        assert_eq!(error.full_message(), "cannot write `a`: disk full");
        let error = CommandError::Io {
            what: "cannot write: disk full".into(),
            source: io::Error::other("disk full"),
        };
        assert_eq!(error.full_message(), "cannot write: disk full");
    }
}
