//! Is this a cron line, and is that a time zone? Every slip at its place, with the range that is legal there.
//!
//! The fields are read here; croner has the last word.

use std::str::FromStr;
use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;
use jiff::{Zoned, civil};

use super::{NICKNAMES, parse};
use crate::suggest::nearest;

/// What is wrong with a cron line, and in which of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronSlip {
    /// First byte of it.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub hint: String,
}

struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    words: &'static [&'static str],
    marks: Marks,
}

/// What a field may have beside numbers, ranges and steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    None,
    /// `L` the last day, `15W` the workday nearest the 15th, `LW` the last workday, `?` for any.
    Days,
    /// `FRI#2` the second Friday, `FRI#L` or `5L` the last one, `+` before it: both days must fit; `?` for any.
    Weekdays,
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
        marks: Marks::None,
    },
    Field {
        name: "hour",
        min: 0,
        max: 23,
        words: &[],
        marks: Marks::None,
    },
    Field {
        name: "day of month",
        min: 1,
        max: 31,
        words: &[],
        marks: Marks::Days,
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        words: &MONTHS,
        marks: Marks::None,
    },
    Field {
        name: "day of week",
        min: 0,
        max: 7,
        words: &DAYS,
        marks: Marks::Weekdays,
    },
];

/// Everything that is wrong with a cron line, also that it never fires.
pub fn check(cron: &str) -> Result<(), Vec<CronSlip>> {
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
    let parsed = parse(cron).map_err(|error| {
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
    let word = cron.trim().to_lowercase();
    let words = || NICKNAMES.iter().map(|(word, _)| *word);
    if words().any(|known| known == word) {
        return Ok(());
    }
    let hint = match nearest(&word, words()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the words are {}", words().collect::<Vec<_>>().join(", ")),
    };
    let word = cron.trim();
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
    let items = match text.strip_prefix('+') {
        Some(rest) if field.marks == Marks::Weekdays => rest,
        _ => text,
    };
    items
        .split(',')
        .try_for_each(|item| check_item(item, field))
}

fn check_item(item: &str, field: &Field) -> Result<(), (String, String)> {
    if let Some(verdict) = check_marks(&item.to_lowercase(), field) {
        return verdict.then_some(()).ok_or_else(|| cannot_be(item, field));
    }
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    if let Some(step) = step {
        check_step(range, step, field)?;
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

/// Whether an item with marks is one; nothing for items without.
fn check_marks(item: &str, field: &Field) -> Option<bool> {
    let is_value = |text: &str| value(text, field).is_ok();
    match field.marks {
        _ if item == "?" => (field.marks != Marks::None).then_some(true),
        Marks::None => None,
        Marks::Days if item == "l" || item == "lw" => Some(true),
        Marks::Days => item.strip_suffix('w').map(is_value),
        Marks::Weekdays => {
            let (days, nth) = marked(item)?;
            let is_nth = ["1", "2", "3", "4", "5", "l"].contains(&nth);
            Some(is_nth && days.split('-').count() < 3 && days.split('-').all(is_value))
        }
    }
}

/// The days of an item that means the n-th or the last of them: `fri#2`, `fril`, `mon-fri#l`.
fn marked(item: &str) -> Option<(&str, &str)> {
    item.split_once('#')
        .or_else(|| Some((item.strip_suffix('l')?, "l")))
}

/// The line with ranges of n-th and of last days written out: `thu-fril` is `4#l,5#l`. Lower case.
pub(super) fn spread(line: &str) -> String {
    let Some((rest, days)) = line.rsplit_once(char::is_whitespace) else {
        return line.to_owned();
    };
    let items: Vec<String> = days.split(',').map(spread_item).collect();
    format!("{rest} {}", items.join(","))
}

fn spread_item(item: &str) -> String {
    let range = marked(item).and_then(|(days, nth)| {
        let (from, to) = days.split_once('-')?;
        let day = |text| value(text, &FIELDS[4]).ok().map(|day| day % 7);
        Some((day(from)?, day(to)?, nth))
    });
    let Some((from, to, nth)) = range else {
        return item.to_owned();
    };
    let days = (0..=(to + 7 - from) % 7).map(|step| format!("{}#{nth}", (from + step) % 7));
    days.collect::<Vec<_>>().join(",")
}

fn check_step(range: &str, step: &str, field: &Field) -> Result<(), (String, String)> {
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
    if range != "*" && !range.contains('-') {
        return Err((
            format!("the step `{step}` of the {} has no range", field.name),
            format!("write `{range}-{}/{step}`, or `*/{step}`", field.max),
        ));
    }
    Ok(())
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
        None => Err(cannot_be(text, field)),
    }
}

fn cannot_be(text: &str, field: &Field) -> (String, String) {
    let near = nearest(&text.to_lowercase(), field.words.iter().copied());
    (
        format!("the {} cannot be `{text}`", field.name),
        near.map_or_else(|| legal(field), |near| format!("did you mean `{near}`?")),
    )
}

/// The nearest line that is right: fields that are not are brought into their range.
pub fn repaired(cron: &str) -> Option<String> {
    let is_right = |line: &String| check(line).is_ok();
    if cron.trim().starts_with('@') {
        let words = NICKNAMES.iter().map(|(word, _)| *word);
        return nearest(&cron.trim().to_lowercase(), words).map(str::to_owned);
    }
    let mut texts: Vec<&str> = fields(cron).into_iter().map(|(_, text)| text).collect();
    if texts.len() == FIELDS.len() + 1 {
        texts.remove(0);
    }
    if texts.len() != FIELDS.len() {
        return None;
    }
    let repaired: Vec<String> = texts
        .iter()
        .zip(&FIELDS)
        .map(|(text, field)| repaired_field(text, field))
        .collect();
    Some(repaired.join(" ")).filter(is_right)
}

fn repaired_field(text: &str, field: &Field) -> String {
    let items = text.split(',').map(|item| {
        if check_item(item, field).is_ok() {
            return item.to_owned();
        }
        let (range, step) = item.split_once('/').unwrap_or((item, ""));
        let near = |text: &str| match text.parse::<u32>() {
            Ok(number) => Some(number.clamp(field.min, field.max).to_string()),
            Err(_) => nearest(&text.to_lowercase(), field.words.iter().copied())
                .map(str::to_owned)
                .or_else(|| value(text, field).ok().map(|_| text.to_owned())),
        };
        let range = match range.split_once('-') {
            Some((from, to)) => match (near(from), near(to)) {
                (Some(from), Some(to)) => format!("{from}-{to}"),
                _ => "*".to_owned(),
            },
            None => near(range).unwrap_or_else(|| "*".to_owned()),
        };
        let swapped = range
            .split_once('-')
            .map(|(from, to)| format!("{to}-{from}"));
        let span = field.max - field.min + 1;
        let step = step.parse().ok().map(|step: u32| step.clamp(1, span));
        let candidates = [Some(range.clone()), swapped].into_iter().flatten();
        let mut candidates = candidates.flat_map(|range| match step {
            Some(step) => vec![format!("{range}/{step}"), format!("*/{step}"), range],
            None => vec![range],
        });
        candidates
            .find(|candidate| check_item(candidate, field).is_ok())
            .unwrap_or_else(|| "*".to_owned())
    });
    items.collect::<Vec<_>>().join(",")
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
pub fn check_zone(name: &str) -> Result<(), Option<String>> {
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
            "@Hourly",
            "@midnight",
            "0 7 L * *",
            "0 7 1W,LW * *",
            "0 7 ? * fri#2",
            "0 7 * * FRIL",
            "0 7 13 * +fri",
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
            ("0 ? * * *", "?", "cannot be `?`", "0 to 23"),
            ("0 7 * L *", "L", "cannot be `L`", "1 to 12"),
            ("0 7 32W * *", "32W", "cannot be `32W`", "1 to 31"),
            ("0 7 * * 2W", "2W", "cannot be `2W`", "0 to 7"),
            ("0 7 * * fri#6", "fri#6", "cannot be `fri#6`", "0 to 7"),
            ("5/15 7 * * *", "5/15", "has no range", "`5-59/15`"),
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
    fn the_nearest_right_line_is_shown_beside_a_wrong_one() {
        for (line, right) in [
            ("0 25 * * *", "0 23 * * *"),
            ("60 7 * * 1-5", "59 7 * * 1-5"),
            ("0 0 7 * * *", "0 7 * * *"),
            ("0 7 * * 5-1", "0 7 * * 1-5"),
            ("0 7 * * mun", "0 7 * * mon"),
            ("*/99 7 * * *", "*/60 7 * * *"),
            ("5/15 7 * * *", "*/15 7 * * *"),
            ("@dayly", "@daily"),
        ] {
            assert_eq!(repaired(line).as_deref(), Some(right), "{line}");
        }
        assert_eq!(repaired("every day"), None);
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
