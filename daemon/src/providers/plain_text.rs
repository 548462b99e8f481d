//! What a stranger wrote, as plain text: no marks, no scripts, no controls, one space between words, and no longer than
//! it may be. Pure.

/// Elements whose content is no text.
const SILENT: [&str; 4] = ["script", "style", "head", "template"];

/// Characters of the longest entity that is read.
const LONGEST_ENTITY: usize = 10;

/// The text of HTML, or of a text that may hold some.
pub(super) fn plain(html: &str, most: usize) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        // `a < b` is text.
        let is_mark =
            after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !is_mark {
            text.push('<');
            rest = after;
            continue;
        }
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let name: String = after
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        let Some(end) = after.find('>') else {
            rest = "";
            break;
        };
        rest = &after[end + 1..];
        let name = name.to_ascii_lowercase();
        if SILENT.contains(&name.as_str()) {
            let close = format!("</{name}");
            let ends = find_ignoring_case(rest, &close);
            rest = ends.map_or("", |ends| &rest[ends..]);
        }
        if !is_inline(&name, after) {
            text.push(' ');
        }
    }
    text.push_str(rest);
    clipped(&entities(&text), most)
}

/// Whether a mark stands within a word.
fn is_inline(name: &str, mark: &str) -> bool {
    let closing = mark
        .strip_prefix('/')
        .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric));
    let name = closing.map_or_else(
        || name.to_owned(),
        |name| name.collect::<String>().to_lowercase(),
    );
    matches!(
        name.as_str(),
        "a" | "b"
            | "i"
            | "u"
            | "em"
            | "strong"
            | "span"
            | "sup"
            | "sub"
            | "small"
            | "font"
            | "abbr"
            | "code"
            | "mark"
    )
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    text.windows(wanted.len())
        .position(|part| part.eq_ignore_ascii_case(wanted))
}

fn entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after
            .char_indices()
            .take(LONGEST_ENTITY)
            .find(|(_, c)| *c == ';');
        match end.and_then(|(end, _)| Some((end, entity(&after[..end])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "euro" => '€',
        "pound" => '£',
        "deg" => '°',
        "eacute" => 'é',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        _ => return None,
    })
}

/// Single spaces, no controls, and at most so many characters, ending with a word.
fn clipped(text: &str, most: usize) -> String {
    let hidden = |c: &char| !c.is_control() || c.is_whitespace();
    let visible: String = text.chars().filter(hidden).collect();
    let mut out = String::new();
    let mut count = 0;
    for word in visible.split_whitespace() {
        let chars = word.chars().count();
        if count + chars + 1 > most {
            out.push('…');
            break;
        }
        if !out.is_empty() {
            out.push(' ');
            count += 1;
        }
        out.push_str(word);
        count += chars;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (html, text) in [
            ("<p>One</p><p>two</p>", "One two"),
            ("H<sub>2</sub>O &amp; <b>more</b>", "H2O & more"),
            ("a < b &#8212; c &#x41; &bogus; &", "a < b — c A &bogus; &"),
            ("x<script>alert('</p>')</script>y", "x y"),
            ("<!-- no -->yes<br/>and", "yes and"),
            ("cut <a href='x", "cut"),
            ("bell\u{7} and\u{1b}[31m red", "bell and[31m red"),
        ] {
            assert_eq!(plain(html, 100), text, "{html}");
        }
        assert_eq!(plain("one two three", 8), "one two…");
    }
}
