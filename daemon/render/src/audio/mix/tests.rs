//! Whole soundtracks: where samples land, how loud they are, what is refused.

use super::*;
use crate::audio::pcm::gain_to_db;
use crate::audio::{compose_music, speak};
use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{AudioClip, Ducking};
use fenta_workflows::action::{ComposeMusicRequest, SpeakRequest, SpeechFacts};
use fenta_workflows::worker::FailureClass;

fn units(value: i64) -> RationalTime {
    RationalTime::new(value, AUDIO_RATE)
}

fn digest(number: u8) -> Digest {
    Digest {
        hash: [number; 32],
        size: 1,
    }
}

fn plan(samples: i64) -> AudioPlan {
    AudioPlan {
        duration: units(samples),
        voice: Vec::new(),
        speech: Vec::new(),
        music: None,
        ducking: Ducking::default(),
        loudness: LoudnessTarget::default(),
    }
}

fn request(plan: AudioPlan) -> MixRequest {
    MixRequest {
        plan,
        encoding: AudioEncoding {
            encoder: "aac".to_owned(),
            bitrate_kbps: 192,
        },
    }
}

fn mixed(plan: AudioPlan, blobs: &Blobs) -> (Stereo, MixFacts) {
    let dir = tempfile::tempdir().unwrap();
    let done = mix(&request(plan), blobs, dir.path(), &mut |_, _| {}).unwrap();
    let ActionFacts::Mix(facts) = done.facts else {
        panic!("{:?}", done.facts)
    };
    let path = dir.path().join(&done.outputs["audio"]);
    (ffi_decode::read(&path, usize::MAX).unwrap(), facts)
}

/// A narration of two scenes over a composed bed.
struct Studio {
    _dir: tempfile::TempDir,
    blobs: Blobs,
    plan: AudioPlan,
}

fn studio() -> Studio {
    let dir = tempfile::tempdir().unwrap();
    let music = ComposeMusicRequest {
        seed: 11,
        mood: "uplifting".to_owned(),
        bpm: 100,
        duration_ms: 5000,
    };
    compose_music(&music, dir.path()).unwrap();
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let mut blobs = Blobs::from([(digest(9), path("music.wav"))]);
    let mut plan = plan(48_000 * 12);
    for (number, text, start) in [
        (
            1,
            "Octopuses have three hearts, and two of them stop when they swim.",
            24_000,
        ),
        (2, "That is why they prefer to crawl.", 48_000 * 8),
    ] {
        let facts = scene(dir.path(), text);
        let kept = path(&format!("scene-{number}.wav"));
        std::fs::rename(dir.path().join("speech.wav"), &kept).unwrap();
        blobs.insert(digest(number), kept);
        plan.voice.push(AudioClip {
            source: digest(number),
            start: units(start),
            gain_mb: 0,
        });
        plan.speech.extend(facts.words.iter().map(|word| {
            TimeRange::from_units(
                start + word.start as i64,
                start + word.end as i64,
                AUDIO_RATE,
            )
        }));
    }
    plan.music = Some(MusicClip {
        source: digest(9),
        gain_mb: -2000,
        fade_in_ms: 300,
        fade_out_ms: 1500,
    });
    Studio {
        _dir: dir,
        blobs,
        plan,
    }
}

fn scene(dir: &Path, text: &str) -> SpeechFacts {
    let request = SpeakRequest {
        text: text.to_owned(),
        engine: "flite".to_owned(),
        voice: "slt".to_owned(),
        speed_pm: 1000,
    };
    match speak(&request, dir).unwrap().facts {
        ActionFacts::Speech(facts) => facts,
        other => panic!("{other:?}"),
    }
}

fn rms_db(sound: &Stereo, range: std::ops::Range<usize>) -> f64 {
    let power: f32 = sound.left[range.clone()].iter().map(|s| s * s).sum();
    gain_to_db((power / range.len() as f32).sqrt())
}

#[test]
fn a_soundtrack_lands_on_its_loudness_and_under_its_peak() {
    let Studio { _dir, blobs, plan } = studio();
    let (heard, facts) = mixed(plan, &blobs);
    assert!((facts.integrated_clufs + 1400).abs() <= 50, "{facts:?}");
    assert!(facts.true_peak_cdb <= -100, "{facts:?}");
    assert_eq!(facts.samples, 48_000 * 12);
    let mut timeline = heard;
    timeline.resize(48_000 * 12);
    let meter = loudness::measure(&timeline).unwrap();
    assert!((meter.integrated * 100.0 - f64::from(facts.integrated_clufs)).abs() < 1.0);
}

