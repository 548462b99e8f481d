//! The worker as it really runs: a process that confines itself, given jobs on its standard input.
//!
//! What is asked here is that the sandbox lets every kind of work through, and that the hostile files of the corpus get
//! nothing. `attack.rs` asks the other half: that it lets nothing else through.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use fenta_templates::time::RationalTime;
use fenta_templates::timeline::{
    AUDIO_RATE, AudioClip, AudioPlan, Ducking, FontRequest, LoudnessTarget, MusicClip,
};
use fenta_workflows::action::{
    Action, ActionFacts, AlignWordsRequest, AudioEncoding, ComposeMusicRequest, MixRequest,
    ProbeRequest, ResolveFontsRequest, Rung, SpeakRequest,
};
use fenta_workflows::digest::blob_digest;
use fenta_workflows::worker::{
    FailureClass, SandboxLevel, WorkerEvent, WorkerFailure, WorkerJob, WorkerVersion,
};

fn worker() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenta-render"));
    command.env_clear();
    command
}

/// Has one action done by a process of its own; its outputs stay in `out`.
fn run(action: Action, files: &[&Path], out: &Path) -> Result<ActionFacts, WorkerFailure> {
    let blobs: BTreeMap<_, _> = files
        .iter()
        .map(|path| {
            let digest = blob_digest(&std::fs::read(path).unwrap());
            (digest, path.to_str().unwrap().to_owned())
        })
        .collect();
    let job = WorkerJob {
        action,
        blobs,
        output_dir: out.to_str().unwrap().to_owned(),
        then: Vec::new(),
        parent: Some(std::process::id()),
    };
    let mut child = worker()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = serde_json::to_vec(&job).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let last = said.lines().last().unwrap_or_default();
    match serde_json::from_str(last) {
        Ok(WorkerEvent::Done { facts, .. }) => Ok(facts),
        Ok(WorkerEvent::Failed(failure)) => Err(failure),
        other => panic!(
            "{other:?}, {}, {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

fn version() -> WorkerVersion {
    let output = worker().arg("--version-json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn speak(engine: &str, voice: &str, text: &str) -> Action {
    Action::Speak(SpeakRequest {
        text: text.to_owned(),
        engine: engine.to_owned(),
        voice: voice.to_owned(),
        speed_pm: 1000,
    })
}

#[test]
fn it_says_how_far_it_is_confined_and_starts_at_once() {
    let version = version();
    println!("{:?}", version.sandbox);
    if Path::new("/proc/self/status").exists() {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        assert_eq!(version.sandbox.calls, status.contains("Seccomp:"));
    }
    assert!(!version.tool().contains("sandbox"));
    let begun = Instant::now();
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let job = Action::ComposeMusic(ComposeMusicRequest {
            seed: 1,
            mood: "none such".to_owned(),
            bpm: 90,
            duration_ms: 1000,
        });
        assert!(run(job, &[], folder.path()).is_err());
    }
    println!("start, refuse and end: {:?}", begun.elapsed() / 5);
}

#[test]
fn both_engines_speak_inside_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let spoken = run(speak("flite", "slt", "Held back."), &[], folder.path()).unwrap();
    assert!(matches!(spoken, ActionFacts::Speech(facts) if facts.words.len() == 2));
    let installed = ["/usr/bin", "/usr/local/bin"]
        .iter()
        .any(|folder| Path::new(folder).join("espeak-ng").exists());
    let german = run(speak("espeak-ng", "de", "Guten Tag."), &[], folder.path());
    match german {
        Ok(ActionFacts::Speech(facts)) => assert_eq!(facts.words.len(), 2),
        Err(failure) if !installed => assert_eq!(failure.class, FailureClass::Unsupported),
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_are_found_in_a_recording_inside_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let text = "The bees dance all day long.";
    run(speak("flite", "slt", text), &[], folder.path()).unwrap();
    let recording = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .next()
        .unwrap();
    let source = blob_digest(&std::fs::read(&recording).unwrap());
    let action = Action::AlignWords(Box::new(AlignWordsRequest {
        source,
        text: text.to_owned(),
        language: "en".to_owned(),
        heard: Vec::new(),
    }));
    let facts = run(action, &[&recording], folder.path()).unwrap();
    let ActionFacts::Speech(found) = facts else {
        panic!("{facts:?}");
    };
    assert_eq!(found.words.len(), 6);
    if Path::new("/usr/share/pocketsphinx/model/en-us").is_dir() {
        assert_eq!(found.rung, Rung::Aligned);
    } else {
        println!("the model of the aligner is not installed");
        assert_eq!(found.rung, Rung::Proportional);
    }
}

#[test]
fn fonts_are_found_and_handed_over_inside_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let action = Action::ResolveFonts(ResolveFontsRequest {
        fonts: vec![FontRequest {
            family: "Inter".to_owned(),
            weight: 700,
        }],
    });
    let facts = run(action, &[], folder.path()).unwrap();
    assert!(matches!(facts, ActionFacts::Fonts(faces) if faces.len() == 1));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A file that is not named by the job is as if it were not there, even for the worker's own code.
#[test]
fn a_path_beside_the_jobs_is_refused() {
    if version().sandbox.level() != SandboxLevel::Full {
        println!("skipped: this kernel holds nothing back");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (given, secret) = (folder.path().join("given"), folder.path().join("secret"));
    std::fs::write(&given, "x").unwrap();
    std::fs::write(&secret, "y").unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    // A link among the blobs is granted for what it leads to when the job starts, not for where it lies.
    let facts = run(
        Action::Probe(ProbeRequest {
            source: blob_digest(b"x"),
            name: "given".to_owned(),
        }),
        &[&given],
        &out,
    );
    assert!(facts.unwrap_err().message.contains("given"));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let music = Action::ComposeMusic(ComposeMusicRequest {
        seed: 1,
        mood: "calm".to_owned(),
        bpm: 90,
        duration_ms: 1000,
    });
    assert!(run(music, &[], &elsewhere).is_ok());
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
}

/// A recording of so many seconds in one channel: a tone that comes and goes.
fn recording(path: &Path, seconds: u32) {
    let samples = seconds * 48_000;
    let mut bytes = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    bytes.extend(48_000u32.to_le_bytes());
    bytes.extend(96_000u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((samples * 2).to_le_bytes());
    for n in 0..samples {
        let wave = (n % 100) as i16 * 200 - 10_000;
        let sample = if n / 24_000 % 3 == 0 { wave / 8 } else { wave };
        bytes.extend(sample.to_le_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

/// The most memory, MiB, that a process held that did an action.
fn memory_of(action: &Action, files: &[&Path], out: &Path) -> u64 {
    let blobs = files.iter().map(|path| {
        let digest = blob_digest(&std::fs::read(path).unwrap());
        (digest, path.to_str().unwrap().to_owned())
    });
    let job = WorkerJob {
        action: action.clone(),
        blobs: blobs.collect(),
        output_dir: out.to_str().unwrap().to_owned(),
        then: Vec::new(),
        parent: Some(std::process::id()),
    };
    let mut child = worker()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text = serde_json::to_vec(&job).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = high.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) / 1024);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(child.wait().unwrap().success());
    most
}

/// A long soundtrack takes no more memory than a short one: what is heard lies on disk, where the sandbox lets it.
#[test]
fn a_long_mix_is_not_held_in_memory() {
    if !Path::new("/proc/self/status").exists() {
        println!("skipped: this system does not tell what a process holds");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice.wav");
    recording(&path, 60);
    let source = blob_digest(&std::fs::read(&path).unwrap());
    let took = [60, 300].map(|seconds: i64| {
        let out = tempfile::tempdir().unwrap();
        let at = |seconds| RationalTime::new(seconds * 48_000, AUDIO_RATE);
        let clip = |number: i64| AudioClip {
            source,
            start: at(number * 20),
            gain_mb: -600,
        };
        let mix = Action::Mix(MixRequest {
            plan: AudioPlan {
                duration: at(seconds),
                voice: (0..seconds / 20).map(clip).collect(),
                speech: Vec::new(),
                music: Some(MusicClip {
                    source,
                    gain_mb: -2000,
                    fade_in_ms: 300,
                    fade_out_ms: 1500,
                    once: false,
                }),
                sounds: Vec::new(),
                ducking: Ducking::default(),
                loudness: LoudnessTarget::default(),
            },
            encoding: AudioEncoding {
                encoder: "pcm_s16le".to_owned(),
                bitrate_kbps: 192,
            },
            part: None,
        });
        let took = memory_of(&mix, &[&path], out.path());
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1);
        took
    });
    println!(
        "mixing a minute takes {} MiB, five minutes {} MiB",
        took[0], took[1]
    );
    assert!(took[1] > 0 && took[1] <= 120, "{took:?}");
    assert!(took[1] <= took[0] + 16, "{took:?}");
}

fn hostile() -> Option<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus/media/_made_here_hostile");
    if !corpus.is_dir() {
        println!("skipped: no corpus beside the checkout");
        return None;
    }
    Some(corpus)
}

#[test]
fn hostile_playlists_read_nothing() {
    let Some(corpus) = hostile() else { return };
    let mut playlists = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let out = tempfile::tempdir().unwrap();
        let probe = Action::Probe(ProbeRequest {
            source: blob_digest(&std::fs::read(&path).unwrap()),
            name: name.clone(),
        });
        let answer = run(probe, &[&path], out.path());
        println!("{name}: {answer:?}");
        if name.ends_with(".mp4") || name.starts_with("svg") {
            playlists += 1;
            let failure = answer.unwrap_err();
            // A playlist is refused for what it is, the rest for what it does not hold.
            let named = name.starts_with("svg") || failure.message.contains("a playlist");
            let class = if named {
                FailureClass::Unsupported
            } else {
                FailureClass::Input
            };
            assert_eq!(failure.class, class, "{name}: {failure:?}");
        }
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 0, "{name}");
    }
    assert!(playlists >= 9, "{playlists}");
}
