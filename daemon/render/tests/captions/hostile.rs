//! Texts that mean something to other programs: filters of FFmpeg, override codes of ASS, markup, shells, databases.
//! Here they are letters: as captions and as titles every one is drawn as it is written, or refused by name because no
//! font has its letters.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;

use fenta_render::text::Layer;
use fenta_templates::color::Color;
use fenta_templates::template::{Bindings, ClipBinding, instantiate, parse};
use fenta_templates::timeline::{Generator, Look, MediaReference};
use fenta_workflows::action::ResolveFontsRequest;

use crate::bench::{Cut, evenly, find, try_cut};

fn corpus(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus/text")
        .join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(_) => {
            eprintln!("skipped: no {name} beside the checkout");
            None
        }
    }
}

fn injections() -> Option<Vec<String>> {
    let lines = corpus("_made_here_filter_injection.txt")?;
    let is_one = |line: &&str| !line.starts_with('#') && !line.is_empty();
    Some(lines.lines().filter(is_one).map(str::to_owned).collect())
}

fn naughty() -> Option<Vec<String>> {
    let strings: Vec<String> = serde_json::from_str(&corpus("naughty_strings.json")?).unwrap();
    let visible = |text: &String| !text.trim().is_empty();
    Some(strings.into_iter().filter(visible).collect())
}

/// Shows a text as captions and holds what is shown against it; the error says why it cannot be shown.
fn captions_show(text: &str) -> Result<(), String> {
    let cut = try_cut(vec![evenly(text)], "en", "")?;
    let boxes = cut.try_boxes()?;
    let track = cut.timeline.captions.as_ref().unwrap();
    let words = track.cues.iter().flat_map(|cue| &cue.words);
    // Scripts without spaces are divided; nothing is added or lost.
    let told: String = words.map(|word| word.text.as_str()).collect();
    let written: String = text.split_whitespace().collect();
    assert_eq!(told, written, "{text:?}");
    for (cue, shown) in track.cues.iter().enumerate() {
        for (word, text) in shown.words.iter().enumerate() {
            let wide = boxes
                .iter()
                .any(|one| (one.cue, one.word) == (cue, word) && one.rect.w > 0);
            // A vowel sign without a letter has no width of its own.
            let has_width = |letter: char| letter.is_alphanumeric() && letter != '\u{963}';
            assert!(
                wide || !text.text.chars().any(has_width),
                "{:?} of {text:?} is nowhere",
                text.text
            );
        }
    }
    Ok(())
}

/// A cut with a title, small, in its upper left corner.
fn title(text: &str) -> Result<Cut, String> {
    let template = parse(
        "fenta: template/v1\nname: shown\ncanvas: { width: 1080, height: 1920, fps: 30 }\nsafe_zone: none\nplaceholders:\n  \
         clips: { type: 'media[]' }\n  title: { type: text, max_chars: 4000, default: '' }\ntracks:\n  \
         - { id: v, kind: video, source: '${{ clips }}' }\n  - id: texts\n    kind: overlay\n    items:\n      \
         - { id: title, type: text, text: '${{ title }}', style: { font: 'Inter:700', size: 24, color: '#FFFFFF', \
         fit: wrap, outline: { width: 0 }, shadow: { y: 0, blur: 0, color: '#00000000' } }, \
         box: { anchor: top_left, x: 0, y: 0, w: 1080, h: 1800 }, time: all }\n",
        &|_| None,
    )
    .unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let mut bindings = Bindings {
        clips: vec![ClipBinding {
            name: "motion".into(),
            media: MediaReference::Generator(Generator {
                look: Look::Solid,
                seed: 1,
                palette: vec![Color::BLACK],
            }),
        }],
        texts: [("title".to_owned(), text.to_owned())].into(),
        ..Bindings::default()
    };
    let fonts = find(&ResolveFontsRequest {
        fonts: template.font_requests_for(&bindings),
    })?;
    bindings.fonts = fonts.iter().map(|(face, _)| face.clone()).collect();
    let timeline = instantiate(&template, &bindings).map_err(|wrong| format!("{wrong:?}"))?;
    Ok(Cut { timeline, fonts })
}

/// The title's layer in the first segment.
fn drawn(text: &str) -> Result<Option<Layer>, String> {
    let cut = title(text)?;
    let segment = cut.timeline.segments().remove(0);
    let painter = cut.try_painter(&segment)?;
    Ok(painter.layers_at(segment.frames / 2).pop())
}

/// What tells pictures apart: where a layer lies and its pixels.
fn print(layer: Option<&Layer>) -> Vec<u8> {
    let Some(layer) = layer else {
        return Vec::new();
    };
    let place = [layer.x, layer.y, layer.image.width as i32];
    let mut bytes: Vec<u8> = place.iter().flat_map(|one| one.to_le_bytes()).collect();
    bytes.extend_from_slice(&layer.image.data);
    bytes
}

