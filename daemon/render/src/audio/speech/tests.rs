//! Scenes spoken whole: times, levels, limits.

use super::*;
use crate::audio::{ffi_decode, loudness};
use fenta_workflows::action::{SpokenPiece, TakeSpeechRequest};
use fenta_workflows::digest::Digest;
use fenta_workflows::hearing::HeardWord;
use fenta_workflows::worker::FailureClass;

fn request(text: &str) -> SpeakRequest {
    SpeakRequest {
        text: text.to_owned(),
        engine: "flite".to_owned(),
        voice: "slt".to_owned(),
        speed_pm: 1000,
    }
}

fn speech(text: &str) -> (Vec<f32>, SpeechFacts) {
    spoken(&request(text)).unwrap()
}

const SCENE: &str =
    "“Did you know?” — Octopuses have 3 hearts, blue blood 🐙 and 500,000,000 neurons.";

#[test]
fn words_are_the_tokens_as_written() {
    let (voice, facts) = speech(SCENE);
    let written: Vec<&str> = facts.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(written, SCENE.split_whitespace().collect::<Vec<_>>());
    assert_eq!(facts.sample_rate, 48_000);
    assert_eq!(facts.samples, voice.len() as u64);
    assert!(facts.words.iter().all(|word| word.start <= word.end));
    assert!(
        facts
            .words
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start)
    );
    let silent: Vec<&str> = facts
        .words
        .iter()
        .filter(|word| word.start == word.end)
        .map(|word| word.text.as_str())
        .collect();
    assert_eq!(silent, ["—", "🐙"]);
    assert!(facts.words.last().unwrap().end <= facts.samples);
}

#[test]
fn silence_around_speech_is_trimmed_to_forty_milliseconds() {
    let (voice, facts) = speech("Hello there, my friend.");
    let sound = trim::sounding(&voice, RATE);
    assert!(sound.start <= 2200, "{sound:?}");
    assert!(
        voice.len() - sound.end <= 2200,
        "{sound:?} of {}",
        voice.len()
    );
    assert!(facts.words[0].start <= 2400, "{:?}", facts.words[0]);
    assert_eq!((voice[0], voice[voice.len() - 1]), (0.0, 0.0));
}

#[test]
fn every_scene_and_voice_has_the_same_loudness() {
    for voice in flite::VOICES {
        let mut wanted = request("The quick brown fox jumps over the lazy dog.");
        wanted.voice = voice.to_owned();
        let (sound, _) = spoken(&wanted).unwrap();
        let loudness = loudness::integrated_mono(&sound).unwrap();
        assert!((loudness + 18.0).abs() < 0.5, "{voice}: {loudness}");
    }
}

#[test]
fn word_times_match_the_energy() {
    let (voice, facts) = speech("Stop. Listen. Go.");
    let energy = |from: u64, to: u64| {
        let part = &voice[from as usize..to as usize];
        part.iter().map(|s| s * s).sum::<f32>() / part.len() as f32
    };
    for pair in facts.words.windows(2) {
        let pause = energy(pair[0].end + 3000, pair[1].start - 3000);
        assert!(
            energy(pair[0].start, pair[0].end) > 50.0 * pause,
            "{pair:?}"
        );
        let onset = energy(pair[1].start, pair[1].start + 4800);
        assert!(onset > 10.0 * pause, "{pair:?}");
    }
}

#[test]
fn the_file_is_what_was_spoken_and_comes_out_the_same_twice() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let done: Vec<AudioDone> = dirs
        .iter()
        .map(|dir| speak(&request(SCENE), dir.path()).unwrap())
        .collect();
    assert_eq!(done[0], done[1]);
    assert_eq!(done[0].outputs["audio"], "speech.wav");
    let bytes = |n: usize| std::fs::read(dirs[n].path().join("speech.wav")).unwrap();
    assert!(bytes(0) == bytes(1));
    let ActionFacts::Speech(facts) = &done[0].facts else {
        panic!("{:?}", done[0].facts)
    };
    let file = ffi_decode::read(&dirs[0].path().join("speech.wav"), usize::MAX).unwrap();
    assert_eq!(file.len() as u64, facts.samples);
}

#[test]
fn speed_changes_the_length() {
    let plain = speech("We walk along the river.").1.samples as f32;
    let mut wanted = request("We walk along the river.");
    wanted.speed_pm = 1200;
    let fast = spoken(&wanted).unwrap().1.samples as f32;
    assert!((fast / plain - 1.0 / 1.2).abs() < 0.04, "{}", fast / plain);
}

#[test]
fn what_cannot_be_spoken_is_refused() {
    let class = |request: &SpeakRequest| WorkerFailure::from(spoken(request).unwrap_err()).class;
    assert_eq!(class(&request("— 🎉 …")), FailureClass::Input);
    assert_eq!(class(&request("")), FailureClass::Input);
    assert_eq!(class(&request(&"a ".repeat(2001))), FailureClass::Limit);
    let mut fast = request("hi");
    fast.speed_pm = 2001;
    assert_eq!(class(&fast), FailureClass::Limit);
    let mut engine = request("hi");
    engine.engine = "festival".to_owned();
    assert_eq!(class(&engine), FailureClass::Unsupported);
}

