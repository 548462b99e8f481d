//! Speech of others in the house's form: a provider's recordings become what the engines of this machine make, the
//! sound of a recording becomes what recognisers take, and the words of a known text get their times.

use std::collections::BTreeMap;
use std::path::Path;

use fenta_workflows::action::{
    ActionFacts, AlignWordsRequest, ExtractSpeechRequest, Rung, SpeechFacts, SpokenPiece,
    SpokenWord, TakeSpeechRequest,
};
use fenta_workflows::digest::Digest;
use fenta_workflows::worker::WorkerFailure;

use super::timing::{Timed, time_words};
use super::{MARGIN, OUTPUT, Span, polish, tempo, trim};
use crate::audio::error::AudioError;
use crate::audio::resample::resample;
use crate::audio::{AudioDone, LONGEST, RATE, ffi_decode, wav};

/// Samples per second of what recognisers take.
const HEARING_RATE: u32 = 16_000;
/// Silence between two pieces of a scene.
const BETWEEN: usize = RATE as usize * 200 / 1000;
/// How much faster or slower a recording may be made, permille.
const TEMPO: std::ops::RangeInclusive<u32> = 400..=2500;

type Blobs<'a> = &'a BTreeMap<Digest, String>;

/// Makes one recording of the pieces a provider spoke.
///
/// # Errors
/// A [`WorkerFailure`] when a piece cannot be read or holds no sound, or the tempo is out of range.
pub fn take_speech(
    request: &TakeSpeechRequest,
    blobs: Blobs<'_>,
    out_dir: &Path,
) -> Result<AudioDone, WorkerFailure> {
    let (voice, facts) = taken(request, blobs)?;
    wav::write(&out_dir.join(OUTPUT), &[&voice], false)?;
    Ok(AudioDone::audio(OUTPUT, ActionFacts::Speech(facts)))
}

fn taken(
    request: &TakeSpeechRequest,
    blobs: Blobs<'_>,
) -> Result<(Vec<f32>, SpeechFacts), AudioError> {
    if !TEMPO.contains(&request.tempo_pm) {
        return Err(AudioError::OutOfRange {
            what: "the tempo against the recording",
            seen: format!("{} permille", request.tempo_pm),
            limit: "between 400 and 2500 permille",
        });
    }
    let mut whole = Vec::new();
    let mut words = Vec::new();
    let mut rung = Rung::Provider;
    for piece in &request.pieces {
        if !whole.is_empty() {
            whole.resize(whole.len() + BETWEEN, 0.0);
        }
        let first = whole.len();
        let (sound, timed) = one(piece, request, blobs)?;
        whole.extend(sound);
        let place = |at: usize| (first + at).min(whole.len()) as u64;
        let spoken = piece.text.split_whitespace().zip(timed.spans);
        words.extend(spoken.map(|(text, span)| SpokenWord {
            text: text.to_owned(),
            start: place(span.start),
            end: place(span.end),
        }));
        rung = rung.max(timed.rung);
    }
    let voice = polish::level(whole)?;
    let facts = SpeechFacts {
        sample_rate: RATE,
        samples: voice.len() as u64,
        words,
        rung,
    };
    Ok((voice, facts))
}

/// A piece without the silence around it, at the tempo that is wanted.
fn one(
    piece: &SpokenPiece,
    request: &TakeSpeechRequest,
    blobs: Blobs<'_>,
) -> Result<(Vec<f32>, Timed), AudioError> {
    let sound = mono(piece.source, blobs)?;
    let timed = time_words(&sound, &piece.text, &request.language, &piece.heard);
    let sounding = trim::sounding(&sound, RATE);
    if sounding.is_empty() {
        let start: String = piece.text.chars().take(40).collect();
        return Err(AudioError::Silent(start));
    }
    let from = sounding.start.saturating_sub(MARGIN);
    let to = (sounding.end + MARGIN).min(sound.len());
    let trimmed = tempo::change(&sound[from..to], request.tempo_pm);
    let place = |at: usize| {
        let at = at.clamp(from, to) - from;
        let moved = at as u64 * 1000 / u64::from(request.tempo_pm);
        (moved as usize).min(trimmed.len())
    };
    let spans = timed.spans.into_iter().map(|span| Span {
        start: place(span.start),
        end: place(span.end),
    });
    let spans = spans.collect();
    Ok((trimmed, Timed { spans, ..timed }))
}

/// Writes the sound of a recording as recognisers want it.
///
/// # Errors
/// A [`WorkerFailure`] when it cannot be read.
pub fn extract_speech(
    request: &ExtractSpeechRequest,
    blobs: Blobs<'_>,
    out_dir: &Path,
) -> Result<AudioDone, WorkerFailure> {
    let sound = resample(&mono(request.source, blobs)?, RATE, HEARING_RATE);
    wav::write_mono(&out_dir.join(OUTPUT), &sound, HEARING_RATE)?;
    let facts = SpeechFacts {
        sample_rate: HEARING_RATE,
        samples: sound.len() as u64,
        words: Vec::new(),
        rung: Rung::Provider,
    };
    Ok(AudioDone::audio(OUTPUT, ActionFacts::Speech(facts)))
}

/// Finds when the words of a text are said.
///
/// # Errors
/// A [`WorkerFailure`] when the recording cannot be read.
pub fn align_words(
    request: &AlignWordsRequest,
    blobs: Blobs<'_>,
) -> Result<AudioDone, WorkerFailure> {
    let sound = mono(request.source, blobs)?;
    let timed = time_words(&sound, &request.text, &request.language, &request.heard);
    let words = request.text.split_whitespace().zip(timed.spans);
    let facts = SpeechFacts {
        sample_rate: RATE,
        samples: sound.len() as u64,
        words: words
            .map(|(text, span)| SpokenWord {
                text: text.to_owned(),
                start: span.start as u64,
                end: span.end as u64,
            })
            .collect(),
        rung: timed.rung,
    };
    Ok(AudioDone {
        outputs: BTreeMap::new(),
        facts: ActionFacts::Speech(facts),
    })
}

fn mono(source: Digest, blobs: Blobs<'_>) -> Result<Vec<f32>, AudioError> {
    let path = blobs.get(&source).ok_or(AudioError::BlobMissing(source))?;
    let sound = ffi_decode::read(Path::new(path), LONGEST)?;
    let pairs = sound.left.iter().zip(&sound.right);
    Ok(pairs.map(|(left, right)| (left + right) / 2.0).collect())
}
