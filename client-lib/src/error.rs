//! What can go wrong between a client and a server, sorted by what the caller can do about it.
//!
//! Neighbours: `transport` makes these, `events` lives through some of them, front ends turn [`ErrorKind`] into an
//! exit code. Problems of documents are not errors of this kind: they come as diagnostics inside a [`Problem`].

use std::time::Duration;

use crate::api::problem::Problem;
use crate::daemon_connect::ConnectError;

/// Why a call gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address itself cannot be used.
    #[error("`{address}` is not an address of a Fenta server: {reason}")]
    BadEndpoint {
        /// As given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection: the request was certainly not received.
    #[error("cannot connect to {endpoint}")]
    Unreachable {
        /// The server.
        endpoint: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke after the request was sent: it may or may not have been carried out.
    #[error("the connection to {endpoint} broke during {request}")]
    Interrupted {
        /// The server.
        endpoint: String,
        /// Method and path.
        request: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The server said no, with reasons.
    #[error("{}", describe(.problem))]
    Problem {
        /// Its reasons.
        problem: Box<Problem>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The answer is not one of this API.
    #[error("{endpoint} answered {request} with something else than Fenta's API: {reason}")]
    BadAnswer {
        /// The server.
        endpoint: String,
        /// Method and path.
        request: String,
        /// What was seen.
        reason: String,
    },
    /// A stream of events could not be continued, however often it was tried.
    #[error("lost the events of {job} after event {last_seq}: {reason}")]
    StreamLost {
        /// The job.
        job: String,
        /// The last event that arrived.
        last_seq: u64,
        /// Why the last try failed.
        reason: String,
    },
    /// The daemon could not be found, started or spoken with.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What an error means to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something that must not happen.
    Internal,
    /// The request is wrong.
    Usage,
    /// The document is wrong.
    DocumentInvalid,
    /// Credentials are missing or not enough.
    Auth,
    /// There is no such thing.
    NotFound,
    /// The state of the thing does not allow it.
    Conflict,
    /// A budget or quota refused it.
    Refused,
    /// No connection.
    Unreachable,
    /// No common version.
    VersionSkew,
    /// A lock is held.
    LockHeld,
    /// The server is there but cannot serve now.
    ServerDown,
    /// Too many requests.
    RateLimited,
}

/// Whether trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It will not.
    Never,
    /// After this long.
    After(Duration),
    /// After a while that grows from try to try.
    Backoff,
}

impl ClientError {
    /// What it means to the caller.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::BadEndpoint { .. } => ErrorKind::Usage,
            Self::Unreachable { .. } | Self::Interrupted { .. } | Self::StreamLost { .. } => {
                ErrorKind::Unreachable
            }
            Self::Problem { problem, .. } => problem_kind(problem),
            Self::BadAnswer { .. } => ErrorKind::Internal,
            Self::Connect(error) => error.kind(),
        }
    }

    /// Whether trying the same call again may help.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => Retry::Backoff,
            Self::Problem {
                problem,
                retry_after,
            } if matches!(problem.status, 429 | 502 | 503 | 504) => {
                retry_after.map_or(Retry::Backoff, Retry::After)
            }
            Self::Connect(error) => error.retry(),
            _ => Retry::Never,
        }
    }

    /// Whether the request was certainly not carried out, so that even a call that must happen once may be repeated.
    pub fn not_received(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }

    /// Whether the server turned the request away before it did anything: too many of them.
    pub fn was_turned_away(&self) -> bool {
        matches!(self, Self::Problem { problem, .. } if problem.status == 429)
    }

    /// Whether there was no answer in time.
    pub fn timed_out(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } | Self::Interrupted { source, .. } => {
                source.is_timeout()
            }
            _ => false,
        }
    }

    /// What to do about it, where the error knows.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Problem { problem, .. } => problem.hint.clone(),
            Self::Connect(error) => error.hint(),
            Self::BadAnswer { .. } => Some(
                "check with `fenta daemon status` that daemon and client are of one release"
                    .to_owned(),
            ),
            Self::StreamLost { job, .. } => {
                Some(format!("the job goes on by itself: `fenta logs {job} -f`"))
            }
            _ => None,
        }
    }

    /// The server's name for the request, to find it in its log.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Problem { problem, .. } if !problem.request_id.is_empty() => {
                Some(&problem.request_id)
            }
            _ => None,
        }
    }
}

fn problem_kind(problem: &Problem) -> ErrorKind {
    match problem.status {
        422 if !problem.diagnostics.is_empty() => ErrorKind::DocumentInvalid,
        401 | 403 => ErrorKind::Auth,
        402 => ErrorKind::Refused,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        426 => ErrorKind::VersionSkew,
        423 => ErrorKind::LockHeld,
        429 => ErrorKind::RateLimited,
        502..=504 => ErrorKind::ServerDown,
        400..=499 => ErrorKind::Usage,
        _ => ErrorKind::Internal,
    }
}

fn describe(problem: &Problem) -> &str {
    if problem.detail.is_empty() {
        &problem.title
    } else {
        &problem.detail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16) -> ClientError {
        let json = format!(
            r#"{{"title":"T","status":{status},"detail":"d","code":"c","request_id":"req_1","hint":"h"}}"#
        );
        ClientError::Problem {
            problem: serde_json::from_str(&json).unwrap(),
            retry_after: None,
        }
    }

    #[test]
    fn status_decides_what_it_means() {
        let expected = [
            (400, ErrorKind::Usage),
            (401, ErrorKind::Auth),
            (402, ErrorKind::Refused),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (422, ErrorKind::Usage),
            (426, ErrorKind::VersionSkew),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Internal),
            (503, ErrorKind::ServerDown),
        ];
        for (status, kind) in expected {
            assert_eq!(problem(status).kind(), kind, "{status}");
        }
    }

    #[test]
    fn only_passing_troubles_are_tried_again() {
        assert_eq!(problem(503).retry(), Retry::Backoff);
        assert_eq!(problem(429).retry(), Retry::Backoff);
        assert_eq!(problem(500).retry(), Retry::Never);
        assert_eq!(problem(404).retry(), Retry::Never);
        let mut limited = problem(429);
        if let ClientError::Problem { retry_after, .. } = &mut limited {
            *retry_after = Some(Duration::from_secs(7));
        }
        assert_eq!(limited.retry(), Retry::After(Duration::from_secs(7)));
    }

    #[test]
    fn a_problem_speaks_with_its_detail_and_hint() {
        let error = problem(404);
        assert_eq!(error.to_string(), "d");
        assert_eq!(error.hint().as_deref(), Some("h"));
        assert_eq!(error.request_id(), Some("req_1"));
        let mut silent: Problem =
            serde_json::from_str(r#"{"title":"Not Found","status":404,"code":"c"}"#).unwrap();
        assert_eq!(describe(&silent), "Not Found");
        silent.detail = "no job `x`".to_owned();
        assert_eq!(describe(&silent), "no job `x`");
    }
}
