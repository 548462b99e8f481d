//! `tracks`: the four kinds of tracks and the items of overlay tracks.

use super::captions::CAPTIONS;
use super::picture::{EASE, X, Y};
use super::{ANY_TIME, Field, ID, REMOVE, Section, Shape, Word, duration, int, key, number, word};

/// `tracks`.
pub(super) const TRACKS: Shape = Shape::Variants {
    tag: "kind",
    cases: &[
        ("video", &VIDEO),
        ("overlay", &OVERLAY),
        ("subtitles", &SUBTITLES),
        ("audio", &AUDIO),
    ],
};

const KINDS: &[Word] = &[
    word("video", "The clips; every template has exactly one."),
    word("overlay", "Texts, images and shapes over the picture."),
    word("subtitles", "The captions; at most one."),
    word("audio", "The narration or the music."),
];

const KIND: Field = key("kind", Shape::Choice(KINDS), "What the track holds.").required();

const IF: Field = key(
    "if",
    Shape::Condition,
    "Only if this holds: `${{ logo != null }}`, `${{ source != '' }}`.",
);

static VIDEO: Section = Section {
    name: "tracks[video]",
    fields: &[
        ID,
        KIND,
        REMOVE,
        key("source", Shape::Source(&["media[]"]), "The clips.").required(),
        key("if", Shape::Condition, "Only if this holds.")
            .refused("the picture is always there; leave it out"),
    ],
};

static OVERLAY: Section = Section {
    name: "tracks[overlay]",
    fields: &[
        ID,
        KIND,
        REMOVE,
        IF,
        key("items", ITEMS, "What is drawn, bottom first.").required(),
    ],
};

static SUBTITLES: Section = Section {
    name: "tracks[subtitles]",
    fields: &[
        ID,
        KIND,
        REMOVE,
        IF,
        key("source", Shape::Source(&["captions"]), "The captions.").required(),
        key(
            "style",
            Shape::Map(&CAPTIONS),
            "How they look and how words are grouped.",
        )
        .required(),
    ],
};

static AUDIO: Section = Section {
    name: "tracks[audio]",
    fields: &[
        ID,
        KIND,
        REMOVE,
        IF,
        key("role", Shape::Choice(ROLES), "What is heard.").required(),
        key(
            "source",
            Shape::Source(&["voice", "audio"]),
            "The recording.",
        )
        .required(),
        key(
            "gain",
            number(-60.0, 12.0, "dB"),
            "Its level; that of music and effects is against the voice's.",
        )
        .or("0 for the voice, -10 for music, -6 for effects"),
        key(
            "loop",
            Shape::Choice(LOOPS),
            "How music reaches the end; only for music.",
        )
        .or("crossfade"),
        key(
            "fade",
            Shape::Map(&FADE),
            "How it comes and goes; not for the voice.",
        ),
        key(
            "at",
            Shape::Choice(MOMENTS),
            "When an effect is heard; only for sfx.",
        )
        .or("cut"),
        key(
            "lead",
            Shape::Duration {
                min_ms: 0,
                max_ms: 5_000,
            },
            "How long before its moment an effect begins; only for sfx.",
        )
        .or("0s"),
    ],
};

const ROLES: &[Word] = &[
    word("voice", "The narration."),
    word("music", "The bed under it."),
    word(
        "sfx",
        "A short sound at certain moments; there may be several.",
    ),
];

const MOMENTS: &[Word] = &[
    word("start", "At the start of the video."),
    word("cut", "Wherever the picture changes."),
    word("transition", "Wherever one shot blends into the next."),
    word("scene", "Wherever a scene begins."),
    word("chapter", "Wherever a chapter begins."),
    word("emphasis", "At every word that the script emphasises."),
];

const LOOPS: &[Word] = &[
    word("crossfade", "Repeated, its end blended into its beginning."),
    word("none", "Heard once, from the start."),
];

static FADE: Section = Section {
    name: "tracks[audio].fade",
    fields: &[
        key("in", ANY_TIME, "At the start.").or("300ms for music, 0s for effects"),
        key("out", ANY_TIME, "At the end.").or("1500ms for music, 0s for effects"),
    ],
};

const ITEMS: Shape = Shape::Variants {
    tag: "type",
    cases: &[
        ("text", &TEXT),
        ("image", &IMAGE),
        ("shape", &SHAPE),
        ("progress", &PROGRESS),
    ],
};

const TYPES: &[Word] = &[
    word(
        "text",
        "A text; shown only if something is left after filling it.",
    ),
    word(
        "image",
        "The picture of an `image` placeholder; shown only if one is bound.",
    ),
    word("shape", "A filled rectangle."),
    word(
        "progress",
        "A bar that grows from the first frame of its time to the last.",
    ),
];

