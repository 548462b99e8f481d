//! Looking at a video without making all of it, and what is told of one that is made: drafts, parts, frames, sheets, several
//! shapes, and films with something wrong in them.
#![allow(
    clippy::unwrap_used,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::Path;
use std::process::Command;

use fenta_tests::env::FentaEnv;
use fenta_tests::media;

/// A film of two sentences with captions in the style that is given.
fn film(style: &str, more: &str) -> String {
    format!(
        "fenta: workflow/v1\nname: film\nnodes:\n  \
         bg: {{ type: Input.Upload, with: {{ path: white.png }} }}\n  \
         voice: {{ type: Voice.TTS, with: {{ text: \"Bees dance to tell the others where the flowers are. They never need a map.\" }} }}\n  \
         captions: {{ type: Subtitle.Auto, with: {{ voice: \"${{{{ nodes.voice.voice }}}}\" }} }}\n  \
         cut: {{ type: Edit.Timeline, with: {{ template: ./own.yaml, clips: \"${{{{ nodes.bg.media }}}}\", voice: \"${{{{ nodes.voice.voice }}}}\", captions: \"${{{{ nodes.captions.captions }}}}\" }} }}\n{more}\
         {style}"
    )
}

const TEMPLATE: &str = "fenta: template/v1\nname: own\nversion: 1.0.0\nextends: quiet\ntracks:\n  - id: subs\n    kind: subtitles\n    style: STYLE\n";

const RENDER: &str = "  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: tiktok, verify: VERIFY } }\n  \
    save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: film.mp4, sidecars: [srt] } }\n\
    outputs:\n  video: ${{ nodes.save.path }}\n  notes: ${{ nodes.render.notes }}\n";

fn white(env: &FentaEnv) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i"])
        .args(["color=white:s=1080x1920", "-frames:v", "1"])
        .arg(env.work().join("white.png"))
        .status()
        .unwrap();
    assert!(status.success());
}

fn stage(style: &str, verify: &str) -> FentaEnv {
    let env = FentaEnv::new().unwrap();
    white(&env);
    env.write("own.yaml", &TEMPLATE.replace("STYLE", style))
        .unwrap();
    env.write("film.yaml", &film("", &RENDER.replace("VERIFY", verify)))
        .unwrap();
    env
}

fn frames(video: &Path) -> u64 {
    let stream = media::stream(video, "video").unwrap();
    stream["nb_read_frames"].as_str().unwrap().parse().unwrap()
}

fn size(picture: &Path) -> (u64, u64) {
    let stream = media::stream(picture, "video").unwrap();
    (
        stream["width"].as_u64().unwrap(),
        stream["height"].as_u64().unwrap(),
    )
}

const READABLE: &str = "{ preset: karaoke, outline: { width: 8, color: \"#000000\" } }";
const FAINT: &str = "{ preset: clean, color: \"#F4F4F4\", outline: { width: 0 }, shadow: { y: 0, blur: 0, color: \"#00000000\" }, highlight: { mode: none } }";
const LOW: &str = "{ preset: karaoke, outline: { width: 8, color: \"#000000\" }, position: { anchor: center, y: 1800 } }";

#[test]
fn a_film_is_looked_at_without_making_it_and_never_replaced_by_a_look() {
    let env = stage(READABLE, "true");
    let shot = ["snapshot", "film.yaml", "--at", "1s", "-o", "a.png"];
    let said = env.fenta(&shot).unwrap().expect_code(0).unwrap();
    let picture = said.paths().pop().unwrap();
    assert_eq!(size(&picture), (1080, 1920));
    assert!(!said.stderr.contains("segment"), "{}", said.stderr);
    let again = env.fenta(&shot).unwrap().expect_code(0).unwrap();
    assert!(again.stderr.contains("up to date"), "{}", again.stderr);
    let sheet = env
        .fenta(&[
            "snapshot",
            "film.yaml",
            "--contact-sheet",
            "--frames",
            "4",
            "--width",
            "960",
        ])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let (width, height) = size(&sheet.paths()[0]);
    assert!(width <= 960 && height < width, "{width} x {height}");

    let run = |more: &[&str]| {
        let args = [&["run", "film.yaml"], more].concat();
        let said = env.fenta(&args).unwrap().expect_code(0).unwrap();
        said.paths().remove(0)
    };
    let part = run(&["--range", "500ms..1.5s"]);
    assert!(part.ends_with("film-500ms-1.5s.mp4"), "{part:?}");
    assert_eq!(frames(&part), 30);
    let draft = run(&["--draft"]);
    assert!(draft.ends_with("film-draft.mp4"), "{draft:?}");
    assert_eq!(size(&draft), (360, 640));
    let whole = run(&[]);
    assert!(whole.ends_with("film.mp4"), "{whole:?}");
    assert_eq!(frames(&whole), frames(&draft));

    // What the snapshot shows is what the film shows: lossy encoding apart.
    let film = media::frame_rgb(&whole, 30).unwrap();
    let still = media::frame_rgb(&picture, 0).unwrap();
    let apart: u64 = film
        .iter()
        .zip(&still)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    let mean = apart as f64 / film.len() as f64;
    assert!(mean < 2.0, "the snapshot is {mean} levels from the film");
}

#[test]
fn captions_that_cannot_be_read_fail_a_strict_render_with_time_words_and_picture() {
    let env = stage(FAINT, "strict");
    let said = env
        .fenta(&["run", "film.yaml"])
        .unwrap()
        .expect_code(10)
        .unwrap();
    assert!(
        said.stderr.contains("is hard to read at"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("flowers"), "{}", said.stderr);
    let pictures: Vec<_> = std::fs::read_dir(env.work())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("video-fault-"))
        .collect();
    assert!(!pictures.is_empty(), "{}", said.stderr);
    assert_eq!(size(&pictures[0]), (1080, 1920));
    // With an outline the same white on white is read well.
    let good = stage(READABLE, "strict");
    good.fenta(&["run", "film.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
}

#[test]
fn captions_under_the_buttons_of_the_platform_are_told() {
    let env = stage(LOW, "true");
    // The template's own safe zone would keep them away from there.
    let own = TEMPLATE.replace("STYLE", LOW);
    env.write("own.yaml", &format!("{own}safe_zone: none\n"))
        .unwrap();
    let said = env
        .fenta(&["run", "film.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        said.stderr
            .contains("under the bottom of what tiktok leaves free"),
        "{}",
        said.stderr
    );
    assert!(!said.stderr.contains("hard to read"), "{}", said.stderr);
}

#[test]
fn a_second_shape_shares_ingest_voice_captions_and_sound() {
    let env = stage(READABLE, "true");
    let renders = "  tall: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: universal } }\n  \
        wide: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: square } }\n\
        outputs:\n  tall: ${{ nodes.tall.report.frames }}\n  wide: ${{ nodes.wide.report.frames }}\n";
    env.write("both.yaml", &film("", renders)).unwrap();
    env.fenta(&["run", "both.yaml", "--until", "tall"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let said = env
        .fenta(&["run", "both.yaml", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let events: Vec<serde_json::Value> = said
        .stdout
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let ran = |kind: &str| {
        let started = events
            .iter()
            .filter(|event| event["type"] == "action_started" && event["action"] == kind);
        started.count()
    };
    for shared in ["probe", "speak", "mix", "find_subject", "resolve_fonts"] {
        assert_eq!(ran(shared), 0, "the second shape made `{shared}` again");
    }
    assert!(
        ran("render_segment") > 0 && ran("mux") == 1,
        "{}",
        said.stdout
    );
}
