//! Whole soundtracks: where samples land, how loud they are, what is refused.

use super::finish::reach;
use super::master::Goal;
use super::*;
use crate::audio::pcm::{Stereo, gain_to_db};
use crate::audio::{compose_music, ffi_decode, loudness, speak, wav};
use fenta_templates::time::{RationalTime, TimeRange};
use fenta_templates::timeline::{AudioClip, Ducking, LoudnessTarget, MusicClip};
use fenta_templates::timeline::{SoundClip, SoundRole};
use fenta_workflows::action::{
    AudioEncoding, ComposeMusicRequest, SamplePart, SpeakRequest, SpeechFacts,
};
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
        sounds: Vec::new(),
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
        part: None,
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
        once: false,
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

struct Stems {
    voice: Stereo,
    music: Stereo,
    yielding: Stereo,
    effects: Stereo,
}

fn stems(plan: &AudioPlan, blobs: &Blobs) -> Stems {
    let dir = tempfile::tempdir().unwrap();
    let samples = timeline_samples(plan).unwrap();
    let desk = Desk::new(plan, blobs, (samples, 5000), dir.path()).unwrap();
    Stems {
        voice: desk.stem(|desk, (at, _), block| desk.voice(at, block)),
        music: desk.stem(Desk::add_music),
        yielding: desk.stem(Desk::yielding),
        effects: desk.stem(|desk, (at, _), block| desk.effects(at, block)),
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
    let stems = stems(&plan, &blobs);
    let music = stems.music;
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
        std::fs::read(dir.path().join("audio.nut")).unwrap()
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

/// Random numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    fn sample(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Something to hear: bursts of filtered noise like syllables, chords, or clicks over hiss.
    fn sound(&mut self, samples: usize, kind: i64) -> Vec<f32> {
        let level = 0.03 + 0.9 * (self.next() % 1000) as f32 / 1000.0;
        let (pitch, beat) = (
            self.within(80, 900) as f32,
            self.within(5000, 30_000) as usize,
        );
        let mut smooth = 0.0f32;
        (0..samples)
            .map(|n| {
                let noise = self.sample();
                smooth += 0.15 * (noise - smooth);
                let (t, within) = (n as f32 / 48e3, (n % beat) as f32 / beat as f32);
                let tone = |times: f32| (std::f32::consts::TAU * pitch * times * t).sin();
                level
                    * match kind {
                        0 => {
                            2.0 * smooth * (1.0 - within).powi(2) + 0.3 * tone(1.0) * (1.0 - within)
                        }
                        1 => 0.3 * (tone(1.0) + tone(1.25) + tone(1.5)),
                        _ if n % beat < 40 => noise,
                        _ => 0.02 * noise,
                    }
            })
            .collect()
    }
}

/// A random mix: one to three recordings spoken, mostly music, mostly sounds of clips and effects, any usual target.
fn random_mix(seed: u64, dir: &Path) -> (AudioPlan, Blobs) {
    let mut dice = Dice(seed);
    let samples = dice.within(3 * 48_000, 9 * 48_000);
    let mut plan = plan(samples);
    let mut blobs = Blobs::new();
    let mut keep = |number: u8, sound: &[f32]| {
        let path = dir.join(format!("{number}.wav"));
        wav::write(&path, &[sound], false).unwrap();
        blobs.insert(digest(number), path.to_string_lossy().into_owned());
        digest(number)
    };
    for voice in 0..dice.within(0, 3) as u8 {
        let (start, length) = (
            dice.within(0, samples - 24_000),
            dice.within(12_000, 96_000),
        );
        let sound = dice.sound(length as usize, 0);
        plan.voice.push(AudioClip {
            source: keep(voice, &sound),
            start: units(start),
            gain_mb: dice.within(-900, 300) as i32,
        });
        plan.speech.push(TimeRange::from_units(
            start,
            (start + length).min(samples),
            AUDIO_RATE,
        ));
    }
    plan.voice.sort_by_key(|clip| clip.start.value);
    plan.speech.sort_by_key(TimeRange::first);
    if plan.voice.is_empty() || dice.within(0, 3) > 0 {
        let (length, kind) = (dice.within(48_000, 500_000), dice.within(1, 2));
        let sound = dice.sound(length as usize, kind);
        plan.music = Some(MusicClip {
            source: keep(10, &sound),
            gain_mb: dice.within(-3000, 0) as i32,
            fade_in_ms: dice.within(0, 1000) as u32,
            fade_out_ms: dice.within(0, 2000) as u32,
            once: dice.within(0, 3) == 0,
        });
    }
    for number in 0..dice.within(0, 4) as u8 {
        let (length, kind) = (dice.within(2000, 200_000), dice.within(0, 2));
        let sound = dice.sound(length as usize, kind);
        let roles = [SoundRole::Clip, SoundRole::Under, SoundRole::Effect];
        plan.sounds.push(SoundClip {
            source: keep(20 + number, &sound),
            role: roles[dice.within(0, 2) as usize],
            start: units(dice.within(0, samples - 1)),
            from: units(dice.within(0, length / 2)),
            length: (dice.within(0, 1) == 0).then(|| units(dice.within(1000, 96_000))),
            gain_mb: dice.within(-2000, 300) as i32,
            fade_in_ms: dice.within(0, 300) as u32,
            fade_out_ms: dice.within(0, 300) as u32,
            speed_pm: (number == 3).then_some(1500),
            trimmed: dice.within(0, 1) == 0,
        });
    }
    plan.sounds.sort_by_key(|sound| sound.start.value);
    plan.loudness = LoudnessTarget {
        integrated_clufs: dice.within(-2300, -1400) as i32,
        true_peak_cdb: dice.within(-200, -100) as i32,
    };
    (plan, blobs)
}

/// Whatever the blocks: the same file, and the same facts; also of a part.
#[test]
fn blocks_of_any_length_give_the_same_mix() {
    for seed in [3, 5, 8, 13] {
        let dir = tempfile::tempdir().unwrap();
        let (plan, blobs) = random_mix(seed, dir.path());
        let mut request = request(plan);
        if seed == 5 {
            request.part = Some(SamplePart {
                from: 20_000,
                count: 70_001,
            });
        }
        let made = [1000, 4800, 48_000].map(|size| {
            let out = tempfile::tempdir().unwrap();
            let done = mix_in_blocks(&request, &blobs, (out.path(), size), &mut |_, _| {});
            let done = done.unwrap();
            let left: Vec<_> = std::fs::read_dir(out.path()).unwrap().collect();
            assert_eq!(left.len(), 1, "{left:?}");
            (
                done.facts,
                std::fs::read(out.path().join(&done.outputs["audio"])).unwrap(),
            )
        });
        assert!(made[0] == made[1] && made[0] == made[2], "seed {seed}");
    }
}

/// Measured on the AAC as a player decodes it, by a meter of its own.
#[test]
fn fifty_random_mixes_land_on_their_loudness_and_under_their_peak() {
    let mut wrong = Vec::new();
    let (mut furthest, mut highest) = (0.0f64, f64::NEG_INFINITY);
    for seed in 0..50 {
        let dir = tempfile::tempdir().unwrap();
        let (plan, blobs) = random_mix(seed, dir.path());
        let target = plan.loudness;
        let (heard, facts) = mixed(plan, &blobs);
        let mut timeline = heard;
        timeline.resize(facts.samples as usize);
        let meter = loudness::measure(&timeline).unwrap();
        let off = meter.integrated - f64::from(target.integrated_clufs) / 100.0;
        let over = meter.true_peak - f64::from(target.true_peak_cdb) / 100.0;
        furthest = furthest.max(off.abs());
        highest = highest.max(over);
        if off.abs() > 0.3 || over > 0.0 {
            wrong.push(format!(
                "seed {seed}: {off:+.2} LU, {over:+.2} dB, {target:?}"
            ));
        }
    }
    println!(
        "furthest from the target {furthest:.2} LU, highest peak {highest:+.2} dB against the limit"
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A codec that adds so much that no ceiling the tries come to is low enough, and one that stops doing so.
#[test]
fn what_no_try_brings_under_its_peak_is_refused() {
    let heard = |goal: Goal, added: f64| {
        Ok(Loudness {
            integrated: goal.integrated,
            true_peak: goal.ceiling + added,
        })
    };
    let target = LoudnessTarget::default();
    let mut tries = 0;
    let error = reach(target, |goal| {
        tries += 1;
        heard(goal, 10.0 * f64::from(tries))
    })
    .unwrap_err();
    assert_eq!(tries as usize, TRIES);
    let failure = WorkerFailure::from(error);
    assert_eq!(failure.class, FailureClass::Limit);
    assert!(failure.message.contains("-1.0 dBTP"), "{failure:?}");
    assert!(failure.hint.contains("true_peak"), "{failure:?}");
    let mild = reach(target, |goal| heard(goal, 2.0)).unwrap();
    assert!(mild.true_peak <= -1.0, "{mild:?}");
    // Under the peak but far from the loudness is the best there is, and says so in its facts.
    let quiet = reach(target, |goal| {
        Ok(Loudness {
            integrated: -20.0,
            true_peak: goal.ceiling,
        })
    });
    assert_eq!(quiet.unwrap().integrated, -20.0);
}

#[test]
fn the_sound_of_a_clip_makes_room_and_an_effect_does_not() {
    let Studio {
        _dir,
        mut blobs,
        mut plan,
    } = studio();
    plan.music = None;
    let hum = _dir.path().join("hum.wav");
    let sound = Dice(1).sound(48_000 * 12, 1);
    wav::write(&hum, &[&sound], false).unwrap();
    blobs.insert(digest(30), hum.to_string_lossy().into_owned());
    let clip = |role| SoundClip {
        source: digest(30),
        role,
        start: units(0),
        from: units(0),
        length: None,
        gain_mb: -600,
        fade_in_ms: 0,
        fade_out_ms: 0,
        speed_pm: None,
        trimmed: false,
    };
    plan.sounds = vec![clip(SoundRole::Clip), clip(SoundRole::Effect)];
    let sounds = stems(&plan, &blobs);
    let (spoken, pause) = (48_000..96_000, 48_000 * 6 + 24_000..48_000 * 7 + 24_000);
    let fall = rms_db(&sounds.yielding, pause.clone()) - rms_db(&sounds.yielding, spoken.clone());
    assert!((11.0..13.0).contains(&fall), "{fall}");
    let fall = rms_db(&sounds.effects, pause.clone()) - rms_db(&sounds.effects, spoken);
    assert!(fall.abs() < 1.0, "{fall}");
    let voice = loudness::integrated(&sounds.voice).unwrap();
    let effect = loudness::integrated(&sounds.effects).unwrap();
    assert!((voice - 6.0 - effect).abs() < 0.5, "{voice} {effect}");
}

#[test]
fn music_that_is_heard_once_ends() {
    let Studio {
        _dir,
        blobs,
        mut plan,
    } = studio();
    plan.music.as_mut().unwrap().once = true;
    let music = stems(&plan, &blobs).music;
    let tail = &music.left[48_000 * 8..];
    assert!(tail.iter().all(|sample| *sample == 0.0));
    assert!(music.left[..48_000 * 3].iter().any(|sample| *sample != 0.0));
}
