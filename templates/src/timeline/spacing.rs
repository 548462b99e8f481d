//! Spaces between words: some scripts have none.
//!
//! Used wherever words become lines, so that captions on the picture, in subtitle files and in the counting of columns
//! agree.

/// Whether a letter belongs to a script that is written without spaces between words.
pub fn is_spaceless(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0FFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x312F | 0x31A0..=0x9FFF
        | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF00..=0xFFEF | 0x20000..=0x3FFFF)
}

/// Words as one text, with spaces where their script has them.
pub(crate) fn joined(words: &[String]) -> String {
    let mut text = String::new();
    for word in words {
        let close = match (text.chars().next_back(), word.chars().next()) {
            (Some(before), Some(after)) => is_spaceless(before) && is_spaceless(after),
            _ => true,
        };
        if !close {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_stand_where_the_script_has_them() {
        let text = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            joined(&words)
        };
        assert_eq!(text(&["Bees", "never", "sleep."]), "Bees never sleep.");
        assert_eq!(text(&["私", "たち", "は"]), "私たちは");
        assert_eq!(text(&["海", "NASA", "だ"]), "海 NASA だ");
        assert_eq!(text(&[]), "");
    }
}
