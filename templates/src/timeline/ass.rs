//! Captions as Advanced SubStation Alpha, for players and for programs that edit subtitles.
//!
//! Every cue is an event, every word a karaoke syllable with its own time. The style is as near as the format comes: face,
//! size, colours, outline and place; boxes, markers, plates and springs of the renderer have no words in it. In
//! karaoke of this format a spoken word keeps its colour. Neighbours: `ass_reader` reads such files.

use std::fmt::Write as _;

use crate::color::Color;
use crate::time::{RationalTime, TimeRange};
use crate::timeline::{
    Anchor, CaptionStyle, CaptionTrack, Cue, CueWord, HighlightMode, Timeline, is_spaceless,
};

/// Line height of the usual faces in em: the format counts sizes in lines.
const LINE_EM: f32 = 1.21;

impl Timeline {
    /// The captions as ASS in the canvas's own pixels; only the header without captions.
    pub fn ass(&self) -> String {
        let mut text = format!(
            "[Script Info]\nScriptType: v4.00+\nPlayResX: {}\nPlayResY: {}\nWrapStyle: 0\n\
             ScaledBorderAndShadow: yes\nYCbCr Matrix: TV.709\n\n\
             [V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
             Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, \
             MarginL, MarginR, MarginV, Encoding\n",
            self.canvas.width, self.canvas.height
        );
        if let Some(track) = &self.captions {
            text.push_str(&style_line(&track.style, self.canvas.width));
        }
        text.push_str(
            "\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
        );
        if let Some(track) = &self.captions {
            for cue in &track.cues {
                text.push_str(&event_line(track, cue));
            }
        }
        text
    }
}

fn style_line(style: &CaptionStyle, width: u32) -> String {
    let lit = match style.highlight.mode {
        HighlightMode::None => style.color,
        _ => style.highlight.color,
    };
    let outline = style.outline.filter(|one| one.width > 0);
    let shadow = style.shadow;
    let margin = width.saturating_sub(u32::from(style.max_width)) / 2;
    format!(
        "Style: Captions,{},{},{},{},{},{},{},0,0,0,100,100,0,0,1,{},{},{},{margin},{margin},0,1\n",
        style.font.family.replace([',', '\n', '\r'], " "),
        (f32::from(style.size) * LINE_EM).round(),
        color(lit),
        color(style.color),
        color(outline.map_or(Color::BLACK, |one| one.color)),
        color(shadow.map_or(Color::BLACK, |one| one.color)),
        if style.font.weight >= 600 { -1 } else { 0 },
        outline.map_or(0, |one| one.width),
        shadow.map_or(0, |one| one.y.unsigned_abs()),
        alignment(style.anchor),
    )
}

/// `&HAABBGGRR`; alpha is counted from opaque.
fn color(color: Color) -> String {
    format!(
        "&H{:02X}{:02X}{:02X}{:02X}",
        255 - color.a,
        color.b,
        color.g,
        color.r
    )
}

/// As on the number keys.
const fn alignment(anchor: Anchor) -> u8 {
    match anchor {
        Anchor::BottomLeft => 1,
        Anchor::Bottom => 2,
        Anchor::BottomRight => 3,
        Anchor::Left => 4,
        Anchor::Center => 5,
        Anchor::Right => 6,
        Anchor::TopLeft => 7,
        Anchor::Top => 8,
        Anchor::TopRight => 9,
    }
}

fn event_line(track: &CaptionTrack, cue: &Cue) -> String {
    let (start, end) = span(cue.range);
    let style = &track.style;
    let mut line = format!(
        "Dialogue: 0,{},{},Captions,,0,0,0,,{{\\pos({},{})}}",
        clock(start),
        clock(end),
        style.x,
        style.y
    );
    let command = match style.highlight.mode {
        HighlightMode::Fill => "kf",
        _ => "k",
    };
    let mut at = start;
    let mut before: Option<&CueWord> = None;
    for word in &cue.words {
        let (begins, ends) = span(word.range);
        if begins > at {
            // A pause, as a syllable without letters.
            let _ = write!(line, "{{\\k{}}}", begins - at);
        }
        let close = before.is_none_or(|before| is_joined(&before.text, &word.text));
        let _ = write!(
            line,
            "{}{{\\{command}{}}}{}",
            if close { "" } else { " " },
            (ends - begins.max(at)).max(0),
            escaped(&shown(word, style.uppercase))
        );
        at = ends.max(at);
        before = Some(word);
    }
    line.push('\n');
    line
}

