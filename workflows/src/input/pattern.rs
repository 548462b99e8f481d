//! Patterns that texts must match. The one door of regex-lite: matching takes time in proportion to the text, whatever
//! the pattern, so no document and no value can hang the program.

use regex_lite::{Regex, RegexBuilder};

/// Most memory a pattern may take when it is prepared, bytes.
const MAX_SIZE: usize = 256 * 1024;
/// Longest pattern, bytes.
const MAX_BYTES: usize = 1000;

/// A pattern that the whole text must match.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    whole: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Why it cannot be read, as a lower-case fragment.
    pub fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!(
                "the pattern has {} bytes, more than {MAX_BYTES}",
                source.len()
            ));
        }
        // Read alone first: what opens no group by itself must not close the group around it.
        let build = |text: &str| RegexBuilder::new(text).size_limit(MAX_SIZE).build();
        let whole = build(source)
            .and_then(|_| build(&format!("^(?:{source})$")))
            .map_err(|error| format!("the pattern cannot be read: {error}"))?;
        Ok(Self {
            source: source.to_owned(),
            whole,
        })
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.whole.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_must_match() {
        let pattern = Pattern::parse("[a-z]+|x").unwrap();
        assert!(pattern.matches("bees") && pattern.matches("x"));
        assert!(!pattern.matches("bees!") && !pattern.matches("1x") && !pattern.matches("bees\n"));
        assert_eq!(pattern.as_str(), "[a-z]+|x");
    }

    #[test]
    fn patterns_that_cannot_be_read_say_so() {
        for bad in ["[a-", "a)|(b", "(?=x)", "a{5000}{5000}", &"x".repeat(2000)] {
            assert!(Pattern::parse(bad).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::parse("(a+)+b").unwrap();
        assert!(!pattern.matches(&"a".repeat(100_000)));
    }
}