#[test]
fn music_makes_room_for_every_word() {
    let Studio { _dir, blobs, plan } = studio();
    let stems = stems(&plan, &blobs, 48_000 * 12).unwrap();
    let music = stems.music.unwrap();
    let spoken: Vec<usize> = plan
        .speech
        .iter()
        .flat_map(|range| range.first() as usize..range.end() as usize)
        .collect();
    let power = |sound: &Stereo| {
        let sum: f32 = spoken.iter().map(|n| sound.left[*n].powi(2)).sum();
        gain_to_db((sum / spoken.len() as f32).sqrt())
    };
    let under = power(&stems.voice) - power(&music);
    assert!(under >= 10.0, "{under}");
    // Where nobody speaks for long, the music comes back: 20 dB under, not 32.
    let pause = rms_db(&music, 48_000 * 6 + 24_000..48_000 * 7 + 24_000);
    assert!(pause > power(&music) + 8.0, "{pause} {}", power(&music));
}

#[test]
fn a_click_is_heard_at_its_sample() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("click.wav");
    let click = [0.1, 0.4, 0.8, 0.4, 0.1];
    wav::write(&path, &[&click], false).unwrap();
    let blobs = Blobs::from([(digest(1), path.to_string_lossy().into_owned())]);
    for at in [48_000, 60_001] {
        let mut plan = plan(96_000);
        plan.voice.push(AudioClip {
            source: digest(1),
            start: units(at - 2),
            gain_mb: 0,
        });
        let (heard, _) = mixed(plan, &blobs);
        let loudest = (0..heard.len())
            .max_by(|a, b| heard.left[*a].abs().total_cmp(&heard.left[*b].abs()))
            .unwrap();
        assert!(
            loudest.abs_diff(at as usize) <= 2,
            "{loudest} instead of {at}"
        );
        assert!(heard.len() >= 96_000 && heard.len() < 96_000 + ffi_encode::FRAME);
    }
}

#[test]
fn an_empty_plan_is_silence() {
    let (heard, facts) = mixed(plan(10_000), &Blobs::new());
    assert!(heard.peak() < 1e-6);
    assert_eq!(facts.integrated_clufs, -7000);
    assert_eq!(heard.len(), 10_240);
}

#[test]
fn music_alone_comes_to_the_target() {
    let mut studio = studio();
    studio.plan.voice.clear();
    studio.plan.speech.clear();
    let (_, facts) = mixed(studio.plan, &studio.blobs);
    assert!((facts.integrated_clufs + 1400).abs() <= 50, "{facts:?}");
    assert!(facts.true_peak_cdb <= -100, "{facts:?}");
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let Studio { _dir, blobs, plan } = studio();
    let bytes = || {
        let dir = tempfile::tempdir().unwrap();
        mix(&request(plan.clone()), &blobs, dir.path(), &mut |_, _| {}).unwrap();
        std::fs::read(dir.path().join(OUTPUT)).unwrap()
    };
    assert!(bytes() == bytes());
}

#[test]
fn progress_rises_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    mix(
        &request(plan(4800)),
        &Blobs::new(),
        dir.path(),
        &mut |done, total| {
            seen.push((done, total));
        },
    )
    .unwrap();
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let last = seen.last().unwrap();
    assert_eq!(last.0, last.1);
}

#[test]
fn impossible_plans_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let class = |plan: AudioPlan| {
        mix(&request(plan), &Blobs::new(), dir.path(), &mut |_, _| {})
            .unwrap_err()
            .class
    };
    assert_eq!(class(plan(0)), FailureClass::Limit);
    assert_eq!(class(plan(48_000 * 3600)), FailureClass::Limit);
    let clip = |start| AudioClip {
        source: digest(1),
        start: units(start),
        gain_mb: 0,
    };
    let mut outside = plan(48_000);
    outside.voice.push(clip(48_000));
    assert_eq!(class(outside), FailureClass::Limit);
    let mut missing = plan(48_000);
    missing.voice.push(clip(0));
    assert_eq!(class(missing), FailureClass::Internal);
}