const TYPE: Field = key("type", Shape::Choice(TYPES), "What is drawn.").required();

const BOX: Field = key(
    "box",
    Shape::Map(&PLACE),
    "Where it stands; the safe zone's edges where nothing is said.",
);

const WHEN: &[Shape] = &[Shape::Choice(ALL), Shape::Map(&SPAN)];
const ALL: &[Word] = &[word("all", "From the first frame to the last.")];

const TIME: Field = key("time", Shape::OneOf(WHEN), "When it is seen.").or("all");

const OPACITY: Field = key("opacity", number(0.0, 1.0, "share"), "How much it covers.").or("1.0");

const ENTER: Field = key("enter", Shape::Map(&ANIMATION), "How it comes.");
const EXIT: Field = key("exit", Shape::Map(&ANIMATION), "How it goes.");

const MOVES: Field = key(
    "keyframes",
    Shape::Members(&MOVE),
    "How it moves from its place, in order.",
);

static MOVE: Section = Section {
    name: "items[].keyframes[]",
    fields: &[
        key("at", ANY_TIME, "Its time, from the item's first moment.").required(),
        X,
        Y,
        key(
            "scale",
            number(0.0, 4.0, "times"),
            "Its size, about its middle.",
        )
        .or("1.0"),
        OPACITY,
        EASE,
    ],
};

const Z: Field = key(
    "z",
    int(-100, 100, "higher is nearer"),
    "Its place among all items; equal ones keep the document's order.",
)
.or("0");

static TEXT: Section = Section {
    name: "items[text]",
    fields: &[
        ID,
        TYPE,
        REMOVE,
        IF,
        key("text", Shape::Pattern, "The text.").required(),
        key("style", Shape::Map(&LETTERS), "How it looks.").required(),
        BOX,
        TIME,
        OPACITY,
        ENTER,
        EXIT,
        MOVES,
        Z,
    ],
};

static IMAGE: Section = Section {
    name: "items[image]",
    fields: &[
        ID,
        TYPE,
        REMOVE,
        IF,
        key("source", Shape::Source(&["image"]), "The picture.").required(),
        BOX,
        TIME,
        OPACITY,
        ENTER,
        EXIT,
        MOVES,
        Z,
    ],
};

static SHAPE: Section = Section {
    name: "items[shape]",
    fields: &[
        ID,
        TYPE,
        REMOVE,
        IF,
        key("shape", Shape::Choice(SHAPES), "Its form.").or("rounded_rect"),
        key(
            "radius",
            int(0, 960, "pixels"),
            "Radius of its corners; only for rounded_rect.",
        )
        .or("0"),
        key("style", Shape::Map(&FILLED), "How it looks.").required(),
        BOX,
        TIME,
        OPACITY,
        ENTER,
        EXIT,
        MOVES,
        Z,
    ],
};

static PROGRESS: Section = Section {
    name: "items[progress]",
    fields: &[
        ID,
        TYPE,
        REMOVE,
        IF,
        key("radius", int(0, 960, "pixels"), "Radius of its corners.").or("0"),
        key("style", Shape::Map(&BAR), "How it looks.").required(),
        BOX,
        TIME,
        OPACITY,
        ENTER,
        EXIT,
        MOVES,
        Z,
    ],
};

const SHAPES: &[Word] = &[
    word("rect", "Square corners."),
    word("rounded_rect", "Round corners."),
    word(
        "circle",
        "A circle, as wide as the box or as high, whichever is less.",
    ),
];

static FILLED: Section = Section {
    name: "items[shape].style",
    fields: &[
        key("fill", Shape::Color, "Its colour.").required(),
        key(
            "to",
            Shape::Color,
            "The colour it runs to, softly, from its upper edge to its lower one.",
        ),
    ],
};

static BAR: Section = Section {
    name: "items[progress].style",
    fields: &[
        key("color", Shape::Color, "Colour of the part that is done.").required(),
        key(
            "background",
            Shape::Color,
            "Colour of the whole bar behind it.",
        ),
    ],
};

static PLACE: Section = Section {
    name: "items[].box",
    fields: &[
        key(
            "anchor",
            Shape::Choice(ANCHORS),
            "The point of the picture it hangs on.",
        )
        .or("center"),
        key(
            "x",
            int(-8192, 8192, "pixels"),
            "Inset from the edge the anchor touches, or offset from the middle.",
        ),
        key(
            "y",
            int(-8192, 8192, "pixels"),
            "Inset from the edge the anchor touches, or offset from the middle.",
        ),
        key("w", int(1, 4096, "pixels"), "Width."),
        key("h", int(1, 4096, "pixels"), "Height."),
    ],
};

