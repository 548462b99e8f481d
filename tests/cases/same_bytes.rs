//! One workflow, one result: whatever surrounds a run, every file it publishes has the same bytes.
//!
//! A small film with everything that could let the surroundings in: speech, music, captions, a title, a clip and a still
//! of the user's, a blend, a cover, sidecars. It is made in the plainest way, then in every other way of the table.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use fenta_tests::env::{FentaEnv, follow_until};

const TEMPLATE: &str = r##"fenta: template/v1
name: tiny
extends: daily
canvas: { width: 180, height: 320, fps: 30 }
safe_zone: none
theme: { fonts: { caption: "Inter:800", title: "Inter:800" } }
audio: { clips: keep }
tracks:
  - id: brand
    kind: overlay
    items:
      - { id: logo, remove: true }
      - { id: title, style: { size: 24, outline: { width: 1 } }, box: { anchor: top, x: 0, y: 12, w: 160, h: 80 } }
  - { id: subs, kind: subtitles, style: { size: 24, outline: { width: 2 }, max_chars: 12, max_lines: 1, position: { anchor: center, y: 190 } } }
"##;

const WORKFLOW: &str = r#"fenta: workflow/v1
name: same
inputs:
  text: { type: text, default: "The first sentence is spoken here. Then the second one follows. And the third one ends it." }
nodes:
  script:  { type: Script.Transform, with: { text: "${{ inputs.text }}" } }
  looks:   { type: Input.Motion, with: { looks: [gradient, bokeh], palette: ocean, count: 2 } }
  own:     { type: Input.Upload, with: { path: ./own } }
  voice:   { type: Voice.TTS, with: { script: "${{ nodes.script.script }}" } }
  words:   { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  music:   { type: Input.Music, with: { mood: calm } }
  cut:     { type: Edit.Timeline, with: { template: ./tiny.yaml, clips: "${{ concat(nodes.own.media, nodes.looks.media) }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", music: "${{ nodes.music.audio }}", fill: { title: "Same: it's 100%" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", title: "Same" } }
  cover:   { type: Output.Cover, with: { timeline: "${{ nodes.cut.timeline }}", at: 500 } }
  file:    { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: "out/same.mp4", sidecars: [srt, vtt, ass, words, "${{ nodes.cover.image }}"] } }
outputs: { video: "${{ nodes.file.path }}" }
"#;

const ANOTHER_TEXT: &str =
    "text=The first sentence is another. Then the second one follows. And the third one ends it.";

/// Makes the user's own files once: every place gets copies of them.
fn own_files(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, arguments) in [
        (
            "1 clip.mp4",
            "-f lavfi -i testsrc2=s=160x120:r=25:d=3 -f lavfi -i sine=330:d=3 -c:v libx264 -c:a aac -pix_fmt yuv420p",
        ),
        (
            "2 still.png",
            "-f lavfi -i mandelbrot=s=200x150 -frames:v 1",
        ),
    ] {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(arguments.split(' '))
            .arg(folder.join(name))
            .status()
            .unwrap();
        assert!(made.success(), "{name}");
    }
}

/// A place with the documents and the files in it.
fn place(own: &Path, jobs: u32) -> FentaEnv {
    let env = FentaEnv::new().unwrap().with_jobs(jobs);
    env.write("tiny.yaml", TEMPLATE).unwrap();
    env.write("same.yaml", WORKFLOW).unwrap();
    let into = env.work().join("own");
    std::fs::create_dir(&into).unwrap();
    for entry in own.read_dir().unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, into.join(path.file_name().unwrap())).unwrap();
    }
    env
}

/// Runs the workflow in a place as it is.
fn run(env: &FentaEnv, more: &[&str]) {
    let mut arguments = vec!["run", "same.yaml"];
    arguments.extend(more);
    env.fenta(&arguments).unwrap().expect_code(0).unwrap();
}

/// Every published file by name, as a hash.
fn published(env: &FentaEnv) -> BTreeMap<String, String> {
    let folder = env.work().join("out");
    let files = folder.read_dir().unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let hash = blake3::hash(&std::fs::read(&path).unwrap());
        (name, hash.to_hex().to_string())
    });
    files.collect()
}

