//! The top of the document: header, canvas, placeholders, theme, sound and profiles.

use super::overlays::TRACKS;
use super::picture::{TRANSITIONS, VIDEO};
use super::rules::RULES;
use super::{ANY_TIME, Field, Section, Shape, Word, duration, int, key, number, refused, word};
use crate::timeline::LONGEST_MS;

/// The whole document.
pub(super) static DOCUMENT: Section = Section {
    name: "",
    fields: &[
        key(
            "fenta",
            Shape::Exactly("template/v1"),
            "The format; always `template/v1`.",
        )
        .required(),
        key("name", Shape::Name, "The template's name.").required(),
        key("version", Shape::Text, "The author's own version of it.").or("0.0.0"),
        key("description", Shape::Text, "What it is for, one sentence."),
        key(
            "extends",
            Shape::Text,
            "The template it builds on: a name that ships with the product, or a path from this file's folder.",
        ),
        key(
            "canvas",
            Shape::Map(&CANVAS),
            "The picture's size, rate and limits of length.",
        ),
        key(
            "safe_zone",
            Shape::OneOf(&[Shape::Choice(ZONES), Shape::Map(&INSETS)]),
            "The part of the picture that no platform covers; texts and captions stay inside.",
        )
        .or("universal"),
        key(
            "placeholders",
            Shape::Named(&Shape::Map(&PLACEHOLDER)),
            "What is filled in, by name; the only names that expressions may use.",
        )
        .required(),
        key("theme", Shape::Map(&THEME), "Names for faces and colours."),
        key(
            "rules",
            Shape::Map(&RULES),
            "How clips and words become shots.",
        ),
        key("video", Shape::Map(&VIDEO), "How clips become pictures."),
        key("transitions", Shape::Map(&TRANSITIONS), "How shots meet."),
        key("tracks", TRACKS, "What is seen and heard, bottom first.").required(),
        key(
            "audio",
            Shape::Map(&AUDIO),
            "The loudness of the mix and how music makes room for the voice.",
        ),
        key(
            "profiles",
            Shape::Named(&Shape::Map(&PROFILE)),
            "Further sizes for Output.Render, by name, beside `universal` and `draft`.",
        ),
    ],
};

static CANVAS: Section = Section {
    name: "canvas",
    fields: &[
        key(
            "width",
            int(64, 4096, "pixels, even"),
            "Width of the picture.",
        )
        .or("1080"),
        key(
            "height",
            int(64, 4096, "pixels, even"),
            "Height of the picture.",
        )
        .or("1920"),
        key("fps", Shape::FrameRate, "Frames per second, 10 to 60.").or("30"),
        key(
            "background",
            Shape::Color,
            "What is seen where nothing is drawn.",
        )
        .or("\"#000000\""),
        key(
            "min_duration",
            duration(0, LONGEST_MS),
            "A shorter cut is made this long by its last shot.",
        )
        .or("0s"),
        key(
            "max_duration",
            duration(0, LONGEST_MS),
            "A longer cut is refused.",
        )
        .or("30m"),
    ],
};

const ZONES: &[Word] = &[
    word("universal", "What TikTok, Reels and Shorts all leave free."),
    word("tiktok", "What TikTok leaves free."),
    word("reels", "What Instagram Reels leave free."),
    word("shorts", "What YouTube Shorts leave free."),
    word("ads", "What is free under the button of an advertisement."),
    word("none", "The whole picture."),
    word(
        "universal-2026-11",
        "The same as of November 2026, for good.",
    ),
    word("tiktok-2026-11", "TikTok's as of November 2026, for good."),
    word(
        "reels-2026-11",
        "Instagram Reels' as of November 2026, for good.",
    ),
    word(
        "shorts-2026-11",
        "YouTube Shorts' as of November 2026, for good.",
    ),
    word(
        "ads-2026-11",
        "Advertisements' as of November 2026, for good.",
    ),
];

static INSETS: Section = Section {
    name: "safe_zone",
    fields: &[
        key(
            "top",
            int(0, 2047, "pixels, less than half the height"),
            "From the top.",
        )
        .or("0"),
        key(
            "bottom",
            int(0, 2047, "pixels, less than half the height"),
            "From the bottom.",
        )
        .or("0"),
        key(
            "left",
            int(0, 2047, "pixels, less than half the width"),
            "From the left.",
        )
        .or("0"),
        key(
            "right",
            int(0, 2047, "pixels, less than half the width"),
            "From the right.",
        )
        .or("0"),
    ],
};

