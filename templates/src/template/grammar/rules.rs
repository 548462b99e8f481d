//! `rules`: from clips and words to shots.

use super::{ANY_TIME, Section, Shape, Word, duration, int, key, word};

/// `rules`.
pub(super) static RULES: Section = Section {
    name: "rules",
    fields: &[
        key("shot", Shape::Map(&SHOT), "How long shots are."),
        key(
            "cut_on",
            Shape::List(&Shape::Choice(POINTS)),
            "Where a cut inside a sentence may fall, best first; between two words is the last resort.",
        )
        .or("[sentence, phrase]"),
        key(
            "snap",
            duration(0, 1000),
            "How far a cut may move to meet a beat; needs `beat` in `cut_on`.",
        )
        .or("150ms"),
        key("coverage", Shape::Choice(COVERAGE), "How clips cover the narration.")
            .or("one_clip_per_sentence"),
        key("reuse", Shape::Map(&REUSE), "How often a file may come back."),
        key("lead_in", ANY_TIME, "Time before the first word.").or("200ms"),
        key("tail", ANY_TIME, "Time after the last word.").or("600ms"),
        key(
            "loop_safe",
            Shape::Bool,
            "Whether the last shot leads back into the first, so that the video can repeat without a jolt.",
        )
        .or("false"),
    ],
};

static SHOT: Section = Section {
    name: "rules.shot",
    fields: &[
        key("min", duration(200, 60_000), "Shortest shot.").or("1.5s"),
        key("target", duration(200, 60_000), "Preferred shot.").or("2.8s"),
        key("max", duration(200, 60_000), "Longest shot.").or("4.5s"),
        key(
            "hook_max",
            duration(200, 60_000),
            "Longest first shot; `max` when absent.",
        ),
    ],
};

const POINTS: &[Word] = &[
    word("sentence", "After a sentence."),
    word("phrase", "After a clause."),
    word("word", "Between two words."),
    word(
        "beat",
        "On a beat of the music that lies between two words.",
    ),
];

const COVERAGE: &[Word] = &[
    word(
        "one_clip_per_sentence",
        "Every sentence begins a shot; long ones are split, short ones joined.",
    ),
    word(
        "even",
        "Shots near the target length, wherever sentences begin.",
    ),
    word(
        "by_scene",
        "One shot per scene of the narration, however long it is.",
    ),
];

static REUSE: Section = Section {
    name: "rules.reuse",
    fields: &[
        key(
            "max_times",
            int(1, 100, "shots"),
            "How often one file is seen while others are left.",
        ),
        key(
            "min_gap",
            ANY_TIME,
            "Time between two shots of one file while others are left.",
        ),
    ],
};