/// Nine points of a rectangle.
pub(super) const ANCHORS: &[Word] = &[
    word("top_left", "Top left corner."),
    word("top", "Middle of the top edge."),
    word("top_right", "Top right corner."),
    word("left", "Middle of the left edge."),
    word("center", "The middle."),
    word("right", "Middle of the right edge."),
    word("bottom_left", "Bottom left corner."),
    word("bottom", "Middle of the bottom edge."),
    word("bottom_right", "Bottom right corner."),
];

static SPAN: Section = Section {
    name: "items[].time",
    fields: &[
        key("from", ANY_TIME, "Its first moment.").or("0s"),
        key(
            "to",
            Shape::OneOf(&[Shape::Choice(END), ANY_TIME]),
            "Its end.",
        )
        .or("end"),
        key(
            "last",
            ANY_TIME,
            "Instead of `from` and `to`: this long before the video's end.",
        ),
        key(
            "with",
            Shape::Name,
            "Instead of `from` and `to`: as long as the item of this id.",
        ),
    ],
};

const END: &[Word] = &[word("end", "The video's end.")];

static ANIMATION: Section = Section {
    name: "items[].enter",
    fields: &[
        key("type", Shape::Choice(ANIMATIONS), "Which one.").required(),
        key(
            "duration",
            duration(1, 10_000),
            "How long it takes; at most half the item's time.",
        )
        .or("200ms"),
    ],
};

const ANIMATIONS: &[Word] = &[
    word("none", "None."),
    word("fade", "Opacity only."),
    word("slide_up", "Moves up while it fades."),
    word("slide_down", "Moves down while it fades."),
    word("slide_left", "Moves to the left while it fades."),
    word("slide_right", "Moves to the right while it fades."),
    word("pop", "Grows while it fades, a little too far and back."),
    word("scale", "Grows from nothing, or shrinks to it."),
    word("wipe", "Is uncovered, or covered, from left to right."),
    word("typewriter", "Letter after letter; only for texts."),
];

static LETTERS: Section = Section {
    name: "items[text].style",
    fields: &[
        key("font", Shape::Font, "The face.").required(),
        key("size", int(16, 400, "pixels"), "Size of the letters (em).").or("64"),
        key("color", Shape::Color, "Their colour.").or("\"#FFFFFF\""),
        key("case", Shape::Choice(CASES), "Upper or lower case.").or("none"),
        key(
            "max_lines",
            int(1, 12, "lines"),
            "Most lines; not with `fit: wrap`.",
        )
        .or("2"),
        key(
            "fit",
            Shape::Choice(FITS),
            "What happens when it is too long for its box.",
        )
        .or("shrink"),
        key(
            "background",
            Shape::Color,
            "A plate behind the text, as large as the text.",
        ),
        key(
            "padding",
            int(0, 200, "pixels"),
            "Space between text and plate edge; needs `background`.",
        )
        .or("0"),
        key(
            "radius",
            int(0, 200, "pixels"),
            "Radius of the plate's corners; needs `background`.",
        )
        .or("0"),
        key(
            "outline",
            Shape::Map(&OUTLINE),
            "A stroke around the letters.",
        ),
        key(
            "shadow",
            Shape::Map(&SHADOW),
            "A soft shadow under the letters.",
        ),
        key(
            "opacity",
            number(0.0, 1.0, "share"),
            "Times the item's own opacity.",
        )
        .or("1.0"),
        key("align", Shape::Choice(ALIGN), "How lines are set.").or("auto"),
    ],
};

const ALIGN: &[Word] = &[
    word("auto", "As the box's anchor says."),
    word("left", "To the left."),
    word("center", "Around the middle."),
    word("right", "To the right."),
];

/// Letter case.
pub(super) const CASES: &[Word] = &[word("none", "As written."), word("upper", "Capitals.")];

const FITS: &[Word] = &[
    word("shrink", "Smaller letters, down to half the size."),
    word("ellipsis", "Cut at the last line that fits, ending in …"),
    word(
        "wrap",
        "As many lines as it takes; the box grows from its anchor.",
    ),
];

/// `outline`.
pub(super) static OUTLINE: Section = Section {
    name: "outline",
    fields: &[
        key(
            "width",
            int(0, 40, "pixels"),
            "Pixels outside the letter's edge; 0 is none.",
        )
        .or("6"),
        key("color", Shape::Color, "Its colour.").or("\"#000000\""),
    ],
};

/// `shadow`.
pub(super) static SHADOW: Section = Section {
    name: "shadow",
    fields: &[
        key("y", int(-60, 60, "pixels"), "Pixels to the bottom.").or("4"),
        key("blur", int(0, 80, "pixels"), "Radius of its blur.").or("8"),
        key("color", Shape::Color, "Its colour.").or("\"#00000080\""),
    ],
};
