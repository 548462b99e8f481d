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
            "highlight",
            Shape::Map(&HIGHLIGHT),
            "The word being spoken; with karaoke, pop and box.",
        ),
        key(
            "emphasis",
            Shape::Map(&EMPHASIS),
            "Words that always have the highlight's colour.",
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
    ],
};

const MODES: &[Word] = &[
    word("color", "It takes the colour."),
    word("box", "A rounded box of the colour behind it."),
    word("none", "Nothing."),
    refused(
        "weight",
        "letters of another weight would move the line; write color or box",
    ),
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
            "Their colour; it must be the highlight's.",
        ),
        key("weight", int(100, 900, "weight"), "Their weight.")
            .refused("letters of another weight would move the line; leave it out"),
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
