//! From a text to a script: markup away, sentences apart, scenes of a length that can be spoken and shown.
//!
//! Shared by `Script.Transform` and `Voice.TTS`; pure text work, no node of its own. Sentences of
//! all languages are found by their punctuation; abbreviations and ordinals are known in English and German.

mod markdown;
mod outline;
mod pieces;
mod sentences;

use std::collections::BTreeMap;

pub(super) use self::outline::outline;
use self::pieces::{Piece, joined, pieces, wants_space, words};
use crate::execution::LowerError;
use crate::node::{PortSpec, outputs};
use crate::value::{PortType, Scene, Script, Value};

/// Sentences with fewer words are joined to a neighbour in their paragraph: a shot of half a second is a flash.
const MIN_WORDS: usize = 4;
/// Sentences with more words are split at clauses: nobody looks at one shot for that long.
const MAX_WORDS: usize = 28;

/// The outputs of every node that makes a script.
pub(super) fn ports() -> Vec<PortSpec> {
    vec![
        PortSpec::new(
            "script",
            PortType::Script,
            "The scenes in order, with title and language.",
        ),
        PortSpec::new(
            "scenes",
            PortType::Scene.list(),
            "The scenes one by one: id, text, visual, on_screen, emphasis, seconds.",
        ),
        PortSpec::new("title", PortType::Text, "The title; may be empty."),
        PortSpec::new("text", PortType::Text, "What is spoken, without markup."),
    ]
}

/// Their values.
pub(super) fn values(script: Script) -> BTreeMap<String, Value> {
    let scenes = script.scenes.iter().cloned().map(Value::Scene);
    outputs([
        ("scenes", Value::List(scenes.collect())),
        ("title", Value::Text(script.title.clone())),
        ("text", Value::Text(script.text())),
        ("script", Value::Script(script)),
    ])
}

/// A script of a model, held to what every script holds: scenes with texts and ids of their own.
///
/// # Errors
/// When it has no words.
pub(super) fn sound(script: &Script) -> Result<Script, LowerError> {
    let mut sound = script.clone();
    sound
        .scenes
        .retain(|scene| scene.text.chars().any(char::is_alphanumeric));
    if sound.scenes.is_empty() {
        return Err(LowerError::new(
            "the model's script has no words",
            "run it again, or say more in the brief",
        ));
    }
    for (at, scene) in sound.scenes.iter_mut().enumerate() {
        scene.id = format!("s{}", at + 1);
    }
    Ok(sound)
}

/// The scenes of a text.
///
/// # Errors
/// When the text has no words.
pub(super) fn from_text(
    text: &str,
    title: Option<&str>,
    language: &str,
) -> Result<Script, LowerError> {
    let plain = markdown::strip(text);
    // A paragraph ends its last sentence, with a full stop or without.
    let sentences = plain.paragraphs.iter().flat_map(|paragraph| {
        let mut sentences = sentences::split(paragraph, language);
        sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
        join_short(sentences)
    });
    let scenes = bounded(sentences.collect());
    if scenes.is_empty() {
        return Err(LowerError::new(
            "the text has no words",
            "write at least one sentence",
        ));
    }
    Ok(Script {
        title: title.map(str::to_owned).or(plain.title).unwrap_or_default(),
        language: language.to_owned(),
        scenes: scenes
            .into_iter()
            .enumerate()
            .map(|(i, text)| Scene::new(format!("s{}", i + 1), text))
            .collect(),
    })
}

/// Short sentences of a paragraph go to the sentence after them, the last one to the one before it.
fn join_short(sentences: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut pending = String::new();
    for sentence in sentences {
        let candidate = put_together(&pending, &sentence);
        if words(&candidate) < MIN_WORDS {
            pending = candidate;
        } else {
            joined.push(candidate);
            pending = String::new();
        }
    }
    if !pending.is_empty() {
        match joined.last_mut() {
            Some(last) => *last = put_together(last, &pending),
            None => joined.push(pending),
        }
    }
    joined
}

fn put_together(before: &str, after: &str) -> String {
    match before {
        "" => after.to_owned(),
        _ if wants_space(before, after) => format!("{before} {after}"),
        _ => format!("{before}{after}"),
    }
}

/// Long sentences are cut at the clause boundary nearest their middle, again and again.
fn bounded(sentences: Vec<String>) -> Vec<String> {
    let mut scenes = Vec::new();
    for sentence in sentences {
        cut(&pieces(&sentence), &mut scenes);
    }
    scenes
}

