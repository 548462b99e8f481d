//! Single values as people write them, turned into integers: `300ms`, `1.5s`, `0.9`, `-12`.

use crate::timeline::LONGEST_MS;

/// A duration as milliseconds: `300ms`, `1.5s`, `2m`.
pub(crate) fn duration_ms(text: &str) -> Result<u32, String> {
    let fail = || format!("`{text}` is not a duration; write it like 300ms or 1.5s");
    let text_trimmed = text.trim();
    let (number, unit_ms) = if let Some(number) = text_trimmed.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text_trimmed.strip_suffix('s') {
        (number, 1000)
    } else if let Some(number) = text_trimmed.strip_suffix('m') {
        (number, 60_000)
    } else {
        return Err(fail());
    };
    let ms = decimal(number, unit_ms).ok_or_else(fail)?;
    // No video is longer, so nothing in one is either.
    u32::try_from(ms)
        .ok()
        .filter(|ms| *ms <= LONGEST_MS)
        .ok_or_else(|| format!("`{text}` is not between 0 and {}", told_ms(LONGEST_MS)))
}

/// Milliseconds as a person writes them: `300ms`, `1.5s`, `1m 30s`.
pub(crate) fn told_ms(ms: u32) -> String {
    let (minutes, rest) = (ms / 60_000, ms % 60_000);
    let seconds = match (rest / 1000, rest % 1000) {
        (0, 0) => String::new(),
        (0, ms) => format!("{ms}ms"),
        (s, 0) => format!("{s}s"),
        (s, ms) => format!("{s}.{}s", format!("{ms:03}").trim_end_matches('0')),
    };
    match (minutes, seconds.is_empty()) {
        (0, true) => "0s".to_owned(),
        (0, false) => seconds,
        (minutes, true) => format!("{minutes}m"),
        (minutes, false) => format!("{minutes}m {seconds}"),
    }
}

/// `number * scale`, exactly, where the number is written with at most nine digits on either side of the point and
/// the result is whole.
fn decimal(number: &str, scale: i64) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |part: &str| part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
    let complete = !whole.is_empty() && (number.contains('.') != fraction.is_empty());
    if !complete || !digits(whole) || !digits(fraction) {
        return None;
    }
    let ten = 10i64.pow(fraction.len() as u32);
    let value: i64 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = value.checked_mul(scale)?;
    (scaled % ten == 0).then_some(scaled / ten)
}

/// A number scaled to a whole one, for example 0.9 to 900 permille.
pub(crate) fn scaled(value: f64, scale: f64) -> i64 {
    // Numbers come from a document of finite values; the cast saturates.
    (value * scale).round() as i64
}

/// A face written `Family:weight` or just `Family` (400).
pub(crate) fn face(text: &str) -> Result<(String, u16), String> {
    let (family, weight) = text.rsplit_once(':').unwrap_or((text, "400"));
    let family = family.trim();
    let weight: u16 = weight
        .trim()
        .parse()
        .ok()
        .filter(|weight| (100..=900).contains(weight))
        .ok_or_else(|| format!("`{text}` has no weight between 100 and 900"))?;
    if family.is_empty() {
        return Err(format!("`{text}` names no family"));
    }
    Ok((family.to_owned(), weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_exact() {
        for (text, ms) in [
            ("0s", 0),
            ("300ms", 300),
            ("1.5s", 1500),
            ("0.001s", 1),
            ("2m", 120_000),
            (" 3s ", 3000),
            ("0.5m", 30_000),
        ] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn durations_are_told_as_they_are_written() {
        for (ms, text) in [
            (0, "0s"),
            (300, "300ms"),
            (1500, "1.5s"),
            (2040, "2.04s"),
            (60_000, "1m"),
            (90_500, "1m 30.5s"),
        ] {
            assert_eq!(told_ms(ms), text);
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for bad in [
            "",
            "s",
            "3",
            "1,5s",
            "-1s",
            "1.s",
            ".5s",
            "0.5ms",
            "1e3s",
            "2h",
            "61m",
            "1234567890s",
        ] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_round_to_the_nearest_unit() {
        assert_eq!(scaled(0.9, 1000.0), 900);
        assert_eq!(scaled(1.06, 1000.0), 1060);
        assert_eq!(scaled(-12.0, 100.0), -1200);
    }

    #[test]
    fn faces_have_a_family_and_a_weight() {
        assert_eq!(face("Inter:800"), Ok(("Inter".into(), 800)));
        assert_eq!(face("Noto Sans"), Ok(("Noto Sans".into(), 400)));
        for bad in ["Inter:bold", ":700", "Inter:1000", ""] {
            assert!(face(bad).is_err(), "{bad}");
        }
    }
}
