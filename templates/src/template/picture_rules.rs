//! `video` and `transitions`: how sources fill the canvas, how stills move and how shots meet.
//!
//! Neighbours: `effect_rules` reads what else is done to the pictures.

use super::document::Node;
use super::effect_rules::{self, EffectRules};
use super::fields::{Fields, scaled_of};
use super::scope::Scope;
use super::wrong::Wrong;
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
    /// Whether it leads to the subject instead of the middle.
    pub(crate) to_subject: bool,
}

/// A fixed, slightly closer view of every n-th clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PunchIn {
    /// How close, permille.
    pub(crate) zoom_pm: u32,
    /// Every how many shots.
    pub(crate) every: u32,
}

/// What a video does that is shorter than its shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Short {
    /// It is shown again.
    Loop,
    /// Its last frame stays.
    Hold,
}

/// How sources become pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureRules {
    /// How they fill the canvas.
    pub(crate) fill: Fill,
    /// Whether a crop keeps the subject in view; without one, it keeps the middle.
    pub(crate) smart: bool,
    /// What short videos do.
    pub(crate) short: Short,
    /// How stills move.
    pub(crate) stills: Option<StillMotion>,
    /// How clips are brought closer.
    pub(crate) punch_in: Option<PunchIn>,
    /// What else is done to the pictures.
    pub(crate) effects: EffectRules,
}

