//! Functions about days and lengths of time. There is no "now": a day is a value like any other.
//!
//! Neighbours: `input` knows the written forms; this file computes with them.

use std::fmt::Write as _;

use minijinja::Error;
use minijinja::value::{Value, ValueKind};

use super::arguments::Arguments;
use super::fail;
use crate::input::{is_date, parse_duration};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Longest form of a day, characters.
const MAX_FORMAT: usize = 200;

/// Furthest a day is moved: four digits of a year hold no more.
const MAX_DAYS: i64 = 3_652_059;

/// Milliseconds of a written length of time, or of a number of seconds.
pub(super) fn duration(it: &Arguments<'_>) -> Result<Value, Error> {
    let length = it.value(0)?;
    if let Some(text) = length.as_str() {
        let ms = parse_duration(text).map_err(|reason| it.refuse(format!("`{text}`: {reason}")))?;
        return Ok(Value::from(ms));
    }
    if length.kind() != ValueKind::Number {
        return Err(it.wrong(0));
    }
    let seconds = f64::try_from(length.clone())?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err(it.refuse(format!("{seconds} seconds are not from 0 to 1000000000")));
    }
    Ok(Value::from((seconds * 1000.0).round() as i64))
}

/// [`date`] of arguments.
pub(super) fn date_of(it: &Arguments<'_>) -> Result<Value, Error> {
    let format = it.maybe(1, Arguments::text)?;
    date(it.text(0)?, format, it.maybe(2, Arguments::whole)?).map(Value::from)
}

/// A day moved and written in another form.
fn date(day: &str, format: Option<&str>, days: Option<i64>) -> Result<String, Error> {
    let day = day.trim();
    // Times of feeds are accepted; their day counts.
    let (head, tail) = day.split_at_checked(10).unwrap_or((day, ""));
    if !is_date(head) || !(tail.is_empty() || tail.starts_with(['T', ' '])) {
        return Err(fail(format!("`{day}` is not a day like 2026-11-22")));
    }
    let days = days.unwrap_or(0);
    if days.unsigned_abs() > MAX_DAYS.unsigned_abs() {
        return Err(fail(format!("{days} days are more than {MAX_DAYS}")));
    }
    let number = |range: std::ops::Range<usize>| head[range].parse::<i64>().unwrap_or_default();
    let moved = Day::from_ordinal(ordinal(number(0..4), number(5..7), number(8..10)) + days);
    if !(0..=9999).contains(&moved.year) {
        return Err(fail("the day is outside the years 0000 to 9999"));
    }
    moved.written(format.unwrap_or("%Y-%m-%d"))
}

/// Days since 0000-03-01 of the Gregorian calendar: years that begin in March end with their leap day.
const fn ordinal(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 1
}

struct Day {
    year: i64,
    month: i64,
    day: i64,
    ordinal: i64,
}

impl Day {
    fn from_ordinal(ordinal: i64) -> Self {
        let era = ordinal.div_euclid(146_097);
        let in_era = ordinal.rem_euclid(146_097);
        let year = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * in_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Self {
            year: era * 400 + year + i64::from(month <= 2),
            month,
            day: in_year - (153 * shifted + 2) / 5 + 1,
            ordinal,
        }
    }

    /// 0 is Monday: 0000-03-01 was a Wednesday.
    fn weekday(&self) -> usize {
        (self.ordinal + 2).rem_euclid(7) as usize
    }

    fn written(&self, format: &str) -> Result<String, Error> {
        if format.chars().count() > MAX_FORMAT {
            return Err(fail(format!(
                "the form is longer than {MAX_FORMAT} characters"
            )));
        }
        let month = MONTHS[(self.month - 1) as usize];
        let weekday = WEEKDAYS[self.weekday()];
        let in_year = self.ordinal - ordinal(self.year, 1, 1) + 1;
        let mut text = String::new();
        let mut rest = format.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            let written = match rest.next() {
                Some('Y') => write!(text, "{:04}", self.year),
                Some('y') => write!(text, "{:02}", self.year % 100),
                Some('m') => write!(text, "{:02}", self.month),
                Some('d') => write!(text, "{:02}", self.day),
                Some('e') => write!(text, "{}", self.day),
                Some('j') => write!(text, "{in_year:03}"),
                Some('u') => write!(text, "{}", self.weekday() + 1),
                Some('A') => write!(text, "{weekday}"),
                Some('a') => write!(text, "{}", &weekday[..3]),
                Some('B') => write!(text, "{month}"),
                Some('b') => write!(text, "{}", &month[..3]),
                Some('%') => write!(text, "%"),
                other => {
                    let seen = other.map_or(String::new(), String::from);
                    return Err(fail(format!(
                        "`%{seen}` is not one of %Y %y %m %d %e %j %u %A %a %B %b %%"
                    )));
                }
            };
            written.map_err(|_| fail("the day cannot be written"))?;
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_moved_over_months_and_leap_years() {
        for (day, days, moved) in [
            ("2026-11-22", 0, "2026-11-22"),
            ("2026-12-31", 1, "2027-01-01"),
            ("2024-02-28", 1, "2024-02-29"),
            ("2100-02-28", 1, "2100-03-01"),
            ("2000-03-01", -1, "2000-02-29"),
            ("1970-01-01", 20_779, "2026-11-22"),
        ] {
            assert_eq!(date(day, None, Some(days)).unwrap(), moved);
        }
        assert_eq!(
            date(
                "2026-11-22",
                Some("%A, %e %B %Y; %a %b %d, %j %u %y%%"),
                None
            )
            .unwrap(),
            "Sunday, 22 November 2026; Sun Nov 22, 326 7 26%"
        );
        assert_eq!(
            date("2026-11-22T07:00:00Z", Some("%d.%m."), None).unwrap(),
            "22.11."
        );
    }

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        let start = ordinal(0, 1, 1);
        for at in (start..start + MAX_DAYS).step_by(97) {
            let day = Day::from_ordinal(at);
            assert_eq!(ordinal(day.year, day.month, day.day), at);
            assert!((1..=12).contains(&day.month) && (1..=31).contains(&day.day));
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for (day, format, days) in [
            ("tomorrow", None, None),
            ("2026-02-30", None, None),
            ("2026-11-22x", None, None),
            ("2026-11-22", Some("%H"), None),
            ("2026-11-22", Some("%"), None),
            ("9999-12-31", None, Some(1)),
            ("2026-11-22", None, Some(i64::MIN + 1)),
        ] {
            assert!(
                date(day, format, days).is_err(),
                "{day} {format:?} {days:?}"
            );
        }
    }

    #[test]
    fn lengths_are_milliseconds() {
        let duration = |length: Value| {
            let function = super::super::FUNCTIONS
                .iter()
                .find(|one| one.name == "duration");
            let values = [length];
            super::duration(&Arguments::of(function.unwrap(), &values)?)
                .map(|ms| ms.as_i64().unwrap())
        };
        assert_eq!(duration(Value::from("1m30s")).unwrap(), 90_000);
        assert_eq!(duration(Value::from(2.5)).unwrap(), 2500);
        assert!(duration(Value::from(-1)).is_err());
        assert!(duration(Value::from("soon")).is_err());
        assert!(duration(Value::from("0.0004s")).is_err());
        assert!(duration(Value::from(f64::NAN)).is_err());
    }
}
