//! `rules`: how long shots are, where cuts may fall and how often footage comes back.

use super::fields::{Fields, text_of, word_of};
use super::grammar::words;
use super::wrong::Wrong;
use crate::time::{FrameRate, RationalTime};

/// Where a cut inside a scene may fall, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CutPoint {
    /// After a sentence.
    Sentence,
    /// After a clause.
    Phrase,
    /// Between two words.
    Word,
    /// On a beat of the music between two words.
    Beat,
}

/// How clips cover the narration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every scene starts a shot.
    OneClipPerSentence,
    /// Shots near the target length, wherever scenes begin.
    Even,
    /// One shot per scene, however long it is.
    ByScene,
}

/// How often a file may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reuse {
    /// Shots of one file, while others are left.
    pub(crate) max_times: Option<u32>,
    /// Milliseconds between two shots of one file, while others are left.
    pub(crate) min_gap_ms: u32,
}

/// Rules that turn words into shots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EditRules {
    /// Shortest shot, milliseconds.
    pub(crate) min_ms: u32,
    /// Preferred shot, milliseconds.
    pub(crate) target_ms: u32,
    /// Longest shot, milliseconds.
    pub(crate) max_ms: u32,
    /// Longest first shot, milliseconds.
    pub(crate) hook_max_ms: u32,
    /// Preferred cut points, best first; between words is always the last resort.
    pub(crate) cut_on: Vec<CutPoint>,
    /// How clips cover the narration.
    pub(crate) coverage: Coverage,
    /// Time before the first word, milliseconds.
    pub(crate) lead_in_ms: u32,
    /// Time after the last word, milliseconds.
    pub(crate) tail_ms: u32,
    /// How far a cut may move to meet a beat, milliseconds.
    pub(crate) snap_ms: u32,
    /// How often footage comes back.
    pub(crate) reuse: Option<Reuse>,
    /// Whether the end leads back into the beginning.
    pub(crate) loop_safe: bool,
}

impl Default for EditRules {
    fn default() -> Self {
        Self {
            min_ms: 1500,
            target_ms: 2800,
            max_ms: 4500,
            hook_max_ms: 4500,
            cut_on: vec![CutPoint::Sentence, CutPoint::Phrase],
            coverage: Coverage::OneClipPerSentence,
            lead_in_ms: 200,
            tail_ms: 600,
            snap_ms: 150,
            reuse: None,
            loop_safe: false,
        }
    }
}

/// Milliseconds as frames, to the nearest.
pub(crate) fn frames(ms: u32, rate: FrameRate) -> i64 {
    RationalTime::millis(i64::from(ms)).rescaled_to(rate).value
}

/// Reads `rules`.
pub(crate) fn read(fields: Option<Fields<'_>>) -> EditRules {
    const COVERAGES: [(&str, Coverage); 3] = [
        ("one_clip_per_sentence", Coverage::OneClipPerSentence),
        ("even", Coverage::Even),
        ("by_scene", Coverage::ByScene),
    ];
    let mut rules = EditRules::default();
    let Some(fields) = fields else { return rules };
    if let Some(shot) = fields.map("shot") {
        read_shot(shot, &mut rules);
    }
    if let Some(points) = fields.read("cut_on", cut_points) {
        rules.cut_on = points;
    }
    if let Some(coverage) = fields.choice("coverage", &COVERAGES) {
        rules.coverage = coverage;
    }
    for (key, slot) in [
        ("lead_in", &mut rules.lead_in_ms),
        ("tail", &mut rules.tail_ms),
        ("snap", &mut rules.snap_ms),
    ] {
        if let Some(ms) = fields.duration(key) {
            *slot = ms;
        }
    }
    if fields.has("snap") && !rules.cut_on.contains(&CutPoint::Beat) {
        fields.conflict(
            "snap",
            "moves cuts to beats, but `cut_on` has no beat",
            "add `beat` to `cut_on`, or leave it out",
        );
    }
    rules.reuse = fields.map("reuse").map(read_reuse);
    rules.loop_safe = fields.flag("loop_safe").unwrap_or(false);
    fields.finish();
    rules
}

