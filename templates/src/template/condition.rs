//! Conditions of tracks and items: whether placeholders hold something, and which text they hold.
//!
//! `logo`, `logo != null`, `source != ''`, `kicker == 'LIVE' and not logo`. Pure and total: nothing but the names of
//! placeholders can be asked about. Neighbours: `scope` checks the names, `overlays` and `instantiate` decide with it.

use std::collections::BTreeMap;

/// Longest condition in bytes.
const MAX_BYTES: usize = 1024;
/// Deepest nesting of brackets and negations.
const MAX_DEPTH: u32 = 32;

/// What a condition asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The placeholder holds something: a clip, a picture, a text that is not blank.
    Holds(String),
    /// The text placeholder holds exactly this.
    Is(String, String),
    /// The opposite.
    Not(Box<Condition>),
    /// Both.
    And(Box<Condition>, Box<Condition>),
    /// One of the two.
    Or(Box<Condition>, Box<Condition>),
}

/// What conditions are decided with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// Placeholders that hold something.
    pub(crate) present: &'a [&'a str],
    /// The texts of text placeholders.
    pub(crate) texts: &'a BTreeMap<String, String>,
}

impl Condition {
    /// Reads a condition, with or without `${{ }}` around it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!(
                "the condition has {} bytes, more than {MAX_BYTES}",
                text.len()
            ));
        }
        let trimmed = text.trim();
        let inner = match trimmed.strip_prefix("${{") {
            Some(rest) => rest
                .strip_suffix("}}")
                .ok_or_else(|| format!("`{text}` must be one `${{{{ }}}}` and nothing else"))?,
            None => trimmed,
        };
        let tokens = tokens(inner)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
            depth: 0,
        };
        let condition = parser.any()?;
        match parser.peek() {
            None => Ok(condition),
            Some(token) => Err(format!("{} is too much in `{text}`", token.told())),
        }
    }

    /// Every placeholder it asks about, and whether it asks for its text.
    pub(crate) fn names(&self) -> Vec<(&str, bool)> {
        match self {
            Self::Holds(name) => vec![(name, false)],
            Self::Is(name, _) => vec![(name, true)],
            Self::Not(inner) => inner.names(),
            Self::And(a, b) | Self::Or(a, b) => {
                let mut names = a.names();
                names.extend(b.names());
                names
            }
        }
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, facts: Facts<'_>) -> bool {
        match self {
            Self::Holds(name) => facts.present.contains(&name.as_str()),
            Self::Is(name, text) => facts.texts.get(name).is_some_and(|found| found == text),
            Self::Not(inner) => !inner.holds(facts),
            Self::And(a, b) => a.holds(facts) && b.holds(facts),
            Self::Or(a, b) => a.holds(facts) || b.holds(facts),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Sign(&'static str),
}

impl Token {
    fn told(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Text(text) => format!("'{text}'"),
            Self::Sign(sign) => format!("`{sign}`"),
        }
    }

    fn is_sign(&self, signs: &[&str]) -> bool {
        matches!(self, Self::Sign(sign) if signs.contains(sign))
    }
}

const SIGNS: [&str; 7] = ["==", "!=", "&&", "||", "!", "(", ")"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = token(rest, first)?;
        found.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), String> {
    if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    if matches!(first, '\'' | '"') {
        let end = rest[1..]
            .find(first)
            .ok_or_else(|| format!("the text {rest} is never closed"))?;
        return Ok((Token::Text(rest[1..=end].to_owned()), end + 2));
    }
    let length = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(rest.len());
    let word = &rest[..length];
    if !super::placeholder::is_name(word) {
        return Err(format!(
            "`{first}` means nothing in a condition; write for example `logo != null` or `source != ''`"
        ));
    }
    let token = match word {
        "and" => Token::Sign("&&"),
        "or" => Token::Sign("||"),
        "not" => Token::Sign("!"),
        _ => Token::Name(word.to_owned()),
    };
    Ok((token, length))
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, signs: &[&str]) -> bool {
        let found = self.peek().is_some_and(|token| token.is_sign(signs));
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut left = self.all()?;
        while self.take(&["||"]) {
            left = Condition::Or(Box::new(left), Box::new(self.all()?));
        }
        Ok(left)
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut left = self.one()?;
        while self.take(&["&&"]) {
            left = Condition::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.depth >= MAX_DEPTH {
            return Err(format!("the condition is nested deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let condition = self.part();
        self.depth -= 1;
        condition
    }

    fn part(&mut self) -> Result<Condition, String> {
        if self.take(&["!"]) {
            return Ok(Condition::Not(Box::new(self.one()?)));
        }
        if self.take(&["("]) {
            let inner = self.any()?;
            return match self.take(&[")"]) {
                true => Ok(inner),
                false => Err("a bracket is never closed".to_owned()),
            };
        }
        match self.peek().cloned() {
            Some(Token::Name(name)) => {
                self.at += 1;
                self.comparison(name)
            }
            Some(token) => Err(format!(
                "{} stands where a placeholder is needed",
                token.told()
            )),
            None => Err("the condition ends where a placeholder is needed".to_owned()),
        }
    }

    fn comparison(&mut self, name: String) -> Result<Condition, String> {
        let equal = self.take(&["=="]);
        if !equal && !self.take(&["!="]) {
            return Ok(Condition::Holds(name));
        }
        let asked = match self.peek() {
            // Nothing bound and an empty text are one and the same: there is nothing to show.
            Some(Token::Name(word)) if word == "null" => {
                Condition::Not(Box::new(Condition::Holds(name)))
            }
            Some(Token::Text(text)) if text.is_empty() => {
                Condition::Not(Box::new(Condition::Holds(name)))
            }
            Some(Token::Text(text)) => Condition::Is(name, text.clone()),
            _ => {
                return Err(format!(
                    "compare `{name}` with null or with a text in quotes"
                ));
            }
        };
        self.at += 1;
        Ok(match (equal, asked) {
            (true, asked) => asked,
            (false, Condition::Not(inner)) => *inner,
            (false, asked) => Condition::Not(Box::new(asked)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(text: &str) -> bool {
        let texts = BTreeMap::from([
            ("kicker".to_owned(), "LIVE".to_owned()),
            ("source".to_owned(), String::new()),
        ]);
        let facts = Facts {
            present: &["logo", "kicker"],
            texts: &texts,
        };
        Condition::parse(text).unwrap().holds(facts)
    }

    // spec: T-17
    #[test]
    fn conditions_ask_what_is_there() {
        for (text, expected) in [
            ("logo", true),
            ("${{ logo != null }}", true),
            ("${{ logo == null }}", false),
            ("source != ''", false),
            ("source == ''", true),
            ("kicker == 'LIVE'", true),
            ("kicker != \"LIVE\"", false),
            ("not source", true),
            ("!logo or kicker", true),
            ("logo && source", false),
            ("logo and (source or kicker == 'LIVE')", true),
            ("logo or logo and source", true),
        ] {
            assert_eq!(holds(text), expected, "{text}");
        }
    }

    #[test]
    fn names_come_with_how_they_are_asked() {
        let condition = Condition::parse("logo and kicker != 'x'").unwrap();
        assert_eq!(condition.names(), [("logo", false), ("kicker", true)]);
    }

    #[test]
    fn what_is_no_condition_is_explained() {
        for (text, part) in [
            ("", "ends where"),
            ("logo source", "`source` is too much"),
            ("(logo", "never closed"),
            ("logo == 3", "`3` means nothing"),
            ("logo == other", "compare `logo`"),
            ("source == 'x", "never closed"),
            ("== 'x'", "where a placeholder is needed"),
            ("${{ logo }} x", "must be one"),
            (&"!".repeat(40), "nested deeper"),
            (&"x".repeat(1025), "more than 1024"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_a_condition_or_an_error(text in "[a-z!&|()=' \"]{0,60}") {
            let _ = Condition::parse(&text);
        }
    }
}
