//! From scenes to shots: where the picture changes.
//!
//! Every decision looks at one scene (and, for shots that are too short, at its neighbour), never at the whole:
//! that is what keeps the shots of an unedited scene as they were. The exception is the template that asks for `even`
//! coverage, where a change moves the cuts after it.

use super::edit_rules::{Coverage, CutPoint, EditRules, frames};
use super::schedule::{CUT_LEAD, PlacedScene, PlacedWord, Schedule};
use crate::time::FrameRate;
use crate::timeline::ends_sentence;

/// A shot in frames of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shot {
    /// The scene it belongs to, from 0.
    pub(crate) scene: usize,
    /// Which part of that scene, from 0.
    pub(crate) piece: usize,
    pub(crate) name: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Shot {
    pub(crate) const fn frames(&self) -> i64 {
        self.end - self.start
    }
}

/// Shot lengths in frames.
#[derive(Clone, Copy, Debug)]
struct Limits {
    min: i64,
    target: i64,
    max: i64,
    hook_max: i64,
}

impl Limits {
    fn of(rules: &EditRules, rate: FrameRate) -> Self {
        Self {
            min: frames(rules.min_ms, rate).max(1),
            target: frames(rules.target_ms, rate).max(1),
            max: frames(rules.max_ms, rate).max(1),
            hook_max: frames(rules.hook_max_ms, rate).max(1),
        }
    }
}

/// A place where a cut may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    at: i64,
    kind: CutPoint,
    /// Silence before the next word, frames.
    pause: i64,
}

/// The shots under a narration.
pub(crate) fn under_voice(schedule: &Schedule, rules: &EditRules, rate: FrameRate) -> Vec<Shot> {
    let limits = Limits::of(rules, rate);
    match rules.coverage {
        Coverage::OneClipPerSentence => {
            let pieces = schedule
                .scenes
                .iter()
                .enumerate()
                .flat_map(|(index, scene)| scene_pieces(index, scene, rules, limits))
                .collect();
            join_short(pieces, limits)
        }
        Coverage::Even => even(schedule, limits),
    }
}

/// The shots of a cut without narration: each clip once, near the target length. `lengths` are the clips' own
/// lengths in frames, where they have one.
pub(crate) fn silent(lengths: &[Option<i64>], rules: &EditRules, rate: FrameRate) -> Vec<Shot> {
    let limits = Limits::of(rules, rate);
    let mut start = 0;
    lengths
        .iter()
        .enumerate()
        .map(|(index, length)| {
            let wanted = if index == 0 {
                limits.target.min(limits.hook_max)
            } else {
                limits.target
            };
            let frames = length.map_or(wanted, |own| own.clamp(limits.min.min(wanted), wanted));
            let shot = Shot {
                scene: index,
                piece: 0,
                name: format!("clip{}", index + 1),
                start,
                end: start + frames,
            };
            start = shot.end;
            shot
        })
        .collect()
}

fn scene_pieces(index: usize, scene: &PlacedScene, rules: &EditRules, limits: Limits) -> Vec<Shot> {
    let candidates = candidates(&scene.words);
    let choose = |window: &[Candidate], aim: i64| by_rank(window, aim, &rules.cut_on);
    let first_max = if index == 0 {
        limits.hook_max
    } else {
        limits.max
    };
    let cuts = split(
        (scene.start, scene.end),
        &candidates,
        (limits, first_max),
        choose,
    );
    spans(scene.start, &cuts, scene.end)
        .into_iter()
        .enumerate()
        .map(|(piece, (start, end))| Shot {
            scene: index,
            piece,
            name: scene.name.clone(),
            start,
            end,
        })
        .collect()
}

fn even(schedule: &Schedule, limits: Limits) -> Vec<Shot> {
    let words: Vec<PlacedWord> = schedule
        .scenes
        .iter()
        .flat_map(|scene| scene.words.iter().cloned())
        .collect();
    let nearest = |window: &[Candidate], aim: i64| {
        window
            .iter()
            .min_by_key(|candidate| (candidate.at - aim).abs())
            .copied()
    };
    let reach = Limits {
        max: limits.target + limits.min.min(limits.max - limits.target),
        ..limits
    };
    let cuts = split(
        (0, schedule.frames),
        &candidates(&words),
        (reach, reach.max.min(limits.hook_max)),
        nearest,
    );
    spans(0, &cuts, schedule.frames)
        .into_iter()
        .enumerate()
        .map(|(index, (start, end))| Shot {
            scene: index,
            piece: 0,
            name: scene_at(schedule, start),
            start,
            end,
        })
        .collect()
}