#[test]
fn hostile_texts_keep_one_entry_a_token() {
    let texts = [
        "a\u{200d}b \u{feff}x ''' \"\" ((( x))) 1/0 $ % -- - -5 $-5 #hash 日本語 word",
        "https://a.b/c?d=e f@g.h C++ C# .NET 3.14.15 1,,2 O'Neil's 'twas rock'n'roll",
        "I. A.I. U.S.A. e.g. No. 5 ..5 5.. 5% %5 €5 5€ $1.5M £ 1990s 3:30 12:00:00",
    ];
    for text in texts {
        let (_, facts) = speech(text);
        assert_eq!(facts.words.len(), text.split_whitespace().count(), "{text}");
        assert!(
            facts
                .words
                .windows(2)
                .all(|pair| pair[0].end <= pair[1].start)
        );
    }
}

/// A voice as a provider would send it: half a second of silence around it, at another rate.
fn sent(
    text: &str,
    folder: &Path,
) -> (
    std::collections::BTreeMap<Digest, String>,
    Digest,
    SpeechFacts,
) {
    let (voice, facts) = speech(text);
    let quiet = vec![0.0; RATE as usize / 2];
    let sound = [quiet.clone(), voice, quiet].concat();
    let path = folder.join("sent.wav");
    wav::write_mono(&path, &resample(&sound, RATE, 24_000), 24_000).unwrap();
    let digest = fenta_workflows::digest::blob_digest(text.as_bytes());
    let blobs = [(digest, path.to_string_lossy().into_owned())].into();
    (blobs, digest, facts)
}

fn takes(
    text: &str,
    language: &str,
    heard: Vec<HeardWord>,
    tempo_pm: u32,
) -> (SpeechFacts, SpeechFacts) {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, source, facts) = sent(text, folder.path());
    let request = TakeSpeechRequest {
        pieces: vec![SpokenPiece {
            source,
            text: text.to_owned(),
            heard,
        }],
        language: language.to_owned(),
        tempo_pm,
    };
    let done = take_speech(&request, &blobs, folder.path()).unwrap();
    match done.facts {
        ActionFacts::Speech(taken) => (facts, taken),
        other => panic!("{other:?}"),
    }
}

/// Middle and worst distance of word starts, milliseconds.
fn distances(truth: &SpeechFacts, found: &SpeechFacts) -> (f64, f64) {
    let pairs = truth.words.iter().zip(&found.words);
    let mut off: Vec<f64> = pairs
        .filter(|(word, _)| word.end > word.start)
        .map(|(one, other)| (one.start as f64 - other.start as f64).abs() / 48.0)
        .collect();
    off.sort_by(f64::total_cmp);
    (off[off.len() / 2], off[off.len() - 1])
}

const TOLD: &str = "Honey never goes bad. In 1922 people found old jars under the sand, and it cost them $5 to taste it. \
    Bees take the water out — and close the little room with wax.";

#[test]
fn words_are_found_in_the_sound_of_a_voice_that_gives_no_times() {
    let (truth, found) = takes(TOLD, "en", Vec::new(), 1000);
    if found.rung != Rung::Aligned {
        println!("skipped: pocketsphinx is not installed");
        return;
    }
    let (middle, worst) = distances(&truth, &found);
    println!("aligned: middle {middle:.0} ms, worst {worst:.0} ms");
    assert!(middle < 40.0 && worst < 200.0, "{middle} {worst}");
}

#[test]
fn without_times_and_aligner_words_share_the_sound_between_pauses() {
    let (truth, found) = takes(TOLD, "xx", Vec::new(), 1000);
    assert_eq!(found.rung, Rung::Proportional);
    let (middle, worst) = distances(&truth, &found);
    println!("proportional: middle {middle:.0} ms, worst {worst:.0} ms");
    assert!(middle < 250.0 && worst < 900.0, "{middle} {worst}");
}

#[test]
fn times_of_the_provider_are_taken_with_the_silence_and_the_tempo() {
    let (truth, _) = takes("Bees dance. They fly far.", "en", Vec::new(), 1000);
    let heard: Vec<HeardWord> = truth
        .words
        .iter()
        .map(|word| HeardWord {
            text: word.text.to_lowercase(),
            start_us: 500_000 + word.start * 1000 / 48,
            end_us: 500_000 + word.end * 1000 / 48,
        })
        .collect();
    let (truth, found) = takes("Bees dance. They fly far.", "en", heard.clone(), 1000);
    assert_eq!(found.rung, Rung::Provider);
    let (_, worst) = distances(&truth, &found);
    // Silence is found in windows of 5 ms: a polished and resampled voice begins up to two of them elsewhere.
    assert!(worst < 11.0, "{worst} ms");
    let (_, fast) = takes("Bees dance. They fly far.", "en", heard, 1250);
    let ratio = truth.samples as f64 / fast.samples as f64;
    assert!((ratio - 1.25).abs() < 0.02, "{ratio}");
    let last = |facts: &SpeechFacts| facts.words.last().unwrap().start as f64;
    assert!((last(&truth) / last(&fast) - 1.25).abs() < 0.02);
}
