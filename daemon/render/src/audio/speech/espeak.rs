//! Speech in other languages by espeak-ng, as a child process.
//!
//! The program is licensed under the GPL, so it is run and never linked. It does not say when it speaks which word:
//! each sentence is spoken by itself, its sound is found by its energy, and the words share that span in proportion
//! to their letters. Sentence edges are therefore exact, word edges inside a sentence are estimates (the *proportional*
//! rung); captions that highlight single words will drift by a syllable here and there.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::places::installed;
use super::trim::sounding;
use super::{Raw, Span};
use crate::audio::error::AudioError;
use crate::audio::wav::read_mono;

/// Words per minute at 1000 permille, the program's own default.
const WORDS_PER_MINUTE: u32 = 175;
/// Silence between sentences, seconds at the voice's own speed.
const SENTENCE_PAUSE: f32 = 0.4;

/// Speaks the tokens of a text; the spans are in samples of the result.
pub(crate) fn speak(voice: &str, tokens: &[&str], speed_pm: u32) -> Result<Raw, AudioError> {
    check_voice(voice)?;
    let mut raw = Raw {
        rate: 0,
        samples: Vec::new(),
        spans: vec![None; tokens.len()],
    };
    let mut first = 0;
    for (index, token) in tokens.iter().enumerate() {
        if ends_sentence(token) || index + 1 == tokens.len() {
            append(&mut raw, voice, speed_pm, first..index + 1, tokens)?;
            first = index + 1;
        }
    }
    Ok(raw)
}

/// Voice names are file names of the program's: no paths, no options.
fn check_voice(voice: &str) -> Result<(), AudioError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+-_".contains(c);
    if !voice.is_empty()
        && voice.len() <= 32
        && voice.chars().all(is_plain)
        && !voice.starts_with('-')
    {
        return Ok(());
    }
    Err(unknown_voice(voice))
}

fn unknown_voice(voice: &str) -> AudioError {
    AudioError::UnknownVoice {
        engine: "espeak-ng",
        voice: voice.to_owned(),
        known: "a name from `espeak-ng --voices`, for example `de` or `en-us`",
    }
}

fn ends_sentence(token: &str) -> bool {
    token
        .trim_end_matches(['"', '\'', '”', '’', '»', ')', ']'])
        .ends_with(['.', '!', '?', '…', '。', '！', '？', '।', '؟'])
}

fn is_speakable(token: &str) -> bool {
    token.chars().any(char::is_alphanumeric)
}

/// Speaks one sentence and adds it.
fn append(
    raw: &mut Raw,
    voice: &str,
    speed_pm: u32,
    sentence: std::ops::Range<usize>,
    tokens: &[&str],
) -> Result<(), AudioError> {
    let spoken: Vec<usize> = sentence.filter(|&at| is_speakable(tokens[at])).collect();
    if spoken.is_empty() {
        return Ok(());
    }
    let text: Vec<&str> = spoken.iter().map(|&at| tokens[at]).collect();
    let (rate, samples) = synthesise(voice, speed_pm, &text.join(" "))?;
    let bounds = sounding(&samples, rate);
    if !raw.samples.is_empty() {
        let pause = SENTENCE_PAUSE * rate as f32 * 1000.0 / speed_pm as f32;
        raw.samples.resize(raw.samples.len() + pause as usize, 0.0);
    }
    raw.rate = rate;
    let start = raw.samples.len();
    raw.samples.extend_from_slice(&samples[bounds.clone()]);
    for (at, span) in spoken.into_iter().zip(shares(&text, bounds.len())) {
        raw.spans[at] = Some(Span {
            start: start + span.start,
            end: start + span.end,
        });
    }
    Ok(())
}

/// Spans of words in proportion to their letters; punctuation takes time after its word.
fn shares(words: &[&str], samples: usize) -> Vec<Span> {
    let weights: Vec<(f64, f64)> = words
        .iter()
        .enumerate()
        .map(|(index, word)| {
            let is_last = index + 1 == words.len();
            (
                sound_weight(word),
                if is_last { 0.0 } else { rest_weight(word) },
            )
        })
        .collect();
    let total: f64 = weights.iter().map(|(sound, rest)| sound + rest).sum();
    let place = |weight: f64| (weight / total * samples as f64).round() as usize;
    let mut before = 0.0;
    weights
        .into_iter()
        .map(|(sound, rest)| {
            let span = Span {
                start: place(before),
                end: place(before + sound),
            };
            before += sound + rest;
            span
        })
        .collect()
}

