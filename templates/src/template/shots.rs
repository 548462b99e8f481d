//! From scenes to shots: where the picture changes.
//!
//! Every decision looks at one scene (and, for shots that are too short, at its neighbour), never at the whole:
//! that is what keeps the shots of an unedited scene as they were. The exception is the template that asks for `even`
//! coverage, where a change moves the cuts after it.

use std::ops::Range;

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
    /// The scenes that begin in it; none where it is a further shot of one.
    pub(crate) begins: Range<usize>,
}

impl Shot {
    pub(crate) const fn frames(&self) -> i64 {
        self.end - self.start
    }
}

/// Beats of the music in frames, and how far a cut may move to meet one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beats {
    at: Vec<i64>,
    snap: i64,
}

impl Beats {
    /// The beats that the rules allow cuts on; none where `cut_on` does not name them.
    pub(crate) fn of(ms: &[u32], rules: &EditRules, rate: FrameRate) -> Self {
        if !rules.cut_on.contains(&CutPoint::Beat) {
            return Self::default();
        }
        Self {
            at: ms.iter().map(|ms| frames(*ms, rate)).collect(),
            snap: frames(rules.snap_ms, rate),
        }
    }

    /// The beat nearest to a frame within reach and within `[low, high]`.
    fn near(&self, frame: i64, (low, high): (i64, i64)) -> Option<i64> {
        let from = self.at.partition_point(|beat| *beat < frame - self.snap);
        self.at[from..]
            .iter()
            .take_while(|beat| **beat <= frame + self.snap)
            .filter(|beat| (low..=high).contains(*beat))
            .min_by_key(|beat| (**beat - frame).abs())
            .copied()
    }

    /// Moves the cuts between scenes to beats that lie between the same two words and near enough.
    pub(crate) fn meet(&self, schedule: &mut Schedule) {
        for next in 1..schedule.scenes.len() {
            let [before, next] = &mut schedule.scenes[next - 1..=next] else {
                continue;
            };
            let (Some(said), Some(word)) = (before.words.last(), next.words.first()) else {
                continue;
            };
            let between = (said.end.max(before.start + 1), word.start.min(next.end - 1));
            if let Some(beat) = self.near(next.start, between) {
                before.end = beat;
                next.start = beat;
            }
        }
    }

    /// The first beat at or after a frame.
    pub(crate) fn at_or_after(&self, frame: i64) -> Option<i64> {
        let from = self.at.partition_point(|beat| *beat < frame);
        self.at.get(from).copied()
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
    /// Whether it stands on a beat.
    on_beat: bool,
    /// Silence before the next word, frames.
    pause: i64,
}

/// The shots under a narration.
pub(crate) fn under_voice(
    schedule: &Schedule,
    rules: &EditRules,
    beats: &Beats,
    rate: FrameRate,
) -> Vec<Shot> {
    let limits = Limits::of(rules, rate);
    let mut shots: Vec<Shot> = match rules.coverage {
        Coverage::OneClipPerSentence => {
            let (last, opening) = opening(schedule, limits);
            let rest = schedule.scenes.iter().enumerate().skip(last + 1);
            let hook = last + 1 < schedule.scenes.len();
            let pieces = opening
                .iter()
                .map(|scene| (last, Some(hook), scene))
                .chain(rest.map(|(index, scene)| (index, None, scene)))
                .flat_map(|(index, hook, scene)| {
                    scene_pieces((index, hook), scene, (rules, beats), limits)
                })
                .collect();
            join_short(pieces, limits)
        }
        Coverage::Even => even(schedule, beats, limits),
        Coverage::ByScene => schedule
            .scenes
            .iter()
            .enumerate()
            .map(|(index, scene)| Shot {
                scene: index,
                piece: 0,
                name: scene.name.clone(),
                start: scene.start,
                end: scene.end,
                begins: 0..0,
            })
            .collect(),
    };
    for shot in &mut shots {
        shot.begins = begun_between(schedule, shot.start, shot.end);
    }
    shots
}

/// The scenes whose first frame lies in `[start, end)`. Where a cut falls inside a sentence, the shot that crosses into a
/// scene is its beginning.
fn begun_between(schedule: &Schedule, start: i64, end: i64) -> Range<usize> {
    let before = |frame: i64| schedule.scenes.partition_point(|scene| scene.start < frame);
    before(start)..before(end)
}

/// The shots of a cut without narration: each clip once, near the target length. `lengths` are the clips' own
/// lengths in frames, where they have one.
pub(crate) fn silent(
    lengths: &[Option<i64>],
    rules: &EditRules,
    beats: &Beats,
    rate: FrameRate,
) -> Vec<Shot> {
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
            let longest = if index == 0 {
                limits.hook_max
            } else {
                limits.max
            };
            let frames = length.map_or(wanted, |own| own.clamp(limits.min.min(wanted), wanted));
            let bounds = (start + limits.min.min(frames), start + longest.max(frames));
            let end = beats.near(start + frames, bounds).unwrap_or(start + frames);
            let shot = Shot {
                scene: index,
                piece: 0,
                name: format!("clip{}", index + 1),
                start,
                end,
                begins: index..index + 1,
            };
            start = shot.end;
            shot
        })
        .collect()
}