fn shown(word: &CueWord, uppercase: bool) -> String {
    let plain: Vec<&str> = word.text.split_whitespace().collect();
    let plain = plain.join(" ");
    if uppercase {
        plain.to_uppercase()
    } else {
        plain
    }
}

/// Letters that would be taken for commands.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '{' | '}' => safe.extend(['\\', c]),
            // What follows would be taken for a command; an invisible joiner keeps them apart.
            '\\' => safe.extend([c, '\u{2060}']),
            c if c.is_control() => {}
            c => safe.push(c),
        }
    }
    safe
}

fn is_joined(before: &str, after: &str) -> bool {
    let (last, first) = (before.chars().next_back(), after.chars().next());
    last.is_some_and(is_spaceless) && first.is_some_and(is_spaceless)
}

/// A span in hundredths of a second, each end to the nearest: never a frame away.
fn span(range: TimeRange) -> (i64, i64) {
    let hundredths = |frame: i64| (RationalTime::new(frame, range.start.rate).to_millis() + 5) / 10;
    (hundredths(range.first()), hundredths(range.end()))
}

/// `H:MM:SS.cc`.
fn clock(hundredths: i64) -> String {
    let all = hundredths.max(0);
    format!(
        "{}:{:02}:{:02}.{:02}",
        all / 360_000,
        all / 6000 % 60,
        all / 100 % 60,
        all % 100
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::testing::{bindings_with, builtin_template, cut, spoken};
    use crate::timeline::{SubtitleFormat, read_subtitles};

    fn timeline(words: &[&str]) -> Timeline {
        cut(
            &builtin_template("list"),
            &bindings_with(vec![spoken("s0", words)]),
        )
    }

    #[test]
    fn a_cue_is_an_event_with_a_syllable_a_word() {
        let text = timeline(&["Bees", "never", "sleep."]).ass();
        assert!(
            text.starts_with("[Script Info]\nScriptType: v4.00+\nPlayResX: 1080\nPlayResY: 1920\n")
        );
        let event = text.lines().last().unwrap();
        assert!(event.starts_with("Dialogue: 0,0:00:00."), "{event}");
        assert_eq!(
            event.matches("\\k").count(),
            6,
            "the lead, three words and the pauses between them: {event}"
        );
        assert!(text.contains("\nStyle: Captions,Inter,"), "{text}");
    }

    #[test]
    fn what_is_written_is_read_with_its_words_and_times() {
        let words = ["a{b}", "c\\N", "d,e", "<f>", "\u{1F41D}", "ok."];
        let timeline = timeline(&words);
        let read = read_subtitles(&timeline.ass(), None).unwrap();
        assert_eq!(read.format, SubtitleFormat::Ass);
        assert!(read.skipped.is_empty());
        let track = timeline.captions.unwrap();
        let given: Vec<&CueWord> = track.cues.iter().flat_map(|cue| &cue.words).collect();
        let found: Vec<_> = read.words.iter().flatten().collect();
        assert_eq!(found.len(), given.len());
        for (found, given) in found.iter().zip(given) {
            assert_eq!(found.text.to_lowercase(), given.text.to_lowercase());
            let start = given.range.start.to_millis();
            assert!((found.start_ms - start).abs() <= 10, "{found:?} {given:?}");
        }
    }

    #[test]
    fn colours_are_written_backwards_and_alpha_upside_down() {
        assert_eq!(color(Color::rgb(0x11, 0x22, 0x33)), "&H00332211");
        assert_eq!(color(Color::BLACK.with_alpha(0x40)), "&HBF000000");
        assert_eq!(clock(366_101), "1:01:01.01");
    }
}
