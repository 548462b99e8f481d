//! Whole beds: level, loop, balance, variation.

use super::*;
use crate::audio::{ffi_decode, pcm::gain_to_db};
use fenta_workflows::worker::FailureClass;

fn request(mood: &str, seed: u64) -> ComposeMusicRequest {
    ComposeMusicRequest {
        seed,
        mood: mood.to_owned(),
        bpm: 96,
        duration_ms: 20_000,
    }
}

const NAMES: [&str; 4] = ["calm", "uplifting", "dreamy", "driving"];

/// Power of the sound after a band-pass, in dB.
fn band(sound: &Stereo, low: f64, high: f64) -> f64 {
    let mut channel = sound.left.clone();
    for _ in 0..2 {
        Biquad::high_pass(low, 0.7).run(&mut channel);
        Biquad::low_pass(high, 0.7).run(&mut channel);
    }
    let power = channel.iter().map(|s| s * s).sum::<f32>() / channel.len() as f32;
    gain_to_db(power.sqrt())
}

#[test]
fn every_mood_has_the_house_level() {
    for name in NAMES {
        for seed in [1, 77] {
            let sound = compose(&request(name, seed)).unwrap();
            let meter = loudness::measure(&sound).unwrap();
            assert!((meter.integrated + 20.0).abs() < 0.5, "{name}: {meter:?}");
            assert!(gain_to_db(sound.peak()) <= -3.0, "{name}: {}", sound.peak());
        }
    }
}

#[test]
fn the_end_runs_on_into_the_beginning() {
    for name in NAMES {
        let sound = compose(&request(name, 3)).unwrap();
        for channel in [&sound.left, &sound.right] {
            let length = channel.len();
            let step = |n: usize| channel[(n + 1) % length] - channel[n];
            // The second difference shows a click; across the seam it is as small as everywhere near it.
            let bend = |n: usize| (step(n) - step((n + length - 1) % length)).abs();
            let seam = bend(length - 1).max(bend(0));
            let usual = (length - 4800..length - 10).map(bend).fold(0.0, f32::max);
            assert!(seam <= usual * 1.5, "{name}: {seam} against {usual}");
        }
    }
}

#[test]
fn the_bed_leaves_room_for_speech() {
    for name in NAMES {
        let sound = compose(&request(name, 5)).unwrap();
        let (body, voice, air) = (
            band(&sound, 60.0, 800.0),
            band(&sound, 1000.0, 4000.0),
            band(&sound, 8000.0, 16_000.0),
        );
        assert!(voice < body - 8.0, "{name}: {body:.1} {voice:.1} {air:.1}");
        assert!(air < voice - 3.0, "{name}: {body:.1} {voice:.1} {air:.1}");
    }
}

#[test]
fn a_bed_is_stereo_but_survives_mono() {
    for name in NAMES {
        let sound = compose(&request(name, 8)).unwrap();
        let power = |mix: fn(f32, f32) -> f32| {
            sound
                .left
                .iter()
                .zip(&sound.right)
                .map(|(l, r)| mix(*l, *r).powi(2))
                .sum::<f32>()
        };
        let (mid, side) = (power(|l, r| (l + r) / 2.0), power(|l, r| (l - r) / 2.0));
        assert!(side > 0.01 * mid, "{name}");
        assert!(side < mid, "{name}");
    }
}

#[test]
fn lengths_are_whole_bars_near_the_wish() {
    assert_eq!(whole_bars(120, 30_000), 16);
    assert_eq!(whole_bars(90, 30_000), 12);
    assert_eq!(whole_bars(60, 5000), 1);
    assert_eq!(whole_bars(60, 1000), 1);
    assert_eq!(whole_bars(120, 9000), 5);
    let sound = compose(&request("calm", 1)).unwrap();
    assert_eq!(sound.len(), 8 * 4 * 30_000);
}

#[test]
fn seeds_repeat_and_vary() {
    let dir = tempfile::tempdir().unwrap();
    let done = compose_music(&request("dreamy", 4), dir.path()).unwrap();
    assert_eq!(done.outputs["audio"], "music.wav");
    let path = dir.path().join("music.wav");
    let first = std::fs::read(&path).unwrap();
    compose_music(&request("dreamy", 4), dir.path()).unwrap();
    assert!(first == std::fs::read(&path).unwrap());
    compose_music(&request("dreamy", 6), dir.path()).unwrap();
    assert!(first != std::fs::read(&path).unwrap());
    let samples = ffi_decode::read(&path, usize::MAX).unwrap().len();
    assert!(wav::loops_whole(&path, samples));
}

#[test]
fn what_cannot_be_composed_is_refused() {
    let class =
        |request: &ComposeMusicRequest| WorkerFailure::from(compose(request).unwrap_err()).class;
    assert_eq!(class(&request("angry", 1)), FailureClass::Unsupported);
    let mut fast = request("calm", 1);
    fast.bpm = 181;
    assert_eq!(class(&fast), FailureClass::Limit);
    let mut short = request("calm", 1);
    short.duration_ms = 999;
    assert_eq!(class(&short), FailureClass::Limit);
}

#[test]
fn the_pulse_has_no_steps() {
    let curve = pulse(48_000, 24_000.0, 4.0);
    let steepest = curve
        .windows(2)
        .fold(0.0f32, |worst, pair| worst.max((pair[1] - pair[0]).abs()));
    assert!(steepest < 1e-3, "{steepest}");
    let deepest = curve.iter().fold(1.0f32, |a, b| a.min(*b));
    assert!((gain_to_db(deepest) + 4.0).abs() < 0.1);
    assert!(pulse(100, 24.0, 0.0).iter().all(|gain| *gain == 1.0));
}
