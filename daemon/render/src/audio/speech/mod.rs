//! Speech: one scene's text becomes a mono WAV at 48 kHz and the times of its words.
//!
//! Recordings that a provider spoke are brought into the same form by `take`, and timed by `timing`.
//! `text` prepares the words, `flite` or `espeak` speaks them, `polish` makes them sound well. Word times are exact
//! with flite and proportional inside a sentence with espeak-ng. The list of words always has one entry for each
//! whitespace-separated token of the text.

mod espeak;
mod ffi_flite;
mod ffi_sphinx;
mod flite;
mod fold;
mod places;
mod polish;
mod take;
mod tempo;
mod text;
mod timing;
mod trim;

use std::path::Path;

use fenta_workflows::action::{ActionFacts, Rung, SpeakRequest, SpeechFacts, SpokenWord};
use fenta_workflows::worker::WorkerFailure;

use super::error::AudioError;
use super::resample::resample;
use super::{AudioDone, RATE, wav};

pub use places::{engine_files, engine_programs};
pub use take::{align_words, extract_speech, take_speech};
pub(crate) use trim::Windows;

/// File name of the result.
const OUTPUT: &str = "speech.wav";
/// The longest text of one scene.
const LONGEST_TEXT: usize = 4000;
/// Silence left before the first and after the last sound.
const MARGIN: usize = RATE as usize * 40 / 1000;

/// Samples from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// What an engine spoke, at its own rate.
#[derive(Debug)]
struct Raw {
    rate: u32,
    samples: Vec<f32>,
    /// One for each token of the text; none for a token without sound.
    spans: Vec<Option<Span>>,
}

/// Speaks a text with a local engine.
///
/// # Errors
/// A [`WorkerFailure`] when the engine or the voice is not there, the text is too long or says nothing, or the rate is
/// out of range.
pub fn speak(request: &SpeakRequest, out_dir: &Path) -> Result<AudioDone, WorkerFailure> {
    let (voice, facts) = spoken(request)?;
    wav::write(&out_dir.join(OUTPUT), &[&voice], false)?;
    Ok(AudioDone::audio(OUTPUT, ActionFacts::Speech(facts)))
}

fn spoken(request: &SpeakRequest) -> Result<(Vec<f32>, SpeechFacts), AudioError> {
    check(request)?;
    let raw = raw(request)?;
    let voice = resample(&raw.samples, raw.rate, RATE);
    let sound = trim::sounding(&voice, RATE);
    let from = sound.start.saturating_sub(MARGIN);
    let to = (sound.end + MARGIN).min(voice.len());
    let voice = polish::polish(voice[from..to].to_vec())?;
    let place = |at: usize| {
        let at = at as u64 * u64::from(RATE) / u64::from(raw.rate);
        at.saturating_sub(from as u64).min(voice.len() as u64)
    };
    let words = words(&request.text, &raw.spans, place);
    let facts = SpeechFacts {
        sample_rate: RATE,
        samples: voice.len() as u64,
        words,
        rung: Rung::Provider,
    };
    Ok((voice, facts))
}

fn check(request: &SpeakRequest) -> Result<(), AudioError> {
    let length = request.text.chars().count();
    if length > LONGEST_TEXT {
        return Err(AudioError::OutOfRange {
            what: "the length of a scene's text",
            seen: format!("{length} characters"),
            limit: "at most 4000 characters",
        });
    }
    if !(500..=2000).contains(&request.speed_pm) {
        return Err(AudioError::OutOfRange {
            what: "the speaking rate",
            seen: format!("{} permille", request.speed_pm),
            limit: "between 500 and 2000 permille",
        });
    }
    Ok(())
}

fn raw(request: &SpeakRequest) -> Result<Raw, AudioError> {
    let raw = match request.engine.as_str() {
        "flite" => flite::speak(
            &request.voice,
            &text::source_words(&request.text),
            request.speed_pm,
        )?,
        "espeak-ng" => {
            let tokens: Vec<&str> = request.text.split_whitespace().collect();
            espeak::speak(&request.voice, &tokens, request.speed_pm)?
        }
        other => return Err(AudioError::UnknownEngine(other.to_owned())),
    };
    if raw.spans.iter().all(Option::is_none) || raw.samples.is_empty() {
        let start: String = request.text.chars().take(40).collect();
        return Err(AudioError::NothingToSpeak(start));
    }
    Ok(raw)
}

/// One entry a token; a token without sound gets an empty span at the end of the word before it, or at the start of
/// the first word.
fn words(text: &str, spans: &[Option<Span>], place: impl Fn(usize) -> u64) -> Vec<SpokenWord> {
    let first = spans.iter().flatten().next().map_or(0, |span| span.start);
    let mut edge = place(first);
    text.split_whitespace()
        .zip(spans)
        .map(|(token, span)| {
            let (start, end) = span.map_or((edge, edge), |span| {
                let start = place(span.start).max(edge);
                (start, place(span.end).max(start))
            });
            edge = end;
            SpokenWord {
                text: token.to_owned(),
                start,
                end,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
