//! Time as the field counts it (OpenTimelineIO words): integers over a rational rate, half-open ranges.
//!
//! Seconds as floating point never enter the timeline: two renders of the same cut must agree to the frame.
//! Rescaling rounds in one place, [`RationalTime::rescaled_to`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Frames (or samples) per second as a fraction, for example 30000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameRate {
    /// Numerator, at least 1.
    pub num: u32,
    /// Denominator, at least 1.
    pub den: u32,
}

impl FrameRate {
    /// Whole frames per second.
    pub const fn whole(num: u32) -> Self {
        Self { num, den: 1 }
    }

    /// Milliseconds as a rate.
    pub const MILLIS: Self = Self::whole(1000);

    /// The rate as a floating-point number, for display and for hardware that wants one.
    pub fn as_f64(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            write!(f, "{}", self.num)
        } else {
            write!(f, "{}/{}", self.num, self.den)
        }
    }
}

/// Why a text is not a time or a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a {1}")]
pub struct ParseTimeError(pub String, pub &'static str);

impl FromStr for FrameRate {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseTimeError(text.to_owned(), "rate");
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let rate = Self {
            num: num.parse().map_err(|_| fail())?,
            den: den.parse().map_err(|_| fail())?,
        };
        if rate.num == 0 || rate.den == 0 {
            Err(fail())
        } else {
            Ok(rate)
        }
    }
}

/// A point or a length in time: `value / rate` seconds. Written `45@30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RationalTime {
    /// How many units of the rate.
    pub value: i64,
    /// Units per second.
    pub rate: FrameRate,
}

impl RationalTime {
    /// `value` units at `rate`.
    pub const fn new(value: i64, rate: FrameRate) -> Self {
        Self { value, rate }
    }

    /// Whole milliseconds.
    pub const fn millis(value: i64) -> Self {
        Self::new(value, FrameRate::MILLIS)
    }

    /// The same time at another rate, rounded to the nearest unit, halves up. The one place where time rounds.
    pub fn rescaled_to(self, rate: FrameRate) -> Self {
        let num = i128::from(self.value) * i128::from(rate.num) * i128::from(self.rate.den);
        let den = i128::from(self.rate.num) * i128::from(rate.den);
        let value = (2 * num + den).div_euclid(2 * den);
        Self {
            value: value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64,
            rate,
        }
    }

    /// Rounded milliseconds, for people and for files that only know milliseconds.
    pub fn to_millis(self) -> i64 {
        self.rescaled_to(FrameRate::MILLIS).value
    }

    /// Seconds, for display and for code that must talk to floating-point interfaces.
    pub fn as_seconds(self) -> f64 {
        self.value as f64 / self.rate.as_f64()
    }
}

impl fmt::Display for RationalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.value, self.rate)
    }
}

impl FromStr for RationalTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseTimeError(text.to_owned(), "time");
        let (value, rate) = text.split_once('@').ok_or_else(fail)?;
        Ok(Self {
            value: value.parse().map_err(|_| fail())?,
            rate: rate.parse()?,
        })
    }
}

/// A half-open span `[start, start + duration)`; both ends share one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// First unit inside.
    pub start: RationalTime,
    /// Length; zero is an empty range.
    pub duration: RationalTime,
}

impl TimeRange {
    /// `[start, end)` in units of one rate; an end before the start is an empty range.
    pub fn from_units(start: i64, end: i64, rate: FrameRate) -> Self {
        Self {
            start: RationalTime::new(start, rate),
            duration: RationalTime::new((end - start).max(0), rate),
        }
    }

    /// First unit inside, as a plain number at the range's own rate.
    pub const fn first(&self) -> i64 {
        self.start.value
    }

    /// First unit after the range, as a plain number at the range's own rate.
    pub const fn end(&self) -> i64 {
        self.start.value + self.duration.value
    }

    /// Whether a unit number lies inside.
    pub const fn contains(&self, unit: i64) -> bool {
        unit >= self.first() && unit < self.end()
    }

    /// Whether the two ranges (same rate) share at least one unit.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first().max(other.first()) < self.end().min(other.end())
    }

    /// The same range, `by` units later.
    pub fn shifted(&self, by: i64) -> Self {
        Self {
            start: RationalTime::new(self.start.value + by, self.start.rate),
            duration: self.duration,
        }
    }
}

