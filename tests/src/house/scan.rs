//! One Rust file, split into code and tests by a small scanner (no parser: it only knows strings, comments, braces).

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A function outside tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Line of its `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub lines: usize,
    /// Parameters without `self`.
    pub parameters: usize,
}

/// One source file with what the house rules ask about.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path.
    pub path: PathBuf,
    /// The text as written, tests blanked.
    pub text: String,
    /// The text with comments, strings and tests blanked; same length in lines.
    pub code: String,
    /// Code lines outside tests.
    pub code_lines: usize,
    /// Code lines inside tests.
    pub test_lines: usize,
    /// Functions outside tests.
    pub functions: Vec<Function>,
}

impl SourceFile {
    /// Reads and scans a file.
    ///
    /// # Errors
    /// When it cannot be read as UTF-8.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::scan(path, &text))
    }

    /// Scans a text as if it were the file at `path`.
    pub fn scan(path: &Path, text: &str) -> Self {
        let clean = blank(text);
        let is_test_file = path.components().any(|part| {
            let part = part.as_os_str();
            part == "tests" || part == "cases" || part == "benches" || part == "examples"
        }) && !path.ends_with("tests/src");
        let harness = path.to_string_lossy().contains("tests/src/");
        let (mut code, mut kept) = (clean.clone(), text.to_owned());
        if is_test_file && !harness {
            code = erase(&clean, 0, clean.len());
            kept = erase(text, 0, text.len());
        } else {
            for (start, end) in test_modules(&clean) {
                code = erase(&code, start, end);
                kept = erase(&kept, start, end);
            }
        }
        let code_lines = filled_lines(&code);
        Self {
            path: path.to_owned(),
            test_lines: filled_lines(&clean) - code_lines,
            code_lines,
            functions: functions(&code),
            text: kept,
            code,
        }
    }

    /// The same file with all of it counted as tests.
    #[must_use]
    pub fn as_test(self) -> Self {
        let (code, text) = (
            erase(&self.code, 0, self.code.len()),
            erase(&self.text, 0, self.text.len()),
        );
        let test_lines = self.test_lines + self.code_lines;
        Self {
            code,
            text,
            test_lines,
            code_lines: 0,
            functions: Vec::new(),
            ..self
        }
    }

    /// Line numbers (from 1) on which the code contains a text.
    pub fn lines_with(&self, needle: &str) -> Vec<usize> {
        self.code
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(needle))
            .map(|(at, _)| at + 1)
            .collect()
    }

    /// Whether the file opens with a module doc comment.
    pub fn has_module_doc(&self) -> bool {
        self.text
            .lines()
            .take(20)
            .any(|line| line.trim_start().starts_with("//!"))
    }

    /// `line: item` of public items without a doc comment.
    pub fn undocumented(&self) -> Vec<String> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut found = Vec::new();
        for (at, line) in self.code.lines().enumerate() {
            let item = line.trim_start();
            let is_item = [
                "fn ",
                "const fn ",
                "async fn ",
                "struct ",
                "enum ",
                "trait ",
                "type ",
                "const ",
                "static ",
            ]
            .iter()
            .any(|kind| {
                item.strip_prefix("pub ")
                    .is_some_and(|rest| rest.starts_with(kind))
            });
            if is_item && !documented(&lines, at) {
                found.push(format!("{}: {}", at + 1, item.trim_end()));
            }
        }
        found
    }
}

/// Whether a doc comment stands above a line, in the same paragraph: attributes and remarks may be in between.
fn documented(lines: &[&str], at: usize) -> bool {
    lines[..at]
        .iter()
        .rev()
        .map(|line| line.trim())
        .take_while(|line| !(line.is_empty() || line.ends_with(['{', '}', ';'])))
        .any(|line| line.starts_with("///"))
}

fn filled_lines(text: &str) -> usize {
    text.lines().filter(|line| !line.trim().is_empty()).count()
}

/// Blanks a byte range, line breaks kept.
fn erase(text: &str, start: usize, end: usize) -> String {
    let gap: String = text[start..end]
        .chars()
        .map(|c| if c == '\n' { '\n' } else { ' ' })
        .collect();
    let pad = end - start - gap.len();
    format!(
        "{}{}{}{}",
        &text[..start],
        gap,
        " ".repeat(pad),
        &text[end..]
    )
}

/// Replaces comments, strings and characters by spaces, byte for byte, line breaks kept.
fn blank(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = token_end(bytes, at);
        if end > at {
            out[at..end]
                .iter_mut()
                .filter(|byte| **byte != b'\n')
                .for_each(|byte| *byte = b' ');
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out)
        .expect("only whole tokens were blanked, because token ends are character ends")
}

/// The end of the comment, string or character literal that starts here, or `at` if none does.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    match rest {
        [b'/', b'/', ..] => {
            at + rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len())
        }
        [b'/', b'*', ..] => at + block_comment(rest),
        [b'"', ..] => at + string(rest),
        [b'r' | b'b', ..] if !after_word => at + raw_string(rest),
        [b'\'', ..] => at + character(rest),
        _ => at,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `r"…"`, `r#"…"#`, `br"…"` here, or 0.
