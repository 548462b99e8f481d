//! How a node runs beside what it does: attempts, time, cache, failure, parallel items.
//!
//! Neighbours: `read_rules` reads them from the document, the daemon's runner obeys them. They never enter a node's
//! key: they say how work is done, not which work it is.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Items of a `for_each` that run at the same time when the document does not say.
pub const DEFAULT_MAX_PARALLEL: u32 = 4;

/// The rules of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRules {
    /// When failed work is tried again.
    pub retry: RetryRule,
    /// The longest the node may take.
    pub timeout_ms: Option<u64>,
    /// Whether earlier results count.
    pub cache: CacheRule,
    /// What a failure means for the job.
    pub on_error: OnError,
    /// Whether it may be left out when the budget is short.
    pub optional: bool,
    /// Items of a `for_each` at the same time.
    pub max_parallel: u32,
    /// Whether the document writes `retry`, or the rule is the default.
    pub retry_is_written: bool,
}

impl Default for NodeRules {
    fn default() -> Self {
        Self {
            retry: RetryRule::default(),
            timeout_ms: None,
            cache: CacheRule::Auto,
            on_error: OnError::Fail,
            optional: false,
            max_parallel: DEFAULT_MAX_PARALLEL,
            retry_is_written: false,
        }
    }
}

/// When failed work is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryRule {
    /// Attempts in all, the first one counted.
    pub attempts: u32,
    /// How long to wait before them; none where the document leaves it to the kind of work.
    pub backoff: Option<Backoff>,
    /// After which failures.
    pub on: BTreeSet<RetryClass>,
}

/// Waits before further attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// The wait before the second attempt; each further one is twice as long. Milliseconds.
    pub first_ms: u64,
    /// No wait is longer.
    pub longest_ms: u64,
}

impl Default for RetryRule {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: None,
            on: RetryClass::ALL.into_iter().collect(),
        }
    }
}

/// A class of failures that may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryClass {
    /// The service asks for fewer requests.
    RateLimit,
    /// The service failed.
    Server,
    /// No answer in time.
    Timeout,
    /// No connection.
    Network,
    /// A process of ours died.
    Crash,
    /// Memory or disk was short.
    Resource,
}

impl RetryClass {
    /// Every class, in the order they are documented.
    pub const ALL: [Self; 6] = [
        Self::RateLimit,
        Self::Server,
        Self::Timeout,
        Self::Network,
        Self::Crash,
        Self::Resource,
    ];

    /// As written in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Server => "server",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Crash => "crash",
            Self::Resource => "resource",
        }
    }

    /// The class with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for RetryClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether earlier results count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheRule {
    /// As the kind of work says: content for ever.
    Auto,
    /// Neither read nor relied on.
    Off,
    /// Not read, but written: this run's results count for later ones.
    Refresh,
    /// Results up to this old, milliseconds.
    Ttl(u64),
}

/// What a failed node means for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The job fails.
    Fail,
    /// The node counts as skipped.
    Skip,
    /// The node runs again with the fallback's parameters.
    Fallback,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_read_back_from_its_name() {
        for class in RetryClass::ALL {
            assert_eq!(RetryClass::parse(class.name()), Some(class));
        }
        assert_eq!(RetryClass::parse("content_policy"), None);
    }

    #[test]
    fn the_default_tries_three_times_for_whatever_may_pass() {
        let rules = NodeRules::default();
        assert_eq!(rules.retry.attempts, 3);
        assert_eq!(rules.retry.on.len(), RetryClass::ALL.len());
        assert_eq!(rules.max_parallel, 4);
        assert!(rules.timeout_ms.is_none() && !rules.optional && !rules.retry_is_written);
    }
}