fn cut(sentence: &[Piece<'_>], scenes: &mut Vec<String>) {
    let total = words(&joined(sentence));
    if total <= MAX_WORDS {
        scenes.push(joined(sentence));
        return;
    }
    let mut before = 0;
    let mut best: Option<((bool, usize), usize)> = None;
    for (i, piece) in sentence.iter().enumerate().skip(1) {
        let last = &sentence[i - 1];
        before += words(last.text);
        if before < MIN_WORDS || total.saturating_sub(before) < MIN_WORDS {
            continue;
        }
        // Clauses first, then whatever is nearest to the middle.
        let inside = !(last.ends_clause() || is_clause_end(last.text, piece.text));
        let rank = (inside, before.abs_diff(total / 2));
        if best.is_none_or(|(known, _)| rank < known) {
            best = Some((rank, i));
        }
    }
    match best {
        Some((_, at)) => {
            cut(&sentence[..at], scenes);
            cut(&sentence[at..], scenes);
        }
        // One long word: nobody knows where it may be cut.
        None => scenes.push(joined(sentence)),
    }
}

/// Whether a clause ends between two words.
fn is_clause_end(before: &str, after: &str) -> bool {
    before.ends_with([',', ';', ':', '—', '–'])
        || matches!(after, "—" | "–" | "-")
        || matches!(
            after,
            "and" | "but" | "because" | "which" | "while" | "when" | "so" | "or" | "although"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scenes(text: &str) -> Vec<String> {
        from_text(text, None, "en")
            .unwrap()
            .scenes
            .into_iter()
            .map(|scene| scene.text)
            .collect()
    }

    #[test]
    fn one_scene_per_sentence() {
        assert_eq!(
            scenes("Bees can dance well. Is the dance a map? Yes, it truly is!"),
            [
                "Bees can dance well.",
                "Is the dance a map?",
                "Yes, it truly is!"
            ]
        );
    }

    #[test]
    fn short_sentences_join_a_neighbour() {
        assert_eq!(
            scenes("Wait. Bees can dance well."),
            ["Wait. Bees can dance well."]
        );
        assert_eq!(
            scenes("Bees can dance well. Really."),
            ["Bees can dance well. Really."]
        );
        assert_eq!(scenes("No. Yes. No."), ["No. Yes. No."]);
        assert_eq!(scenes("Go."), ["Go."]);
    }

    #[test]
    fn a_blank_line_ends_a_sentence_without_a_full_stop() {
        assert_eq!(
            scenes("Why bees dance\n\nBees dance to show\nthe way home\n\nReally. They do."),
            [
                "Why bees dance",
                "Bees dance to show the way home",
                "Really. They do."
            ]
        );
        let german =
            from_text("3. Mai, am Morgen\n\nAm 3. Mai schliefen alle.", None, "de").unwrap();
        let texts: Vec<&str> = german
            .scenes
            .iter()
            .map(|scene| scene.text.as_str())
            .collect();
        assert_eq!(texts, ["3. Mai, am Morgen", "Am 3. Mai schliefen alle."]);
    }

    #[test]
    fn long_sentences_are_cut_at_clauses() {
        let long = "When the sun goes down over the wide green valley and the wind grows cold, the bees \
                    return to the hive one after the other, and they sleep close together until the morning \
                    light comes back to wake them.";
        let parts = scenes(long);
        assert!(parts.len() >= 2, "{parts:?}");
        assert!(parts[0].ends_with(','), "{parts:?}");
        assert!(
            parts
                .iter()
                .all(|part| words(part) <= MAX_WORDS && words(part) >= MIN_WORDS)
        );
        assert_eq!(
            parts.join(" "),
            long.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }

    #[test]
    fn writing_without_spaces_has_scenes_too() {
        assert_eq!(
            scenes(
                "今天天气很好我们去公园看花。公园里面有很多人他们都很开心。「你好！」傍晚我们一起走路回家后面去吃饭。"
            ),
            [
                "今天天气很好我们去公园看花。",
                "公园里面有很多人他们都很开心。",
                "「你好！」傍晚我们一起走路回家后面去吃饭。"
            ]
        );
        let long = "春天来了".repeat(60);
        let parts = scenes(&long);
        assert_eq!(parts.concat(), long);
        assert!(
            parts.iter().all(|part| words(part) <= MAX_WORDS),
            "{parts:?}"
        );
        let thai = "ผึ้งเต้นรำเพื่อบอกทางไปยังดอกไม้ ".repeat(12);
        assert!(scenes(&thai).len() > 2);
    }

    #[test]
    fn a_text_without_words_is_an_error() {
        for text in ["", " \n", "---\n***", "... !!"] {
            assert!(from_text(text, None, "en").is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_lengths_are_bounded(
            sentences in proptest::collection::vec(proptest::collection::vec("[a-z]{1,8},?", 1..60), 1..8)
        ) {
            let text: Vec<String> = sentences.iter().map(|words| format!("X{}.", words.join(" "))).collect();
            let text = text.join(" ");
            let parts = scenes(&text);
            prop_assert_eq!(parts.join(" "), text);
            for part in &parts {
                prop_assert!(words(part) <= MAX_WORDS + MIN_WORDS);
            }
        }
    }
}
