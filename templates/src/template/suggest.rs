//! "Did you mean": the known word nearest to an unknown one.

/// A hint naming the nearest of the known words, or all of them when none is near.
pub(crate) fn hint<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    let mut seen = Vec::new();
    known.retain(|word| {
        !seen.contains(word) && {
            seen.push(*word);
            true
        }
    });
    match nearest(unknown, &known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => String::new(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// The nearest of the known words, if one is near.
pub(crate) fn nearest_of<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest(unknown, &known.into_iter().collect::<Vec<_>>())
}

/// The nearest known word, if it is near enough to be a slip of the fingers.
fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let letters = unknown.chars().count();
    let limit = match letters {
        0 | 1 => 0,
        _ => (letters / 3).clamp(1, 3),
    };
    // One edit turns any name of two letters into another; only a letter left out is believed.
    let believed =
        |far: usize, word: &str| far == 0 || letters > 2 || word.chars().count() > letters;
    known
        .iter()
        .map(|word| {
            (
                distance(&unknown.to_lowercase(), &word.to_lowercase()),
                *word,
            )
        })
        .filter(|(far, word)| *far <= limit && believed(*far, word))
        .min_by_key(|(far, _)| *far)
        .map(|(_, word)| word)
}

/// Edits (insert, delete, replace, swap neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        rows[i][0] = i;
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_lists_otherwise() {
        let known = ["preset", "size", "max_lines"];
        assert_eq!(hint("szie", known), "did you mean `size`?");
        assert_eq!(hint("Max_Line", known), "did you mean `max_lines`?");
        assert_eq!(
            hint("colour_of_it", known),
            "known here: preset, size, max_lines"
        );
        assert_eq!(hint("x", []), "");
        assert_eq!(hint("x", ["size", "size"]), "known here: size");
    }

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abcd", "abdc"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
