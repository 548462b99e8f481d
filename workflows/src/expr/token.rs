//! The words of an expression: names, numbers, texts and marks, each with its place.
//!
//! Neighbours: `grammar` puts them together. What no word of the language begins with is refused here.

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Whole(i64),
    Float(f64),
    Text(String),
    Mark(&'static str),
    End,
}

/// A word and its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Why a text is not an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// First byte of what is wrong.
    pub(crate) start: usize,
    /// First byte after it.
    pub(crate) end: usize,
    /// Whether it is a limit rather than the grammar.
    pub(crate) limit: bool,
    /// Lower-case fragment.
    pub(crate) message: String,
    /// What to write instead.
    pub(crate) hint: String,
}

impl Problem {
    /// Something at these bytes is not of the grammar.
    pub(super) fn new(
        start: usize,
        end: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            start,
            end,
            limit: false,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

/// Marks, longer ones first: `==` is not two `=`.
const MARKS: [&str; 32] = [
    "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??", "**", "//", "<", ">", "+", "-", "*",
    "/", "%", "~", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}", "=", "!", "?",
];

/// The words of a text, an end behind the last.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Problem> {
    let mut all = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, end) = token(text, at, c)?;
        all.push(Placed {
            token,
            start: at,
            end,
        });
        at = end;
    }
    all.push(Placed {
        token: Token::End,
        start: text.len(),
        end: text.len(),
    });
    Ok(all)
}

fn token(text: &str, at: usize, first: char) -> Result<(Token, usize), Problem> {
    let rest = &text[at..];
    if first.is_alphabetic() || first == '_' {
        let end = at + run(rest, |c| c.is_alphanumeric() || c == '_');
        return Ok((Token::Name(text[at..end].to_owned()), end));
    }
    if first.is_ascii_digit() {
        return number(text, at);
    }
    if matches!(first, '"' | '\'') {
        return quoted(text, at, first);
    }
    if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
        return Ok((Token::Mark(mark), at + mark.len()));
    }
    Err(stray(at, first))
}

fn stray(at: usize, first: char) -> Problem {
    let hint = match first {
        '“' | '”' | '‘' | '’' | '`' | '«' | '»' => "quote texts with '…' or \"…\"",
        '$' => "write the name alone: the whole expression already stands in ${{ }}",
        '&' => "write `and`",
        '^' => "there are no powers; multiply",
        _ => "`fenta explain expr/syntax` shows what expressions can say",
    };
    Problem::new(
        at,
        at + first.len_utf8(),
        format!("`{first}` means nothing in an expression"),
        hint,
    )
}

/// Bytes of the characters at the beginning that belong together.
fn run(text: &str, inside: impl Fn(char) -> bool) -> usize {
    text.find(|c| !inside(c)).unwrap_or(text.len())
}

fn number(text: &str, start: usize) -> Result<(Token, usize), Problem> {
    let digit = |c: char| c.is_ascii_digit();
    let mut end = start + run(&text[start..], digit);
    let mut whole = true;
    if text[end..].starts_with('.') && text[end + 1..].starts_with(digit) {
        whole = false;
        end += 1 + run(&text[end + 1..], digit);
    }
    let tail = run(&text[end..], |c| c.is_alphanumeric() || c == '_');
    if tail > 0 {
        return Err(bad_number(text, start, end, end + tail));
    }
    let written = &text[start..end];
    let token = if whole {
        written.parse().ok().map(Token::Whole)
    } else {
        let number: Option<f64> = written.parse().ok();
        number.filter(|n| n.is_finite()).map(Token::Float)
    };
    let too_large = || {
        Problem::new(
            start,
            end,
            "the number does not fit into 64 bits",
            "quote it",
        )
    };
    Ok((token.ok_or_else(too_large)?, end))
}

fn bad_number(text: &str, start: usize, digits_end: usize, end: usize) -> Problem {
    let written = &text[start..end];
    let hint = match &text[digits_end..end] {
        "ms" | "s" | "m" | "h" => format!("write duration('{written}'), which gives milliseconds"),
        tail if tail.starts_with('_') => "write the digits without `_`".to_owned(),
        _ => "names begin with a letter; quote it when a text is meant".to_owned(),
    };
    Problem::new(start, end, format!("`{written}` is not a number"), hint)
}

fn quoted(text: &str, start: usize, quote: char) -> Result<(Token, usize), Problem> {
    let mut value = String::new();
    let mut rest = text[start + 1..].char_indices();
    while let Some((at, c)) = rest.next() {
        let at = start + 1 + at;
        if c == quote {
            return Ok((Token::Text(value), at + 1));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match rest.next() {
            Some((_, escaped)) => value.push(match escaped {
                'n' => '\n',
                't' => '\t',
                '\\' | '\'' | '"' => escaped,
                _ => {
                    return Err(Problem::new(
                        at,
                        at + 1 + escaped.len_utf8(),
                        format!("`\\{escaped}` means nothing in a text"),
                        "write \\\\ for one backslash; \\n, \\t, \\' and \\\" have a meaning",
                    ));
                }
            }),
            None => break,
        }
    }
    Err(Problem::new(
        start,
        text.len(),
        "the text is not closed",
        format!("close it with {quote}"),
    ))
}

/// The end of the expression that begins at `from`: the offset of its `}}`, or none. Quoted texts and nested braces
/// are skipped.
pub(crate) fn find_end(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    let mut depth = 0_usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at = end_of_text(bytes, at + 1, quote);
                continue;
            }
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn end_of_text(bytes: &[u8], mut at: usize, quote: u8) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        let placed = tokens(text).unwrap();
        placed.into_iter().map(|placed| placed.token).collect()
    }

    #[test]
    fn words_are_told_apart() {
        let name = |name: &str| Token::Name(name.into());
        assert_eq!(
            words("a.b1>=1.5 'x\\'y'\"\\n\" naïve"),
            [
                name("a"),
                Token::Mark("."),
                name("b1"),
                Token::Mark(">="),
                Token::Float(1.5),
                Token::Text("x'y".into()),
                Token::Text("\n".into()),
                name("naïve"),
                Token::End,
            ]
        );
        assert_eq!(words("7"), [Token::Whole(7), Token::End]);
    }

    #[test]
    fn what_is_no_word_is_refused_with_its_place() {
        for (text, part, hint) in [
            ("1 + 30s", "30s", "duration('30s')"),
            ("1_000", "1_000", "without `_`"),
            ("99999999999999999999", "99999999999999999999", "quote"),
            ("'ab", "'ab", "close it"),
            ("'a\\qb'", "\\q", "backslash"),
            ("“a”", "“", "quote texts"),
            ("$x", "$", "name alone"),
            ("a & b", "&", "and"),
        ] {
            let problem = tokens(text).unwrap_err();
            assert_eq!(&text[problem.start..problem.end], part);
            assert!(problem.hint.contains(hint), "{problem:?}");
        }
    }

    #[test]
    fn ends_are_found_past_texts_and_braces() {
        assert_eq!(find_end("a }} b", 0), Some(2));
        assert_eq!(find_end("'}}' }}", 0), Some(5));
        assert_eq!(find_end("{'a': {}} }}", 0), Some(10));
        assert_eq!(find_end("'}}", 0), None);
        assert_eq!(find_end("a", 0), None);
    }
}
