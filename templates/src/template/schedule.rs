//! When every scene and every word is heard and seen, in frames.
//!
//! Every scene starts on the frame grid and words are placed relative to their scene, so editing one scene moves the
//! ones after it by whole frames and changes nothing inside them.

use super::binding::{Bindings, CaptionBinding, VoiceBinding, VoiceWord};
use super::caption_rules::bare;
use super::edit_rules::{EditRules, frames};
use super::word_pieces;
use crate::time::{FrameRate, RationalTime};
use crate::timeline::AUDIO_RATE;

/// A cut falls this many frames before the word it makes room for: it reads as tight, not as late.
pub(crate) const CUT_LEAD: i64 = 2;

/// A word in frames of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlacedWord {
    pub(crate) text: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A scene in frames of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlacedScene {
    pub(crate) name: String,
    /// Where its recording starts.
    pub(crate) audio_start: i64,
    /// The frames that belong to it; scenes tile the timeline.
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) words: Vec<PlacedWord>,
    /// Words the script emphasises, bare.
    pub(crate) emphasis: Vec<String>,
}

/// The narration on the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    pub(crate) scenes: Vec<PlacedScene>,
    pub(crate) frames: i64,
}

/// Places the narration.
pub(crate) fn place(bindings: &Bindings, rules: &EditRules, rate: FrameRate) -> Schedule {
    let gap = frames(bindings.gap_ms, rate);
    let mut scenes: Vec<PlacedScene> = Vec::new();
    let mut audio_start = lead_in(&bindings.voice, rules, rate);
    for voice in &bindings.voice {
        if let Some(ms) = bindings.starts.get(&voice.id) {
            let wanted = frames(*ms, rate) - first_word(voice, rate).unwrap_or(0);
            // Nobody speaks before the one before has ended; the lead-in gives way.
            let free_from = if scenes.is_empty() { 0 } else { audio_start };
            audio_start = wanted.max(free_from);
        }
        let start = scenes.last_mut().map_or(0, |before| {
            close(before, audio_start, first_word(voice, rate))
        });
        scenes.push(PlacedScene {
            name: voice.id.clone(),
            audio_start,
            start,
            end: start,
            words: words(&voice.words, audio_start, rate),
            emphasis: emphasised(voice),
        });
        audio_start += length(voice.samples, rate) + gap;
    }
    let frames = finish(&mut scenes, audio_start - gap, frames(rules.tail_ms, rate));
    for scene in &mut scenes {
        settle(scene);
    }
    Schedule { scenes, frames }
}

/// Scenes that could not begin when they were to: their names, and the frame of their first word.
pub(crate) fn too_late<'s>(
    schedule: &'s Schedule,
    bindings: &Bindings,
    rate: FrameRate,
) -> Vec<(&'s str, i64)> {
    let spoken = schedule.scenes.iter().map(|scene| {
        let first = scene
            .words
            .first()
            .map_or(scene.audio_start, |word| word.start);
        (scene.name.as_str(), first)
    });
    spoken
        .filter(|(name, first)| {
            let wanted = bindings.starts.get(*name);
            wanted.is_some_and(|ms| frames(*ms, rate) < *first)
        })
        .collect()
}

fn emphasised(voice: &VoiceBinding) -> Vec<String> {
    let words = voice
        .emphasis
        .iter()
        .flat_map(|text| text.split_whitespace());
    words.map(bare).filter(|word| !word.is_empty()).collect()
}

/// The narration's scenes with the words that are shown in them. Scenes stay where the narration puts them.
pub(crate) fn shown(
    schedule: &Schedule,
    captions: &CaptionBinding,
    rate: FrameRate,
) -> Vec<PlacedScene> {
    schedule
        .scenes
        .iter()
        .zip(&captions.scenes)
        .map(|(scene, shown)| {
            let mut scene = PlacedScene {
                words: words(&word_pieces::divided(shown), scene.audio_start, rate),
                ..scene.clone()
            };
            settle(&mut scene);
            scene
        })
        .collect()
}

/// Where the first recording starts, so that its first word is heard after the lead-in where that is possible.
fn lead_in(voice: &[VoiceBinding], rules: &EditRules, rate: FrameRate) -> i64 {
    let silence = voice.first().and_then(|scene| first_word(scene, rate));
    (frames(rules.lead_in_ms, rate) - silence.unwrap_or(0)).max(0)
}

fn at(samples: u64, rate: FrameRate) -> i64 {
    let samples = i64::try_from(samples).unwrap_or(i64::MAX);
    RationalTime::new(samples, AUDIO_RATE)
        .rescaled_to(rate)
        .value
}

fn first_word(voice: &VoiceBinding, rate: FrameRate) -> Option<i64> {
    voice.words.first().map(|word| at(word.start, rate))
}

/// A recording's length in frames, rounded up: the next scene must not start inside it.
fn length(samples: u64, rate: FrameRate) -> i64 {
    let rounded = at(samples, rate);
    let covers = RationalTime::new(rounded, rate)
        .rescaled_to(AUDIO_RATE)
        .value;
    let short = u64::try_from(covers).is_ok_and(|covers| covers < samples);
    (rounded + i64::from(short)).max(1)
}

fn words(words: &[VoiceWord], audio_start: i64, rate: FrameRate) -> Vec<PlacedWord> {
    words
        .iter()
        .map(|word: &VoiceWord| PlacedWord {
            text: word.text.trim().to_owned(),
            start: audio_start + at(word.start, rate),
            end: audio_start + at(word.end, rate),
        })
        .collect()
}