/// The scene that the first shot is cut from, and its number. Scenes too short for a shot of their own are cut together
/// with the next: joined to it afterwards, they would make the first shot longer than a hook may be.
fn opening(schedule: &Schedule, limits: Limits) -> (usize, Option<PlacedScene>) {
    let scenes = &schedule.scenes;
    let long = |scene: &PlacedScene| scene.end >= limits.min;
    let last = scenes
        .iter()
        .position(long)
        .unwrap_or(scenes.len().saturating_sub(1));
    let opening = scenes.get(last).map(|scene| PlacedScene {
        start: 0,
        words: scenes[..=last]
            .iter()
            .flat_map(|scene| scene.words.iter().cloned())
            .collect(),
        ..scene.clone()
    });
    (last, opening)
}

/// The pieces of a scene. `hook` is for the opening one: whether others follow; then what is left of it may be short,
/// because it joins the next.
fn scene_pieces(
    (index, hook): (usize, Option<bool>),
    scene: &PlacedScene,
    (rules, beats): (&EditRules, &Beats),
    limits: Limits,
) -> Vec<Shot> {
    let candidates = candidates(&scene.words, beats);
    let choose = |window: &[Candidate], aim: i64| by_rank(window, aim, &rules.cut_on);
    let first_max = if hook.is_some() {
        limits.hook_max
    } else {
        limits.max
    };
    let first = First {
        max: first_max,
        rest_min: if hook == Some(true) { 1 } else { limits.min },
    };
    let cuts = split(
        (scene.start, scene.end),
        &candidates,
        (limits, first),
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
            begins: 0..0,
        })
        .collect()
}

