//! Single values of inputs as people write them: numbers, lengths of time, days, addresses.

use rust_decimal::Decimal;

use super::InputType;
use crate::value::Value;

/// A text from outside as a value of this type; the type's own limits are held later.
pub(super) fn scalar(input_type: &InputType, text: &str) -> Result<Value, String> {
    Ok(match input_type {
        InputType::Int => Value::Int(
            text.trim()
                .parse()
                .map_err(|_| "it must be a whole number".to_owned())?,
        ),
        InputType::Number => {
            let number: f64 = text
                .trim()
                .parse()
                .map_err(|_| "it must be a number".to_owned())?;
            if !number.is_finite() {
                return Err("it must be a finite number".to_owned());
            }
            Value::Float(number)
        }
        InputType::Bool => match text.trim() {
            "true" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "no" | "off" | "0" => Value::Bool(false),
            _ => return Err("it must be true or false".to_owned()),
        },
        _ => Value::Text(text.to_owned()),
    })
}

/// Longest length of time, milliseconds.
const LONGEST_MS: i64 = 1_000_000_000_000;

/// Milliseconds of a text like `300ms`, `2.5s`, `1m30s` or `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let fail = || "it must be a length of time like 300ms, 2.5s or 1m30s".to_owned();
    let too_long = || "the length of time is more than 30 years".to_owned();
    let mut rest = text.trim();
    let mut total = Decimal::ZERO;
    if rest.is_empty() {
        return Err(fail());
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or_else(fail)?;
        let number = Decimal::from_str_exact(&rest[..digits]).map_err(|_| fail())?;
        rest = &rest[digits..];
        let unit_len = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = match &rest[..unit_len] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(fail()),
        };
        total = number
            .checked_mul(Decimal::from(unit))
            .and_then(|part| total.checked_add(part))
            .ok_or_else(too_long)?;
        rest = &rest[unit_len..];
    }
    match i64::try_from(total) {
        Ok(ms) if ms > LONGEST_MS => Err(too_long()),
        Ok(ms) if total == Decimal::from(ms) => Ok(ms),
        Ok(_) => Err("it is no whole number of milliseconds".to_owned()),
        Err(_) => Err(too_long()),
    }
}

/// Whether the text is a day of the Gregorian calendar.
pub(crate) fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let number = |part: &str, len: usize| {
        (part.len() == len && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    match (number(year, 4), number(month, 2), number(day, 2)) {
        (Some(year), Some(month @ 1..=12), Some(day)) => {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (1..=days).contains(&day)
        }
        _ => false,
    }
}

/// Whether the text is an http or https address.
pub(crate) fn is_url(text: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        text.strip_prefix(scheme)
            .is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: W-24
    #[test]
    fn durations_add_up() {
        assert_eq!(parse_duration("300ms"), Ok(300));
        assert_eq!(parse_duration("2.5s"), Ok(2500));
        assert_eq!(parse_duration("1h1m1s1ms"), Ok(3_661_001));
        for bad in ["", "s", "1", "1x", "1.2.3s", "-1s", "99999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_days_of_the_calendar() {
        for day in ["2024-02-29", "2000-02-29", "2026-12-31"] {
            assert!(is_date(day), "{day}");
        }
        for day in [
            "1900-02-29",
            "2026-13-01",
            "2026-04-31",
            "26-01-01",
            "2026-1-1",
            "x",
        ] {
            assert!(!is_date(day), "{day}");
        }
    }
}
