//! Rate limits: so many requests in a minute and in an hour, for each user, counted exactly.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Users of whom requests are remembered; beyond that those that asked for nothing in an hour are forgotten.
const USERS: usize = 10_000;

/// How many requests a user may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In any sixty seconds.
    pub per_minute: usize,
    /// In any hour.
    pub per_hour: usize,
}

impl Default for Limits {
    /// Those of the hosted service.
    fn default() -> Self {
        Self {
            per_minute: 100,
            per_hour: 1000,
        }
    }
}

/// Who asked how often.
#[derive(Debug)]
pub struct Limiter {
    limits: Limits,
    asked: Mutex<HashMap<String, VecDeque<Instant>>>,
}

impl Limiter {
    /// With these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            asked: Mutex::default(),
        }
    }

    /// Counts a request, or says how long to wait until one would be allowed. A refused request is not counted.
    pub fn admit(&self, user: &str, now: Instant) -> Result<(), Duration> {
        self.admit_within(user, self.limits, now)
    }

    /// The same within other limits, for what is not a user's request.
    pub fn admit_within(&self, key: &str, limits: Limits, now: Instant) -> Result<(), Duration> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() >= USERS && !asked.contains_key(key) {
            asked.retain(|_, times| {
                times
                    .back()
                    .is_some_and(|last| now.duration_since(*last) < HOUR)
            });
        }
        let times = asked.entry(key.to_owned()).or_default();
        while times
            .front()
            .is_some_and(|first| now.duration_since(*first) >= HOUR)
        {
            times.pop_front();
        }
        let wait = |window: Duration, most: usize| {
            // The request that has to leave the window before another fits in.
            let blocking = times.len().checked_sub(most)?;
            let age = now.duration_since(*times.get(blocking)?);
            window.checked_sub(age).filter(|left| !left.is_zero())
        };
        let waits = [wait(MINUTE, limits.per_minute), wait(HOUR, limits.per_hour)];
        match waits.into_iter().flatten().max() {
            Some(wait) => Err(wait),
            None => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_in_a_minute_and_a_thousand_in_an_hour() {
        let limiter = Limiter::new(Limits::default());
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for _ in 0..100 {
            assert_eq!(limiter.admit("a", start), Ok(()));
        }
        assert_eq!(limiter.admit("a", at(1)), Err(Duration::from_secs(59)));
        assert_eq!(
            limiter.admit("b", at(1)),
            Ok(()),
            "another user's requests are not mine"
        );
        let mut asked = 100;
        for minute in 1..10 {
            while limiter.admit("a", at(60 * minute)).is_ok() {
                asked += 1;
            }
        }
        assert_eq!(asked, 1000);
        let refused = limiter.admit("a", at(1000)).unwrap_err();
        assert_eq!(
            refused,
            Duration::from_secs(2600),
            "until the first ones are an hour old"
        );
        assert_eq!(limiter.admit("a", at(3600)), Ok(()));
    }
}
