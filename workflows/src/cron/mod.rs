//! Times of schedules: from a cron line and a time zone to instants.
//!
//! This folder is the one door of croner and of jiff's bundled time zones: a schedule means the same on every machine.
//! `line` says what is wrong with a line. On the days clocks change, a job at a fixed time (one minute of one hour) runs
//! once: where its time is left out, at the first instant after the gap; where it comes twice, the first time. Other
//! jobs run whenever the clock on the wall shows a time of theirs.

mod line;

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned, civil};

pub use line::{CronSlip, check, check_zone, repaired};

/// Words and the lines they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

fn parse(cron: &str) -> Result<Cron, CronError> {
    let lowered = cron.trim().to_lowercase();
    let word = NICKNAMES.iter().find(|(word, _)| *word == lowered);
    let spread = line::spread(word.map_or(&lowered, |(_, line)| line));
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(&spread)
}

/// How often a search that ran into its limit goes on a year further: one day left out of a calendar ends it too early.
const YEARS: usize = 30;

/// The times a schedule names.
#[derive(Clone, Debug)]
pub struct CronTimes {
    cron: Cron,
    zone: TimeZone,
}

/// A line or a zone that names no times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoTimes {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

/// What clocks do on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// They go forward by so many minutes.
    Forward(i64),
    /// They go back by so many minutes.
    Back(i64),
}

