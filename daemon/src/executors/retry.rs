//! Which failures are tried again, how often, and after how long. Pure: the caller waits.

use std::time::Duration;

use fenta_workflows::worker::FailureClass;

/// The rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all where trying again may help.
    pub attempts: u32,
    /// The wait before the second attempt; each further one waits twice as long.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after attempt number `attempt` (from 1) failed; nothing when it was the last.
    pub fn wait_after(&self, attempt: u32, class: FailureClass) -> Option<Duration> {
        let attempts = match class {
            FailureClass::Crash
            | FailureClass::Resource
            | FailureClass::RateLimit
            | FailureClass::Server
            | FailureClass::Timeout
            | FailureClass::Network => self.attempts,
            // Our own mistake may be a race; twice the same is a bug.
            FailureClass::Internal => self.attempts.min(2),
            FailureClass::Input
            | FailureClass::Unsupported
            | FailureClass::Limit
            | FailureClass::Budget => 1,
        };
        (attempt < attempts).then(|| {
            let doublings = attempt.saturating_sub(1).min(16);
            (self.first_wait * 2u32.pow(doublings)).min(self.longest_wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let policy = RetryPolicy::default();
        let waits = |class| {
            (1..)
                .map_while(|attempt| policy.wait_after(attempt, class))
                .map(|wait| wait.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(waits(FailureClass::Crash), [200, 400]);
        assert_eq!(waits(FailureClass::Resource), [200, 400]);
        assert_eq!(waits(FailureClass::Internal), [200]);
        for never in [
            FailureClass::Input,
            FailureClass::Unsupported,
            FailureClass::Limit,
            FailureClass::Budget,
        ] {
            assert!(waits(never).is_empty(), "{never:?}");
        }
    }

    #[test]
    fn waits_are_bounded() {
        let policy = RetryPolicy {
            attempts: 40,
            ..RetryPolicy::default()
        };
        let longest = (1..40)
            .filter_map(|attempt| policy.wait_after(attempt, FailureClass::Crash))
            .max();
        assert_eq!(longest, Some(Duration::from_secs(2)));
    }
}
