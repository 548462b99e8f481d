//! Listens to the narration with a speech recogniser that shares nothing with the synthesiser: is it intelligible,
//! and do the word times that captions follow sit on the words?
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::Path;
use std::process::Command;

use fenta_tests::worker::Workbench;
use fenta_workflows::action::{Action, ActionFacts, SpeakRequest, SpeechFacts};

const TEXT: &str = "Honey never goes bad. People found old jars under the sand and the honey was still good to eat \
    after three thousand years. Bees take the water out and close the little room with wax.";

fn speak(bench: &Workbench, folder: &Path) -> SpeechFacts {
    let request = SpeakRequest {
        text: TEXT.into(),
        engine: "flite".into(),
        voice: "slt".into(),
        speed_pm: 1000,
    };
    let made = bench.run(Action::Speak(request)).unwrap();
    std::fs::copy(&made.outputs["audio"], folder.join("speech.wav")).unwrap();
    match made.facts {
        ActionFacts::Speech(facts) => facts,
        other => panic!("no speech facts but {other:?}"),
    }
}

fn bare(word: &str) -> String {
    word.chars()
        .filter(|c| c.is_alphanumeric())
        .collect::<String>()
        .to_lowercase()
}

/// Words and start seconds as the recogniser hears them, told the words it may expect in any order.
fn recognise(folder: &Path) -> Vec<(String, f64)> {
    let mut words: Vec<String> = TEXT.split_whitespace().map(bare).collect();
    words.sort();
    words.dedup();
    let grammar = format!(
        "#JSGF V1.0; grammar g; public <s> = ({})+ ;",
        words.join(" | ")
    );
    std::fs::write(folder.join("words.gram"), grammar).unwrap();
    let wav = folder.join("speech16.wav");
    let converted = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(folder.join("speech.wav"))
        .args(["-ar", "16000", "-ac", "1"])
        .arg(&wav)
        .status()
        .unwrap();
    assert!(converted.success());
    let output = Command::new("pocketsphinx_continuous")
        // Removing silence would shift every time the recogniser reports.
        .args([
            "-time",
            "yes",
            "-remove_silence",
            "no",
            "-logfn",
            "/dev/null",
            "-jsgf",
        ])
        .arg(folder.join("words.gram"))
        .arg("-infile")
        .arg(&wav)
        .output()
        .expect("pocketsphinx is installed by setup.sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let word = fields.next()?.split('(').next()?.to_owned();
            let start = fields.next()?.parse().ok()?;
            (fields.count() == 2 && !word.starts_with('<')).then_some((word, start))
        })
        .collect()
}

#[test]
fn a_listener_hears_the_words_where_the_captions_show_them() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Workbench::new().unwrap();
    let facts = speak(&bench, folder.path());
    let written: Vec<&str> = TEXT.split_whitespace().collect();
    let spoken: Vec<&str> = facts.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(spoken, written, "one entry per written word");

    let heard = recognise(folder.path());
    let mut from = 0;
    let mut off = Vec::new();
    for word in &facts.words {
        let start = word.start as f64 / f64::from(facts.sample_rate);
        let near =
            |(text, at): &&(String, f64)| *text == bare(&word.text) && (at - start).abs() < 0.5;
        if let Some(found) = heard[from..].iter().position(|entry| near(&entry)) {
            off.push((heard[from + found].1 - start).abs());
            from += found + 1;
        }
    }
    off.sort_by(f64::total_cmp);
    println!(
        "heard {} of {} words; median distance {:?}",
        off.len(),
        written.len(),
        off.get(off.len() / 2)
    );
    assert!(
        off.len() * 10 >= written.len() * 7,
        "heard {} of {} words: {heard:?}",
        off.len(),
        written.len()
    );
    assert!(
        off[off.len() / 2] < 0.06,
        "half of the words are further than 60 ms from where they are heard: {off:?}"
    );
    assert!(off[off.len() * 9 / 10] < 0.2, "{off:?}");
}