impl Default for PictureRules {
    fn default() -> Self {
        Self {
            fill: Fill::Crop,
            smart: false,
            short: Short::Loop,
            stills: None,
            punch_in: None,
            effects: EffectRules::default(),
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
    /// Where a chapter of the script begins.
    Chapter,
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
    /// How the video ends.
    pub(crate) end: Option<EndFade>,
    /// At most this permille of the cuts is a blend; none means all may be.
    pub(crate) max_share_pm: Option<u32>,
}

/// The fade at the end of the video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndFade {
    /// Whether it ends in black instead of the canvas's background.
    pub(crate) black: bool,
    /// Its milliseconds.
    pub(crate) ms: u32,
}

/// Reads `video`.
pub(crate) fn read_picture(fields: Option<Fields<'_>>, scope: &Scope) -> PictureRules {
    const FILLS: [(&str, (Fill, bool)); 5] = [
        ("smart", (Fill::Crop, true)),
        ("crop", (Fill::Crop, false)),
        ("blur", (Fill::Blur, false)),
        ("contain", (Fill::Contain, false)),
        ("stretch", (Fill::Stretch, false)),
    ];
    let mut rules = PictureRules::default();
    let Some(fields) = fields else { return rules };
    if let Some((fill, smart)) = fields.choice("fill", &FILLS) {
        (rules.fill, rules.smart) = (fill, smart);
    }
    if let Some(short) = fields.choice("short", &[("loop", Short::Loop), ("hold", Short::Hold)]) {
        rules.short = short;
    }
    if let Some(motion) = fields.map("motion") {
        rules.stills = motion.map("stills").map(read_stills);
        rules.punch_in = motion.map("video").map(read_punch_in);
        motion.finish();
    }
    fields.choice("fps_policy", &[("dup", ())]);
    rules.effects = effect_rules::read(&fields, rules.fill, rules.smart, scope);
    fields.finish();
    rules
}

/// The shapes of a movement.
pub(crate) const EASES: [(&str, Ease); 4] = [
    ("linear", Ease::Linear),
    ("in_out", Ease::InOut),
    ("in", Ease::In),
    ("out", Ease::Out),
];

fn read_stills(fields: Fields<'_>) -> StillMotion {
    let (from, to) = fields.read("zoom", zoom_range).unwrap_or((1000, 1100));
    let motion = StillMotion {
        zoom_from_pm: from,
        zoom_to_pm: to,
        pan_pm: fields.scaled("pan", 1000.0).unwrap_or(0),
        ease: fields.choice("ease", &EASES).unwrap_or(Ease::InOut),
        alternate: fields.flag("alternate").unwrap_or(false),
        to_subject: fields
            .choice("focus", &[("center", false), ("auto", true)])
            .unwrap_or(false),
    };
    // The view at the end is 1/zoom of the picture; what is left on either side is the room to move.
    let room = 500 - 500_000 / motion.zoom_to_pm.max(1000);
    if motion.pan_pm > room {
        fields.conflict(
            "pan",
            format!(
                "is {} permille, past the picture's edge at zoom {} permille",
                motion.pan_pm, motion.zoom_to_pm
            ),
            format!("at most {} permille", room),
        );
    }
    fields.finish();
    motion
}

fn zoom_range(node: &Node) -> Result<(u32, u32), Wrong> {
    match node {
        Node::List(list) if list.len() == 2 => Ok((
            scaled_of(&list[0], 1000.0, (1.0, 3.0))?,
            scaled_of(&list[1], 1000.0, (1.0, 3.0))?,
        )),
        other => Err(Wrong::shape(other, "a pair of zooms like [1.0, 1.12]")),
    }
}

fn read_punch_in(fields: Fields<'_>) -> PunchIn {
    let punch_in = PunchIn {
        zoom_pm: fields.scaled("punch_in", 1000.0).unwrap_or(1060),
        every: fields.int("every").unwrap_or(2),
    };
    fields.finish();
    punch_in
}

const KINDS: [(&str, Option<TransitionKind>); TransitionKind::ALL.len() + 1] = {
    let mut kinds = [("cut", None); TransitionKind::ALL.len() + 1];
    let mut at = 0;
    while at < TransitionKind::ALL.len() {
        let (kind, name, _) = TransitionKind::ALL[at];
        kinds[at + 1] = (name, Some(kind));
        at += 1;
    }
    kinds
};

/// Length of a blend that names none.
const BLEND_MS: u32 = 250;

/// Reads `transitions`.
pub(crate) fn read_transitions(fields: Option<Fields<'_>>) -> TransitionRules {
    let mut rules = TransitionRules::default();
    let Some(fields) = fields else { return rules };
    rules.default = read_default(&fields);
    for member in fields.members("use") {
        match read_rule(&member) {
            Some(Rule::Cut(rule)) => add_rule(&member, &mut rules.rules, rule),
            Some(Rule::End(_)) if rules.end.is_some() => member.conflict(
                "at",
                "is the end, which another rule before this one has decided",
                "a video ends once: leave one of the two",
            ),
            Some(Rule::End(end)) => rules.end = Some(end),
            None => {}
        }
        member.finish();
    }
    rules.max_share_pm = fields.scaled("max_share", 1000.0);
    let blends = rules.default.is_some() || rules.rules.iter().any(|rule| rule.blend.is_some());
    if rules.max_share_pm.is_some() && !blends {
        fields.conflict(
            "max_share",
            "limits blends, but every cut here is a hard one",
            "name a blend in `default` or `use`, or leave it out (`max_share: null` where it is inherited)",
        );
    }
    fields.finish();
    rules
}

/// The first rule that applies decides, so one that applies only where another does before it would never be seen.
fn add_rule(member: &Fields<'_>, rules: &mut Vec<TransitionRule>, rule: TransitionRule) {
    if rules.iter().any(|before| before.covers(&rule)) {
        member.conflict(
            "at",
            "is never reached: a rule before this one applies there and decides first",
            "put this rule before that one, or leave it out",
        );
    }
    rules.push(rule);
}

impl TransitionRule {
    /// Whether it applies wherever the other does. A chapter begins with a scene, but they are counted apart.
    fn covers(&self, other: &Self) -> bool {
        let same = self.at == other.at && other.every.is_multiple_of(self.every.max(1));
        let chapters = (self.at, other.at) == (Boundary::Scene, Boundary::Chapter);
        same || (chapters && self.every == 1)
    }
}

fn read_default(fields: &Fields<'_>) -> Blend {
    let ms = fields.duration("duration");
    if fields.is_map("default") {
        if ms.is_some() {
            let hint = "write it inside `default`";
            fields.conflict(
                "duration",
                "stands beside a `default` with keys of its own",
                hint,
            );
        }
        return fields.map("default").and_then(|inner| {
            let blend = read_blend(&inner);
            inner.finish();
            blend
        });
    }
    let kind = fields.choice("default", &KINDS).flatten();
    if kind.is_none() && ms.is_some() {
        let hint = "name a blend in `default`, or leave it out";
        fields.conflict(
            "duration",
            "belongs to a blend, but `default` is a cut",
            hint,
        );
    }
    kind.map(|kind| (kind, ms.unwrap_or(BLEND_MS)))
}

/// A rule of `use`.
enum Rule {
    Cut(TransitionRule),
    End(EndFade),
}

#[derive(Clone, Copy)]
enum At {
    Cut(Boundary),
    End,
}

fn read_rule(fields: &Fields<'_>) -> Option<Rule> {
    const AT: [(&str, At); 4] = [
        ("scene", At::Cut(Boundary::Scene)),
        ("split", At::Cut(Boundary::Split)),
        ("chapter", At::Cut(Boundary::Chapter)),
        ("end", At::End),
    ];
    let blend = read_blend(fields);
    let every = fields.int("every");
    match fields.choice("at", &AT).unwrap_or(At::Cut(Boundary::Scene)) {
        At::Cut(at) => Some(Rule::Cut(TransitionRule {
            blend,
            at,
            every: every.unwrap_or(1),
        })),
        At::End => {
            if every.is_some() {
                fields.conflict(
                    "every",
                    "means nothing at the end, which comes once",
                    "leave it out",
                );
            }
            let Some((kind, ms)) = blend else {
                if fields.text("type") == Some("cut") {
                    fields.conflict(
                        "type",
                        "means nothing at the end: a video ends with a cut by itself",
                        "leave the rule out, or write fade or fade_black",
                    );
                }
                return None;
            };
            let black = match kind {
                TransitionKind::Fade => false,
                TransitionKind::FadeBlack => true,
                _ => {
                    fields.conflict(
                        "type",
                        "needs a picture to blend into, and after the end there is none",
                        "write fade or fade_black",
                    );
                    return None;
                }
            };
            Some(Rule::End(EndFade { black, ms }))
        }
    }
}

fn read_blend(fields: &Fields<'_>) -> Blend {
    let kind = fields.choice("type", &KINDS);
    let ms = fields.duration("duration");
    if kind == Some(None) && ms.is_some() {
        fields.conflict(
            "duration",
            "belongs to a blend, but `type` is a cut",
            "name a blend in `type`, or leave it out",
        );
    }
    kind.flatten().map(|kind| (kind, ms.unwrap_or(BLEND_MS)))
}

#[cfg(test)]
mod tests {
    use super::super::fields::read_for_test;
    use super::super::grammar::grammar;
    use super::*;