fn raw_string(rest: &[u8]) -> usize {
    let mut at = usize::from(rest[0] == b'b');
    if rest.get(at) != Some(&b'r') {
        return 0;
    }
    at += 1;
    let hashes = rest[at..].iter().take_while(|byte| **byte == b'#').count();
    at += hashes;
    if rest.get(at) != Some(&b'"') {
        return 0;
    }
    let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = &rest[at + 1..];
    let end = body
        .windows(close.len())
        .position(|window| window == close)
        .unwrap_or(body.len());
    (at + 1 + end + close.len()).min(rest.len())
}

/// Length of a character literal, or 0 for a lifetime.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return rest
            .iter()
            .skip(3)
            .take(10)
            .position(|byte| *byte == b'\'')
            .map_or(0, |end| end + 4);
    }
    let width = match rest.get(1) {
        Some(byte) if *byte < 0x80 => 1,
        Some(byte) if *byte >= 0xf0 => 4,
        Some(byte) if *byte >= 0xe0 => 3,
        Some(_) => 2,
        None => return 0,
    };
    if rest.get(1 + width) == Some(&b'\'') {
        width + 2
    } else {
        0
    }
}

/// Byte ranges of `#[cfg(test)] mod … { … }` and `#[cfg(test)] fn … { … }`.
fn test_modules(clean: &str) -> Vec<(usize, usize)> {
    clean
        .match_indices("#[cfg(test)]")
        .filter_map(|(start, marker)| {
            let body = start + marker.len() + clean[start + marker.len()..].find('{')?;
            let head = &clean[start + marker.len()..body];
            ((head.contains("mod ") || head.contains("fn ")) && !head.contains(';'))
                .then(|| (start, closing(clean, body)))
        })
        .collect()
}

/// The byte after the brace that closes the one at `open`.
fn closing(clean: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in clean.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    clean.len()
}

fn functions(code: &str) -> Vec<Function> {
    code.match_indices("fn ")
        .filter(|(at, _)| {
            *at == 0
                || !code.as_bytes()[at - 1].is_ascii_alphanumeric()
                    && code.as_bytes()[at - 1] != b'_'
        })
        .filter_map(|(at, _)| function(code, at))
        .collect()
}

fn function(code: &str, at: usize) -> Option<Function> {
    let rest = &code[at + 3..];
    let name: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let stop = rest.find(['{', ';'])?;
    if name.is_empty() || rest.as_bytes()[stop] == b';' {
        return None;
    }
    let end = closing(code, at + 3 + stop);
    Some(Function {
        name,
        line: code[..at].matches('\n').count() + 1,
        lines: code[at..end].matches('\n').count() + 1,
        parameters: parameters(&rest[..stop]),
    })
}

/// Parameters of a signature without `self`: colons at the first level of its parentheses.
fn parameters(signature: &str) -> usize {
    let open = match signature.find('(') {
        Some(open) => open,
        None => return 0,
    };
    let (mut depth, mut count, mut previous) = (0i32, 0, ' ');
    let tail = &signature[open..];
    for (at, c) in tail.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            ':' if depth == 1 && previous != ':' && !tail[at + 1..].starts_with(':') => count += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        previous = c;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Doc.
/// Documented.
pub fn one(a: u8, b: std::path::PathBuf) -> u8 {
    let s = "fn not() { unwrap() }"; // fn neither() {
    let c = '{';
    a
}
pub struct Bare;
#[cfg(test)]
mod tests {
    fn t() { x.unwrap() }
}
"##;

    #[test]
    fn tells_code_from_strings_comments_and_tests() {
        let file = SourceFile::scan(Path::new("src/sample.rs"), SAMPLE);
        assert_eq!(
            file.functions,
            [Function {
                name: "one".into(),
                line: 3,
                lines: 5,
                parameters: 2
            }]
        );
        assert!(file.lines_with("unwrap").is_empty());
        assert_eq!(file.test_lines, 4);
        assert_eq!(file.undocumented(), ["8: pub struct Bare;"]);
        assert!(file.has_module_doc());
    }
}
