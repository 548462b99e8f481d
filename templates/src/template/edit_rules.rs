//! `rules`: how long shots are and where cuts may fall.

use super::fields::{Fields, text_of};
use super::suggest;
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
}

/// How clips cover the narration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// Every scene starts a shot.
    OneClipPerSentence,
    /// Shots near the target length, wherever scenes begin.
    Even,
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
        }
    }
}

/// Milliseconds as frames, to the nearest.
pub(crate) fn frames(ms: u32, rate: FrameRate) -> i64 {
    RationalTime::millis(i64::from(ms)).rescaled_to(rate).value
}

/// Reads `rules`.
pub(crate) fn read(fields: Option<Fields<'_>>) -> EditRules {
    let mut rules = EditRules::default();
    let Some(fields) = fields else { return rules };
    if let Some(shot) = fields.map("shot") {
        read_shot(shot, &mut rules);
    }
    if let Some(points) = fields.read("cut_on", cut_points) {
        rules.cut_on = points;
    }
    const COVERAGES: [(&str, Coverage); 2] = [
        ("one_clip_per_sentence", Coverage::OneClipPerSentence),
        ("even", Coverage::Even),
    ];
    if let Some(coverage) = fields.choice("coverage", &COVERAGES, &["by_scene"]) {
        rules.coverage = coverage;
    }
    if let Some(ms) = fields.duration("lead_in") {
        rules.lead_in_ms = ms;
    }
    if let Some(ms) = fields.duration("tail") {
        rules.tail_ms = ms;
    }
    fields.later(&["snap", "reuse", "loop_safe"]);
    fields.finish();
    rules
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
    if rules.min_ms < 200 || rules.min_ms > rules.target_ms || rules.target_ms > rules.max_ms {
        fields.note(
            "min",
            format!(
                "is {} ms with target {} ms and max {} ms",
                rules.min_ms, rules.target_ms, rules.max_ms
            ),
            "write 200ms <= min <= target <= max",
        );
    }
    if !(rules.min_ms..=rules.max_ms).contains(&rules.hook_max_ms) {
        fields.note(
            "hook_max",
            format!("is {} ms, outside min to max", rules.hook_max_ms),
            "the first shot follows the same limits",
        );
    }
    fields.finish();
}

fn cut_points(node: &super::document::Node) -> Result<Vec<CutPoint>, String> {
    let super::document::Node::List(list) = node else {
        return Err(format!("is {}, expected a list", node.kind()));
    };
    list.iter()
        .map(|member| match text_of(member)? {
            "sentence" => Ok(CutPoint::Sentence),
            "phrase" => Ok(CutPoint::Phrase),
            "word" => Ok(CutPoint::Word),
            "beat" => Err("`beat` is not available in this version yet".to_owned()),
            other => {
                let hint = suggest::hint(other, ["sentence", "phrase", "word"]);
                Err(format!("`{other}` is not a cut point; {hint}"))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::*;

    fn rules(text: &str) -> (EditRules, Vec<String>) {
        read_for_test(text, |fields| read(fields.map("rules")))
    }

    #[test]
    fn reads_every_key() {
        let (rules, notes) = rules(
            "rules: {shot: {min: 1s, target: 2s, max: 3s, hook_max: 1.5s}, cut_on: [phrase, word], coverage: even, lead_in: 0s, tail: 1s}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(
            rules,
            EditRules {
                min_ms: 1000,
                target_ms: 2000,
                max_ms: 3000,
                hook_max_ms: 1500,
                cut_on: vec![CutPoint::Phrase, CutPoint::Word],
                coverage: Coverage::Even,
                lead_in_ms: 0,
                tail_ms: 1000,
            }
        );
    }

    #[test]
    fn nothing_written_means_the_defaults() {
        assert_eq!(rules("{}").0, EditRules::default());
        assert_eq!(rules("rules: {shot: {max: 4s}}").0.hook_max_ms, 4000);
    }

    #[test]
    fn limits_and_later_keys_are_noted() {
        let (_, notes) =
            rules("rules: {shot: {min: 5s, hook_max: 9s}, cut_on: [beat], snap: 150ms}");
        for part in [
            "rules.shot.min",
            "rules.shot.hook_max",
            "rules.cut_on: `beat`",
            "rules.snap",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:?}"
            );
        }
        assert_eq!(notes.len(), 4);
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