/// Runs with a changed environment, and a mask for new files.
fn run_as(env: &FentaEnv, variables: &[(&str, &str)], mask: &str) {
    let fenta = env.command("fenta").unwrap();
    let program = fenta.get_program().to_owned();
    let mut shell = Command::new("/bin/sh");
    shell.env_clear();
    for (key, value) in fenta.get_envs() {
        if let Some(value) = value {
            shell.env(key, value);
        }
    }
    let script = format!("umask {mask}; exec \"$0\" run same.yaml");
    let output = shell
        .envs(variables.iter().copied())
        .current_dir(env.work())
        .args(["-c", &script])
        .arg(program)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{variables:?}: {said}");
}

/// Killed in the middle of the render as by a power cut, then started again.
fn run_interrupted(env: &FentaEnv) {
    let mut command = env.command("fenta").unwrap();
    let mut child = command
        .args(["run", "--json", "same.yaml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    follow_until(&mut child, "action_finished", 1).unwrap();
    env.kill_daemon().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    run(env, &[]);
}

#[test]
fn the_same_workflow_gives_the_same_bytes_wherever_and_however_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    own_files(&own);
    let plain = place(&own, 2);
    run(&plain, &[]);
    let wanted = published(&plain);
    assert_eq!(wanted.len(), 6, "{wanted:?}");

    let mut wrong = Vec::new();
    let mut check = |way: &str, env: &FentaEnv| {
        let seen = published(env);
        let other: Vec<&String> = wanted
            .iter()
            .filter(|(name, hash)| seen.get(*name) != Some(hash))
            .map(|(name, _)| name)
            .collect();
        println!("{way}: {} files, other: {other:?}", seen.len());
        if !other.is_empty() || seen.len() != wanted.len() {
            wrong.push(format!("{way}: {other:?}"));
        }
    };

    // Every place lies at a path of its own.
    for jobs in [1, 7] {
        let env = place(&own, jobs);
        run(&env, &[]);
        check(&format!("{jobs} segments at once"), &env);
    }
    for (way, variables, mask) in [
        (
            "far east, Turkish, a narrow mask",
            [
                ("TZ", "Pacific/Kiritimati"),
                ("LC_ALL", "tr_TR.UTF-8"),
                ("USER", "ayşe"),
                ("LANG", "tr_TR.UTF-8"),
            ],
            "077",
        ),
        (
            "far west, German, a wide mask",
            [
                ("TZ", "America/Los_Angeles"),
                ("LC_ALL", "de_DE.UTF-8"),
                ("USER", "root"),
                ("LANG", "C"),
            ],
            "002",
        ),
        (
            "a zone of half hours, no locale",
            [
                ("TZ", "Asia/Kolkata"),
                ("LC_ALL", "POSIX"),
                ("USER", ""),
                ("LANGUAGE", "ja"),
            ],
            "022",
        ),
    ] {
        let env = place(&own, 2);
        let elsewhere = env.work().join("another home, with spaces");
        std::fs::create_dir(&elsewhere).unwrap();
        let home = elsewhere.to_string_lossy().into_owned();
        let all: Vec<(&str, &str)> = variables
            .into_iter()
            .chain([("HOME", home.as_str())])
            .collect();
        run_as(&env, &all, mask);
        check(way, &env);
    }
    let killed = place(&own, 2);
    run_interrupted(&killed);
    check("killed and started again", &killed);
    // The cache is warm with another text, then half of this one is there already.
    let warm = place(&own, 2);
    run(&warm, &["-p", ANOTHER_TEXT]);
    assert_ne!(published(&warm), wanted, "another text is another film");
    run(&warm, &[]);
    check("after another text", &warm);
    std::fs::remove_dir_all(warm.work().join("out")).unwrap();
    run(&warm, &[]);
    check("from the cache alone", &warm);
    run(&warm, &["--no-cache"]);
    check("without the cache", &warm);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
