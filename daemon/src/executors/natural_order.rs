//! The order people expect of file names: `clip 2` before `clip 10`, capitals beside their small letters.

use std::cmp::Ordering;

/// Compares names by their parts: runs of digits as numbers, everything else as lower-case letters. Names that are
/// equal so far fall back to their bytes, so the order is total.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (mut a, mut b) = (left, right);
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (first, rest_a) = split_digits(a);
            let (second, rest_b) = split_digits(b);
            match compare_numbers(first, second) {
                Ordering::Equal => (a, b) = (rest_a, rest_b),
                other => return other,
            }
        } else {
            match x.to_lowercase().cmp(y.to_lowercase()) {
                Ordering::Equal => (a, b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]),
                other => return other,
            }
        }
    }
    a.len().cmp(&b.len()).then_with(|| left.cmp(right))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Numbers of any length, compared without being computed.
fn compare_numbers(left: &str, right: &str) -> Ordering {
    let (a, b) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut names: Vec<&str>) -> Vec<&str> {
        names.sort_by(|a, b| compare(a, b));
        names
    }

    #[test]
    fn numbers_count_and_case_does_not() {
        assert_eq!(
            sorted(vec![
                "clip10.mp4",
                "Clip2.mp4",
                "clip1.mp4",
                "a.mp4",
                "B.mp4"
            ]),
            ["a.mp4", "B.mp4", "clip1.mp4", "Clip2.mp4", "clip10.mp4"]
        );
        assert_eq!(
            sorted(vec!["IMG_0010", "IMG_0009", "IMG_00100"]),
            ["IMG_0009", "IMG_0010", "IMG_00100"]
        );
    }

    #[test]
    fn numbers_longer_than_any_integer_are_compared() {
        let (small, large) = ("9".repeat(50), "1".to_owned() + &"0".repeat(50));
        assert_eq!(compare(&small, &large), Ordering::Less);
    }

    proptest! {
        #[test]
        fn the_order_is_total(names in proptest::collection::vec("[aAb0-9ß. ]{0,6}", 3)) {
            let [a, b, c] = [&names[0], &names[1], &names[2]];
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b) == Ordering::Equal, a == b);
            if compare(a, b).is_le() && compare(b, c).is_le() {
                prop_assert!(compare(a, c).is_le());
            }
        }
    }
}