    fn picture(text: &str) -> (PictureRules, Vec<String>) {
        read_for_test(grammar(), text, |fields| {
            read_picture(fields.map("video"), &Scope::default())
        })
    }

    fn transitions(text: &str) -> (TransitionRules, Vec<String>) {
        let text = format!("transitions: {{{text}}}");
        read_for_test(grammar(), &text, |fields| {
            read_transitions(fields.map("transitions"))
        })
    }

    #[test]
    fn reads_the_picture() {
        let (rules, notes) = picture(
            "video: {fill: blur, short: hold, fps_policy: dup, grade: none, motion: {stills: {zoom: [1.0, 1.12], pan: 0.05, \
             ease: linear, alternate: true, focus: center}, video: {punch_in: 1.06, every: 3}}}",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!((rules.fill, rules.short), (Fill::Blur, Short::Hold));
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

    // spec: T-3
    #[test]
    fn what_the_renderer_cannot_do_is_refused_with_what_works() {
        for (text, part) in [
            (
                "fps_policy: blend",
                "video.fps_policy: `blend` is not available",
            ),
            (
                "motion: {stills: {focus: faces}}",
                "focus: `faces` is not available in this version yet; finding faces",
            ),
            (
                "motion: {stills: {zoom: [1, 1.1], pan: 0.06}}",
                "pan: is 60 permille, past the picture's edge",
            ),
        ] {
            let (_, notes) = picture(&format!("video: {{{text}}}"));
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }

    #[test]
    fn reads_transitions_in_both_forms() {
        let (short, notes) = transitions("default: fade, duration: 300ms, max_share: 0.15");
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(short.default, Some((TransitionKind::Fade, 300)));
        assert_eq!(short.max_share_pm, Some(150));
        let (long, notes) = transitions(
            "default: {type: wipe_left}, use: [{type: fade, duration: 200ms, at: scene, every: 3}, {type: cut, at: split}, \
             {type: zoom_in, at: chapter}, {type: fade_black, duration: 300ms, at: end}]",
        );
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!(long.default, Some((TransitionKind::WipeLeft, BLEND_MS)));
        assert_eq!(long.rules[0].every, 3);
        assert_eq!(long.rules[1].blend, None);
        assert_eq!(long.rules[1].at, Boundary::Split);
        assert_eq!(long.rules[2].at, Boundary::Chapter);
        assert_eq!(
            long.end,
            Some(EndFade {
                black: true,
                ms: 300
            })
        );
    }

    // spec: T-39
    #[test]
    fn a_rule_that_another_decides_before_is_refused() {
        for (text, part) in [
            (
                "use: [{type: fade, at: end}, {type: fade_black, at: end}]",
                "transitions.use[1].at: is the end, which another rule",
            ),
            (
                "use: [{type: fade}, {type: zoom_in, at: chapter}]",
                "transitions.use[1].at: is never reached: a rule before",
            ),
            (
                "use: [{type: fade, at: split, every: 2}, {type: cut, at: split, every: 4}]",
                "transitions.use[1].at: is never reached",
            ),
        ] {
            let (rules, notes) = transitions(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
            assert!(rules.end.is_none_or(|end| !end.black), "the first decides");
        }
        for sound in [
            "use: [{type: zoom_in, at: chapter}, {type: fade}, {type: cut, at: split}]",
            "use: [{type: fade, every: 3}, {type: zoom_in, at: chapter}, {type: slide_up, every: 2}]",
        ] {
            assert_eq!(transitions(sound).1, Vec::<String>::new(), "{sound}");
        }
    }

    // spec: T-7
    #[test]
    fn keys_of_blends_need_a_blend() {
        for (text, part) in [
            (
                "use: [{type: cut, duration: 400ms}]",
                "transitions.use[0].duration: belongs to a blend, but `type` is a cut",
            ),
            (
                "default: {type: cut, duration: 400ms}",
                "transitions.default.duration: belongs to a blend",
            ),
            (
                "use: [{type: cut, at: end}]",
                "transitions.use[0].type: means nothing at the end",
            ),
            (
                "use: [{type: fade, at: end}], max_share: 0.5",
                "transitions.max_share: limits blends",
            ),
        ] {
            let (_, notes) = transitions(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_do() {
        for (text, part) in [
            ("default: cut, duration: 1s", "duration: belongs to a blend"),
            (
                "default: {type: fade}, duration: 1s",
                "duration: stands beside",
            ),
            ("use: [{type: whip}]", "transitions.use[0].type: `whip`"),
            (
                "use: [{type: fade, duration: 5s}]",
                "duration: is 5s, which is out of range; write a length of time from 40ms to 2s",
            ),
            (
                "use: [{type: slide_up, at: end}]",
                "after the end there is none",
            ),
            (
                "use: [{type: fade, at: end, every: 2}]",
                "every: means nothing at the end",
            ),
            ("use: [{at: scene}]", "transitions.use[0].type: is missing"),
        ] {
            let (_, notes) = transitions(text);
            assert_eq!(notes.len(), 1, "{text}: {notes:?}");
            assert!(notes[0].contains(part), "{part}: {notes:?}");
        }
    }
}
