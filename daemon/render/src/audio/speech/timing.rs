//! When each word of a known text is said in a recording: the ladder of ways to know it, from what the provider says
//! over finding the words in the sound to an estimate between pauses.
//!
//! Neighbours: `ffi_sphinx` finds words, `ffi_flite` knows how they sound; `take` asks for voices of providers, `align`
//! for recordings whose text is known.

use fenta_workflows::action::Rung;
use fenta_workflows::hearing::{self, HeardWord};

use super::Span;
use super::ffi_sphinx;
use super::flite;
use super::text::{Pause, source_words};
use crate::audio::RATE;
use crate::audio::resample::resample;

/// Windows of energy per second.
const PER_SECOND: usize = 200;
/// What is this much quieter than the loudest window is a pause, dB.
const QUIET_DB: f32 = 36.0;
/// The shortest pause between sentences, windows: 160 ms.
const SHORTEST_PAUSE: usize = PER_SECOND * 160 / 1000;
/// The shortest a found word may become when the silence around it is taken away, windows: 40 ms.
const SHORTEST_WORD: usize = PER_SECOND * 40 / 1000;

/// Words with their places in samples at 48 kHz, one for each token of the text.
#[derive(Debug, PartialEq)]
pub(super) struct Timed {
    pub(super) spans: Vec<Span>,
    pub(super) rung: Rung,
}

/// Looks for every word of a text; `heard` are words or phrases that somebody timed, perhaps none.
pub(super) fn time_words(sound: &[f32], text: &str, language: &str, heard: &[HeardWord]) -> Timed {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let told = told(&tokens, heard, sound.len());
    let is_by_word = heard
        .iter()
        .all(|one| one.text.split_whitespace().count() <= 1);
    if let Some(spans) = told.clone().filter(|_| is_by_word) {
        return Timed {
            spans,
            rung: Rung::Provider,
        };
    }
    if is_english(language)
        && let Some(spans) = aligned(sound, text)
    {
        return Timed {
            spans,
            rung: Rung::Aligned,
        };
    }
    Timed {
        spans: told.unwrap_or_else(|| shared(&tokens, sound)),
        rung: Rung::Proportional,
    }
}

fn is_english(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    primary.eq_ignore_ascii_case("en")
}

/// The times that were told, where they are those of this text.
fn told(tokens: &[&str], heard: &[HeardWord], length: usize) -> Option<Vec<Span>> {
    if heard.is_empty() {
        return None;
    }
    let placed = hearing::place(tokens, heard);
    let at = |micros: u64| {
        let sample = u128::from(micros) * u128::from(RATE) / 1_000_000;
        usize::try_from(sample).unwrap_or(usize::MAX).min(length)
    };
    (placed.matched * 2 >= placed.audible.max(1)).then(|| {
        let spans = placed.times.into_iter().map(|(start, end)| Span {
            start: at(start),
            end: at(end),
        });
        spans.collect()
    })
}

