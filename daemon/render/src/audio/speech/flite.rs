//! English speech by flite: sentences are spoken one by one, and the pauses between and inside them are set.
//!
//! The voices rush their pauses (about a tenth of a second whatever the punctuation); this module lengthens them to
//! what a listener expects. Times stay exact: words move with the samples that are put in before them.

use super::ffi_flite::{Stretch, Token, Utterance, synthesise};
use super::text::{Pause, SourceWord};
use super::{Raw, Span};
use crate::audio::error::AudioError;
use crate::audio::pcm::raised_cosine;

/// The voices Debian ships.
pub(crate) const VOICES: [&str; 4] = ["slt", "rms", "awb", "kal"];
/// For error messages.
pub(crate) const VOICE_NAMES: &str = "slt, rms, awb or kal";

/// Speaks all words; the spans are in samples of the result.
pub(crate) fn speak(voice: &str, words: &[SourceWord], speed_pm: u32) -> Result<Raw, AudioError> {
    if !VOICES.contains(&voice) {
        return Err(AudioError::UnknownVoice {
            engine: "flite",
            voice: voice.to_owned(),
            known: VOICE_NAMES,
        });
    }
    let stretch = 1000.0 / speed_pm as f32;
    let mut tape = Tape::new(words.len(), stretch);
    for sentence in sentences(words) {
        let utterance = synthesise(voice, &sentence, stretch)?;
        tape.append(&utterance, words);
    }
    Ok(tape.raw)
}

/// The sounds of every word as pocketsphinx names them; none for a word that is not said. Nothing where the engine is
/// not installed.
pub(super) fn sounds(words: &[SourceWord]) -> Option<Vec<Vec<String>>> {
    let mut sounds = vec![Vec::new(); words.len()];
    for sentence in sentences(words) {
        let utterance = synthesise(VOICES[0], &sentence, 1.0).ok()?;
        for (source, sound) in utterance.sounds {
            // Both have the sounds of the CMU dictionary; only the engine tells a weak vowel from a full one.
            let name = match sound.as_str() {
                "ax" => "AH".to_owned(),
                other => other.to_ascii_uppercase(),
            };
            if let Some(own) = sounds.get_mut(source as usize) {
                own.push(name);
            }
        }
    }
    Some(sounds)
}

