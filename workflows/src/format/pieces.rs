//! What one line of YAML is made of: keys, scalars and comments, found without reading their meaning.
//!
//! Neighbours: `layout` and `flow` use it. It must not know about indentation.

/// What a line in block style begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `- `
    Sequence,
    /// `key:`
    Mapping,
    /// Anything else.
    Scalar,
}

/// What the text begins with.
pub(super) fn shape(text: &str) -> Shape {
    if text.starts_with('-') && blank_or_end(&text[1..]) {
        Shape::Sequence
    } else if split_key(text).is_some() {
        Shape::Mapping
    } else {
        Shape::Scalar
    }
}

/// The key and what follows its colon.
pub(super) fn split_key(text: &str) -> Option<(&str, &str)> {
    let end = match text.chars().next()? {
        '"' | '\'' => {
            let end = closing_quote(text)?;
            end + spaces(&text[end..])
        }
        '{' | '[' | '#' => return None,
        _ => plain_key_end(text)?,
    };
    let after = text[end..].strip_prefix(':')?;
    blank_or_end(after).then(|| (text[..end].trim_end(), after))
}

fn plain_key_end(text: &str) -> Option<usize> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '#' if is_blank(before) => return None,
            ':' if blank_or_end(&text[at + 1..]) => return Some(at),
            _ => before = c,
        }
    }
    None
}

/// Where a quoted scalar that begins here ends, its closing quote included; `None` when it goes on in the next line.
pub(super) fn closing_quote(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    rest_of_quote(&text[1..], quote).map(|end| end + 1)
}

/// Where a quoted scalar ends in a line that begins inside it, its closing quote included.
pub(super) fn rest_of_quote(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, '\'')) if quote == '\'' => {
                    chars.next();
                }
                _ => return Some(at + 1),
            }
        }
    }
    None
}

/// A plain scalar of block style and the rest of its line.
pub(super) fn plain(text: &str) -> (&str, &str) {
    let mut before = 'x';
    for (at, c) in text.char_indices() {
        if c == '#' && is_blank(before) {
            let scalar = text[..at].trim_end();
            return (scalar, &text[scalar.len()..]);
        }
        before = c;
    }
    let scalar = text.trim_end();
    (scalar, &text[scalar.len()..])
}

/// The comment of what is left of a line: how many columns it stands away and its text. `Err` when something else is
/// left.
pub(super) fn comment(rest: &str) -> Result<Option<(usize, &str)>, ()> {
    let text = rest.trim();
    if text.is_empty() {
        Ok(None)
    } else if text.starts_with('#') {
        Ok(Some((spaces(rest), text)))
    } else {
        Err(())
    }
}

/// How many bytes of white space the text begins with.
pub(super) fn spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Whether the text is at its end or goes on with white space.
pub(super) fn blank_or_end(text: &str) -> bool {
    text.chars().next().is_none_or(is_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_values() {
        for (text, key) in [
            ("a: b", Some("a")),
            ("a b  : c", Some("a b")),
            ("'a: b' : c", Some("'a: b'")),
            ("\"a\\\"\": c", Some("\"a\\\"\"")),
            ("http://x: y", Some("http://x")),
            ("a:b", None),
            ("a # b: c", None),
            ("{ a: b }", None),
            ("\"a\": \"", Some("\"a\"")),
            ("\"a", None),
        ] {
            assert_eq!(split_key(text).map(|(key, _)| key), key, "{text}");
        }
        assert_eq!(shape("- a: b"), Shape::Sequence);
        assert_eq!(shape("-a: b"), Shape::Mapping);
        assert_eq!(shape("-5"), Shape::Scalar);
    }

    #[test]
    fn comments_need_a_space_before_them() {
        assert_eq!(plain("a#b  # c"), ("a#b", "  # c"));
        assert_eq!(plain("#FFD400"), ("#FFD400", ""));
        assert_eq!(comment("  # c "), Ok(Some((2, "# c"))));
        assert_eq!(comment("  "), Ok(None));
        assert_eq!(comment(" x"), Err(()));
    }

    #[test]
    fn quotes_end_where_yaml_ends_them() {
        assert_eq!(closing_quote("'it''s' x"), Some(7));
        assert_eq!(closing_quote(r#""a\"b" x"#), Some(6));
        assert_eq!(closing_quote("'open"), None);
        assert_eq!(rest_of_quote("more' x", '\''), Some(5));
    }
}