/// The words found in the sound; none where that is not possible here, or they are not in it.
fn aligned(sound: &[f32], text: &str) -> Option<Vec<Span>> {
    let words = source_words(text);
    let sounds = flite::sounds(&words)?;
    let audible: Vec<usize> = (0..words.len())
        .filter(|at| !sounds[*at].is_empty())
        .collect();
    if audible.is_empty() {
        return None;
    }
    let own: Vec<String> = audible.iter().map(|at| sounds[*at].join(" ")).collect();
    let heard: Vec<i16> = resample(sound, RATE, ffi_sphinx::RATE)
        .into_iter()
        .map(|sample| (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16)
        .collect();
    let frames = ffi_sphinx::align(&heard, &own)?;
    let per_frame = (RATE / ffi_sphinx::FRAMES) as usize;
    let loud = Loudness::of(sound);
    let found = frames.into_iter().map(|(first, after)| {
        loud.without_silence(Span {
            start: first as usize * per_frame,
            end: (after as usize * per_frame).min(sound.len()),
        })
    });
    Some(with_silent(
        words.len(),
        &audible,
        &found.collect::<Vec<_>>(),
    ))
}

/// Spans of all words from those that can be heard; one without sound stands at the end of the one before it.
fn with_silent(count: usize, audible: &[usize], found: &[Span]) -> Vec<Span> {
    let mut known = audible.iter().zip(found).peekable();
    let mut edge = found.first().map_or(0, |span| span.start);
    (0..count)
        .map(|at| {
            let span = known.next_if(|(own, _)| **own == at).map(|(_, span)| *span);
            let span = span.map_or(
                Span {
                    start: edge,
                    end: edge,
                },
                |span| Span {
                    start: span.start.max(edge),
                    end: span.end.max(span.start).max(edge),
                },
            );
            edge = span.end;
            span
        })
        .collect()
}

/// Energy of a recording, window by window, against a floor under which it counts as a pause.
struct Loudness {
    window: usize,
    energies: Vec<f32>,
    floor: f32,
}

impl Loudness {
    fn of(sound: &[f32]) -> Self {
        let window = RATE as usize / PER_SECOND;
        let energies: Vec<f32> = sound
            .chunks(window)
            .map(|chunk| chunk.iter().map(|s| s * s).sum::<f32>() / window as f32)
            .collect();
        let loudest = energies.iter().fold(0.0f32, |a, b| a.max(*b));
        Self {
            window,
            floor: loudest * 10f32.powf(-QUIET_DB / 10.0),
            energies,
        }
    }

    /// A word's span without the silence at its ends.
    fn without_silence(&self, span: Span) -> Span {
        let (mut first, mut after) = (span.start / self.window, span.end / self.window);
        after = after.min(self.energies.len());
        while first + SHORTEST_WORD < after && self.energies[first] <= self.floor {
            first += 1;
        }
        while first + SHORTEST_WORD < after && self.energies[after - 1] <= self.floor {
            after -= 1;
        }
        Span {
            start: (first * self.window).max(span.start),
            end: (after * self.window).min(span.end),
        }
    }

    /// Stretches of sound between pauses.
    fn runs(&self, length: usize) -> Vec<Span> {
        let mut runs: Vec<Span> = Vec::new();
        for (at, _) in self
            .energies
            .iter()
            .enumerate()
            .filter(|(_, energy)| **energy > self.floor)
        {
            let (start, end) = (at * self.window, ((at + 1) * self.window).min(length));
            match runs.last_mut() {
                Some(last) if start - last.end < SHORTEST_PAUSE * self.window => last.end = end,
                _ => runs.push(Span { start, end }),
            }
        }
        runs
    }
}

/// An estimate: sentences lie between the longest pauses, the words of a sentence share its sound by their lengths.
fn shared(tokens: &[&str], sound: &[f32]) -> Vec<Span> {
    let runs = Loudness::of(sound).runs(sound.len());
    let sentences = sentences(tokens);
    let groups = grouped(&runs, sentences.len());
    let mut spans = Vec::with_capacity(tokens.len());
    if groups.len() == sentences.len() && is_plausible(tokens, &sentences, &groups) {
        for (sentence, group) in sentences.iter().zip(groups) {
            spans.extend(over(&tokens[sentence.clone()], group));
        }
    } else {
        spans = over(tokens, &runs);
    }
    let audible: Vec<usize> = (0..tokens.len())
        .filter(|at| hearing::weight(tokens[*at]) > 0.0)
        .collect();
    let found: Vec<Span> = audible.iter().map(|at| spans[*at]).collect();
    with_silent(tokens.len(), &audible, &found)
}

/// Ranges of tokens that are sentences with something to hear.
fn sentences(tokens: &[&str]) -> Vec<std::ops::Range<usize>> {
    let text = tokens.join(" ");
    let words = source_words(&text);
    let mut sentences = Vec::new();
    let mut first = 0;
    for at in 0..tokens.len() {
        let ends = words[at].pause == Pause::Sentence
            || tokens[at].ends_with(['。', '！', '？', '।', '؟', '…']);
        if ends || at + 1 == tokens.len() {
            let audible = tokens[first..=at]
                .iter()
                .any(|token| hearing::weight(token) > 0.0);
            if audible || sentences.is_empty() {
                sentences.push(first..at + 1);
            } else if let Some(last) = sentences.last_mut() {
                *last = last.start..at + 1;
            }
            first = at + 1;
        }
    }
    sentences
}

/// The runs in so many groups, parted at the longest pauses.
fn grouped(runs: &[Span], count: usize) -> Vec<&[Span]> {
    if count == 0 || runs.len() < count {
        return Vec::new();
    }
    let mut pauses: Vec<(usize, usize)> = runs
        .windows(2)
        .enumerate()
        .map(|(at, pair)| (pair[1].start - pair[0].end, at + 1))
        .collect();
    pauses.sort_by(|a, b| b.cmp(a));
    let mut cuts: Vec<usize> = pauses.iter().take(count - 1).map(|(_, at)| *at).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([runs.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts.zip(ends).map(|(from, to)| &runs[from..to]).collect()
}

/// Whether every sentence gets about as much of the sound as of the letters.
fn is_plausible(tokens: &[&str], sentences: &[std::ops::Range<usize>], groups: &[&[Span]]) -> bool {
    let weight = |range: &std::ops::Range<usize>| -> f64 {
        tokens[range.clone()]
            .iter()
            .map(|token| hearing::weight(token))
            .sum()
    };
    let length =
        |group: &[Span]| -> f64 { group.iter().map(|run| (run.end - run.start) as f64).sum() };
    let letters: f64 = sentences.iter().map(weight).sum();
    let sound: f64 = groups.iter().map(|group| length(group)).sum();
    sentences.iter().zip(groups).all(|(sentence, group)| {
        let share = length(group) / sound / (weight(sentence) / letters).max(1e-9);
        (0.5..2.0).contains(&share)
    })
}

/// The words over the sound of some runs, as if there were no pauses between them.
fn over(tokens: &[&str], runs: &[Span]) -> Vec<Span> {
    let whole: usize = runs.iter().map(|run| run.end - run.start).sum();
    let place = |mut at: usize, is_end: bool| {
        for run in runs {
            let length = run.end - run.start;
            if at < length || is_end && at == length {
                return run.start + at;
            }
            at -= length;
        }
        runs.last().map_or(0, |run| run.end)
    };
    hearing::shares(tokens, 0, whole as u64)
        .into_iter()
        .map(|(start, end)| {
            let start = place(start as usize, false);
            Span {
                start,
                end: place(end as usize, true).max(start),
            }
        })
        .collect()
}