/// Ends a scene where the next one begins: a little before its first word, never inside the last word spoken.
fn close(before: &mut PlacedScene, next_audio: i64, next_word: Option<i64>) -> i64 {
    let onset = next_audio + next_word.unwrap_or(0);
    let spoken = before
        .words
        .last()
        .map_or(before.audio_start, |word| word.end);
    let cut = (onset - CUT_LEAD)
        .max(spoken)
        .min(onset)
        .max(before.start + 1);
    before.end = cut;
    cut
}

/// Ends the last scene after its tail; returns the timeline's length.
fn finish(scenes: &mut [PlacedScene], audio_end: i64, tail: i64) -> i64 {
    let Some(last) = scenes.last_mut() else {
        return 0;
    };
    let spoken = last.words.last().map_or(audio_end, |word| word.end);
    last.end = audio_end.max(spoken + tail).max(last.start + 1);
    last.end
}

/// Keeps words in order, apart from each other and inside their scene.
fn settle(scene: &mut PlacedScene) {
    let mut free_from = scene.start;
    for word in &mut scene.words {
        word.start = word.start.clamp(free_from, scene.end);
        word.end = word.end.clamp(word.start, scene.end);
        free_from = word.start;
    }
    for at in 1..scene.words.len() {
        let next = scene.words[at].start;
        let word = &mut scene.words[at - 1];
        word.end = word.end.min(next);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bindings_with, scene};
    use super::*;

    const RATE: FrameRate = FrameRate::whole(30);

    fn placed(scenes: Vec<VoiceBinding>, gap_ms: u32) -> Schedule {
        let mut bindings = bindings_with(scenes);
        bindings.gap_ms = gap_ms;
        place(&bindings, &EditRules::default(), RATE)
    }

    #[test]
    fn a_scene_begins_when_it_is_to_and_never_inside_another() {
        let mut bindings = bindings_with(vec![scene("a", 4), scene("b", 3), scene("c", 3)]);
        bindings.starts.insert("b".into(), 6000);
        let schedule = place(&bindings, &EditRules::default(), RATE);
        let starts: Vec<i64> = schedule.scenes.iter().map(|s| s.words[0].start).collect();
        assert_eq!(starts[1], 180);
        assert!(starts[2] > 180, "the next one follows it");
        assert_eq!(schedule.scenes[0].end, schedule.scenes[1].start);
        assert!(too_late(&schedule, &bindings, RATE).is_empty());
        bindings.starts.insert("a".into(), 100);
        bindings.starts.insert("c".into(), 6100);
        let schedule = place(&bindings, &EditRules::default(), RATE);
        assert_eq!(schedule.scenes[0].words[0].start, 3, "without the lead-in");
        let late = too_late(&schedule, &bindings, RATE);
        assert_eq!(late, [("c", schedule.scenes[2].words[0].start)]);
    }

    #[test]
    fn scenes_start_on_the_grid_and_tile() {
        let schedule = placed(vec![scene("a", 4), scene("b", 3)], 100);
        let [a, b] = schedule.scenes.as_slice() else {
            panic!("two scenes")
        };
        // 200 ms before the first word, of which the recording brings 40 ms (1 frame).
        assert_eq!(a.audio_start, 5);
        assert_eq!(a.words[0].start, 6);
        assert_eq!((a.start, a.end), (0, b.start));
        assert_eq!(b.words[0].start - b.start, CUT_LEAD);
        assert_eq!(b.end, schedule.frames);
        assert_eq!(schedule.frames, b.words[2].end + 18);
    }

    #[test]
    fn a_longer_scene_moves_the_next_one_whole() {
        let before = placed(vec![scene("a", 4), scene("b", 3)], 100);
        let after = placed(vec![scene("a", 9), scene("b", 3)], 100);
        let by = after.scenes[1].start - before.scenes[1].start;
        assert!(by > 0);
        let moved: Vec<_> = before.scenes[1]
            .words
            .iter()
            .map(|word| (word.start + by, word.end + by))
            .collect();
        let found: Vec<_> = after.scenes[1]
            .words
            .iter()
            .map(|word| (word.start, word.end))
            .collect();
        assert_eq!(moved, found);
    }

    #[test]
    fn a_recording_is_never_cut_short() {
        assert_eq!(length(1, RATE), 1);
        assert_eq!(length(1600, RATE), 1);
        assert_eq!(length(1601, RATE), 2);
        assert_eq!(length(2400, RATE), 2);
    }

    #[test]
    fn crowded_words_stay_in_order_inside_their_scene() {
        let mut crowded = scene("a", 0);
        crowded.samples = 2;
        crowded.words = (0..20)
            .map(|_| VoiceWord {
                text: "x".into(),
                start: 0,
                end: 2,
            })
            .collect();
        let schedule = placed(vec![crowded.clone(), crowded], 0);
        for scene in &schedule.scenes {
            assert!(scene.start < scene.end);
            assert!(scene.words.is_sorted_by_key(|word| word.start));
            for word in &scene.words {
                assert!(scene.start <= word.start && word.end <= scene.end);
            }
        }
    }

    #[test]
    fn scenes_without_words_keep_their_time() {
        let schedule = placed(vec![scene("a", 3), scene("b", 0), scene("c", 3)], 0);
        assert_eq!(
            schedule.scenes[1].start,
            schedule.scenes[1].audio_start - CUT_LEAD
        );
        assert!(schedule.scenes[1].start < schedule.scenes[1].end);
        assert_eq!(placed(Vec::new(), 0).frames, 0);
    }
}
