//! Transcriptions as they come: words of their own, words inside segments, segments alone, or a text.

use fenta_workflows::hearing::HeardWord;
use fenta_workflows::node::language_tag;
use serde::Deserialize;

use crate::providers::speech::micros;

/// What a listener heard.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Heard {
    /// BCP 47 language, where it says one.
    pub language: Option<String>,
    /// All of it.
    pub text: String,
    /// Words, or segments, with their times; empty where there are none.
    pub words: Vec<HeardWord>,
    /// Whether they are words.
    pub is_by_word: bool,
}

#[derive(Debug, Deserialize)]
struct Said {
    text: Option<String>,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    words: Option<Vec<Word>>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
}

#[derive(Debug, Deserialize)]
struct Word {
    word: String,
    #[serde(default)]
    start: Option<f64>,
    #[serde(default)]
    end: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Segment {
    #[serde(default)]
    text: String,
    #[serde(default)]
    start: f64,
    #[serde(default)]
    end: f64,
    #[serde(default)]
    words: Option<Vec<Word>>,
}

/// Reads an answer; none where it is something else.
pub(in super::super) fn read(body: &[u8]) -> Option<Heard> {
    let said: Said = serde_json::from_slice(body).ok()?;
    let segments = said.segments.unwrap_or_default();
    let text = said.text.unwrap_or_else(|| {
        let texts: Vec<&str> = segments.iter().map(|one| one.text.trim()).collect();
        texts.join(" ")
    });
    let own = said.words.filter(|words| !words.is_empty());
    let inner = || {
        segments
            .iter()
            .filter_map(|one| one.words.as_ref())
            .flatten()
    };
    let words = match &own {
        Some(words) => joined(&mut words.iter()),
        None => joined(&mut inner()),
    };
    let is_by_word = !words.is_empty();
    let words = if is_by_word {
        words
    } else {
        let phrases = segments.iter().filter(|one| !one.text.trim().is_empty());
        phrases
            .map(|one| HeardWord {
                text: one.text.trim().to_owned(),
                start_us: micros(one.start),
                end_us: micros(one.end).max(micros(one.start)),
            })
            .collect()
    };
    Some(Heard {
        language: said.language.as_deref().and_then(language_tag),
        text,
        words,
        is_by_word,
    })
}

/// Words of pieces: some listeners time parts of words, and tell where a word begins by the space before it.
fn joined(pieces: &mut dyn Iterator<Item = &Word>) -> Vec<HeardWord> {
    let pieces: Vec<&Word> = pieces.collect();
    let spaced = pieces
        .iter()
        .filter(|piece| piece.word.starts_with(' '))
        .count();
    let mut words: Vec<HeardWord> = Vec::new();
    for piece in pieces {
        let text = piece.word.trim();
        // Marks such as `[_BEG_]` and `[_TT_50]` are no words.
        if text.is_empty() || text.starts_with("[_") {
            continue;
        }
        let (Some(start), Some(end)) = (piece.start, piece.end) else {
            continue;
        };
        let (start_us, end_us) = (micros(start), micros(end).max(micros(start)));
        match words.last_mut() {
            Some(word) if spaced > 0 && !piece.word.starts_with(' ') => {
                word.text.push_str(text);
                word.end_us = word.end_us.max(end_us);
            }
            _ => words.push(HeardWord {
                text: text.to_owned(),
                start_us,
                end_us,
            }),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> (Vec<(String, u64, u64)>, bool) {
        let heard = read(body.as_bytes()).unwrap();
        let words = heard.words.iter();
        (
            words
                .map(|word| (word.text.clone(), word.start_us / 1000, word.end_us / 1000))
                .collect(),
            heard.is_by_word,
        )
    }

    #[test]
    fn words_stand_at_the_top_or_in_segments() {
        let top = r#"{"task":"transcribe","language":"english","duration":1.2,"text":"The bee.",
            "words":[{"word":"The","start":0.0,"end":0.24},{"word":"bee","start":0.3,"end":0.6}]}"#;
        let wanted = vec![("The".to_owned(), 0, 240), ("bee".to_owned(), 300, 600)];
        assert_eq!(told(top), (wanted, true));
        assert_eq!(
            read(top.as_bytes()).unwrap().language.as_deref(),
            Some("en")
        );
        let inside = r#"{"text":" The beehive.","language":"en","segments":[{"id":0,"start":0,"end":1,"text":" The beehive.",
            "words":[{"word":"[_BEG_]","start":0,"end":0},{"word":" The","start":0.1,"end":0.2},
                     {"word":" bee","start":0.2,"end":0.4},{"word":"hive","start":0.4,"end":0.7},{"word":".","start":0.7,"end":0.8}]}]}"#;
        let wanted = vec![
            ("The".to_owned(), 100, 200),
            ("beehive.".to_owned(), 200, 800),
        ];
        assert_eq!(told(inside), (wanted, true));
    }

    #[test]
    fn segments_and_plain_texts_are_less() {
        let segments = r#"{"text":"One two. Three.","segments":[{"start":0.0,"end":1.0,"text":" One two."},{"start":1.5,"end":2.0,"text":" Three."}]}"#;
        let wanted = vec![
            ("One two.".to_owned(), 0, 1000),
            ("Three.".to_owned(), 1500, 2000),
        ];
        assert_eq!(told(segments), (wanted, false));
        assert_eq!(told(r#"{"text":"One."}"#), (Vec::new(), false));
        assert_eq!(read(b"<html>"), None);
        assert_eq!(read(b"{\"text\": \"cut o"), None);
    }
}
