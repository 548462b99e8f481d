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

impl RetryPolicy {
    /// For work that somebody else does.
    pub fn for_providers() -> Self {
        Self {
            first_wait: Duration::from_secs(2),
            longest_wait: Duration::from_secs(60),
            ..Self::default()
        }
    }

    /// A document's rule over this one: the waits it does not write stay.
    #[must_use]
    pub fn under(&self, rule: &RetryRule) -> Self {
        let waits = rule.backoff.map(|backoff| {
            let [first, longest] =
                [backoff.first_ms, backoff.longest_ms].map(Duration::from_millis);
            (first, longest)
        });
        let (first_wait, longest_wait) = waits.unwrap_or((self.first_wait, self.longest_wait));
        Self {
            attempts: rule.attempts.max(1),
            first_wait,
            longest_wait,
            on: rule.on.clone(),
        }
    }

    /// How long to wait after attempt number `attempt` (from 1) failed; nothing when it was the last.
    pub fn wait_after(&self, attempt: u32, class: FailureClass) -> Option<Duration> {
        let attempts = match retry_class(class) {
            Some(class) if self.on.contains(&class) => self.attempts,
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
        FailureClass::Resource | FailureClass::Disk => Some(RetryClass::Resource),
        FailureClass::Input
        | FailureClass::Unsupported
        | FailureClass::Limit
        | FailureClass::Internal
        | FailureClass::Budget
        | FailureClass::PaidUnknown => None,
    }
}

#[cfg(test)]
mod tests {
    use fenta_workflows::graph::Backoff;

    use super::*;

    fn waits(policy: &RetryPolicy, class: FailureClass) -> Vec<u128> {
        (1..)
            .map_while(|attempt| policy.wait_after(attempt, class))
            .map(|wait| wait.as_millis())
            .collect()
    }

    // spec: W-53
    #[test]
    fn only_what_may_pass_is_tried_again() {
        let policy = RetryPolicy::default();
        for passing in [
            FailureClass::Crash,
            FailureClass::Resource,
            FailureClass::Disk,
            FailureClass::RateLimit,
            FailureClass::Server,
            FailureClass::Timeout,
            FailureClass::Network,
        ] {
            assert_eq!(waits(&policy, passing), [200, 400], "{passing:?}");
        }
        for never in [
            FailureClass::Input,
            FailureClass::Unsupported,
            FailureClass::Limit,
            FailureClass::Internal,
            FailureClass::Budget,
            FailureClass::PaidUnknown,
        ] {
            assert!(waits(&policy, never).is_empty(), "{never:?}");
        }
    }

    // spec: W-52
    #[test]
    fn waits_that_are_not_written_stay_those_of_the_kind_of_work() {
        let rule = RetryRule {
            attempts: 8,
            ..RetryRule::default()
        };
        let machine = RetryPolicy::default().under(&rule);
        assert_eq!(
            waits(&machine, FailureClass::Crash),
            [200, 400, 800, 1600, 2000, 2000, 2000]
        );
        let provider = RetryPolicy::for_providers().under(&rule);
        assert_eq!(
            waits(&provider, FailureClass::Server),
            [2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]
        );
        let unwritten = RetryPolicy::for_providers();
        assert_eq!(waits(&unwritten, FailureClass::Server), [2000, 4000]);
    }

    // spec: W-53
    #[test]
    fn a_rule_of_the_document_says_which_and_how_often() {
        let rule = RetryRule {
            attempts: 4,
            backoff: Some(Backoff {
                first_ms: 10,
                longest_ms: 25,
            }),
            on: BTreeSet::from([RetryClass::Server]),
        };
        let policy = RetryPolicy::default().under(&rule);
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