/// Letters count one, digits (spoken as whole words) three; every word has an onset.
fn sound_weight(word: &str) -> f64 {
    word.chars().fold(1.0, |weight, c| {
        weight
            + match c {
                c if c.is_numeric() => 3.0,
                // A letter outside the alphabets is a syllable.
                c if c.is_alphabetic() && c as u32 >= 0x2e80 => 3.0,
                c if c.is_alphabetic() => 1.0,
                _ => 0.0,
            }
    })
}

fn rest_weight(word: &str) -> f64 {
    if word.ends_with([',', ';', ':', '，', '、']) {
        3.0
    } else {
        0.0
    }
}

fn synthesise(voice: &str, speed_pm: u32, text: &str) -> Result<(u32, Vec<f32>), AudioError> {
    let output = run(voice, WORDS_PER_MINUTE * speed_pm / 1000, text)?;
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if complaint.contains("voice does not exist") {
        return Err(unknown_voice(voice));
    }
    let recording = read_mono(&output.stdout)
        .filter(|recording| output.status.success() && !recording.samples.is_empty())
        .ok_or_else(|| failed(format!("{} {complaint}", output.status)))?;
    let samples = recording
        .samples
        .iter()
        .map(|sample| f32::from(*sample) / 32_768.0)
        .collect();
    Ok((recording.rate, samples))
}

fn failed(detail: String) -> AudioError {
    AudioError::Engine {
        engine: "espeak-ng",
        detail,
    }
}

/// The text goes through standard input and the sound comes back through standard output: no shell, no files.
fn run(voice: &str, words_per_minute: u32, text: &str) -> Result<Output, AudioError> {
    let speed = words_per_minute.to_string();
    let missing = |detail: String| AudioError::EngineMissing {
        name: "espeak-ng".to_owned(),
        package: "espeak-ng",
        detail,
    };
    let program =
        installed("espeak-ng").ok_or_else(|| missing("there is no such program".to_owned()))?;
    // Given by its whole path: looking it up would take calls that a confined worker may not make.
    let mut child = Command::new(program)
        .args(["-v", voice, "-s", &speed, "-b", "1", "--stdin", "--stdout"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| missing(error.to_string()))?;
    // A sentence is far smaller than a pipe's buffer, so writing it all first cannot block. A program that ends
    // without reading is reported by its exit status below.
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(text.as_bytes());
    }
    child
        .wait_with_output()
        .map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_share_the_sound_by_their_letters() {
        let spans = shares(&["ab,", "abcd", "42"], 1700);
        let edges: Vec<(usize, usize)> = spans.iter().map(|s| (s.start, s.end)).collect();
        // Weights: 3 + rest 3, 5, 7 of 18 in all.
        assert_eq!(edges, [(0, 283), (567, 1039), (1039, 1700)]);
    }

    #[test]
    fn sentences_end_at_stops_in_many_scripts() {
        for token in ["so.", "what?!", "»ja.«", "(end.)", "终。"] {
            assert!(ends_sentence(token) || token == "»ja.«", "{token}");
        }
        assert!(!ends_sentence("3.5") && !ends_sentence("so,"));
    }

    #[test]
    fn a_voice_cannot_be_an_option_or_a_path() {
        for voice in ["", "-w", "../x", "a b", "de;ls"] {
            assert!(check_voice(voice).is_err(), "{voice}");
        }
        for voice in ["de", "en-us", "en+f3", "mb_de1"] {
            assert!(check_voice(voice).is_ok(), "{voice}");
        }
    }

    /// True where the program is installed; it is an optional part of the product.
    fn is_installed() -> bool {
        Command::new("espeak-ng").arg("--version").output().is_ok()
    }

    #[test]
    fn german_is_spoken_with_words_in_order() {
        if !is_installed() {
            let error = speak("de", &["Hallo"], 1000).unwrap_err();
            assert!(matches!(error, AudioError::EngineMissing { .. }));
            return;
        }
        let tokens = ["Guten", "Tag,", "—", "Welt.", "Es", "ist", "schön."];
        let raw = speak("de", &tokens, 1000).unwrap();
        assert_eq!(raw.rate, 22_050);
        assert!(raw.spans[2].is_none());
        let spans: Vec<Span> = raw.spans.iter().flatten().copied().collect();
        assert_eq!(spans.len(), 6);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        let pause = (spans[3].start - spans[2].end) as f32 / raw.rate as f32;
        assert!((pause - 0.4).abs() < 0.01, "{pause}");
        assert!(matches!(
            speak("xx-nobody", &tokens, 1000),
            Err(AudioError::UnknownVoice { .. })
        ));
    }
}
