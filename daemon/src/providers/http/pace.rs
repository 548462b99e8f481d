//! How long each vendor wants to be left alone: what it says in `Retry-After`, for all jobs of this daemon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Nobody waits longer than this for a vendor; a job that would waits by itself.
const LONGEST: Duration = Duration::from_secs(600);

/// See the module. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    closed: Arc<Mutex<HashMap<&'static str, Instant>>>,
}

impl Pace {
    /// A vendor wants to be left alone for so long.
    pub fn rest(&self, vendor: &'static str, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let known = closed.entry(vendor).or_insert(until);
        *known = until.max(*known);
    }

    /// How long it still does.
    pub fn left(&self, vendor: &str) -> Duration {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let until = closed.get(vendor).copied();
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }
}

/// Seconds, or a date (RFC 9110, 10.2.3). What is neither, or lies behind us, says nothing.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = rfc2822::parse(text).ok()?.timestamp();
            Duration::try_from(until.duration_since(now)).ok()?
        }
    };
    (!wait.is_zero()).then_some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let wait = |text| retry_after(text, now).map(|wait| wait.as_secs());
        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait(" 99999 "), Some(600));
        assert_eq!(wait("Mon, 23 Nov 2026 08:00:20 GMT"), Some(20));
        assert_eq!(wait("Mon, 23 Nov 2026 07:00:00 GMT"), None);
        for nothing in ["0", "-1", "soon", ""] {
            assert_eq!(wait(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_vendor_is_left_alone_and_others_are_not() {
        let pace = Pace::default();
        pace.rest("kie", Duration::from_secs(60));
        pace.rest("kie", Duration::from_secs(1));
        assert!(pace.left("kie") > Duration::from_secs(50));
        assert_eq!(pace.left("openai"), Duration::ZERO);
    }
}