fn scene_at(schedule: &Schedule, frame: i64) -> String {
    schedule
        .scenes
        .iter()
        .rfind(|scene| scene.start <= frame)
        .map_or_else(String::new, |scene| scene.name.clone())
}

/// Every gap between two words.
fn candidates(words: &[PlacedWord]) -> Vec<Candidate> {
    words
        .windows(2)
        .map(|pair| Candidate {
            at: (pair[1].start - CUT_LEAD)
                .max(pair[0].end)
                .min(pair[1].start),
            kind: kind_after(&pair[0].text),
            pause: pair[1].start - pair[0].end,
        })
        .collect()
}

/// What ends with a word.
fn kind_after(word: &str) -> CutPoint {
    if ends_sentence(word) {
        CutPoint::Sentence
    } else if ends_phrase(word) {
        CutPoint::Phrase
    } else {
        CutPoint::Word
    }
}

/// Whether a word closes a clause.
pub(crate) fn ends_phrase(word: &str) -> bool {
    word.trim_end_matches(['"', '\'', '”', '’', ')', ']', '»'])
        .ends_with([',', ';', ':', '–', '—', '、', '，', '；', '：', '،'])
}

/// The best-ranked kind of cut point present wins; among equals the one nearest the aim, where a pause counts as
/// four times its length in nearness between words.
fn by_rank(window: &[Candidate], aim: i64, ranks: &[CutPoint]) -> Option<Candidate> {
    let rank = |candidate: &Candidate| {
        ranks
            .iter()
            .position(|kind| *kind == candidate.kind)
            .unwrap_or(ranks.len())
    };
    let cost = |candidate: &Candidate| (candidate.at - aim).abs() - 4 * candidate.pause;
    window
        .iter()
        .min_by_key(|candidate| (rank(candidate), cost(candidate)))
        .copied()
}

/// Cuts a span that is too long, from the left: what stands before a cut does not depend on what comes after it.
/// The limits come with the longest first piece.
fn split(
    (start, end): (i64, i64),
    candidates: &[Candidate],
    (limits, first_max): (Limits, i64),
    choose: impl Fn(&[Candidate], i64) -> Option<Candidate>,
) -> Vec<i64> {
    let mut cuts = Vec::new();
    let (mut at, mut longest) = (start, first_max);
    while end - at > longest {
        let (low, last) = (at + limits.min, end - limits.min);
        let high = (at + longest).min(last);
        let first = candidates.partition_point(|candidate| candidate.at < low);
        let after = candidates.partition_point(|candidate| candidate.at <= high);
        let window = &candidates[first..after.max(first)];
        // Where nothing fits, a shot that is a little too long beats a cut inside a word.
        let late = candidates
            .get(first)
            .filter(|candidate| candidate.at <= last);
        let aim = at + limits.target.min(longest);
        let Some(cut) = choose(window, aim).or(late.copied()) else {
            break;
        };
        cuts.push(cut.at);
        at = cut.at;
        longest = limits.max;
    }
    cuts
}

fn spans(start: i64, cuts: &[i64], end: i64) -> Vec<(i64, i64)> {
    let starts = std::iter::once(start).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(end));
    starts.zip(ends).collect()
}

/// Joins shots that are too short with the one before where that stays within the limit, else with the one after.
fn join_short(pieces: Vec<Shot>, limits: Limits) -> Vec<Shot> {
    let mut shots: Vec<Shot> = Vec::new();
    let mut waiting: Option<i64> = None;
    let last = pieces.len().saturating_sub(1);
    for (at, mut shot) in pieces.into_iter().enumerate() {
        if let Some(start) = waiting.take() {
            shot.start = start;
        }
        if shot.frames() >= limits.min {
            shots.push(shot);
            continue;
        }
        match shots.last_mut() {
            Some(before) if at == last || shot.end - before.start <= limits.max => {
                before.end = shot.end;
            }
            None if at == last => shots.push(shot),
            _ => waiting = Some(shot.start),
        }
    }
    shots
}

#[cfg(test)]
mod tests {
    use super::super::schedule::place;
    use super::super::testing::{bindings_with, scene};
    use super::*;

    const RATE: FrameRate = FrameRate::whole(30);

