//! Texts that look like keys: a document is shared, logged and kept, and none of these is a place for a secret.
//!
//! The source is searched, not the values, so that comments count too.

use super::Linted;
use crate::diagnostic::{Diagnostic, Span, codes};

/// How keys of well-known services begin, and how many characters follow at least.
const KEYS: &[(&str, usize, &str)] = &[
    ("sk-", 20, "an API key of a language model"),
    ("sk_", 24, "an API key"),
    ("AKIA", 16, "an access key of AWS"),
    ("ASIA", 16, "an access key of AWS"),
    ("ghp_", 30, "a token of GitHub"),
    ("github_pat_", 22, "a token of GitHub"),
    ("glpat-", 20, "a token of GitLab"),
    ("hf_", 30, "a token of Hugging Face"),
    ("xi-", 24, "an API key of a speech service"),
    ("xoxb-", 20, "a token of Slack"),
    ("AIza", 35, "an API key of Google"),
    ("fenta_pat_", 16, "a token of Fenta"),
];

/// Words that name secrets; a long value behind one of them is probably the secret.
const NAMES: [&str; 8] = [
    "api_key",
    "apikey",
    "api-key",
    "secret",
    "token",
    "password",
    "authorization",
    "bearer",
];

pub(super) fn check(linted: &Linted<'_>, found: &mut Vec<Diagnostic>) {
    let text = linted.source.text.as_str();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        for word in words(line) {
            let (from, to) = word;
            let Some(what) = secret(&line[..from], &line[from..to]) else {
                continue;
            };
            let span = Span::new(start + from, start + to);
            found.push(
                Diagnostic::warning(codes::SECRET, span, format!("this looks like {what}"))
                    .hint("remove it and make a new one: keys belong in the keyring, where no document and no log can leak them"),
            );
        }
        start += line.len();
    }
}

/// `text`, which is the value of `name`, without what looks like a key; nothing when there is none in it.
pub fn redacted(name: &str, text: &str) -> Option<String> {
    let mut safe = String::new();
    let mut found = false;
    for line in text.split_inclusive('\n') {
        let mut kept = 0;
        for (from, to) in words(line) {
            let before = if line[..from].trim().is_empty() {
                name
            } else {
                &line[..from]
            };
            if secret(before, &line[from..to]).is_some() {
                safe.push_str(&line[kept..from]);
                safe.push_str("[redacted]");
                kept = to;
                found = true;
            }
        }
        safe.push_str(&line[kept..]);
    }
    found.then_some(safe)
}

/// The stretches of a line that a key could be.
fn words(line: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | '=');
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + line[from..].find(inside)?;
        let end = line[start..]
            .find(|c| !inside(c))
            .map_or(line.len(), |len| start + len);
        from = end;
        Some((start, end))
    })
}

fn secret(before: &str, word: &str) -> Option<&'static str> {
    for (prefix, least, what) in KEYS {
        if let Some(rest) = word.strip_prefix(prefix)
            && rest.len() >= *least
            && looks_random(rest)
        {
            return Some(what);
        }
    }
    if word == "-----BEGIN" {
        return Some("a private key");
    }
    let named = before.to_ascii_lowercase();
    let named = named.trim_end_matches(['"', '\'', ' ', ':', '=']);
    (NAMES.iter().any(|name| named.ends_with(name)) && word.len() >= 20 && looks_random(word))
        .then_some("a secret")
}

/// Letters and digits mixed, as nobody writes words.
fn looks_random(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    digits >= 2 && letters >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_their_form() {
        for (before, word) in [
            ("text: ", "sk-proj4Kd93kd02kdJf83kdPq"),
            ("", "AKIA1234567890ABCDEF"),
            ("key: ", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
            ("api_key: \"", "q8Zt71Lk2mPx93Vb4Nw0aa"),
            ("", "-----BEGIN"),
        ] {
            assert!(secret(before, word).is_some(), "{word}");
        }
        for (before, word) in [
            ("text: ", "sk-ies-over-the-whole-of-berlin"),
            ("text: ", "q8Zt71Lk2mPx93Vb4Nw0aa"),
            ("token: ", "inputs"),
            ("file: ", "./media/2026-11-22/clip0001.mp4"),
        ] {
            assert!(secret(before, word).is_none(), "{word}");
        }
    }
}
