//! `video` and `transitions`: how sources fill the canvas, how stills move and how shots meet.

use super::document::Node;
use super::fields::{Fields, scaled_of};
use crate::timeline::{Ease, Fill, TransitionKind};

/// The camera move over stills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StillMotion {
    /// Zoom at the start, permille.
    pub(crate) zoom_from_pm: u32,
    /// Zoom at the end, permille.
    pub(crate) zoom_to_pm: u32,
    /// Sideways move, permille of the canvas width.
    pub(crate) pan_pm: u32,
    /// Shape of the move.
    pub(crate) ease: Ease,
    /// Whether every other shot moves the other way.
    pub(crate) alternate: bool,
}

/// A fixed, slightly closer view of every n-th clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PunchIn {
    /// How close, permille.
    pub(crate) zoom_pm: u32,
    /// Every how many shots.
    pub(crate) every: u32,
}

/// How sources become pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PictureRules {
    /// How they fill the canvas.
    pub(crate) fill: Fill,
    /// How stills move.
    pub(crate) stills: Option<StillMotion>,
    /// How clips are brought closer.
    pub(crate) punch_in: Option<PunchIn>,
}

impl Default for PictureRules {
    fn default() -> Self {
        Self {
            fill: Fill::Crop,
            stills: None,
            punch_in: None,
        }
    }
}

/// Where a transition rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// Where a new scene begins.
    Scene,
    /// Where a scene is split into several shots.
    Split,
}

/// A blend and its length; none is a hard cut.
pub(crate) type Blend = Option<(TransitionKind, u32)>;

/// A transition for some of the boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransitionRule {
    /// The blend and its milliseconds.
    pub(crate) blend: Blend,
    /// Which boundaries.
    pub(crate) at: Boundary,
    /// Every how many scenes.
    pub(crate) every: u32,
}

/// How shots meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TransitionRules {
    /// Tried in order; the first that applies decides.
    pub(crate) rules: Vec<TransitionRule>,
    /// Where none applies.
    pub(crate) default: Blend,
}

/// Reads `video`.
pub(crate) fn read_picture(fields: Option<Fields<'_>>) -> PictureRules {
    const FILLS: [(&str, Fill); 4] = [
        ("crop", Fill::Crop),
        ("blur", Fill::Blur),
        ("contain", Fill::Contain),
        ("stretch", Fill::Stretch),
    ];
    let mut rules = PictureRules::default();
    let Some(fields) = fields else { return rules };
    if let Some(fill) = fields.choice("fill", &FILLS, &["smart"]) {
        rules.fill = fill;
    }
    if let Some(motion) = fields.map("motion") {
        rules.stills = motion.map("stills").map(read_stills);
        rules.punch_in = motion.map("video").map(read_punch_in);
        motion.finish();
    }
    fields.later(&["blur", "fps_policy", "grade"]);
    fields.finish();
    rules
}

fn read_stills(fields: Fields<'_>) -> StillMotion {
    let (from, to) = fields.read("zoom", zoom_range).unwrap_or((1000, 1100));
    let motion = StillMotion {
        zoom_from_pm: from,
        zoom_to_pm: to,
        pan_pm: fields.scaled("pan", 1000.0, 0.0..=0.5).unwrap_or(0),
        ease: fields
            .choice(
                "ease",
                &[("linear", Ease::Linear), ("in_out", Ease::InOut)],
                &[],
            )
            .unwrap_or(Ease::InOut),
        alternate: fields.flag("alternate").unwrap_or(false),
    };
    // The view at the end is 1/zoom of the picture; what is left on either side is the room to move.
    let room = 500 - 500_000 / motion.zoom_to_pm.max(1000);
    if motion.pan_pm > room {
        fields.note(
            "pan",
            format!(
                "is {} permille, past the picture's edge at zoom {} permille",
                motion.pan_pm, motion.zoom_to_pm
            ),
            format!("at most {} permille", room),
        );
    }
    fields.later(&["focus"]);
    fields.finish();
    motion
}

fn zoom_range(node: &Node) -> Result<(u32, u32), String> {
    match node {
        Node::List(list) if list.len() == 2 => Ok((
            scaled_of(&list[0], 1000.0, 1.0..=3.0)?,
            scaled_of(&list[1], 1000.0, 1.0..=3.0)?,
        )),
        _ => Err("is not a pair of zooms like [1.0, 1.12]".to_owned()),
    }
}

fn read_punch_in(fields: Fields<'_>) -> PunchIn {
    let punch_in = PunchIn {
        zoom_pm: fields.scaled("punch_in", 1000.0, 1.0..=2.0).unwrap_or(1060),
        every: fields.int("every", 1..=100).unwrap_or(2),
    };
    fields.finish();
    punch_in
}

