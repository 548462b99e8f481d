//! Lengths of time as people read them.
//!
//! Pure: the present is passed in.

use jiff::Timestamp;

/// `0.4s`, `9.8s`, `31s`, `1m05s`, `2h07m`.
pub(crate) fn short(millis: u64) -> String {
    let tenths = (millis + 50) / 100;
    if tenths < 100 {
        return format!("{}.{}s", tenths / 10, tenths % 10);
    }
    let seconds = (millis + 500) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Milliseconds between two RFC 3339 times; `None` when one of them is none or the order is wrong.
pub(crate) fn between(start: &str, end: &str) -> Option<u64> {
    let start: Timestamp = start.parse().ok()?;
    let end: Timestamp = end.parse().ok()?;
    u64::try_from(end.as_millisecond() - start.as_millisecond()).ok()
}

/// `just now`, `12s ago`, `5m ago`, `3h ago`, `2d ago`; the text itself when it is not a time.
pub(crate) fn ago(then: &str, now: Timestamp) -> String {
    let Ok(parsed) = then.parse::<Timestamp>() else {
        return then.to_owned();
    };
    match now.as_second() - parsed.as_second() {
        ..2 => "just now".to_owned(),
        seconds @ 2..60 => format!("{seconds}s ago"),
        seconds @ 60..3600 => format!("{}m ago", seconds / 60),
        seconds @ 3600..86400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_as_many_digits_as_matter() {
        let table = [
            (0, "0.0s"),
            (49, "0.0s"),
            (50, "0.1s"),
            (9_840, "9.8s"),
            (9_949, "9.9s"),
            (9_950, "10s"),
            (31_400, "31s"),
            (59_499, "59s"),
            (59_500, "1m00s"),
            (65_000, "1m05s"),
            (3_599_400, "59m59s"),
            (7_620_000, "2h07m"),
        ];
        for (millis, text) in table {
            assert_eq!(short(millis), text, "{millis}");
        }
    }

    #[test]
    fn between_needs_two_times_in_order() {
        let (a, b) = ("2026-01-01T00:00:00.250Z", "2026-01-01T00:00:01Z");
        assert_eq!(between(a, b), Some(750));
        assert_eq!(between(b, a), None);
        assert_eq!(between("", b), None);
    }

    #[test]
    fn ages_are_rounded_down() {
        let now: Timestamp = "2026-01-03T00:00:00Z".parse().unwrap();
        let table = [
            ("2026-01-03T00:00:05Z", "just now"),
            ("2026-01-02T23:59:48Z", "12s ago"),
            ("2026-01-02T23:54:01Z", "5m ago"),
            ("2026-01-02T20:30:00Z", "3h ago"),
            ("2025-12-31T00:00:00Z", "3d ago"),
            ("soon", "soon"),
        ];
        for (then, text) in table {
            assert_eq!(ago(then, now), text, "{then}");
        }
    }
}