/// What is left of a text when everything is taken out that no picture shows.
fn visible(text: &str) -> String {
    let invisible = |letter: &char| {
        letter.is_whitespace()
            || letter.is_control()
            || matches!(u32::from(*letter), 0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x202A..=0x202E
                | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF9..=0xFFFB | 0xE0000..=0xE0FFF)
    };
    text.chars().filter(|letter| !invisible(letter)).collect()
}

#[test]
fn every_letter_of_what_injects_filters_is_drawn() {
    let Some(lines) = injections() else { return };
    let mut shown = 0;
    for line in &lines {
        let whole = match captions_show(line).and_then(|()| drawn(line)) {
            Ok(whole) => print(whole.as_ref()),
            Err(why) => {
                eprintln!("{line:?} is refused: {why}");
                continue;
            }
        };
        shown += 1;
        // Take any letter away and the picture is another: none was swallowed as a command to something.
        for (at, letter) in line
            .char_indices()
            .filter(|(_, one)| one.is_ascii_graphic())
        {
            let mut without = line.clone();
            without.remove(at);
            let other = drawn(&without).unwrap();
            assert!(
                print(other.as_ref()) != whole,
                "{line:?} without {letter:?} at {at} looks the same"
            );
        }
    }
    assert!(shown >= 12, "{shown} of {} lines are shown", lines.len());
}

#[test]
fn naughty_strings_are_letters() {
    let Some(strings) = naughty() else { return };
    let (mut shown, mut refused) = (0, 0);
    let mut pictures: HashMap<Vec<u8>, &str> = HashMap::new();
    for text in &strings {
        match captions_show(text).and_then(|()| drawn(text)) {
            Ok(layer) => {
                shown += 1;
                assert!(
                    layer.is_some() || visible(text).is_empty(),
                    "nothing is drawn of {text:?}"
                );
                let Some(before) = pictures.insert(print(layer.as_ref()), text) else {
                    continue;
                };
                assert_eq!(visible(before), visible(text), "two texts, one picture");
            }
            Err(why) => {
                refused += 1;
                eprintln!("{text:?} is refused: {why}");
            }
        }
    }
    eprintln!("{shown} shown as they are, {refused} refused");
    assert!(shown > 15 * refused, "{shown} shown, {refused} refused");
}

/// First and last column with ink, and how much of it, 0 to 255 a pixel.
fn ink(width: usize, value: impl Fn(usize) -> u8, pixels: usize) -> (usize, usize, u64) {
    let (mut first, mut last, mut sum) = (width, 0, 0);
    for at in 0..pixels {
        let value = value(at);
        sum += u64::from(value);
        if value > 100 {
            first = first.min(at % width);
            last = last.max(at % width);
        }
    }
    (first, last, sum)
}

/// The same line from another program that is told to read nothing into it: as wide and with as much ink.
#[test]
fn a_line_looks_as_another_program_draws_it() {
    let Some(lines) = injections() else { return };
    let request = ResolveFontsRequest {
        fonts: vec![fenta_templates::timeline::FontRequest {
            family: "Inter".into(),
            weight: 700,
        }],
    };
    let (_, font, _) = fenta_render::text::resolve_fonts(&request)
        .unwrap()
        .remove(0);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line");
    let mut compared = 0;
    for line in lines.iter().filter(|line| line.is_ascii()) {
        std::fs::write(&file, line).unwrap();
        let filter = format!(
            "drawtext=fontfile={}:textfile={}:expansion=none:fontsize=24:fontcolor=white:x=20:y=30",
            font.display(),
            file.display()
        );
        let output = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-nostdin",
                "-f",
                "lavfi",
                "-i",
                "color=black:s=1280x100",
            ])
            .args([
                "-vf",
                &filter,
                "-frames:v",
                "1",
                "-f",
                "rawvideo",
                "-pix_fmt",
                "gray",
                "-",
            ])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let gray: Vec<u8> = output
            .stdout
            .iter()
            .map(|luma| luma.saturating_sub(16))
            .collect();
        let theirs = ink(1280, |at| gray[at], gray.len());
        let layer = drawn(line).unwrap().unwrap();
        let (width, data) = (layer.image.width as usize, &layer.image.data);
        let ours = ink(width, |at| data[at * 4], data.len() / 4);
        let (a, b) = ((ours.1 - ours.0) as f64, (theirs.1 - theirs.0) as f64);
        assert!((a / b - 1.0).abs() < 0.04, "{line:?} is {a} wide, and {b}");
        let share = ours.2 as f64 / theirs.2 as f64;
        assert!(
            (0.8..1.35).contains(&share),
            "{line:?}: {share:.2} of the ink"
        );
        compared += 1;
    }
    assert!(compared >= 9, "{compared} lines");
}
