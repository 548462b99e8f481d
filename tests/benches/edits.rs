//! What it costs to render a cut again after an edit, and longer, smaller or in another shape, as shares of a cold render.
//!
//! The programs do it as a user would: `fenta run`, state on disk, a daemon that stays. The clips are those of the
//! reference workload (`FENTA_BENCH_MEDIA`, `../shared/bench/media` when unset). `FENTA_BENCH_LONG=1` adds ten minutes of
//! a hundred scenes, which takes about as long as it is. Each figure stands beside its bar; one that is missed is marked.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fenta_tests::env::FentaEnv;
use fenta_tests::media;
use fenta_tests::memory::MemoryWatch;

const SCENES: usize = 10;
const LONG_SCENES: usize = 100;
const ROUNDS: usize = 5;

fn main() {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/bench/media");
    let media = std::env::var_os("FENTA_BENCH_MEDIA").map_or(default, PathBuf::from);
    if !media.join("clip0.mp4").is_file() {
        println!(
            "skipped: no reference sources in {}; set FENTA_BENCH_MEDIA",
            media.display()
        );
        return;
    }
    let per_second = edits(&media);
    inserted(&media);
    draft(&media);
    if std::env::var_os("FENTA_BENCH_LONG").is_some() {
        long(&media, per_second);
    } else {
        println!("skipped: ten minutes of a hundred scenes; set FENTA_BENCH_LONG=1");
    }
}

/// A figure beside its bar.
fn told(what: &str, figure: f64, bar: f64, unit: &str) {
    let verdict = if figure <= bar { "" } else { "  MISSED" };
    println!("{what:<44} {figure:8.3} {unit:<8} bar {bar}{verdict}");
}

/// Runs the cut; how long it took, seconds.
fn run(env: &FentaEnv, workflow: &str, parameters: &[&str]) -> f64 {
    let mut arguments = vec!["run", workflow];
    for parameter in parameters {
        arguments.extend(["-p", parameter]);
    }
    let began = Instant::now();
    let said = env.fenta(&arguments).unwrap();
    let took = began.elapsed().as_secs_f64();
    said.expect_code(0).unwrap();
    took
}

/// One word of the captions, the music, nothing at all, another shape; the cold time per second of output.
fn edits(media: &Path) -> f64 {
    let env = place(media, SCENES);
    env.write("prepare.yaml", PREPARE).unwrap();
    run(&env, "prepare.yaml", &[]);
    let subtitles = env.work().join("out/talk.srt");
    env.write("cut.yaml", &workflow(SUBTITLES)).unwrap();
    let cold = run(&env, "cut.yaml", &[]);
    let length = seconds(&env);
    println!("cold: {cold:.1} s for {length:.1} s of video in {SCENES} scenes");

    let mut again: Vec<f64> = (0..ROUNDS).map(|_| run(&env, "cut.yaml", &[])).collect();
    again.sort_by(f64::total_cmp);
    told("nothing changed", again[ROUNDS / 2], 0.3, "s");

    let text = fs::read_to_string(&subtitles).unwrap();
    assert!(
        text.contains("seven"),
        "the words are not what was spoken: {text}"
    );
    fs::write(&subtitles, text.replacen("seven", "eleven", 1)).unwrap();
    told(
        "one word of a caption",
        run(&env, "cut.yaml", &[]) / cold,
        0.08,
        "of cold",
    );
    told(
        "other music",
        run(&env, "cut.yaml", &["mood=driving"]) / cold,
        0.10,
        "of cold",
    );
    told(
        "a second shape",
        run(&env, "cut.yaml", &["profile=square"]) / cold,
        0.8,
        "of cold",
    );
    cold / length
}

/// One more scene before all others: in a cut whose scenes are all treated alike, and in one that counts them (fades at every
/// third, stills that move to and fro, every second film closer), where most scenes change with their number.
fn inserted(media: &Path) {
    let counts = FOOTAGE.matches(COUNTED).count() + FOOTAGE.matches(ALTERNATE).count();
    assert_eq!(counts, 2, "the template counts in other words");
    let alike = FOOTAGE.replace(COUNTED, "").replace(ALTERNATE, STEADY);
    insert(media, "a scene before ten others", &alike);
    insert(media, "the same, scenes treated by number", FOOTAGE);
}

const FOOTAGE: &str = include_str!("../../templates/library/footage.yaml");
const COUNTED: &str = ", every: 3";
const ALTERNATE: &str = "alternate: true }";
const STEADY: &str = "alternate: false }\n    video: { punch_in: 1.06, every: 1 }";

fn insert(media: &Path, what: &str, template: &str) {
    let env = place(media, SCENES);
    env.write("own.yaml", template).unwrap();
    let own = workflow(CAPTIONS).replace("template: footage", "template: ./own.yaml");
    env.write("cut.yaml", &own).unwrap();
    let cold = run(&env, "cut.yaml", &[]);
    // Not one of the ten: of a file that is shown twice, another part is shown later.
    let more = fs::canonicalize(media.join("clip4.mp4")).unwrap();
    symlink(more, env.work().join("clips/000.mp4")).unwrap();
    let text = format!("{} {}", sentence(99), script(SCENES));
    env.write("script.txt", &text).unwrap();
    let after = run(&env, "cut.yaml", &[]);
    told(what, after / cold, 0.2, "of cold");
}

/// The small quick kind, from an empty cache as well.
fn draft(media: &Path) {
    let cold = |parameters: &[&str]| {
        let env = place(media, SCENES);
        env.write("cut.yaml", &workflow(CAPTIONS)).unwrap();
        run(&env, "cut.yaml", parameters)
    };
    let (small, full) = (cold(&["profile=draft"]), cold(&[]));
    told("a draft", small / full, 0.25, "of cold");
}

