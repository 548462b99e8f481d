//! `video` and `transitions`.

use super::document::BLEND;
use super::{Section, Shape, Word, int, key, number, refused, word};
use crate::timeline::TransitionKind;

/// `video`.
pub(super) static VIDEO: Section = Section {
    name: "video",
    fields: &[
        key(
            "fill",
            Shape::Choice(FILLS),
            "How a source of another shape fills the canvas.",
        )
        .or("crop"),
        key(
            "blur",
            Shape::Map(&BLUR),
            "The look of the blurred backdrop.",
        )
        .refused("the backdrop of `fill: blur` has one look; leave it out"),
        key(
            "short",
            Shape::Choice(SHORT),
            "What a video does that is shorter than its shot.",
        )
        .or("loop"),
        key(
            "fps_policy",
            Shape::Choice(FPS),
            "How other frame rates become the canvas's.",
        )
        .or("dup"),
        key(
            "grade",
            Shape::OneOf(&[Shape::Choice(GRADES), Shape::Map(&GRADE)]),
            "Colour correction.",
        )
        .or("none"),
        key("motion", Shape::Map(&MOTION), "Camera moves."),
    ],
};

const FILLS: &[Word] = &[
    word(
        "crop",
        "Covers the canvas; what sticks out is cut, the centre stays.",
    ),
    word("blur", "The whole source over a blurred copy of itself."),
    word("contain", "The whole source over the background."),
    word("stretch", "Pulled into shape."),
    refused(
        "smart",
        "it needs to know where the subject is; crop keeps the centre, blur shows everything",
    ),
];

static BLUR: Section = Section {
    name: "video.blur",
    fields: &[
        key("sigma", int(1, 100, "pixels"), "How soft."),
        key("dim", number(0.0, 1.0, "share"), "How much darker."),
        key("zoom", number(1.0, 2.0, "times"), "How much larger."),
    ],
};

const SHORT: &[Word] = &[
    word(
        "loop",
        "It is shown again, from another place where it has one.",
    ),
    word("hold", "Its last frame stays."),
];

const FPS: &[Word] = &[
    word("dup", "Frames are repeated or left out."),
    refused(
        "blend",
        "mixing frames is not available yet; dup repeats them",
    ),
    refused(
        "conform",
        "changing the speed is not available yet; dup keeps it",
    ),
];

const GRADES: &[Word] = &[word("none", "As it was taken.")];

static GRADE: Section = Section {
    name: "video.grade",
    fields: &[
        key(
            "saturation",
            number(0.0, 2.0, "times"),
            "Strength of colour.",
        )
        .refused("colour correction is not available yet; write `grade: none`"),
        key("contrast", number(0.0, 2.0, "times"), "Contrast.")
            .refused("colour correction is not available yet; write `grade: none`"),
    ],
};

static MOTION: Section = Section {
    name: "video.motion",
    fields: &[
        key(
            "stills",
            Shape::Map(&STILLS),
            "The slow move over a photograph.",
        ),
        key(
            "video",
            Shape::Map(&PUNCH),
            "A closer view of some of the clips.",
        ),
    ],
};

static STILLS: Section = Section {
    name: "video.motion.stills",
    fields: &[
        key(
            "zoom",
            Shape::Pair(&number(1.0, 3.0, "times")),
            "Zoom at the start and at the end.",
        )
        .or("[1.0, 1.1]"),
        key(
            "pan",
            number(0.0, 0.5, "share of the width"),
            "How far the view moves aside.",
        )
        .or("0"),
        key("ease", Shape::Choice(EASES), "The shape of the move.").or("in_out"),
        key(
            "alternate",
            Shape::Bool,
            "Whether every other photograph moves the other way.",
        )
        .or("false"),
        key("focus", Shape::Choice(FOCUS), "Where the move leads.").or("center"),
    ],
};

const EASES: &[Word] = &[
    word("linear", "Constant speed."),
    word("in_out", "Slow, fast, slow."),
];

const FOCUS: &[Word] = &[
    word("center", "To the middle of the picture."),
    refused(
        "auto",
        "finding the subject is not available yet; write center",
    ),
    refused("faces", "finding faces is not available yet; write center"),
];

static PUNCH: Section = Section {
    name: "video.motion.video",
    fields: &[
        key("punch_in", number(1.0, 2.0, "times"), "How much closer.").or("1.06"),
        key("every", int(1, 100, "shots"), "Every how many shots.").or("2"),
    ],
};

/// `transitions`.
pub(super) static TRANSITIONS: Section = Section {
    name: "transitions",
    fields: &[
        key(
            "default",
            Shape::OneOf(&[Shape::Choice(BLENDS), Shape::Map(&DEFAULT)]),
            "Where no rule of `use` applies.",
        )
        .or("cut"),
        BLEND,
        key(
            "use",
            Shape::Members(&USE),
            "Rules, tried in order; the first that applies decides.",
        ),
        key(
            "max_share",
            number(0.0, 1.0, "share of the cuts"),
            "At most this share of the cuts is anything but a hard cut.",
        )
        .or("1.0"),
    ],
};

static DEFAULT: Section = Section {
    name: "transitions.default",
    fields: &[
        key("type", Shape::Choice(BLENDS), "Which blend.").required(),
        BLEND,
    ],
};

static USE: Section = Section {
    name: "transitions.use[]",
    fields: &[
        key("type", Shape::Choice(BLENDS), "Which blend.").required(),
        BLEND,
        key("at", Shape::Choice(AT), "Where it applies.").or("scene"),
        key("every", int(1, 100, "scenes"), "At every how many of them.").or("1"),
    ],
};

/// `cut` and every blend.
const BLENDS: &[Word] = &BLEND_WORDS;
const BLEND_WORDS: [Word; TransitionKind::ALL.len() + 1] = {
    let mut words = [word("cut", "A hard cut."); TransitionKind::ALL.len() + 1];
    let mut at = 0;
    while at < TransitionKind::ALL.len() {
        let (_, name, doc) = TransitionKind::ALL[at];
        words[at + 1] = word(name, doc);
        at += 1;
    }
    words
};

const AT: &[Word] = &[
    word("scene", "Where a sentence begins."),
    word("split", "Where a sentence is split into several shots."),
    word("chapter", "Where a chapter of the script begins."),
    word("end", "At the end of the video; only fade and fade_black."),
];