impl CronTimes {
    /// The times of a line in an IANA zone.
    ///
    /// # Errors
    /// The first thing that is wrong with either.
    pub fn new(cron: &str, zone: &str) -> Result<Self, NoTimes> {
        let no_times = |message: String, hint: String| NoTimes { message, hint };
        if let Err(slips) = check(cron)
            && let Some(slip) = slips.into_iter().next()
        {
            return Err(no_times(slip.message, slip.hint));
        }
        let found = TimeZoneDatabase::bundled().get(zone).ok();
        let zone = found.filter(|_| check_zone(zone).is_ok()).ok_or_else(|| {
            let near = check_zone(zone).err().flatten();
            no_times(
                format!("there is no time zone `{zone}`"),
                near.map_or_else(
                    || "write its IANA name, for example `Europe/Berlin` or `UTC`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            )
        })?;
        let cron = parse(cron).map_err(|error| no_times(error.to_string(), String::new()))?;
        Ok(Self { cron, zone })
    }

    /// The zone.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The first time after an instant; none when there is none in the next decades.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let mut from = at.to_zoned(self.zone.clone());
        let mut inclusive = false;
        for _ in 0..YEARS {
            match self.cron.find_next_occurrence(&from, inclusive) {
                Ok(found) => return Some(found.timestamp()),
                Err(CronError::TimeSearchLimitExceeded) => {
                    from = new_year(&from, 1)?;
                    inclusive = true;
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// The last time that is not after an instant; none when there is none in the decades before.
    pub fn last_until(&self, at: Timestamp) -> Option<Timestamp> {
        let mut from = at.to_zoned(self.zone.clone());
        let mut inclusive = true;
        for _ in 0..YEARS {
            match self.cron.find_previous_occurrence(&from, inclusive) {
                Ok(found) => return Some(found.timestamp()),
                Err(CronError::TimeSearchLimitExceeded) => {
                    from = new_year(&from, 0)?;
                    inclusive = false;
                }
                Err(_) => return None,
            }
        }
        None
    }

    /// What clocks do on the day of an instant, if anything.
    pub fn clock_change(&self, at: Timestamp) -> Option<ClockChange> {
        let day = at.to_zoned(self.zone.clone()).date();
        let start = day.to_zoned(self.zone.clone()).ok()?;
        let end = day.tomorrow().ok()?.to_zoned(self.zone.clone()).ok()?;
        match (end.offset().seconds() - start.offset().seconds()) / 60 {
            0 => None,
            minutes if minutes > 0 => Some(ClockChange::Forward(minutes.into())),
            minutes => Some(ClockChange::Back(-i64::from(minutes))),
        }
    }

    /// The first instant of a day (2026-11-22) in the zone.
    pub fn start_of(&self, day: &str) -> Option<Timestamp> {
        let day: civil::Date = day.parse().ok()?;
        Some(day.to_zoned(self.zone.clone()).ok()?.timestamp())
    }

    /// The first instant after a day (2026-11-22) in the zone.
    pub fn end_of(&self, day: &str) -> Option<Timestamp> {
        let day: civil::Date = day.parse().ok()?;
        Some(
            day.tomorrow()
                .ok()?
                .to_zoned(self.zone.clone())
                .ok()?
                .timestamp(),
        )
    }

    /// The day of an instant on the zone's calendar, 2026-11-22.
    pub fn day_of(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).date().to_string()
    }
}

/// The first instant of the year that is so many after that of `at`.
fn new_year(at: &Zoned, years: i32) -> Option<Zoned> {
    let first = civil::date(at.year(), 1, 1);
    let first = first.checked_add(Span::new().try_years(years).ok()?).ok()?;
    first.to_zoned(at.time_zone().clone()).ok()
}

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests {
    use super::*;

    fn times(cron: &str, zone: &str) -> CronTimes {
        CronTimes::new(cron, zone).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn nexts(times: &CronTimes, from: &str, count: usize) -> Vec<String> {
        let mut last = at(from);
        (0..count)
            .map(|_| {
                last = times.next_after(last).unwrap();
                last.to_string()
            })
            .collect()
    }

    #[test]
    fn a_daily_job_runs_once_on_both_days_clocks_change() {
        let daily = times("30 2 * * *", "Europe/Berlin");
        assert_eq!(
            nexts(&daily, "2026-03-28T00:00:00Z", 3),
            [
                "2026-03-28T01:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-30T00:30:00Z"
            ],
            "02:30 is left out on the 29th: 03:00 summer time instead"
        );
        assert_eq!(
            nexts(&daily, "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            "02:30 comes twice on the 25th: the first one counts"
        );
    }

    #[test]
    fn every_half_hour_loses_none_in_the_hour_that_comes_twice() {
        let often = times("*/30 * * * *", "Europe/Berlin");
        assert_eq!(
            nexts(&often, "2026-10-24T23:59:00Z", 5),
            [
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z"
            ]
        );
    }

    #[test]
    fn the_last_one_is_found_from_far_away_at_once() {
        let minutely = times("* * * * *", "UTC");
        assert_eq!(
            minutely.last_until(at("2036-01-01T00:00:30Z")),
            Some(at("2036-01-01T00:00:00Z"))
        );
        let daily = times("0 7 * * *", "Asia/Tokyo");
        assert_eq!(
            daily.last_until(at("2026-11-22T22:00:00Z")),
            Some(at("2026-11-22T22:00:00Z")),
            "the instant itself counts"
        );
    }

    #[test]
    fn the_last_and_the_nth_of_several_days_of_the_week() {
        for line in ["0 0 * 2 thu-fril", "0 0 * 2 THU-FRI#L", "0 0 * 2 4#l,5#l"] {
            let times = times(line, "UTC");
            assert_eq!(
                nexts(&times, "2024-02-01T00:00:00Z", 2),
                ["2024-02-23T00:00:00Z", "2024-02-29T00:00:00Z"],
                "{line}"
            );
        }
        let around = times("0 0 * * sat-mon#1", "UTC");
        assert_eq!(
            nexts(&around, "2026-11-01T12:00:00Z", 3),
            [
                "2026-11-02T00:00:00Z",
                "2026-11-07T00:00:00Z",
                "2026-12-05T00:00:00Z"
            ]
        );
    }

    #[test]
    fn a_day_left_out_of_a_calendar_does_not_end_the_search() {
        // Samoa had no 30 December 2011.
        let yearly = times("0 9 30 12 *", "Pacific/Apia");
        let next = yearly.next_after(at("2011-12-01T00:00:00Z")).unwrap();
        let next = next.to_zoned(yearly.zone().clone());
        assert_eq!((next.year(), next.month(), next.day()), (2012, 12, 30));
    }

    #[test]
    fn days_clocks_change_are_known() {
        let berlin = times("@daily", "Europe/Berlin");
        assert_eq!(
            berlin.clock_change(at("2026-03-29T12:00:00Z")),
            Some(ClockChange::Forward(60))
        );
        assert_eq!(
            berlin.clock_change(at("2026-10-25T12:00:00Z")),
            Some(ClockChange::Back(60))
        );
        assert_eq!(berlin.clock_change(at("2026-10-26T12:00:00Z")), None);
        let howe = times("@daily", "Australia/Lord_Howe");
        assert_eq!(
            howe.clock_change(at("2026-04-04T20:00:00Z")),
            Some(ClockChange::Back(30))
        );
    }

    #[test]
    fn lines_with_marks_name_the_days_they_say() {
        for (cron, from, next) in [
            ("0 0 L * *", "2026-02-02T00:00:00Z", "2026-02-28T00:00:00Z"),
            (
                "0 0 15W * *",
                "2026-08-01T00:00:00Z",
                "2026-08-14T00:00:00Z",
            ),
            (
                "0 0 * * fri#2",
                "2026-11-01T00:00:00Z",
                "2026-11-13T00:00:00Z",
            ),
            (
                "0 0 * * FRIL",
                "2026-11-01T00:00:00Z",
                "2026-11-27T00:00:00Z",
            ),
            (
                "0 0 13 * +fri",
                "2026-03-14T00:00:00Z",
                "2026-11-13T00:00:00Z",
            ),
            (
                "0 0 13 * fri",
                "2026-11-01T00:00:00Z",
                "2026-11-06T00:00:00Z",
            ),
            ("@midnight", "2026-11-01T01:00:00Z", "2026-11-02T00:00:00Z"),
        ] {
            assert_eq!(
                times(cron, "UTC").next_after(at(from)),
                Some(at(next)),
                "{cron}"
            );
        }
    }
}
