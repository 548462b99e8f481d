//! Which failures are tried again, how often, and after how long. Pure: the caller waits.

use std::collections::BTreeSet;
use std::time::Duration;

use fenta_workflows::graph::{RetryClass, RetryRule};
use fenta_workflows::worker::FailureClass;

/// The rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all where trying again may help.
    pub attempts: u32,
    /// The wait before the second attempt; each further one waits twice as long.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
    /// The failures after which trying again may help.
    pub on: BTreeSet<RetryClass>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(2),
            on: RetryClass::ALL.into_iter().collect(),
        }
    }
}

impl From<&RetryRule> for RetryPolicy {
    fn from(rule: &RetryRule) -> Self {
        Self {
            attempts: rule.attempts.max(1),
            first_wait: Duration::from_millis(rule.first_wait_ms),
            longest_wait: Duration::from_millis(rule.longest_wait_ms),
            on: rule.on.clone(),
        }
    }
}

impl RetryPolicy {
    /// How long to wait after attempt number `attempt` (from 1) failed; nothing when it was the last.
    pub fn wait_after(&self, attempt: u32, class: FailureClass) -> Option<Duration> {
        let attempts = match retry_class(class) {
            Some(class) if self.on.contains(&class) => self.attempts,
            // Our own mistake may be a race; twice the same is a bug.
            None if class == FailureClass::Internal => self.attempts.min(2),
            _ => 1,
        };
        (attempt < attempts).then(|| {
            let doublings = attempt.saturating_sub(1).min(16);
            (self.first_wait * 2u32.pow(doublings)).min(self.longest_wait)
        })
    }
}

/// The documents' word for a failure; none for those that no waiting mends.
const fn retry_class(class: FailureClass) -> Option<RetryClass> {
    match class {
        FailureClass::RateLimit => Some(RetryClass::RateLimit),
        FailureClass::Server => Some(RetryClass::Server),
        FailureClass::Timeout => Some(RetryClass::Timeout),
        FailureClass::Network => Some(RetryClass::Network),
        FailureClass::Crash => Some(RetryClass::Crash),
        FailureClass::Resource => Some(RetryClass::Resource),
        FailureClass::Input
        | FailureClass::Unsupported
        | FailureClass::Limit
        | FailureClass::Internal
        | FailureClass::Budget => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(policy: &RetryPolicy, class: FailureClass) -> Vec<u128> {
        (1..)
            .map_while(|attempt| policy.wait_after(attempt, class))
            .map(|wait| wait.as_millis())
            .collect()
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let policy = RetryPolicy::default();
        for passing in [
            FailureClass::Crash,
            FailureClass::Resource,
            FailureClass::RateLimit,
            FailureClass::Server,
            FailureClass::Timeout,
            FailureClass::Network,
        ] {
            assert_eq!(waits(&policy, passing), [200, 400], "{passing:?}");
        }
        assert_eq!(waits(&policy, FailureClass::Internal), [200]);
        for never in [
            FailureClass::Input,
            FailureClass::Unsupported,
            FailureClass::Limit,
            FailureClass::Budget,
        ] {
            assert!(waits(&policy, never).is_empty(), "{never:?}");
        }
    }

    #[test]
    fn a_rule_of_the_document_says_which_and_how_often() {
        let rule = RetryRule {
            attempts: 4,
            first_wait_ms: 10,
            longest_wait_ms: 25,
            on: BTreeSet::from([RetryClass::Server]),
        };
        let policy = RetryPolicy::from(&rule);
        assert_eq!(waits(&policy, FailureClass::Server), [10, 20, 25]);
        assert!(waits(&policy, FailureClass::Crash).is_empty());
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
