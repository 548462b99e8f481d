//! The words of an expression: enough of its grammar to find references with their places, functions that do not
//! exist, and expressions that are too large — before the engine sees anything.
//!
//! Neighbours: `engine` is what evaluates. The engine reads the same text; where the two could disagree, this scanner
//! is the stricter one.

/// Longest expression, bytes.
pub(crate) const MAX_BYTES: usize = 1024;
/// Most operators, dots, brackets and calls: the engine recurses once per link of a chain.
pub(crate) const MAX_LINKS: usize = 200;

/// A name with what is reached through it: `nodes.voice.seconds`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The names between the dots.
    pub(crate) path: Vec<String>,
    /// First byte in the expression.
    pub(crate) start: usize,
    /// First byte after it.
    pub(crate) end: usize,
}

/// What was found in an expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Every name that must be looked up.
    pub(crate) references: Vec<Reference>,
    /// Every function used, as `f(x)` or `x | f`, with its place.
    pub(crate) functions: Vec<(String, usize)>,
    /// Operators, dots, brackets and calls.
    pub(crate) links: usize,
    /// Whether the whole expression is one reference and nothing else.
    pub(crate) bare: bool,
    /// Where a word that the language leaves out stands, and why it is left out.
    pub(crate) refused: Option<(usize, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Literal,
    Mark(u8),
}

const KEYWORDS: [&str; 12] = [
    "true", "True", "false", "False", "none", "None", "and", "or", "not", "in", "if", "else",
];

/// Reads an expression.
pub(crate) fn scan(text: &str) -> Scanned {
    let tokens = tokens(text);
    let mut scanned = Scanned::default();
    let mut at = 0;
    while at < tokens.len() {
        let (token, start, _) = tokens[at];
        match token {
            Token::Name(name) => at = name_at(&tokens, at, name, start, &mut scanned),
            Token::Mark(mark) => {
                if !matches!(mark, b')' | b']' | b'}' | b',' | b':') {
                    scanned.links += 1;
                }
                at += 1;
            }
            Token::Literal => at += 1,
        }
    }
    scanned.bare = is_bare(&tokens, &scanned);
    scanned
}

