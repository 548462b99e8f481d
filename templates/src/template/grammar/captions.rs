//! `style` of the subtitles track.

use super::overlays::{ANCHORS, CASES, OUTLINE, SHADOW};
use super::{ANY_TIME, Section, Shape, Word, int, key, number, refused, word};

/// `tracks[subtitles].style`.
pub(super) static CAPTIONS: Section = Section {
    name: "tracks[subtitles].style",
    fields: &[
        key("preset", Shape::Choice(PRESETS), "How captions appear.").or("karaoke"),
        key("font", Shape::Font, "The face.").required(),
        key("size", int(24, 200, "pixels"), "Size of the letters (em).").or("72"),
        key(
            "color",
            Shape::Color,
            "Colour of words that are not being spoken.",
        )
        .or("\"#FFFFFF\""),
        key("case", Shape::Choice(CASES), "Upper or lower case.").or("none"),
        key(
            "words_per_caption",
            Shape::Pair(&int(1, 20, "words")),
            "Fewest wanted and most words seen together.",
        )
        .or("[2, 5]"),
        key("max_lines", int(1, 4, "lines"), "Most lines.").or("2"),
        key(
            "max_chars",
            int(4, 80, "characters"),
            "Longest line; what fits the width when absent.",
        ),
        key(
            "max_width",
            int(100, 4096, "pixels"),
            "Widest line; the safe zone's width when absent.",
        ),
        key(
            "outline",
            Shape::Map(&OUTLINE),
            "A stroke around the letters; not with clean.",
        ),
        key(
            "shadow",
            Shape::Map(&SHADOW),
            "A soft shadow under the letters.",
        ),
        key(
            "plate",
            Shape::Map(&PLATE),
            "A plate behind the whole caption.",
        ),
        key(
            "highlight",
            Shape::Map(&HIGHLIGHT),
            "The word being spoken; not with one_word, phrase and clean.",
        ),
        key(
            "emphasis",
            Shape::Map(&EMPHASIS),
            "Words that always look apart from the others; in the highlight's colour where nothing else is said.",
        ),
        key(
            "position",
            Shape::Map(&POSITION),
            "Where the captions stand.",
        ),
        key(
            "min_on_screen",
            ANY_TIME,
            "Shortest time a caption is seen.",
        )
        .or("200ms"),
        key(
            "gap_merge",
            ANY_TIME,
            "Pauses shorter than this are bridged.",
        )
        .or("300ms"),
        key(
            "max_cps",
            int(5, 60, "characters a second"),
            "Fastest reading; pauses are used to keep it, and the timeline says where it cannot be kept.",
        ),
        key(
            "emoji",
            Shape::Choice(EMOJI),
            "What happens to emoji in the words.",
        )
        .or("bitmap"),
    ],
};

const PRESETS: &[Word] = &[
    word(
        "karaoke",
        "The phrase at once, the spoken word highlighted.",
    ),
    word("pop", "As karaoke, and the phrase springs in."),
    word(
        "box",
        "As karaoke, with a rounded box behind the spoken word.",
    ),
    word(
        "highlight",
        "As karaoke, a marker drawn over the spoken word.",
    ),
    word("bounce", "As karaoke, and every word hops as it is spoken."),
    word("slide", "As karaoke, and the phrase slides up into place."),
    word(
        "typewriter",
        "Letters appear as they are spoken; nothing moves.",
    ),
    word("one_word", "One word at a time, springing in."),
    word("phrase", "The phrase at once, without highlight."),
    word("clean", "As phrase, without outline."),
    word("none", "No captions."),
];

static HIGHLIGHT: Section = Section {
    name: "tracks[subtitles].style.highlight",
    fields: &[
        key(
            "mode",
            Shape::Choice(MODES),
            "What happens to the word; what the preset does when absent.",
        ),
        key("color", Shape::Color, "The colour it takes, or its box.").or("\"#FFD400\""),
        key(
            "scale",
            number(0.5, 2.0, "times"),
            "Its size; lines never reflow.",
        )
        .or("1.0"),
        key(
            "text",
            Shape::Color,
            "Colour of its letters on a box or a marker; on a marker black or white when absent.",
        ),
        key(
            "outline",
            Shape::Map(&OUTLINE),
            "Its own stroke; that of the other words when absent, none on a marker.",
        ),
        key(
            "padding",
            int(0, 200, "pixels"),
            "Space between the word and the edge of its box or marker; a share of the size when absent.",
        ),
        key(
            "radius",
            int(0, 200, "pixels"),
            "Corner radius of its box or marker; a share of the size when absent.",
        ),
        key(
            "spoken",
            Shape::Color,
            "Colour of words that were spoken; with fill the highlight's when absent.",
        ),
    ],
};

const MODES: &[Word] = &[
    word("color", "It takes the colour."),
    word("box", "A rounded box of the colour behind it."),
    word(
        "marker",
        "A band of the colour is drawn over it in its reading direction.",
    ),
    word(
        "fill",
        "The colour runs through its letters while it is spoken, and stays.",
    ),
    word("none", "Nothing."),
    refused(
        "weight",
        "letters of another weight would move the line; write color or box",
    ),
];

static PLATE: Section = Section {
    name: "tracks[subtitles].style.plate",
    fields: &[
        key("color", Shape::Color, "Its colour.").or("\"#000000B3\""),
        key(
            "padding",
            int(0, 200, "pixels"),
            "Space between letters and edge.",
        )
        .or("24"),
        key("radius", int(0, 200, "pixels"), "Radius of its corners.").or("24"),
        key("shape", Shape::Choice(SHAPES), "What it surrounds.").or("lines"),
    ],
};

const SHAPES: &[Word] = &[
    word("lines", "Every line by its own width, in one piece."),
    word("block", "All lines together."),
];

static EMPHASIS: Section = Section {
    name: "tracks[subtitles].style.emphasis",
    fields: &[
        key(
            "words",
            Shape::OneOf(&[Shape::Choice(SOURCES), Shape::List(&Shape::Text)]),
            "Which words.",
        )
        .required(),
        key(
            "color",
            Shape::Color,
            "Their colour; the highlight's when absent.",
        ),
        key(
            "weight",
            int(100, 900, "weight"),
            "Weight of their letters; that of the other words when absent.",
        ),
    ],
};

const SOURCES: &[Word] = &[
    word("none", "None."),
    word(
        "from_script",
        "Those that the scenes of the script emphasise.",
    ),
];

static POSITION: Section = Section {
    name: "tracks[subtitles].style.position",
    fields: &[
        key(
            "anchor",
            Shape::Choice(ANCHORS),
            "Which point of the text block stands at x, y.",
        )
        .or("center"),
        key(
            "x",
            int(0, 4096, "pixels, inside the safe zone"),
            "From the left; the middle when absent.",
        ),
        key(
            "y",
            int(0, 4096, "pixels, inside the safe zone"),
            "From the top; a little above the lower edge when absent.",
        ),
    ],
};

const EMOJI: &[Word] = &[
    word("bitmap", "They are drawn in colour."),
    word("strip", "They are left out."),
];
