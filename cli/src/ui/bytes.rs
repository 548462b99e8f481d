//! Sizes as people read them. Pure.

/// `0 B`, `812 B`, `1.4 kB`, `38 MB`, `2.1 GB`: powers of 1000, as disks are sold.
pub(crate) fn short(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    // Whole numbers from 10 on, and what rounds to a thousand is one of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_as_many_digits_as_matter() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_440, "1.4 kB"),
            (9_960, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (38_200_000, "38 MB"),
            (2_140_000_000, "2.1 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(short(bytes), text, "{bytes}");
        }
    }
}