fn read_reuse(fields: Fields<'_>) -> Reuse {
    let reuse = Reuse {
        max_times: fields.int("max_times"),
        min_gap_ms: fields.duration("min_gap").unwrap_or(0),
    };
    fields.finish();
    reuse
}

fn read_shot(fields: Fields<'_>, rules: &mut EditRules) {
    let hook = fields.duration("hook_max");
    for (key, slot) in [
        ("min", &mut rules.min_ms),
        ("target", &mut rules.target_ms),
        ("max", &mut rules.max_ms),
    ] {
        if let Some(ms) = fields.duration(key) {
            *slot = ms;
        }
    }
    rules.hook_max_ms = hook.unwrap_or(rules.max_ms);
    if rules.min_ms > rules.target_ms || rules.target_ms > rules.max_ms {
        fields.conflict(
            "min",
            format!(
                "is {} ms with target {} ms and max {} ms",
                rules.min_ms, rules.target_ms, rules.max_ms
            ),
            "write min <= target <= max",
        );
    }
    if !(rules.min_ms..=rules.max_ms).contains(&rules.hook_max_ms) {
        fields.conflict(
            "hook_max",
            format!("is {} ms, outside min to max", rules.hook_max_ms),
            "the first shot follows the same limits",
        );
    }
    fields.finish();
}

fn cut_points(node: &super::document::Node) -> Result<Vec<CutPoint>, Wrong> {
    const POINTS: [(&str, CutPoint); 4] = [
        ("sentence", CutPoint::Sentence),
        ("phrase", CutPoint::Phrase),
        ("word", CutPoint::Word),
        ("beat", CutPoint::Beat),
    ];
    let super::document::Node::List(list) = node else {
        return Err(Wrong::shape(node, "a list"));
    };
    let words = words("rules", "cut_on");
    let mut points = Vec::new();
    for member in list {
        let found = word_of(text_of(member)?, words)?;
        let point = POINTS.iter().find(|(word, _)| *word == found);
        points.extend(point.map(|(_, point)| *point));
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;

    fn rules(text: &str) -> (EditRules, Vec<String>) {
        read_for_test(grammar(), text, |fields| read(fields.map("rules")))
    }

    #[test]
    fn reads_every_key() {
        let (rules, notes) = rules(
            "rules: {shot: {min: 1s, target: 2s, max: 3s, hook_max: 1.5s}, cut_on: [phrase, word, beat], coverage: by_scene, \
             lead_in: 0s, tail: 1s, snap: 80ms, reuse: {max_times: 2, min_gap: 8s}, loop_safe: true}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            rules,
            EditRules {
                min_ms: 1000,
                target_ms: 2000,
                max_ms: 3000,
                hook_max_ms: 1500,
                cut_on: vec![CutPoint::Phrase, CutPoint::Word, CutPoint::Beat],
                coverage: Coverage::ByScene,
                lead_in_ms: 0,
                tail_ms: 1000,
                snap_ms: 80,
                reuse: Some(Reuse {
                    max_times: Some(2),
                    min_gap_ms: 8000
                }),
                loop_safe: true,
            }
        );
    }

    #[test]
    fn nothing_written_means_the_defaults() {
        assert_eq!(rules("{}").0, EditRules::default());
        assert_eq!(rules("rules: {shot: {max: 4s}}").0.hook_max_ms, 4000);
    }

    #[test]
    fn limits_and_contradictions_are_noted() {
        let (_, notes) = rules(
            "rules: {shot: {min: 5s, hook_max: 9s}, cut_on: [sentense], snap: 150ms, reuse: {max: 1}}",
        );
        for part in [
            "rules.shot.min: is 5000 ms with target",
            "rules.shot.hook_max: is 9000 ms",
            "rules.cut_on: `sentense` is not one of its values; did you mean `sentence`?",
            "rules.snap: moves cuts to beats",
            "rules.reuse.max: is not a key here",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:?}"
            );
        }
        assert_eq!(notes.len(), 5, "{notes:#?}");
    }

    #[test]
    fn frames_round_to_the_nearest() {
        assert_eq!(frames(200, FrameRate::whole(30)), 6);
        assert_eq!(
            frames(
                1500,
                FrameRate {
                    num: 30000,
                    den: 1001
                }
            ),
            45
        );
    }
}