static PLACEHOLDER: Section = Section {
    name: "placeholders.*",
    fields: &[
        key("type", Shape::Choice(TYPES), "What it takes.").required(),
        key(
            "min",
            int(1, 1000, "clips"),
            "Fewest clips; only for `media[]`.",
        )
        .or("1"),
        key(
            "max_chars",
            int(1, 10_000, "characters"),
            "Longest text; only for `text`.",
        ),
        key(
            "default",
            Shape::Text,
            "Used when nothing is filled in; only for `text` and `color`.",
        ),
        key("optional", Shape::Bool, "Whether it may stay empty.").or("false"),
        key(
            "help",
            Shape::Text,
            "What it is for, in the author's words.",
        ),
    ],
};

const TYPES: &[Word] = &[
    word("media[]", "The clips to cut from."),
    word("voice", "The narration."),
    word(
        "audio",
        "A recording: the music, or the narration where an audio track says so.",
    ),
    word("captions", "Captions of the narration's words."),
    word("text", "A text."),
    word("color", "A colour."),
    word("image", "A still picture, for example a logo."),
    word("lut", "A colour look-up table, a .cube file."),
    refused("video", "bind videos to the `media[]` placeholder"),
    refused("number", "use `text`; numbers are written into texts"),
    refused("bool", "use an optional `text` and `if`"),
];

static THEME: Section = Section {
    name: "theme",
    fields: &[
        key(
            "fonts",
            Shape::Named(&Shape::Font),
            "Faces by name, each `Family:weight`.",
        ),
        key("colors", Shape::Named(&Shape::Color), "Colours by name."),
    ],
};

static AUDIO: Section = Section {
    name: "audio",
    fields: &[
        key(
            "loudness",
            number(-31.0, -9.0, "LUFS"),
            "Loudness of the finished mix.",
        )
        .or("-14"),
        key(
            "true_peak",
            number(-9.0, 0.0, "dBTP"),
            "Highest peak of the finished mix.",
        )
        .or("-1"),
        key(
            "ducking",
            Shape::Map(&DUCKING),
            "How the music makes room while somebody speaks.",
        ),
        key(
            "clips",
            Shape::Choice(CLIP_SOUND),
            "What becomes of the sound that clips were recorded with.",
        )
        .or("mute"),
        key(
            "clips_gain",
            number(-60.0, 12.0, "dB"),
            "Its level against the voice's; needs `clips: keep`.",
        )
        .or("-6"),
    ],
};

const CLIP_SOUND: &[Word] = &[
    word("mute", "It is not heard."),
    word(
        "keep",
        "It is heard, cut and blended like the pictures, and makes room for speech like music.",
    ),
];

static DUCKING: Section = Section {
    name: "audio.ducking",
    fields: &[
        key(
            "depth",
            number(-60.0, 0.0, "dB"),
            "How far the music falls.",
        )
        .or("-12"),
        key(
            "lookahead",
            ANY_TIME,
            "How long before the first word it begins to fall.",
        )
        .or("80ms"),
        key("attack", ANY_TIME, "How long the fall takes.").or("120ms"),
        key(
            "hold",
            ANY_TIME,
            "How long it stays down after the last word.",
        )
        .or("250ms"),
        key("release", ANY_TIME, "How long the rise takes.").or("450ms"),
        key("bridge", ANY_TIME, "Pauses shorter than this stay quiet.").or("600ms"),
    ],
};

static PROFILE: Section = Section {
    name: "profiles.*",
    fields: &[
        key(
            "width",
            int(64, 4096, "pixels, even"),
            "Width of the file's picture.",
        )
        .required(),
        key(
            "height",
            int(64, 4096, "pixels, even"),
            "Height of the file's picture.",
        )
        .required(),
        key("fps", Shape::FrameRate, "Frames per second of the file.")
            .refused("leave it out: every file has the canvas's frame rate"),
        key(
            "video",
            Shape::Map(&ENCODING),
            "How the picture is encoded.",
        ),
        key("watermark", Shape::Text, "A text over the whole picture.")
            .refused("add a text item to an overlay track, or give a picture to `watermark` of Output.Render"),
    ],
};

static ENCODING: Section = Section {
    name: "profiles.*.video",
    fields: &[
        key("codec", Shape::Choice(CODECS), "The video codec.").or("h264"),
        key(
            "crf",
            int(10, 40, "x264 rate factor; lower is better and larger"),
            "Quality.",
        )
        .or("19"),
        key("preset", Shape::Choice(PRESETS), "Speed against size.").or("veryfast"),
    ],
};

const CODECS: &[Word] = &[
    word("h264", "H.264, plays everywhere."),
    refused("h265", "h264 plays everywhere"),
    refused("av1", "h264 plays everywhere"),
];

const PRESETS: &[Word] = &[
    word("ultrafast", "Quickest, largest."),
    word("superfast", "Quicker than veryfast."),
    word("veryfast", "The usual one."),
    word("faster", "A little smaller."),
    word("fast", "Smaller."),
    word("medium", "Smaller still, slow."),
];

/// `duration` of a blend.
pub(super) const BLEND: Field =
    key("duration", duration(40, 2000), "How long it takes.").or("250ms");
