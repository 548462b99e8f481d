//! A sentence of every language of the corpus: no letter without a glyph, words in reading order, the highlight on its
//! word.

use std::path::{Path, PathBuf};

use fenta_render::text::{Layer, WordBox};

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

/// The sentence of a language that is meant for trying letters: `styles` of its samples.
fn sentence(path: &Path) -> String {
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
    line("styles:").or_else(|| line("tester:")).unwrap()
}

#[test]
fn every_script_of_the_corpus_is_drawn_with_the_highlight_on_its_word() {
    let Some(files) = corpus() else { return };
    assert!(files.len() >= 57, "{}", files.len());
    // To look at: one picture a language.
    let sheets = Path::new(env!("CARGO_TARGET_TMPDIR")).join("caption-scripts");
    std::fs::create_dir_all(&sheets).unwrap();
    for path in files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (language, script) = name.split_once('_').unwrap();
        let tag = format!("{language}-{script}");
        let text = sentence(&path);
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
            if active.1 == 1 {
                kept.get_or_insert_with(|| layers.to_vec());
            }
        });
        assert!(lit >= 3, "{name}: {lit} frames");
        if let Some(layers) = kept {
            save(&sheets.join(format!("{name}.png")), &layers);
        }
    }
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