const KINDS: [(&str, Option<TransitionKind>); 7] = [
    ("cut", None),
    ("fade", Some(TransitionKind::Fade)),
    ("fade_black", Some(TransitionKind::FadeBlack)),
    ("slide_up", Some(TransitionKind::SlideUp)),
    ("slide_left", Some(TransitionKind::SlideLeft)),
    ("wipe_left", Some(TransitionKind::WipeLeft)),
    ("zoom_in", Some(TransitionKind::ZoomIn)),
];

/// Length of a blend that names none.
const BLEND_MS: u32 = 250;

/// Reads `transitions`.
pub(crate) fn read_transitions(fields: Option<Fields<'_>>) -> TransitionRules {
    let mut rules = TransitionRules::default();
    let Some(fields) = fields else { return rules };
    rules.default = match fields.node("default") {
        Some(Node::Map(_)) => fields.map("default").and_then(|inner| {
            let blend = read_blend(&inner);
            inner.finish();
            blend
        }),
        Some(_) => {
            let kind = fields.choice("default", &KINDS, &["whip"]).flatten();
            let ms = blend_ms(&fields);
            if kind.is_none() && fields.node("duration").is_some() {
                fields.note("duration", "belongs to a blend, but `default` is a cut", "");
            }
            kind.map(|kind| (kind, ms))
        }
        None => None,
    };
    rules.rules = fields
        .members("use")
        .into_iter()
        .map(|member| {
            let rule = read_rule(&member);
            member.finish();
            rule
        })
        .collect();
    fields.later(&["max_share"]);
    fields.finish();
    rules
}

fn read_rule(fields: &Fields<'_>) -> TransitionRule {
    const AT: [(&str, Boundary); 2] = [("scene", Boundary::Scene), ("split", Boundary::Split)];
    TransitionRule {
        blend: read_blend(fields),
        at: fields
            .choice("at", &AT, &["chapter", "end"])
            .unwrap_or(Boundary::Scene),
        every: fields.int("every", 1..=100).unwrap_or(1),
    }
}

fn read_blend(fields: &Fields<'_>) -> Blend {
    let kind = fields.choice("type", &KINDS, &["whip"]).flatten();
    let ms = blend_ms(fields);
    kind.map(|kind| (kind, ms))
}

fn blend_ms(fields: &Fields<'_>) -> u32 {
    let ms = fields.duration("duration").unwrap_or(BLEND_MS);
    if !(40..=2000).contains(&ms) {
        fields.note("duration", format!("is {ms} ms; it must be 40ms to 2s"), "");
    }
    ms
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::*;

    #[test]
    fn reads_the_picture() {
        let (rules, notes) = read_for_test(
            "video: {fill: blur, motion: {stills: {zoom: [1.0, 1.12], pan: 0.05, ease: linear, alternate: true}, video: {punch_in: 1.06, every: 3}}}",
            |fields| read_picture(fields.map("video")),
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(rules.fill, Fill::Blur);
        let stills = rules.stills.unwrap();
        assert_eq!(
            (stills.zoom_to_pm, stills.pan_pm, stills.alternate),
            (1120, 50, true)
        );
        assert_eq!(
            rules.punch_in,
            Some(PunchIn {
                zoom_pm: 1060,
                every: 3
            })
        );
    }

    #[test]
    fn a_pan_past_the_edge_and_later_keys_are_noted() {
        let (_, notes) = read_for_test(
            "video: {fill: smart, grade: none, motion: {stills: {zoom: [1, 1.1], pan: 0.06}}}",
            |fields| read_picture(fields.map("video")),
        );
        for part in [
            "video.fill: `smart` is not available",
            "video.grade",
            "at most 46 permille",
        ] {
            assert!(
                notes.iter().any(|note| note.contains(part)),
                "{part}: {notes:?}"
            );
        }
        assert_eq!(notes.len(), 3);
    }

    #[test]
    fn reads_transitions_in_both_forms() {
        let read = |text: &str| read_for_test(text, |fields| read_transitions(fields.map("t")));
        let (short, notes) = read("t: {default: fade, duration: 300ms}");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(short.default, Some((TransitionKind::Fade, 300)));
        let (long, notes) = read(
            "t: {default: {type: wipe_left}, use: [{type: fade, duration: 200ms, at: scene, every: 3}, {type: cut, at: split}]}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(long.default, Some((TransitionKind::WipeLeft, BLEND_MS)));
        assert_eq!(long.rules[0].every, 3);
        assert_eq!(long.rules[1].blend, None);
        assert_eq!(long.rules[1].at, Boundary::Split);
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        let (_, notes) = read_for_test(
            "t: {default: cut, duration: 1s, max_share: 0.1, use: [{type: whip}, {type: fade, duration: 5s, at: end}]}",
            |fields| read_transitions(fields.map("t")),
        );
        assert_eq!(notes.len(), 5, "{notes:?}");
    }
}
