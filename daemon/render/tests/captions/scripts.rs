//! A sentence of every language of the corpus: no letter without a glyph, words in reading order, the highlight on its
//! word.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fenta_render::text::{Layer, LayerPainter, WordBox};

use crate::bench::{LIT, count, cut, evenly, grown};

/// Scripts that are read from the right.
const FROM_THE_RIGHT: [&str; 6] = ["Arab", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm"];
/// Scripts without spaces that have a dictionary.
const DIVIDED: [&str; 7] = ["Jpan", "Hans", "Hant", "Thai", "Laoo", "Khmr", "Mymr"];

fn corpus() -> Option<Vec<PathBuf>> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/text/googlefonts-lang");
    if !folder.is_dir() {
        eprintln!("skipped: no corpus of texts beside the checkout");
        return None;
    }
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "textproto"))
        .collect();
    files.sort();
    Some(files)
}

/// The sentence of a language that is meant for trying letters: `styles` of its samples. One file has none.
fn sentence(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |key: &str| {
        text.lines()
            .find_map(|line| {
                line.trim()
                    .strip_prefix(key)?
                    .trim()
                    .strip_prefix('"')?
                    .strip_suffix('"')
            })
            .map(str::to_owned)
    };
    line("styles:").or_else(|| line("tester:"))
}

#[test]
fn every_script_of_the_corpus_is_drawn_with_the_highlight_on_its_word() {
    let Some(files) = corpus() else { return };
    let mut tried = 0;
    // To look at: one picture a language.
    let sheets = Path::new(env!("CARGO_TARGET_TMPDIR")).join("caption-scripts");
    std::fs::create_dir_all(&sheets).unwrap();
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (language, script) = name.split_once('_').unwrap();
        let tag = format!("{language}-{script}");
        let Some(text) = sentence(&path) else {
            continue;
        };
        tried += 1;
        let cut = cut(
            vec![evenly(&text)],
            &tag,
            &format!("highlight: {{ color: '{LIT}' }}, outline: {{ width: 6 }}"),
        );
        let boxes = cut.boxes();
        let words: usize = cut
            .timeline
            .captions
            .iter()
            .flat_map(|track| &track.cues)
            .map(|cue| cue.words.len())
            .sum();
        if DIVIDED.contains(&script) {
            assert!(
                words > text.split_whitespace().count(),
                "{name}: {words} words"
            );
        }
        in_reading_order(&name, &boxes, FROM_THE_RIGHT.contains(&script));
        let mut lit = 0;
        let mut kept: Option<Vec<Layer>> = None;
        cut.frames(|frame, layers| {
            let Some(active) = cut.active(frame) else {
                return;
            };
            if frame % 3 != 0 {
                return;
            }
            let own: Vec<&WordBox> = boxes
                .iter()
                .filter(|one| (one.cue, one.word) == active)
                .collect();
            let all = count(layers, own[0].rect, LIT).1;
            // Marks of some scripts stand out of a word's ascent and descent.
            let inside: usize = own
                .iter()
                .map(|one| count(layers, grown(one.rect, 30), LIT).0)
                .sum();
            assert!(all > 0, "{name}, frame {frame}: nothing is lit");
            assert!(
                inside * 100 >= all * 99,
                "{name}, frame {frame}: {inside} of {all} on the word"
            );
            lit += 1;
            if active.1 == 1 || kept.is_none() {
                kept = Some(layers.to_vec());
            }
        });
        assert!(lit >= 3, "{name}: {lit} frames");
        if let Some(layers) = kept {
            save(&sheets.join(format!("{name}.png")), &layers);
        }
    }
    assert_eq!(tried, 57);
}

/// The emoji of the corpus.
fn emoji() -> Option<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/text/emoji.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: no corpus of emoji beside the checkout");
        return None;
    };
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    let emoji = list["emoji"].as_array().unwrap().iter();
    Some(emoji.map(|one| one.as_str().unwrap().to_owned()).collect())
}

#[test]
fn every_emoji_is_one_picture_in_colour_or_refused_by_name() {
    let Some(emoji) = emoji() else { return };
    let base = cut(vec![evenly("🐝")], "en", "outline: { width: 6 }");
    let segment = base.timeline.segments().into_iter().next().unwrap();
    let (mut drawn, mut refused) = (0, Vec::new());
    for one in &emoji {
        let mut segment = segment.clone();
        segment.captions.as_mut().unwrap().cues[0].words[0]
            .text
            .clone_from(one);
        let painter = match LayerPainter::new(&segment, &base.fonts, &BTreeMap::new()) {
            Ok(painter) => painter,
            Err(error) => {
                assert!(error.to_string().contains(one.as_str()), "{one}: {error}");
                refused.push(one.as_str());
                continue;
            }
        };
        let boxes = painter.word_boxes();
        assert_eq!(boxes.len(), 1, "{one}");
        // A sequence that falls apart is several pictures wide.
        let shape = f64::from(boxes[0].rect.w) / f64::from(boxes[0].rect.h);
        assert!(shape < 1.5, "{one} is {shape:.1} times as wide as high");
        let layers = painter.layers_at(10);
        let inked = layers[0]
            .image
            .data
            .chunks_exact(4)
            .filter(|pixel| pixel[3] > 250);
        let own = inked
            .filter(|pixel| pixel[..3] != [0, 0, 0] && pixel[..3] != [255, 255, 255])
            .count();
        assert!(own > 300, "{one}: {own} pixels of its own");
        drawn += 1;
    }
    eprintln!(
        "{drawn} emoji drawn, {} refused: {}",
        refused.len(),
        refused.join(" ")
    );
    assert!(refused.len() * 50 < emoji.len(), "{refused:?}");
}

/// Words of a cue follow each other from the left, or from the right, line by line.
fn in_reading_order(name: &str, boxes: &[WordBox], from_the_right: bool) {
    for pair in boxes.windows(2).filter(|pair| pair[0].cue == pair[1].cue) {
        let (before, after) = (pair[0].rect, pair[1].rect);
        let same_line = (before.y - after.y).abs() < before.h as i32 / 3;
        if !same_line {
            assert!(after.y > before.y, "{name}: {pair:?}");
        } else if pair[0].rtl != from_the_right || pair[1].rtl != from_the_right {
            // Numbers and foreign words inside have their own direction.
        } else if from_the_right {
            assert!(after.x + after.w as i32 <= before.x + 2, "{name}: {pair:?}");
        } else {
            assert!(
                after.x >= before.x + before.w as i32 - 2,
                "{name}: {pair:?}"
            );
        }
    }
    let share = boxes.iter().filter(|one| one.rtl == from_the_right).count();
    assert!(
        share * 10 >= boxes.len() * 8,
        "{name}: {share} of {} in its direction",
        boxes.len()
    );
}

fn save(path: &Path, layers: &[Layer]) {
    let mut sheet = tiny_skia::Pixmap::new(920, 340).unwrap();
    sheet.fill(tiny_skia::Color::from_rgba8(70, 90, 80, 255));
    for layer in layers {
        let mut picture = tiny_skia::Pixmap::new(layer.image.width, layer.image.height).unwrap();
        picture.data_mut().copy_from_slice(&layer.image.data);
        sheet.draw_pixmap(
            layer.x - 30,
            layer.y - 960,
            picture.as_ref(),
            &tiny_skia::PixmapPaint::default(),
            tiny_skia::Transform::identity(),
            None,
        );
    }
    sheet.save_png(path).unwrap();
}
