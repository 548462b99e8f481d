//! The exit codes of `fenta`, by name. Scripts rely on them: a number never changes its meaning.
//!
//! They live beside the errors so that other front ends end the same way; only binaries call `exit`.

/// Everything went well; an empty list is well too.
pub const OK: u8 = 0;
/// Fenta itself is at fault.
pub const INTERNAL: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The document is wrong or cannot be read.
pub const DOCUMENT_INVALID: u8 = 3;
/// Credentials are missing, expired or not enough.
pub const AUTH: u8 = 4;
/// There is no such job, node or other object.
pub const NOT_FOUND: u8 = 5;
/// There is work to do (`plan`, `fmt --check`); only when asked.
pub const PLAN_HAS_WORK: u8 = 6;
/// The job ran and failed.
pub const JOB_FAILED: u8 = 10;
/// The job was cancelled.
pub const CANCELLED: u8 = 11;
/// A budget or quota refused it.
pub const REFUSED: u8 = 12;
/// The job is paused.
pub const PAUSED: u8 = 13;
/// The daemon cannot be reached or started.
pub const DAEMON_UNREACHABLE: u8 = 20;
/// Daemon and client speak no common version of the API.
pub const VERSION_SKEW: u8 = 21;
/// Another process holds a lock.
pub const LOCK_HELD: u8 = 22;
/// The hosted service is down; trying again later may work.
pub const API_DOWN: u8 = 30;
/// Too many requests; trying again later will work.
pub const RATE_LIMITED: u8 = 31;
/// A provider refused for good.
pub const PROVIDER_REFUSED: u8 = 32;
/// The cache is damaged.
pub const CACHE_DAMAGED: u8 = 40;
/// Ended by Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// Ended by a request to terminate.
pub const TERMINATED: u8 = 143;

/// Every code with its name and meaning, ascending: the text of `fenta help exit-codes`.
pub const ALL: &[(u8, &str, &str)] = &[
    (OK, "ok", "everything went well; an empty list is well too"),
    (INTERNAL, "internal", "Fenta itself is at fault"),
    (USAGE, "usage", "the command line is wrong"),
    (
        DOCUMENT_INVALID,
        "document-invalid",
        "the document is wrong or cannot be read",
    ),
    (
        AUTH,
        "auth",
        "credentials are missing, expired or not enough",
    ),
    (NOT_FOUND, "not-found", "there is no such job, node or file"),
    (
        PLAN_HAS_WORK,
        "plan-has-work",
        "there is work to do (`plan`, `fmt --check`); only when asked",
    ),
    (JOB_FAILED, "job-failed", "the job ran and failed"),
    (CANCELLED, "cancelled", "the job was cancelled"),
    (REFUSED, "refused", "a budget or quota refused it"),
    (PAUSED, "paused", "the job is paused"),
    (
        DAEMON_UNREACHABLE,
        "daemon-unreachable",
        "the daemon cannot be reached or started",
    ),
    (
        VERSION_SKEW,
        "version-skew",
        "daemon and client speak no common version of the API",
    ),
    (LOCK_HELD, "lock-held", "another process holds a lock"),
    (
        API_DOWN,
        "api-down",
        "the server is down; trying again later may work",
    ),
    (
        RATE_LIMITED,
        "rate-limited",
        "too many requests; trying again later will work",
    ),
    (
        PROVIDER_REFUSED,
        "provider-refused",
        "a provider refused for good",
    ),
    (CACHE_DAMAGED, "cache-damaged", "the cache is damaged"),
    (INTERRUPTED, "interrupted", "ended by Ctrl-C"),
    (TERMINATED, "terminated", "ended by a request to terminate"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_names_are_unique() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mut names: Vec<_> = ALL.iter().map(|(_, name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn the_codes_scripts_rely_on_never_move() {
        assert_eq!(
            [OK, INTERNAL, USAGE, DOCUMENT_INVALID, AUTH, NOT_FOUND],
            [0, 1, 2, 3, 4, 5]
        );
        assert_eq!([JOB_FAILED, CANCELLED, REFUSED, PAUSED], [10, 11, 12, 13]);
        assert_eq!([DAEMON_UNREACHABLE, VERSION_SKEW, LOCK_HELD], [20, 21, 22]);
        assert_eq!([INTERRUPTED, TERMINATED], [130, 143]);
    }
}
