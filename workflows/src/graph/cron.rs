//! Times of schedules: is this a cron line, and is that a time zone?
//!
//! The one door of croner and of jiff's bundled time zones. The fields are read here, so that a slip is found at its
//! place with the range that is legal there; croner has the last word. Nothing is looked up on the machine.

use std::str::FromStr;
use std::sync::LazyLock;

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZoneDatabase;
use jiff::{Zoned, civil};

use crate::suggest::nearest;

/// What is wrong with a cron line, and in which of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CronSlip {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: String,
    pub(super) hint: String,
}

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    words: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        min: 0,
        max: 59,
        words: &[],
    },
    Field {
        name: "hour",
        min: 0,
        max: 23,
        words: &[],
    },
    Field {
        name: "day of month",
        min: 1,
        max: 31,
        words: &[],
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        words: &MONTHS,
    },
    Field {
        name: "day of week",
        min: 0,
        max: 7,
        words: &DAYS,
    },
];

const NICKNAMES: [&str; 7] = [
    "@hourly",
    "@daily",
    "@midnight",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
];

/// Everything that is wrong with a cron line, also that it never fires.
pub(super) fn check(cron: &str) -> Result<(), Vec<CronSlip>> {
    let whole = |message: String, hint: &str| {
        vec![CronSlip {
            start: 0,
            end: cron.len(),
            message,
            hint: hint.to_owned(),
        }]
    };
    if cron.trim().starts_with('@') {
        return nickname(cron).map_err(|(message, hint)| whole(message, &hint));
    }
    let fields = fields(cron);
    if fields.len() != FIELDS.len() {
        let hint = if fields.len() == 6 {
            "seconds are not part of a schedule; remove the first field"
        } else {
            "write minute, hour, day of month, month, day of week: `0 7 * * 1-5` is 7:00 on workdays"
        };
        let message = format!("a cron line has 5 fields, this one has {}", fields.len());
        return Err(whole(message, hint));
    }
    let slips: Vec<CronSlip> = fields
        .iter()
        .zip(&FIELDS)
        .filter_map(|((start, text), field)| {
            let (message, hint) = check_field(text, field).err()?;
            Some(CronSlip {
                start: *start,
                end: start + text.len(),
                message,
                hint,
            })
        })
        .collect();
    if !slips.is_empty() {
        return Err(slips);
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let parsed = parser.parse(&cron.to_lowercase()).map_err(|error| {
        let message = format!("`{cron}` is not a cron line: {error}");
        whole(message, "write five fields like `0 7 * * 1-5`")
    })?;
    if parsed.find_next_occurrence(&*FIXED_DAY, true).is_err() {
        let message = format!("`{cron}` names a day that never comes");
        return Err(whole(message, "no month has that day; choose another"));
    }
    Ok(())
}

/// A day to search from; a cron line that ever fires does so within the 28 years after which the calendar repeats.
static FIXED_DAY: LazyLock<Zoned> = LazyLock::new(|| {
    civil::date(2024, 1, 1)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .expect("the day exists, because UTC has no gaps")
});

fn nickname(cron: &str) -> Result<(), (String, String)> {
    let word = cron.trim();
    if NICKNAMES.contains(&word) {
        return Ok(());
    }
    let hint = match nearest(word, NICKNAMES) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the words are {}", NICKNAMES.join(", ")),
    };
    Err((format!("`{word}` is not a time a schedule knows"), hint))
}

/// The fields with their places.
fn fields(cron: &str) -> Vec<(usize, &str)> {
    let mut fields = Vec::new();
    let mut at = 0;
    for part in cron.split([' ', '\t']) {
        if !part.is_empty() {
            fields.push((at, part));
        }
        at += part.len() + 1;
    }
    fields
}

fn check_field(text: &str, field: &Field) -> Result<(), (String, String)> {
    text.split(',').try_for_each(|item| check_item(item, field))
}

fn check_item(item: &str, field: &Field) -> Result<(), (String, String)> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    if let Some(step) = step {
        let span = field.max - field.min + 1;
        if !step
            .parse::<u32>()
            .is_ok_and(|step| (1..=span).contains(&step))
        {
            return Err((
                format!("the step `{step}` of the {} is out of range", field.name),
                format!("write a step from 1 to {span}: `*/5` is every fifth"),
            ));
        }
    }
    match range.split_once('-') {
        _ if range == "*" => Ok(()),
        None => value(range, field).map(|_| ()),
        Some((from, to)) => {
            let (first, last) = (value(from, field)?, value(to, field)?);
            if first > last {
                return Err((
                    format!("the {} `{range}` ends before it begins", field.name),
                    format!(
                        "write the smaller one first, or two ranges: `{from}-{},{}-{to}`",
                        field.max, field.min
                    ),
                ));
            }
            Ok(())
        }
    }
}

