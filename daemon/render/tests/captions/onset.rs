//! The first frame in which a word is lit against the time at which it begins.

use fenta_templates::timeline::AUDIO_RATE;

use crate::bench::{LIT, count, cut, grown, narration};

/// Times that fall everywhere between frames.
const SPOKEN: [(&str, u64, u64); 17] = [
    ("Honey", 37, 421),
    ("never", 433, 702),
    ("spoils.", 719, 1250),
    ("Jars", 1611, 1893),
    ("from", 1901, 2017),
    ("old", 2029, 2188),
    ("tombs", 2188, 2555),
    ("were", 2571, 2666),
    ("still", 2683, 2990),
    ("good", 3003, 3349),
    ("to", 3351, 3420),
    ("eat", 3433, 3811),
    ("after", 4290, 4555),
    ("three", 4561, 4790),
    ("thousand", 4790, 5261),
    ("long", 5273, 5501),
    ("years.", 5517, 6100),
];

#[test]
fn every_word_is_lit_within_a_frame_of_its_time() {
    let cut = cut(
        vec![narration(&SPOKEN)],
        "en",
        &format!("highlight: {{ color: '{LIT}' }}, outline: {{ width: 6 }}"),
    );
    let boxes = cut.boxes();
    let track = cut.timeline.captions.clone().unwrap();
    let mut first_lit = vec![None; boxes.len()];
    cut.frames(|frame, layers| {
        let Some((cue, _)) = cut.active(frame) else {
            return;
        };
        for (at, word) in boxes.iter().enumerate() {
            if word.cue == cue && count(layers, grown(word.rect, 2), LIT).0 > 20 {
                first_lit[at].get_or_insert(frame);
            }
        }
    });
    // Where the recording begins, in milliseconds of the video.
    let voice = &cut.timeline.audio.voice[0];
    assert_eq!(voice.start.rate, AUDIO_RATE);
    let starts = voice.start.value as f64 / 48.0;
    let frame_ms = 1000.0 / 30.0;
    let mut worst = 0.0_f64;
    for ((word, lit), (text, spoken, _)) in boxes.iter().zip(first_lit).zip(SPOKEN) {
        assert_eq!(track.cues[word.cue].words[word.word].text, text);
        let lit = lit.unwrap_or_else(|| panic!("`{text}` is never lit"));
        let error = lit as f64 * frame_ms - (starts + spoken as f64);
        assert!(
            error.abs() < frame_ms,
            "`{text}` is lit {error:.1} ms away from its time"
        );
        worst = worst.max(error.abs());
    }
    eprintln!(
        "caption onset: {} words, at most {worst:.1} ms away",
        SPOKEN.len()
    );
}
