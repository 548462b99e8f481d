//! What an edit would change, as programs that apply edits read it.
//!
//! The one door of similar.

use similar::TextDiff;

use super::style::Style;

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// The unified diff between two texts of one file; empty when they are equal.
pub(crate) fn unified(name: &str, before: &str, after: &str, style: Style) -> String {
    let diff = TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string();
    if !style.is_on() {
        return diff;
    }
    let painted: Vec<String> = diff.lines().map(|line| paint(line, style)).collect();
    painted.join("\n")
}

fn paint(line: &str, style: Style) -> String {
    match line.chars().next() {
        Some('+') => style.green(line),
        Some('-') => style.red(line),
        Some('@') => style.cyan(line),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_what_is_around_them() {
        let diff = unified("w.yaml", "a\nb\nc\n", "a\nB\nc\n", Style::new(false));
        assert_eq!(
            diff,
            "--- a/w.yaml\n+++ b/w.yaml\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"
        );
        assert_eq!(unified("w.yaml", "a\n", "a\n", Style::new(false)), "");
        let style = Style::new(true);
        let painted = style.shown(&unified("w.yaml", "a\n", "b\n", style));
        assert!(painted.contains("\x1b[32m+b\x1b[0m"), "{painted:?}");
    }
}
