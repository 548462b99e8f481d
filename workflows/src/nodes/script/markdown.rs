//! Markdown (and plain text) to what is read aloud: no marks, no addresses, no code.

use super::sentences::is_month;

/// What is left of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    /// The first heading.
    pub(super) title: Option<String>,
    /// Paragraphs of one line each, in order; later headings are paragraphs.
    pub(super) paragraphs: Vec<String>,
}

/// Takes the markup away.
pub(super) fn strip(text: &str) -> Plain {
    let mut plain = Plain::default();
    let mut paragraph = String::new();
    let mut fence: Option<&str> = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let trimmed = line.trim();
        let mark = ["```", "~~~"]
            .into_iter()
            .find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => {
                flush(&mut paragraph, &mut plain);
                fence = Some(mark);
            }
            (None, None) => take_line(trimmed, &mut paragraph, &mut plain),
        }
    }
    flush(&mut paragraph, &mut plain);
    plain
}

fn take_line(line: &str, paragraph: &mut String, plain: &mut Plain) {
    if line.is_empty() || is_rule(line) {
        flush(paragraph, plain);
        return;
    }
    if let Some(heading) = heading(line) {
        flush(paragraph, plain);
        let heading = inline(heading);
        if plain.title.is_none() && plain.paragraphs.is_empty() {
            plain.title = Some(heading);
        } else if !heading.is_empty() {
            plain.paragraphs.push(heading);
        }
        return;
    }
    let (content, is_item) = item(line.trim_start_matches(['>', ' ']));
    if is_item {
        flush(paragraph, plain);
    }
    let content = inline(content);
    if !content.is_empty() {
        if !paragraph.is_empty() {
            paragraph.push(' ');
        }
        paragraph.push_str(&content);
    }
}

fn flush(paragraph: &mut String, plain: &mut Plain) {
    if !paragraph.is_empty() {
        plain.paragraphs.push(std::mem::take(paragraph));
    }
}

/// `---`, `***`, `===`: a line of one mark only.
fn is_rule(line: &str) -> bool {
    line.len() >= 3
        && ['-', '*', '_', '=']
            .iter()
            .any(|mark| line.chars().all(|c| c == *mark || c == ' '))
}

fn heading(line: &str) -> Option<&str> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &line[level..];
    ((1..=6).contains(&level) && (rest.is_empty() || rest.starts_with(' ')))
        .then(|| rest.trim().trim_end_matches('#').trim())
}

/// The text of a list item without its mark, and whether there was a mark.
fn item(line: &str) -> (&str, bool) {
    for mark in ["- ", "* ", "+ ", "• "] {
        if let Some(rest) = line.strip_prefix(mark) {
            let rest = rest.trim_start();
            let rest = ["[ ] ", "[x] ", "[X] "]
                .iter()
                .find_map(|task| rest.strip_prefix(task))
                .unwrap_or(rest);
            return (rest, true);
        }
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=3).contains(&digits) {
        let rest = &line[digits..];
        if let Some(rest) = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")) {
            let rest = rest.trim_start();
            let day = rest.split_whitespace().next().is_some_and(is_month);
            return if day { (line, false) } else { (rest, true) };
        }
    }
    (line, false)
}

/// Links become their text, emphasis goes, addresses go, white space is one space.
fn inline(line: &str) -> String {
    let text = links(line);
    let mut kept = Vec::new();
    for word in text.split_whitespace() {
        let word = emphasis(word);
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let is_address =
            bare.starts_with("http://") || bare.starts_with("https://") || bare.starts_with("www.");
        if is_address {
            // The full stop after an address still ends its sentence.
            if let (Some(end), Some(last)) = (word.chars().last(), kept.last_mut())
                && matches!(end, '.' | '!' | '?')
            {
                let last: &mut String = last;
                if !last.ends_with(['.', '!', '?']) {
                    last.push(end);
                }
            }
            continue;
        }
        if !word.is_empty() {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// `[text](address)` and `![alt](address)`.
fn links(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        let inside = &rest[open + 1..];
        let link = inside.find("](").and_then(|mid| {
            let end = inside[mid + 2..].find(')')?;
            Some((&inside[..mid], &inside[mid + 2 + end + 1..]))
        });
        match link {
            Some((text, after)) => {
                let before = &rest[..open];
                let is_image = before.ends_with('!');
                out.push_str(before.strip_suffix('!').unwrap_or(before));
                if !is_image {
                    out.push_str(text);
                }
                rest = after;
            }
            None => {
                out.push_str(&rest[..=open]);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

/// `**bold**`, `_soft_`, `` `code` ``: marks at the edges of a word. `snake_case` and `2*3` keep theirs.
fn emphasis(word: &str) -> String {
    let marks = ['*', '_', '`', '~'];
    let start = word
        .char_indices()
        .find(|(_, c)| c.is_alphanumeric())
        .map_or(word.len(), |(at, _)| at);
    let end = word
        .char_indices()
        .rev()
        .find(|(_, c)| c.is_alphanumeric())
        .map_or(start, |(at, c)| at + c.len_utf8())
        .max(start);
    let edge = |part: &str| part.replace(marks, "");
    let middle = word[start..end].replace("**", "").replace('`', "");
    format!("{}{middle}{}", edge(&word[..start]), edge(&word[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (marked, plain) in [
            ("**Bees** can _dance_, *really*.", "Bees can dance, really."),
            ("See [the map](https://x.y/z) now.", "See the map now."),
            ("![a bee](bee.png) Bees.", "Bees."),
            ("Read https://x.y/z today.", "Read today."),
            ("It is on https://x.y/z.", "It is on."),
            ("Use `snake_case` and 2*3.", "Use snake_case and 2*3."),
            ("> quoted text", "quoted text"),
            ("array[0] is first", "array[0] is first"),
            ("\"**Hi**,\" she said.", "\"Hi,\" she said."),
        ] {
            assert_eq!(inline(marked.trim_start_matches("> ")), plain, "{marked}");
        }
    }

    #[test]
    fn the_first_heading_is_the_title() {
        let plain = strip("# Bees #\n\nThey dance.\n\n## Why\nBecause.\n");
        assert_eq!(plain.title.as_deref(), Some("Bees"));
        assert_eq!(plain.paragraphs, ["They dance.", "Why", "Because."]);
        assert_eq!(strip("#tag first\n").title, None);
    }

    #[test]
    fn lists_are_paragraphs_and_code_goes() {
        let plain = strip(
            "Three things:\n- one bee\n* [x] two bees\n3. three bees\n```rust\nfn main() {}\n```\nEnd here.\n",
        );
        assert_eq!(
            plain.paragraphs,
            [
                "Three things:",
                "one bee",
                "two bees",
                "three bees",
                "End here."
            ]
        );
    }

    #[test]
    fn lines_of_a_paragraph_are_joined_and_rules_part() {
        assert_eq!(strip("a\nb\n\nc\n---\nd").paragraphs, ["a b", "c", "d"]);
    }

    #[test]
    fn odd_input_does_not_panic() {
        for text in [
            "[",
            "[a](",
            "](b)",
            "*",
            "**",
            "`",
            "#",
            "\u{feff}# T",
            "~~~",
            "é*é*é",
            "![",
        ] {
            strip(text);
        }
        assert_eq!(strip("\u{feff}# T").title.as_deref(), Some("T"));
    }
}
