//! One bucket of turns per server: however many clients and tasks of this process ask the same host, together they stay
//! below what it allows, and all of them wait when it asks to be left alone. The daemon of this machine has no such limit.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Endpoint;

/// Requests that may be made at once after a rest.
const BURST: u32 = 20;

/// One more turn each so long: 100 a minute is what a server gives a user.
const REFILL: Duration = Duration::from_millis(600);

/// Nobody waits longer than this for a turn because a server said so once.
const LONGEST: Duration = Duration::from_secs(60);

static BUCKETS: LazyLock<Mutex<HashMap<String, Arc<Mutex<Bucket>>>>> =
    LazyLock::new(Mutex::default);

/// Turns of one server.
#[derive(Debug)]
struct Bucket {
    /// When the bucket would be full again.
    full_at: Instant,
    /// Until when the server wants to be left alone.
    quiet_until: Instant,
}

/// The way to the turns of a server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    bucket: Option<Arc<Mutex<Bucket>>>,
}

impl Turns {
    /// Those of a server. Sockets and loopback addresses are this machine.
    pub(crate) fn of(endpoint: &Endpoint) -> Self {
        let Endpoint::Url(url) = endpoint else {
            return Self { bucket: None };
        };
        let host = url
            .parse::<reqwest::Url>()
            .ok()
            .map(|url| url.origin().ascii_serialization());
        match host {
            Some(host) if !host.starts_with("http://") => Self::shared(&host),
            _ => Self { bucket: None },
        }
    }

    fn shared(host: &str) -> Self {
        let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(host.to_owned()).or_insert_with(|| {
            let now = Instant::now();
            Arc::new(Mutex::new(Bucket {
                full_at: now,
                quiet_until: now,
            }))
        });
        Self {
            bucket: Some(Arc::clone(bucket)),
        }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) {
        let Some(bucket) = &self.bucket else { return };
        let at = lock(bucket).take(Instant::now());
        tokio::time::sleep_until(at).await;
    }

    /// The server wants to be left alone for so long.
    pub(crate) fn leave_alone(&self, wait: Duration) {
        if let Some(bucket) = &self.bucket {
            let until = Instant::now() + wait.min(LONGEST);
            let mut bucket = lock(bucket);
            bucket.quiet_until = bucket.quiet_until.max(until);
        }
    }
}

fn lock(bucket: &Mutex<Bucket>) -> MutexGuard<'_, Bucket> {
    bucket.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bucket {
    /// Takes a turn and says when it is.
    fn take(&mut self, now: Instant) -> Instant {
        self.full_at = self.full_at.max(now) + REFILL;
        let capacity = REFILL * BURST;
        let at = self.full_at.checked_sub(capacity).unwrap_or(now);
        at.max(now).max(self.quiet_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_each_waits_its_turn() {
        let turns = Turns::shared("https://one.example");
        let begun = Instant::now();
        for _ in 0..BURST {
            turns.turn().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // Another client of the same host shares them.
        let other = Turns::shared("https://one.example");
        for _ in 0..10 {
            other.turn().await;
        }
        assert_eq!(begun.elapsed().as_millis(), 10 * REFILL.as_millis());
        let elsewhere = Turns::shared("https://two.example");
        let now = Instant::now();
        elsewhere.turn().await;
        assert_eq!(now.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_it_stays_below_what_a_server_allows_in_a_minute() {
        let turns = Turns::shared("https://three.example");
        let begun = Instant::now();
        for _ in 0..120 {
            turns.turn().await;
        }
        assert!(
            begun.elapsed() >= Duration::from_secs(60),
            "{:?}",
            begun.elapsed()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn all_wait_while_the_server_wants_to_be_left_alone() {
        let turns = Turns::shared("https://four.example");
        turns.leave_alone(Duration::from_secs(7));
        let begun = Instant::now();
        Turns::shared("https://four.example").turn().await;
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
        turns.leave_alone(Duration::from_secs(86_400));
        let begun = Instant::now();
        turns.turn().await;
        assert_eq!(begun.elapsed(), LONGEST);
    }

    #[test]
    fn this_machine_has_no_limit() {
        let of = |url: &str| Turns::of(&Endpoint::Url(url.to_owned())).bucket.is_some();
        assert!(of("https://api.fentaweb.com"));
        assert!(!of("http://127.0.0.1:7788"));
        assert!(Turns::of(&Endpoint::Socket("/s".into())).bucket.is_none());
    }
}
