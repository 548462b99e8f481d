//! Amounts of money as people read them.

/// Millionths of dollars as `$1.25`, exactly, without zeros at the end.
pub(crate) fn dollars(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    format!("${}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_short() {
        for (micros, text) in [
            (0, "$0"),
            (1, "$0.000001"),
            (1_250_000, "$1.25"),
            (30_000_000, "$30"),
        ] {
            assert_eq!(dollars(micros), text);
        }
    }
}