fn is_bare(tokens: &[(Token<'_>, usize, usize)], scanned: &Scanned) -> bool {
    match (scanned.references.as_slice(), tokens.first(), tokens.last()) {
        ([reference], Some((_, start, _)), Some((_, _, end))) => {
            reference.start == *start
                && reference.end == *end
                && tokens.len() == 2 * reference.path.len() - 1
        }
        _ => false,
    }
}

/// Handles a name and returns the index of the token after what belongs to it.
fn name_at(
    tokens: &[(Token<'_>, usize, usize)],
    at: usize,
    name: &str,
    start: usize,
    scanned: &mut Scanned,
) -> usize {
    let previous = at.checked_sub(1).map(|before| tokens[before].0);
    let next = tokens.get(at + 1).map(|token| token.0);
    if name == "is" {
        scanned.refused.get_or_insert((
            start,
            "tests with `is` are not part of the language; compare with == or use default(…)",
        ));
        return at + 1;
    }
    if name == "null" {
        scanned
            .refused
            .get_or_insert((start, "nothing is written `none` in expressions"));
        return at + 1;
    }
    if KEYWORDS.contains(&name) {
        scanned.links += usize::from(matches!(name, "and" | "or" | "not" | "in" | "if" | "else"));
        return at + 1;
    }
    let is_filter = previous == Some(Token::Mark(b'|'));
    if is_filter || (next == Some(Token::Mark(b'(')) && previous != Some(Token::Mark(b'.'))) {
        scanned.functions.push((name.to_owned(), start));
        return at + 1;
    }
    if previous == Some(Token::Mark(b'.')) || next == Some(Token::Mark(b'=')) {
        return at + 1;
    }
    reference_at(tokens, at, scanned)
}

fn reference_at(
    tokens: &[(Token<'_>, usize, usize)],
    mut at: usize,
    scanned: &mut Scanned,
) -> usize {
    let start = tokens[at].1;
    let mut end = tokens[at].2;
    let mut path = Vec::new();
    loop {
        if let Token::Name(name) = tokens[at].0 {
            path.push(name.to_owned());
            end = tokens[at].2;
        }
        let dotted = tokens.get(at + 1).map(|token| token.0) == Some(Token::Mark(b'.'));
        let named = matches!(tokens.get(at + 2), Some((Token::Name(_), _, _)));
        if !(dotted && named) {
            break;
        }
        scanned.links += 1;
        at += 2;
    }
    if tokens.get(at + 1).map(|token| token.0) == Some(Token::Mark(b'(')) {
        scanned.refused.get_or_insert((
            start,
            "values have no methods; call a function: upper(inputs.topic)",
        ));
    }
    scanned.references.push(Reference { path, start, end });
    at + 1
}

fn tokens(text: &str) -> Vec<(Token<'_>, usize, usize)> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii() => {
                at = end_of(bytes, at, |byte| {
                    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
                });
                Token::Name(&text[start..at])
            }
            byte if byte.is_ascii_digit() => {
                at = end_of(bytes, at, |byte| {
                    byte.is_ascii_alphanumeric() || byte == b'_'
                });
                // A dot belongs to the number only when a digit follows: `1.5`, but `xs.0.name`.
                if bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)
                {
                    at = end_of(bytes, at + 1, |byte| byte.is_ascii_alphanumeric());
                }
                Token::Literal
            }
            quote @ (b'"' | b'\'') => {
                at = end_of_text(bytes, at + 1, quote);
                Token::Literal
            }
            b'=' if bytes.get(at + 1) == Some(&b'=') => {
                at += 2;
                Token::Mark(b'E')
            }
            b'!' | b'<' | b'>' if bytes.get(at + 1) == Some(&b'=') => {
                at += 2;
                Token::Mark(b'E')
            }
            mark => {
                at += 1;
                Token::Mark(mark)
            }
        };
        tokens.push((token, start, at));
    }
    tokens
}

fn end_of(bytes: &[u8], mut at: usize, inside: impl Fn(u8) -> bool) -> usize {
    while at < bytes.len() && inside(bytes[at]) {
        at += 1;
    }
    at
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

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        scan(text)
            .references
            .iter()
            .map(|reference| reference.path.join("."))
            .collect()
    }

    #[test]
    fn finds_references_and_nothing_else() {
        assert_eq!(paths("nodes.a.port"), ["nodes.a.port"]);
        assert_eq!(
            paths("upper(inputs.x) ~ 'inputs.y' ~ vars.z.w | default('q')"),
            ["inputs.x", "vars.z.w"]
        );
        assert_eq!(paths("nodes.a.list[0].text"), ["nodes.a.list"]);
        assert_eq!(
            paths("{'k': inputs.x, 'j': [1, inputs.y]}"),
            ["inputs.x", "inputs.y"]
        );
        assert_eq!(paths("true and none == 1.5"), Vec::<String>::new());
        assert_eq!(paths("truncate(inputs.x, length=5)"), ["inputs.x"]);
        assert_eq!(paths("env.HOME"), ["env.HOME"]);
    }

    #[test]
    fn references_know_their_bytes() {
        let text = "1 + nodes . voice . seconds * 2";
        let reference = &scan(text).references[0];
        assert_eq!(
            &text[reference.start..reference.end],
            "nodes . voice . seconds"
        );
        assert_eq!(reference.path, ["nodes", "voice", "seconds"]);
    }

    #[test]
    fn knows_what_is_bare() {
        assert!(scan(" nodes.a.port ").bare);
        assert!(!scan("nodes.a.port[0]").bare);
        assert!(!scan("-inputs.x").bare);
        assert!(!scan("(inputs.x)").bare);
        assert!(!scan("inputs.x | upper").bare);
        assert!(!scan("1").bare);
    }

    #[test]
    fn collects_functions_of_both_forms() {
        let functions: Vec<String> = scan("inputs.x | upper | trim ~ join(vars.l, ',')")
            .functions
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(functions, ["upper", "trim", "join"]);
    }

    #[test]
    fn chains_are_counted() {
        for chain in [
            "1+".repeat(300) + "1",
            "-".repeat(300) + "1",
            "not ".repeat(300) + "1",
            format!("a{}", ".b".repeat(300)),
            format!("a{}", "|abs".repeat(300)),
            "1 if 1 else ".repeat(150) + "1",
            "[".repeat(300),
            "(".repeat(300),
        ] {
            assert!(scan(&chain).links > MAX_LINKS, "{}", &chain[..20]);
        }
        assert_eq!(scan("a.b + 'x.y.z'").links, 2);
    }

    #[test]
    fn words_left_out_are_refused() {
        assert!(scan("inputs.x is defined").refused.is_some());
        assert!(scan("inputs.x == null").refused.is_some());
        assert!(scan("inputs.x.upper()").refused.is_some());
        assert!(scan("inputs.is_ok").refused.is_none());
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
