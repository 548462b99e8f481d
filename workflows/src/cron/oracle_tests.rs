//! Ten years of forty zones beside a search that shares no code with croner: every day of the calendar is laid out as
//! times on the wall, each of which jiff says how often it comes.

use jiff::tz::{AmbiguousOffset, TimeZoneDatabase};
use jiff::{Timestamp, civil};

use super::CronTimes;

const ZONES: [&str; 40] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/Johannesburg",
    "Africa/Lagos",
    "America/Anchorage",
    "America/Asuncion",
    "America/Bogota",
    "America/Chicago",
    "America/Denver",
    "America/Halifax",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Dhaka",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Asia/Shanghai",
    "Asia/Tehran",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Istanbul",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "UTC",
];

/// A line, and what it means in numbers.
struct Meaning {
    cron: &'static str,
    minutes: fn(i8) -> bool,
    hours: fn(i8) -> bool,
    days: fn(civil::Date) -> bool,
    fixed: bool,
}

const MEANINGS: [Meaning; 6] = [
    Meaning {
        cron: "30 2 * * *",
        minutes: |minute| minute == 30,
        hours: |hour| hour == 2,
        days: |_| true,
        fixed: true,
    },
    Meaning {
        cron: "15 0 * * 1-5",
        minutes: |minute| minute == 15,
        hours: |hour| hour == 0,
        days: |day| day.weekday().to_monday_one_offset() <= 5,
        fixed: true,
    },
    Meaning {
        cron: "*/20 0-3 * * *",
        minutes: |minute| minute % 20 == 0,
        hours: |hour| hour <= 3,
        days: |_| true,
        fixed: false,
    },
    Meaning {
        cron: "0 2,3,23 * * 0,6",
        minutes: |minute| minute == 0,
        hours: |hour| [2, 3, 23].contains(&hour),
        days: |day| day.weekday().to_monday_one_offset() >= 6,
        fixed: false,
    },
    Meaning {
        cron: "45 1 29 2 *",
        minutes: |minute| minute == 45,
        hours: |hour| hour == 1,
        days: |day| (day.month(), day.day()) == (2, 29),
        fixed: true,
    },
    Meaning {
        cron: "5 1 L 3,10 *",
        minutes: |minute| minute == 5,
        hours: |hour| hour == 1,
        days: |day| [3, 10].contains(&day.month()) && day.day() == day.days_in_month(),
        fixed: true,
    },
];

fn instants(meaning: &Meaning, zone: &str, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let zone = TimeZoneDatabase::bundled().get(zone).unwrap();
    let mut found = Vec::new();
    let mut day = from.to_zoned(zone.clone()).date();
    let last = to.to_zoned(zone.clone()).date();
    while day <= last {
        if (meaning.days)(day) {
            for minute in 0..24 * 60 {
                let (hour, minute) = ((minute / 60) as i8, (minute % 60) as i8);
                if (meaning.hours)(hour) && (meaning.minutes)(minute) {
                    let ambiguous = zone.to_ambiguous_timestamp(day.at(hour, minute, 0, 0));
                    match ambiguous.offset() {
                        AmbiguousOffset::Unambiguous { .. } => {
                            found.push(ambiguous.unambiguous().unwrap());
                        }
                        AmbiguousOffset::Fold { .. } => {
                            found.push(ambiguous.earlier().unwrap());
                            if !meaning.fixed {
                                found.push(ambiguous.later().unwrap());
                            }
                        }
                        // The change itself is the first instant after the gap.
                        AmbiguousOffset::Gap { .. } if meaning.fixed => {
                            let before = ambiguous.earlier().unwrap();
                            let change = zone.following(
                                before
                                    .checked_sub(jiff::SignedDuration::from_hours(26))
                                    .unwrap(),
                            );
                            let end = ambiguous.later().unwrap().max(before);
                            found.extend(
                                change
                                    .map(|change| change.timestamp())
                                    .take_while(|change| *change <= end)
                                    .last(),
                            );
                        }
                        AmbiguousOffset::Gap { .. } => {}
                    }
                }
            }
        }
        day = day.tomorrow().unwrap();
    }
    found.sort_unstable();
    found.dedup();
    found.retain(|at| *at > from && *at <= to);
    found
}

#[test]
fn ten_years_of_forty_zones_are_as_the_calendar_says() {
    let from: Timestamp = "2020-06-01T00:00:00Z".parse().unwrap();
    let to: Timestamp = "2030-06-01T00:00:00Z".parse().unwrap();
    for (index, zone) in ZONES.iter().enumerate() {
        // Each zone with two of the lines: all are had by many zones.
        for turn in 0..2 {
            let meaning = &MEANINGS[(index + turn * 3) % MEANINGS.len()];
            let expected = instants(meaning, zone, from, to);
            let times = CronTimes::new(meaning.cron, zone).unwrap();
            let mut at = from;
            for (number, instant) in expected.iter().enumerate() {
                let next = times.next_after(at).unwrap();
                assert_eq!(
                    next, *instant,
                    "{} in {zone}, the {number}. after {at}",
                    meaning.cron
                );
                at = next;
            }
            assert!(times.next_after(at).is_none_or(|next| next > to));
            // Backwards they are the same ones.
            for pair in expected.windows(2).step_by(37) {
                let just_before = pair[1]
                    .checked_sub(jiff::SignedDuration::from_secs(1))
                    .unwrap();
                assert_eq!(
                    times.last_until(just_before),
                    Some(pair[0]),
                    "{} in {zone}",
                    meaning.cron
                );
                assert_eq!(times.last_until(pair[1]), Some(pair[1]));
            }
        }
    }
}