fn even(schedule: &Schedule, beats: &Beats, limits: Limits) -> Vec<Shot> {
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
        &candidates(&words, beats),
        (
            reach,
            First {
                max: reach.max.min(limits.hook_max),
                rest_min: limits.min,
            },
        ),
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
            begins: 0..0,
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

/// Every gap between two words; where a beat lies in the gap, the cut stands on it.
fn candidates(words: &[PlacedWord], beats: &Beats) -> Vec<Candidate> {
    words
        .windows(2)
        .map(|pair| {
            let usual = (pair[1].start - CUT_LEAD)
                .max(pair[0].end)
                .min(pair[1].start);
            let beat = beats.near(usual, (pair[0].end, pair[1].start));
            Candidate {
                at: beat.unwrap_or(usual),
                kind: kind_after(&pair[0].text),
                on_beat: beat.is_some(),
                pause: pair[1].start - pair[0].end,
            }
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
            .position(|kind| {
                *kind == candidate.kind || (*kind == CutPoint::Beat && candidate.on_beat)
            })
            .unwrap_or(ranks.len())
    };
    let cost = |candidate: &Candidate| (candidate.at - aim).abs() - 4 * candidate.pause;
    window
        .iter()
        .min_by_key(|candidate| (rank(candidate), cost(candidate)))
        .copied()
}

/// What holds for the first piece of a span.
#[derive(Clone, Copy, Debug)]
struct First {
    /// Its longest.
    max: i64,
    /// What must be left after it.
    rest_min: i64,
}

/// Cuts a span that is too long, from the left: what stands before a cut does not depend on what comes after it.
fn split(
    (start, end): (i64, i64),
    candidates: &[Candidate],
    (limits, first): (Limits, First),
    choose: impl Fn(&[Candidate], i64) -> Option<Candidate>,
) -> Vec<i64> {
    let mut cuts = Vec::new();
    let (mut at, mut longest, mut rest_min) = (start, first.max, first.rest_min);
    while end - at > longest {
        let low = at + limits.min;
        let from = candidates.partition_point(|candidate| candidate.at < low);
        let within = |last: i64| {
            let after = candidates.partition_point(|candidate| candidate.at <= last);
            &candidates[from..after.max(from)]
        };
        let aim = at + limits.target.min(longest);
        let last = end - limits.min;
        // Where nothing fits, a shot that is a little too long beats a cut inside a word.
        let late = || within(end - rest_min).first().copied();
        let cut = choose(within((at + longest).min(last)), aim)
            .or_else(|| choose(within((at + longest).min(end - rest_min)), aim))
            .or_else(late);
        let Some(cut) = cut else { break };
        cuts.push(cut.at);
        (at, longest, rest_min) = (cut.at, limits.max, limits.min);
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
        // The first shot stays a hook.
        let most = if shots.len() == 1 {
            limits.hook_max
        } else {
            limits.max
        };
        match shots.last_mut() {
            Some(before) if at == last || shot.end - before.start <= most => {
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
    use proptest::prelude::*;

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
        let shots = under_voice(&schedule, rules, &Beats::default(), RATE);
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

    // spec: T-30
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

    // spec: T-48
    #[test]
    fn every_scene_begins_in_one_shot() {
        for coverage in [
            Coverage::OneClipPerSentence,
            Coverage::Even,
            Coverage::ByScene,
        ] {
            let rules = EditRules {
                coverage,
                ..rules()
            };
            let (schedule, shots) = shots(&[20, 3, 25, 1, 9], &rules);
            let begun: Vec<usize> = shots.iter().flat_map(|shot| shot.begins.clone()).collect();
            assert_eq!(begun, [0, 1, 2, 3, 4], "{coverage:?}");
            for shot in &shots {
                for scene in shot.begins.clone() {
                    let first = schedule.scenes[scene].start;
                    assert!((shot.start..shot.end).contains(&first), "{shot:?}");
                }
            }
            let splits = shots.iter().filter(|shot| shot.begins.is_empty()).count();
            assert_eq!(splits > 0, coverage != Coverage::ByScene, "{shots:#?}");
        }
    }

    #[test]
    fn silent_cuts_follow_the_clips() {
        let lengths = [None, Some(60), Some(10), None];
        let shots = silent(&lengths, &rules(), &Beats::default(), RATE);
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
        let candidates = candidates(&words, &Beats::default());
        let first = First {
            max: limits.max,
            rest_min: limits.min,
        };
        assert_eq!(
            split((0, 400), &candidates, (limits, first), nearest),
            [308]
        );
        assert_eq!(
            split((0, 340), &candidates, (limits, first), nearest),
            Vec::<i64>::new()
        );
    }

    // spec: T-30
    #[test]
    fn by_scene_is_one_shot_per_scene_however_long() {
        let by_scene = EditRules {
            coverage: Coverage::ByScene,
            ..rules()
        };
        let (schedule, shots) = shots(&[1, 40, 2], &by_scene);
        assert_tiles(&schedule, &shots);
        assert_eq!(shots.len(), 3);
    }

    // spec: T-31
    #[test]
    fn cuts_meet_beats_between_words_and_never_inside_them() {
        let on_beats = EditRules {
            cut_on: vec![CutPoint::Beat],
            snap_ms: 200,
            ..rules()
        };
        let (schedule, _) = shots(&[24], &on_beats);
        // The words leave one frame between them: a beat there can be met, one inside a word cannot.
        let words = &schedule.scenes[0].words;
        let gap = words[6].end;
        let inside = words[9].start + 5;
        let ms = |frame: i64| u32::try_from(frame * 1000 / 30 + 1).unwrap();
        let beats = Beats::of(&[ms(gap), ms(inside)], &on_beats, RATE);
        let cut = under_voice(&schedule, &on_beats, &beats, RATE);
        assert!(cut.iter().any(|shot| shot.start == gap), "{cut:?}");
        assert!(cut.iter().all(|shot| shot.start != inside), "{cut:?}");
        let ignored = Beats::of(&[ms(gap)], &rules(), RATE);
        assert_eq!(ignored.at_or_after(0), None, "`cut_on` names no beat");
    }

    // spec: T-31
    #[test]
    fn cuts_between_scenes_meet_beats_in_their_pause() {
        let on_beats = EditRules {
            cut_on: vec![CutPoint::Beat],
            snap_ms: 200,
            ..rules()
        };
        let mut bindings = bindings_with(vec![scene("a", 8), scene("b", 8), scene("c", 8)]);
        bindings.gap_ms = 900;
        let usual = place(&bindings, &on_beats, RATE);
        let starts = |schedule: &Schedule| {
            let scenes = schedule.scenes.iter();
            scenes.map(|scene| scene.start).collect::<Vec<i64>>()
        };
        let [_, b, c] = starts(&usual)[..] else {
            panic!("three scenes")
        };
        // One beat four frames before a cut, one inside the first word of the last scene.
        let inside = usual.scenes[2].words[0].start + 2;
        let ms = |frame: i64| u32::try_from(frame * 1000 / 30 + 1).unwrap();
        let beats = Beats::of(&[ms(b - 4), ms(inside)], &on_beats, RATE);
        let mut met = usual.clone();
        beats.meet(&mut met);
        assert_eq!(starts(&met), [0, b - 4, c]);
        assert_eq!(met.scenes[0].end, b - 4, "scenes still tile");
        let far = Beats::of(&[ms(b - 9)], &on_beats, RATE);
        let mut same = usual.clone();
        far.meet(&mut same);
        assert_eq!(same, usual, "200 ms are six frames");
        let cut = under_voice(&met, &on_beats, &beats, RATE);
        assert!(cut.iter().any(|shot| shot.start == b - 4), "{cut:?}");
    }

    #[test]
    fn silent_cuts_move_to_the_beat() {
        let on_beats = EditRules {
            cut_on: vec![CutPoint::Beat],
            ..rules()
        };
        let beats = Beats::of(&[2700, 5600, 9000], &on_beats, RATE);
        let shots = silent(&[None, None, None], &on_beats, &beats, RATE);
        let ends: Vec<i64> = shots.iter().map(|shot| shot.end).collect();
        assert_eq!(
            ends,
            [81, 168, 252],
            "81 and 168 are beats; 9 s is out of reach"
        );
        assert_eq!(beats.at_or_after(169), Some(270));
    }

    proptest! {
        // spec: T-27, T-29
        #[test]
        fn any_first_shot_is_a_hook_and_any_shots_tile(
            counts in prop::collection::vec(1u64..40, 1..9),
            hook_max_ms in 1500u32..4500,
            even: bool,
        ) {
            let coverage = if even { Coverage::Even } else { Coverage::OneClipPerSentence };
            let rules = EditRules { hook_max_ms, coverage, ..rules() };
            let (schedule, shots) = shots(&counts, &rules);
            assert_tiles(&schedule, &shots);
            let most = frames(hook_max_ms, RATE);
            // A word and the pause after it, twelve frames and six more between scenes, may have to end first; and what
            // is left of a cut that is too short for a shot of its own belongs to the one before it.
            let word = 12 + 6;
            let all = schedule.frames < most + frames(rules.min_ms, RATE) + word;
            prop_assert!(shots[0].frames() <= most + word || all, "{:?} of {:?}", shots[0], counts);
        }
    }
}