fn value(text: &str, field: &Field) -> Result<u32, (String, String)> {
    let lowered = text.to_lowercase();
    if let Some(at) = field.words.iter().position(|word| *word == lowered) {
        return Ok(field.min + at as u32);
    }
    let number = u32::from_str(text).ok().filter(|_| !text.starts_with('+'));
    match number {
        Some(number) if (field.min..=field.max).contains(&number) => Ok(number),
        Some(number) => Err((
            format!("the {} cannot be {number}", field.name),
            legal(field),
        )),
        None => Err((
            format!("the {} cannot be `{text}`", field.name),
            match nearest(&lowered, field.words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => legal(field),
            },
        )),
    }
}

fn legal(field: &Field) -> String {
    let words = match (field.words.first(), field.words.last()) {
        (Some(first), Some(last)) => format!(" or {first} to {last}"),
        _ => String::new(),
    };
    format!(
        "write {} to {}{words}, `*` for every one, `a-b`, `*/n`, or several with commas",
        field.min, field.max
    )
}

/// Whether a time zone of this name exists; the nearest name when it does not.
pub(super) fn check_zone(name: &str) -> Result<(), Option<String>> {
    let zones = TimeZoneDatabase::bundled();
    let known: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
    if known.iter().any(|zone| zone == name) {
        return Ok(());
    }
    // `berlin` is Europe/Berlin to whoever writes it.
    let city = |zone: &&String| {
        zone.rsplit('/')
            .next()
            .is_some_and(|city| city.eq_ignore_ascii_case(&name.replace(' ', "_")))
    };
    let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Err(known.iter().find(city).cloned().or(near))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_people_write_are_taken() {
        for line in [
            "0 7 * * 1-5",
            "*/15 * * * *",
            "0 0 1 JAN *",
            "30 6,18 * * mon-fri",
            "0 9-17/2 * * *",
            "0 0 29 2 *",
            "0 0 * * 7",
            "  5 4 *  * sun ",
            "@daily",
            "@hourly",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    // spec: W-62
    #[test]
    fn slips_are_found_at_their_field_with_the_legal_range() {
        for (line, part, message, hint) in [
            ("0 25 * * *", "25", "the hour cannot be 25", "0 to 23"),
            ("60 7 * * *", "60", "the minute cannot be 60", "0 to 59"),
            ("0 7 0 * *", "0", "the day of month cannot be 0", "1 to 31"),
            ("0 7 * 13 *", "13", "the month cannot be 13", "jan to dec"),
            ("0 7 * * 8", "8", "the day of week cannot be 8", "0 to 7"),
            ("0 7 * * mun", "mun", "cannot be `mun`", "`mon`"),
            (
                "0 7 * * 5-1",
                "5-1",
                "ends before it begins",
                "smaller one first",
            ),
            ("*/0 7 * * *", "*/0", "step `0`", "1 to 60"),
            ("0 7 * * ?", "?", "cannot be `?`", "0 to 7"),
            ("0 7 L * *", "L", "cannot be `L`", "1 to 31"),
        ] {
            let slip = &check(line).unwrap_err()[0];
            assert_eq!(&line[slip.start..slip.end], part, "{line}: {slip:?}");
            assert!(slip.message.contains(message), "{slip:?}");
            assert!(slip.hint.contains(hint), "{slip:?}");
        }
        // Of `0 7 0 * *` the third field is meant, not the first `0`.
        assert_eq!(check("0 7 0 * *").unwrap_err()[0].start, 4);
        assert_eq!(check("99 7-3 * 13 8").unwrap_err().len(), 4, "all of them");
    }

    #[test]
    fn lines_that_are_no_cron_lines_say_so() {
        for (line, message, hint) in [
            ("0 7 * *", "has 4", "day of week"),
            ("0 0 7 * * *", "has 6", "seconds"),
            ("", "has 0", "five"),
            ("@dayly", "not a time", "@daily"),
            ("@reboot", "not a time", "@hourly"),
            ("0 0 30 2 *", "never comes", "no month"),
        ] {
            let slip = &check(line).unwrap_err()[0];
            assert!(slip.message.contains(message), "{line}: {slip:?}");
            assert!(
                slip.hint.contains(hint) || hint == "five",
                "{line}: {slip:?}"
            );
        }
    }

    #[test]
    fn zones_are_those_of_the_bundled_database() {
        assert_eq!(check_zone("Europe/Berlin"), Ok(()));
        assert_eq!(check_zone("UTC"), Ok(()));
        assert_eq!(
            check_zone("Europe/Berln"),
            Err(Some("Europe/Berlin".into()))
        );
        assert_eq!(check_zone("berlin"), Err(Some("Europe/Berlin".into())));
        assert_eq!(check_zone("new york"), Err(Some("America/New_York".into())));
        assert_eq!(check_zone("Nowhere/AtAll"), Err(None));
    }
}
