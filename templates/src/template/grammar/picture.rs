//! `video` and `transitions`.

use super::document::BLEND;
use super::{Field, Section, Shape, Word, int, key, number, refused, word};
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
            "The look of the blurred backdrop; only with `fill: blur` or `smart`.",
        ),
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
        key("speed", number(0.25, 4.0, "times"), "How fast videos play.").or("1.0"),
        key(
            "key",
            Shape::Map(&KEY),
            "What is cut out of the clips by colour or light.",
        ),
        key(
            "matte",
            Shape::Map(&MATTE),
            "A picture whose light says what is seen of the clips.",
        ),
        key(
            "behind",
            Shape::OneOf(&[Shape::Color, Shape::Source(&["image"])]),
            "What is seen where something is cut out; the canvas's background when absent.",
        ),
        key(
            "keyframes",
            Shape::Members(&KEYFRAME),
            "How every clip moves as a whole over the background, in order.",
        ),
    ],
};

static KEY: Section = Section {
    name: "video.key",
    fields: &[
        key(
            "color",
            Shape::Color,
            "The colour that goes, such as a green screen's.",
        ),
        key(
            "luma",
            Shape::Choice(LIGHTS),
            "Instead of `color`: which parts go by their light.",
        ),
        key(
            "similarity",
            number(0.0, 1.0, "share"),
            "How far from the colour others still go; only with `color`.",
        )
        .or("0.3"),
        key(
            "level",
            number(0.0, 1.0, "share from black to white"),
            "The light at which parts go; only with `luma`.",
        )
        .or("0.1 for dark, 0.9 for bright"),
        key(
            "softness",
            number(0.0, 1.0, "share"),
            "Over how much more they fade.",
        )
        .or("0.12"),
        key(
            "spill",
            number(0.0, 1.0, "share"),
            "How much of the colour's cast is taken from what stays; only with `color`.",
        )
        .or("0.6"),
    ],
};

const LIGHTS: &[Word] = &[
    word("dark", "The dark parts."),
    word("bright", "The bright parts."),
];

static MATTE: Section = Section {
    name: "video.matte",
    fields: &[
        key(
            "source",
            Shape::Source(&["image"]),
            "The picture, stretched over the clip: white shows it, black hides it.",
        )
        .required(),
        key(
            "invert",
            Shape::Bool,
            "Whether black shows and white hides.",
        )
        .or("false"),
    ],
};

static KEYFRAME: Section = Section {
    name: "video.keyframes[]",
    fields: &[
        key("at", number(0.0, 1.0, "share of the shot"), "Its time.").required(),
        X,
        Y,
        SCALE,
        OPACITY,
        EASE,
    ],
};

pub(super) const X: Field = key("x", int(-8192, 8192, "pixels"), "How far to the right.").or("0");
pub(super) const Y: Field = key("y", int(-8192, 8192, "pixels"), "How far down.").or("0");
pub(super) const SCALE: Field = key(
    "scale",
    number(0.0, 8.0, "times"),
    "Its size, about its middle.",
)
.or("1.0");
pub(super) const OPACITY: Field =
    key("opacity", number(0.0, 1.0, "share"), "How much it covers.").or("1.0");
pub(super) const EASE: Field = key(
    "ease",
    Shape::Choice(EASES),
    "The shape of the move that leads here.",
)
.or("in_out");

const FILLS: &[Word] = &[
    word(
        "crop",
        "Covers the canvas; what sticks out is cut, the centre stays.",
    ),
    word("blur", "The whole source over a blurred copy of itself."),
    word("contain", "The whole source over the background."),
    word("stretch", "Pulled into shape."),
    word(
        "smart",
        "Covers the canvas and follows the subject; blur where it does not fit, crop where none stands out.",
    ),
];

static BLUR: Section = Section {
    name: "video.blur",
    fields: &[
        key("sigma", int(8, 100, "pixels"), "How soft.").or("30"),
        key("dim", number(0.0, 1.0, "share"), "How much darker.").or("0.28"),
        key("zoom", number(1.0, 2.0, "times"), "How much larger.").or("1.08"),
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
            "brightness",
            number(-1.0, 1.0, "of the range from black to white"),
            "Light that is added.",
        )
        .or("0"),
        key(
            "contrast",
            number(0.0, 2.0, "times"),
            "Distance from middle grey.",
        )
        .or("1.0"),
        key(
            "saturation",
            number(0.0, 2.0, "times"),
            "Strength of colour.",
        )
        .or("1.0"),
        key(
            "temperature",
            number(-1.0, 1.0, "warmer above 0"),
            "Warmer or cooler.",
        )
        .or("0"),
        key(
            "lut",
            Shape::Source(&["lut"]),
            "A look-up table, applied after the rest.",
        ),
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
    word("in", "Slow, then fast."),
    word("out", "Fast, then slow."),
];

const FOCUS: &[Word] = &[
    word("center", "To the middle of the picture."),
    word("auto", "To the subject, where one stands out."),
    refused(
        "faces",
        "finding faces is not available yet; auto follows what stands out",
    ),
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