/// The tokens of each sentence; sentences that say nothing are left out.
fn sentences(words: &[SourceWord]) -> Vec<Vec<Token>> {
    let mut sentences = vec![Vec::new()];
    for (source, word) in words.iter().enumerate() {
        let Some(sentence) = sentences.last_mut() else {
            break;
        };
        for (index, name) in word.spoken.iter().enumerate() {
            let is_last = index + 1 == word.spoken.len();
            sentence.push(Token {
                name: name.clone(),
                punctuation: match word.pause {
                    Pause::None => c"",
                    _ if !is_last => c"",
                    Pause::Short | Pause::Medium => c",",
                    Pause::Sentence => c".",
                },
                source: source as u32,
            });
        }
        if word.pause == Pause::Sentence && !sentence.is_empty() {
            sentences.push(Vec::new());
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

/// Seconds a listener expects at each punctuation, at the voice's own speed; between two sentences the pause before
/// the next one's first word (about 0.16 s) comes on top.
const fn wanted_pause(pause: Pause) -> f32 {
    match pause {
        Pause::None => 0.0,
        Pause::Short => 0.18,
        Pause::Medium => 0.26,
        Pause::Sentence => 0.28,
    }
}

/// The sound so far.
struct Tape {
    raw: Raw,
    stretch: f32,
}

impl Tape {
    fn new(words: usize, stretch: f32) -> Self {
        Self {
            raw: Raw {
                rate: 0,
                samples: Vec::new(),
                spans: vec![None; words],
            },
            stretch,
        }
    }

    /// Adds a sentence, lengthening each pause to what its punctuation asks for.
    fn append(&mut self, utterance: &Utterance, words: &[SourceWord]) {
        let rate = utterance.rate as f32;
        self.raw.rate = utterance.rate;
        let mut copied = 0;
        let mut next = utterance.words.iter().peekable();
        for pause in &utterance.pauses {
            while let Some((source, stretch)) = next.next_if(|(_, at)| at.end <= pause.end) {
                let shift = self.raw.samples.len() as i64 - copied as i64;
                self.note(*source, *stretch, rate, shift);
            }
            let middle = at(pause, rate).min(utterance.samples.len());
            self.copy(&utterance.samples[copied.min(middle)..middle]);
            copied = middle;
            let before = words_before(&utterance.words, pause);
            let wanted = before.map_or(0.0, |source| wanted_pause(words[source as usize].pause));
            self.rest(wanted * self.stretch - (pause.end - pause.start), rate);
        }
        let shift = self.raw.samples.len() as i64 - copied as i64;
        for (source, stretch) in next {
            self.note(*source, *stretch, rate, shift);
        }
        self.copy(&utterance.samples[copied..]);
    }

    fn copy(&mut self, samples: &[i16]) {
        self.raw
            .samples
            .extend(samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
    }

    /// Puts silence in, between fades of 5 ms: a voice's pause is quiet, but not silent.
    fn rest(&mut self, seconds: f32, rate: f32) {
        if seconds <= 0.0 {
            return;
        }
        let samples = &mut self.raw.samples;
        let fade = ((rate * 0.005) as usize).min(samples.len());
        let start = samples.len() - fade;
        for (n, sample) in samples[start..].iter_mut().enumerate() {
            *sample *= 1.0 - raised_cosine((n + 1) as f32 / fade as f32);
        }
        samples.resize(samples.len() + (seconds * rate) as usize, 0.0);
    }

    /// Widens the written word's span by a spoken word.
    fn note(&mut self, source: u32, stretch: Stretch, rate: f32, shift: i64) {
        let place = |seconds: f32| ((seconds * rate).round() as i64 + shift).max(0) as usize;
        let (start, end) = (place(stretch.start), place(stretch.end));
        if let Some(span) = self.raw.spans.get_mut(source as usize) {
            *span = Some(span.map_or(Span { start, end }, |known: Span| Span {
                start: known.start.min(start),
                end: known.end.max(end),
            }));
        }
    }
}

/// The sample in the middle of a pause.
fn at(pause: &Stretch, rate: f32) -> usize {
    ((pause.start + pause.end) / 2.0 * rate) as usize
}

/// The written word that ends at a pause.
fn words_before(words: &[(u32, Stretch)], pause: &Stretch) -> Option<u32> {
    words
        .iter()
        .rfind(|(_, stretch)| stretch.end <= pause.start + 1e-3)
        .map(|(source, _)| *source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::speech::text::source_words;

    fn spoken(text: &str) -> Raw {
        speak("slt", &source_words(text), 1000).unwrap()
    }

    fn gap(raw: &Raw, after: usize) -> f32 {
        let end = raw.spans[after].unwrap().end;
        let start = raw.spans[after + 1].unwrap().start;
        (start as f32 - end as f32) / raw.rate as f32
    }

    #[test]
    fn every_spoken_word_has_its_span_in_order() {
        let raw = spoken("It costs $25 — really! Then 3.5km more, 🎉 done.");
        let has_span: Vec<bool> = raw.spans.iter().map(Option::is_some).collect();
        assert_eq!(
            has_span,
            [true, true, true, false, true, true, true, true, false, true]
        );
        let spans: Vec<Span> = raw.spans.iter().flatten().copied().collect();
        assert!(spans.iter().all(|span| span.start < span.end));
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert!(spans.last().unwrap().end <= raw.samples.len());
    }

    #[test]
    fn pauses_grow_with_the_punctuation() {
        let raw = spoken("One thing, two things; three things. Four things");
        let (comma, semicolon, stop) = (gap(&raw, 1), gap(&raw, 3), gap(&raw, 5));
        assert!((comma - 0.18).abs() < 0.01, "{comma}");
        assert!((semicolon - 0.26).abs() < 0.01, "{semicolon}");
        assert!(stop > 0.4 && stop < 0.5, "{stop}");
        assert_eq!(gap(&raw, 0), 0.0);
    }

    #[test]
    fn words_lie_where_the_sound_is() {
        let raw = spoken("Stop. Go.");
        let energy = |from: usize, to: usize| {
            raw.samples[from..to].iter().map(|s| s * s).sum::<f32>() / (to - from) as f32
        };
        let (stop, go) = (raw.spans[0].unwrap(), raw.spans[1].unwrap());
        let pause = energy(stop.end + 1600, go.start - 800);
        assert!(energy(stop.start, stop.end) > 100.0 * pause);
        assert!(energy(go.start, go.end) > 100.0 * pause);
    }

    #[test]
    fn a_faster_voice_is_shorter() {
        let words = source_words("The quick brown fox jumps.");
        let plain = speak("rms", &words, 1000).unwrap().samples.len() as f32;
        let fast = speak("rms", &words, 1250).unwrap().samples.len() as f32;
        assert!((fast / plain - 0.8).abs() < 0.03, "{}", fast / plain);
    }

    #[test]
    fn unknown_voices_are_refused_with_the_known_ones() {
        let error = speak("amy", &source_words("hi"), 1000).unwrap_err();
        assert!(matches!(
            error,
            AudioError::UnknownVoice {
                known: VOICE_NAMES,
                ..
            }
        ));
    }
}