macro_rules! serde_as_text {
    ($($ty:ty),+) => {$(
        impl Serialize for $ty {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $ty {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
serde_as_text!(FrameRate, RationalTime);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILM: FrameRate = FrameRate {
        num: 30_000,
        den: 1001,
    };

    #[test]
    fn rescaling_rounds_halves_up() {
        let at = |value, from, to| RationalTime::new(value, from).rescaled_to(to).value;
        let (ms, fps) = (FrameRate::MILLIS, FrameRate::whole(30));
        assert_eq!(at(1000, ms, fps), 30);
        assert_eq!(at(16, ms, fps), 0);
        assert_eq!(at(17, ms, fps), 1);
        assert_eq!(at(1, FrameRate::whole(2), FrameRate::whole(1)), 1);
        assert_eq!(at(-1, FrameRate::whole(2), FrameRate::whole(1)), 0);
        assert_eq!(at(30_000, FILM, FrameRate::whole(1)), 1001);
        assert_eq!(at(i64::MAX, FrameRate::whole(1), ms), i64::MAX);
    }

    #[test]
    fn texts_round_trip() {
        for text in ["45@30", "-7@30000/1001", "0@48000"] {
            assert_eq!(text.parse::<RationalTime>().unwrap().to_string(), text);
        }
        for bad in ["", "45", "45@", "@30", "4.5@30", "45@0", "45@30/0", "45@-1"] {
            assert!(bad.parse::<RationalTime>().is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_shown_in_seconds_and_milliseconds() {
        let time = RationalTime::new(45, FrameRate::whole(30));
        assert_eq!(time.to_millis(), 1500);
        assert!((time.as_seconds() - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn ranges_are_half_open() {
        let range = |start, end| TimeRange::from_units(start, end, FrameRate::whole(30));
        assert!(range(0, 10).contains(9) && !range(0, 10).contains(10));
        assert!(!range(0, 10).overlaps(&range(10, 20)));
        assert!(range(0, 11).overlaps(&range(10, 20)));
        assert!(
            !range(5, 5).overlaps(&range(0, 10)),
            "empty ranges hold nothing"
        );
        assert_eq!(range(9, 3).duration.value, 0);
        assert_eq!(range(2, 5).shifted(-2), range(0, 3));
    }

    fn any_rate() -> impl Strategy<Value = FrameRate> {
        (1u32..100_000, 1u32..2000).prop_map(|(num, den)| FrameRate { num, den })
    }

    proptest! {
        #[test]
        fn rescaling_is_within_half_a_unit(value in -1_000_000_000i64..1_000_000_000, from in any_rate(), to in any_rate()) {
            let found = RationalTime::new(value, from).rescaled_to(to).value;
            // |found/to - value/from| <= 1/(2 to), in whole numbers.
            let left = i128::from(found) * i128::from(to.den) * i128::from(from.num);
            let right = i128::from(value) * i128::from(from.den) * i128::from(to.num);
            let unit = i128::from(to.den) * i128::from(from.num);
            prop_assert!(2 * (left - right).abs() <= unit);
        }

        #[test]
        fn rescaling_keeps_order_and_same_rates(a in -1_000_000i64..1_000_000, by in 0i64..1000, from in any_rate(), to in any_rate()) {
            let at = |value| RationalTime::new(value, from).rescaled_to(to).value;
            prop_assert!(at(a) <= at(a + by));
            prop_assert_eq!(RationalTime::new(a, from).rescaled_to(from).value, a);
        }

        #[test]
        fn frames_survive_a_trip_through_samples(frame in 0i64..1_000_000) {
            for rate in [FrameRate::whole(30), FrameRate::whole(25), FILM] {
                let there = RationalTime::new(frame, rate).rescaled_to(FrameRate::whole(48_000));
                prop_assert_eq!(there.rescaled_to(rate).value, frame);
            }
        }

        #[test]
        fn overlap_means_a_shared_unit(a in 0i64..30, b in 0i64..30, c in 0i64..30, d in 0i64..30) {
            let rate = FrameRate::whole(30);
            let (one, two) = (TimeRange::from_units(a, b, rate), TimeRange::from_units(c, d, rate));
            let shared = (0..30).any(|unit| one.contains(unit) && two.contains(unit));
            prop_assert_eq!(one.overlaps(&two), shared);
        }
    }
}