    fn rules() -> EditRules {
        EditRules {
            hook_max_ms: 4500,
            ..EditRules::default()
        }
    }

    fn shots(counts: &[u64], rules: &EditRules) -> (Schedule, Vec<Shot>) {
        let voice = (0u8..)
            .zip(counts)
            .map(|(at, count)| scene(&char::from(b'a' + at).to_string(), *count))
            .collect();
        let schedule = place(&bindings_with(voice), rules, RATE);
        let shots = under_voice(&schedule, rules, RATE);
        (schedule, shots)
    }

    fn assert_tiles(schedule: &Schedule, shots: &[Shot]) {
        assert_eq!(shots[0].start, 0);
        assert_eq!(shots.last().unwrap().end, schedule.frames);
        assert!(shots.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn a_sentence_is_a_shot() {
        let (schedule, shots) = shots(&[6, 7, 6], &rules());
        assert_tiles(&schedule, &shots);
        assert_eq!(shots.len(), 3);
        for (shot, scene) in shots.iter().zip(&schedule.scenes) {
            assert_eq!((shot.start, shot.end), (scene.start, scene.end));
            assert_eq!(shot.name, scene.name);
        }
    }

    #[test]
    fn long_sentences_split_at_phrases_never_inside_words() {
        let (schedule, shots) = shots(&[6, 20, 6], &rules());
        assert_tiles(&schedule, &shots);
        let split: Vec<_> = shots.iter().filter(|shot| shot.scene == 1).collect();
        assert!(split.len() >= 2);
        for shot in &split[1..] {
            let scene = &schedule.scenes[1];
            let next = scene
                .words
                .iter()
                .position(|word| word.start >= shot.start)
                .unwrap();
            assert!(
                ends_phrase(&scene.words[next - 1].text),
                "cut before word {next}"
            );
            assert!(scene.words[next - 1].end <= shot.start);
            assert!(scene.words[next].start - shot.start <= CUT_LEAD);
        }
        assert!(shots.iter().all(|shot| shot.frames() >= 45));
    }

    #[test]
    fn the_first_shot_obeys_the_hook_limit() {
        let hook = EditRules {
            hook_max_ms: 2000,
            ..rules()
        };
        assert!(shots(&[9, 9], &hook).1[0].frames() <= 60);
        assert!(shots(&[9, 9], &rules()).1[0].frames() > 60);
    }

    #[test]
    fn short_sentences_join_a_neighbour() {
        let (schedule, shots) = shots(&[2, 6, 1, 6, 1], &rules());
        assert_tiles(&schedule, &shots);
        assert_eq!(shots.len(), 2, "{shots:#?}");
        assert_eq!(shots[0].scene, 1, "the longer one gives the clip");
    }

    #[test]
    fn one_short_sentence_alone_is_still_a_shot() {
        let (schedule, shots) = shots(&[1], &rules());
        assert_tiles(&schedule, &shots);
        assert_eq!(shots.len(), 1);
    }

    #[test]
    fn even_coverage_keeps_near_the_target() {
        let even = EditRules {
            coverage: Coverage::Even,
            ..rules()
        };
        let (schedule, shots) = shots(&[20, 3, 25, 2], &even);
        assert_tiles(&schedule, &shots);
        for shot in &shots[..shots.len() - 1] {
            assert!((shot.frames() - 84).abs() <= 15, "{shot:?}");
        }
    }

    #[test]
    fn silent_cuts_follow_the_clips() {
        let shots = silent(&[None, Some(60), Some(10), None], &rules(), RATE);
        let lengths: Vec<i64> = shots.iter().map(Shot::frames).collect();
        assert_eq!(lengths, [84, 60, 45, 84]);
        assert_eq!(shots[3].start, 189);
    }

    #[test]
    fn a_word_longer_than_any_shot_is_left_whole() {
        let words = [
            PlacedWord {
                text: "loooong".into(),
                start: 0,
                end: 300,
            },
            PlacedWord {
                text: "end.".into(),
                start: 310,
                end: 330,
            },
        ];
        let limits = Limits::of(&rules(), RATE);
        let nearest = |window: &[Candidate], aim| by_rank(window, aim, &[]);
        assert_eq!(
            split((0, 400), &candidates(&words), (limits, limits.max), nearest),
            [308]
        );
        assert_eq!(
            split((0, 340), &candidates(&words), (limits, limits.max), nearest),
            Vec::<i64>::new()
        );
    }
}
