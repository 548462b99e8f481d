//! Time and fresh ids, injected so that tests decide both. Nothing else in the crate asks the machine for the time of
//! day.

use std::fmt::Debug;

use jiff::Timestamp;
use jiff::civil::Date;

/// Where the time of day and new ids come from.
pub trait Clock: Debug + Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Today on the user's calendar.
    fn local_date(&self) -> Date;

    /// A fresh id, ordered by time: `prefix` and 32 hexadecimal characters.
    fn fresh_id(&self, prefix: &str) -> String;

    /// Now, as every log and row of the daemon writes it: RFC 3339 UTC with milliseconds.
    fn now_text(&self) -> String {
        timestamp_text(self.now())
    }
}

/// RFC 3339 UTC with exactly three decimals, so that texts sort like the times they name.
pub fn timestamp_text(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The machine's own clock and UUIDv7.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn local_date(&self) -> Date {
        jiff::Zoned::now().date()
    }

    fn fresh_id(&self, prefix: &str) -> String {
        format!("{prefix}{}", uuid::Uuid::now_v7().simple())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A clock that stands still until it is told to move, and ids that count.

    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use super::*;

    /// See the module.
    #[derive(Debug)]
    pub(crate) struct ManualClock {
        millis: AtomicI64,
        ids: AtomicU64,
    }

    impl Default for ManualClock {
        fn default() -> Self {
            Self {
                millis: AtomicI64::new(1_795_000_000_000),
                ids: AtomicU64::new(0),
            }
        }
    }

    impl ManualClock {
        pub(crate) fn advance(&self, millis: i64) {
            self.millis.fetch_add(millis, Ordering::SeqCst);
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millisecond(self.millis.load(Ordering::SeqCst)).unwrap()
        }

        fn local_date(&self) -> Date {
            jiff::civil::date(2026, 11, 22)
        }

        fn fresh_id(&self, prefix: &str) -> String {
            format!("{prefix}{:032x}", self.ids.fetch_add(1, Ordering::SeqCst))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::ManualClock;
    use super::*;

    #[test]
    fn texts_of_times_have_three_decimals_and_sort_like_times() {
        let clock = ManualClock::default();
        let first = clock.now_text();
        clock.advance(1);
        let second = clock.now_text();
        assert_eq!(first, "2026-11-18T11:06:40.000Z");
        assert_eq!(second, "2026-11-18T11:06:40.001Z");
        assert!(first < second);
    }

    #[test]
    fn fresh_ids_are_prefixed_uuids_in_order() {
        let ids: Vec<String> = (0..100).map(|_| SystemClock.fresh_id("job_")).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        let hex = ids[0].strip_prefix("job_").unwrap();
        assert_eq!(hex.len(), 32);
        assert_eq!(&hex[12..13], "7", "version nibble of a UUIDv7");
    }
}
