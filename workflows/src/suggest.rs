//! "Did you mean": the nearest known name for a name that is not known.
//!
//! Used by every check that looks a name up. It must not know what the names mean.

/// The candidate nearest to `wanted`, when it is near enough to be a slip of the fingers.
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = wanted.to_lowercase();
    let length = lowered.chars().count();
    let limit = match length {
        0 | 1 => 0,
        _ => (length / 3).clamp(1, 3),
    };
    // One edit turns any name of two letters into another; only a letter left out is believed.
    let believed = |edits: usize, letters: usize| edits == 0 || length > 2 || letters > length;
    candidates
        .into_iter()
        // Cheap, and it settles most of them: so many letters more or less are so many edits.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= limit)
        .map(|candidate| (distance(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(edits, candidate)| *edits <= limit && believed(*edits, candidate.chars().count()))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace, swap of neighbours) between two texts. Texts over 64 characters are never near.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(65).collect();
    let b: Vec<char> = b.chars().take(65).collect();
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: W-13
    #[test]
    fn finds_slips_and_ignores_strangers() {
        let names = ["Voice.TTS", "Input.Text", "Edit.Timeline"];
        assert_eq!(nearest("Voice.TSS", names), Some("Voice.TTS"));
        assert_eq!(nearest("voice.tts", names), Some("Voice.TTS"));
        assert_eq!(nearest("Input.Txet", names), Some("Input.Text"));
        assert_eq!(nearest("Audio.Mix", names), None);
    }

    #[test]
    fn short_names_need_one_edit_at_most() {
        assert_eq!(nearest("cut", ["cat"]), Some("cat"));
        assert_eq!(nearest("cut", ["cab"]), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest("no", ["to"]), None);
        assert_eq!(nearest("mx", ["max"]), Some("max"));
        assert_eq!(nearest("AB", ["ab"]), Some("ab"));
    }

    #[test]
    fn prefers_the_nearest() {
        assert_eq!(nearest("render", ["renders2", "rende"]), Some("rende"));
    }

    #[test]
    fn counts_a_swap_as_one_edit() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance(&"x".repeat(70), "x"), usize::MAX);
    }
}