/// Ten minutes of a hundred scenes.
fn long(media: &Path, per_second: f64) {
    let env = place(media, LONG_SCENES);
    env.write("cut.yaml", &workflow(CAPTIONS)).unwrap();
    let state = env.state().join("fentad.json");
    let daemon = move || {
        let text = fs::read_to_string(&state).unwrap_or_default();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let pid = value["pid"]
            .as_i64()
            .and_then(|pid| i32::try_from(pid).ok());
        pid.into_iter().collect()
    };
    let watch = MemoryWatch::start(daemon);
    let cold = run(&env, "cut.yaml", &[]);
    let (length, peak) = (seconds(&env), watch.peak_mib());
    println!("long: {cold:.0} s for {length:.0} s of video in {LONG_SCENES} scenes");
    told(
        "memory of the daemon and all workers",
        peak * 1.048_576,
        700.0,
        "MB",
    );
    told(
        "time per second of video, beside the short",
        cold / length / per_second,
        1.1,
        "",
    );
}

/// The length of the finished video.
fn seconds(env: &FentaEnv) -> f64 {
    let picture = media::stream(&env.work().join("out/cut.mp4"), "video").unwrap();
    let frames: f64 = picture["nb_read_frames"].as_str().unwrap().parse().unwrap();
    frames / 30.0
}

/// A machine with clips and a script.
fn place(media: &Path, scenes: usize) -> FentaEnv {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let env = FentaEnv::new()
        .unwrap()
        .with_jobs(u32::try_from(cores).unwrap_or(1));
    fs::create_dir(env.work().join("clips")).unwrap();
    for index in 0..scenes {
        link(media, &env, index, &format!("clips/{:03}.mp4", index + 1));
    }
    env.write("script.txt", &script(scenes)).unwrap();
    env
}

/// A clip under a name of its own.
fn link(media: &Path, env: &FentaEnv, index: usize, name: &str) {
    let sources = [
        "clip0.mp4",
        "image0.jpg",
        "clip1.mp4",
        "clip2.mp4",
        "image1.jpg",
        "clip3.mp4",
    ];
    let source = fs::canonicalize(media.join(sources[index % sources.len()])).unwrap();
    let end = source.extension().unwrap().to_string_lossy().into_owned();
    symlink(&source, env.work().join(name).with_extension(end)).unwrap();
}

/// Sentences of about three seconds (six in the long cut), each with its own number.
fn script(scenes: usize) -> String {
    let mut text = String::new();
    for index in 0..scenes {
        write!(text, "{} ", sentence(index)).unwrap();
        if scenes == LONG_SCENES {
            text.truncate(text.len() - 2);
            text.push_str(", and it goes on for as long as there are more words to say about it. ");
        }
    }
    text
}

fn sentence(index: usize) -> String {
    const NUMBERS: [&str; 10] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    ];
    let (tens, ones) = (index / 10, index % 10);
    let number = if tens == 0 {
        NUMBERS[ones].to_owned()
    } else {
        format!("{} after {}", NUMBERS[ones], NUMBERS[tens])
    };
    format!("This is scene number {number} of a cut that is made again.")
}

/// Speaks the script once and writes its captions down, so that they can be edited without the voice.
const PREPARE: &str = "fenta: workflow/v1
name: prepare
nodes:
  text: { type: Input.Text, with: { file: script.txt } }
  script: { type: Script.Transform, with: { text: \"${{ nodes.text.text }}\" } }
  voice: { type: Voice.TTS, with: { script: \"${{ nodes.script.script }}\" } }
  captions: { type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }
  save: { type: Output.Download, with: { file: \"${{ nodes.captions.srt }}\", to: out/talk.srt } }
";
const CAPTIONS: &str = "{ type: Subtitle.Auto, with: { voice: \"${{ nodes.voice.voice }}\" } }";
const SUBTITLES: &str =
    "{ type: Subtitle.Import, with: { file: out/talk.srt, voice: \"${{ nodes.voice.voice }}\" } }";

fn workflow(captions: &str) -> String {
    format!(
        "fenta: workflow/v1
name: cut
inputs:
  mood: {{ type: enum, of: [calm, driving], default: calm }}
  profile: {{ type: enum, of: [universal, square, draft], default: universal }}
nodes:
  footage: {{ type: Input.Upload, with: {{ path: ./clips }} }}
  text: {{ type: Input.Text, with: {{ file: script.txt }} }}
  script: {{ type: Script.Transform, with: {{ text: \"${{{{ nodes.text.text }}}}\" }} }}
  voice: {{ type: Voice.TTS, with: {{ script: \"${{{{ nodes.script.script }}}}\" }} }}
  captions: {captions}
  music: {{ type: Input.Music, with: {{ mood: \"${{{{ inputs.mood }}}}\" }} }}
  cut:
    type: Edit.Timeline
    with:
      template: footage
      clips: ${{{{ nodes.footage.media }}}}
      voice: ${{{{ nodes.voice.voice }}}}
      captions: ${{{{ nodes.captions.captions }}}}
      music: ${{{{ nodes.music.audio }}}}
  render: {{ type: Output.Render, with: {{ timeline: \"${{{{ nodes.cut.timeline }}}}\", profile: \"${{{{ inputs.profile }}}}\" }} }}
  save: {{ type: Output.Download, with: {{ file: \"${{{{ nodes.render.video }}}}\", to: out/cut.mp4 }} }}
"
    )
}
