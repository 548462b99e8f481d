//! What a finished file shows, measured in its own pixels and samples: words light up when they are heard, and texts
//! that mean something to other programs are letters.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::{Path, PathBuf};

use fenta_templates::timeline::{SubtitleFormat, read_subtitles};
use fenta_tests::env::FentaEnv;
use fenta_tests::media;
use fenta_tests::worker::Workbench;
use fenta_workflows::action::{Action, ActionFacts, SpeakRequest, SpeechFacts};

const FRAME: f64 = 1.0 / 30.0;

/// A small canvas with captions whose active word has a colour nothing else has.
const TEMPLATE: &str = r##"fenta: template/v1
name: lit
canvas: { width: 360, height: 640, fps: 30, background: "#000000" }
safe_zone: none
placeholders:
  clips: { type: "media[]" }
  voice: { type: voice }
  captions: { type: captions }
  title: { type: text, max_chars: 200, default: "" }
tracks:
  - { id: v, kind: video, source: "${{ clips }}" }
  - { id: texts, kind: overlay, items: [{ id: title, type: text, text: "${{ title }}", style: { font: "Inter:700", size: 18, fit: wrap }, box: { anchor: top_left, x: 10, y: 10, w: 340, h: 160 }, time: all }] }
  - { id: subs, kind: subtitles, source: "${{ captions }}", style: { preset: karaoke, font: "Inter:800", size: 30, color: "#FFFFFF", max_chars: 20, highlight: { color: "#FF20E0" }, outline: { width: 2 }, position: { anchor: center, y: 420 } } }
"##;

/// An engine, one of its voices, and how a workflow asks for them.
type Speaker = (&'static str, &'static str, &'static str);

const FLITE: Speaker = ("flite", "slt", "engine: flite, voice: slt");

/// The workflow; texts go in as JSON strings, which YAML reads as they are.
fn workflow(text: &str, title: &str, speaker: Speaker) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    format!(
        r##"fenta: workflow/v1
name: on-screen
nodes:
  looks:  {{ type: Input.Motion, with: {{ looks: [solid], palette: ["#103020", "#204030"], count: 1 }} }}
  voice:  {{ type: Voice.TTS, with: {{ text: {}, {} }} }}
  words:  {{ type: Subtitle.Auto, with: {{ voice: "${{{{ nodes.voice.voice }}}}" }} }}
  cut:    {{ type: Edit.Timeline, with: {{ template: ./lit.yaml, clips: "${{{{ nodes.looks.media }}}}", voice: "${{{{ nodes.voice.voice }}}}", captions: "${{{{ nodes.words.captions }}}}", fill: {{ title: {} }} }} }}
  render: {{ type: Output.Render, with: {{ timeline: "${{{{ nodes.cut.timeline }}}}" }} }}
  file:   {{ type: Output.Download, with: {{ file: "${{{{ nodes.render.video }}}}", to: "out/film.mp4", sidecars: [srt, vtt, ass, words] }} }}
outputs: {{ video: "${{{{ nodes.file.path }}}}" }}
"##,
        quoted(text),
        speaker.2,
        quoted(title)
    )
}

/// Makes the film; its path.
fn film(env: &FentaEnv, text: &str, title: &str, speaker: Speaker) -> PathBuf {
    env.write("lit.yaml", TEMPLATE).unwrap();
    env.write("film.yaml", &workflow(text, title, speaker))
        .unwrap();
    env.fenta(&["run", "film.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    env.work().join("out/film.mp4")
}

fn words_of(film: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(film.with_extension("words.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["words"].as_array().unwrap().clone()
}

const SPOKEN: &str = "Honey never spoils and jars from old tombs were still good to eat \
    after three thousand years under the warm sand of a desert";

/// What the engine itself says of the text: the recording and the time of every word.
fn engine_says(engine: &str, voice: &str) -> (Vec<f32>, SpeechFacts) {
    let bench = Workbench::new().unwrap();
    let request = SpeakRequest {
        text: SPOKEN.into(),
        engine: engine.into(),
        voice: voice.into(),
        speed_pm: 1000,
    };
    let made = bench.run(Action::Speak(request)).unwrap();
    let ActionFacts::Speech(facts) = made.facts else {
        panic!("no speech facts");
    };
    (media::samples(&made.outputs["audio"]).unwrap(), facts)
}

/// Where in a film's sound a recording begins, seconds: the place where they go together best. Also how well.
fn begins(film: &[f32], recording: &[f32]) -> (f64, f64) {
    const EVERY: usize = 7;
    let length = recording.len().min(96_000);
    let product = |at: usize, every: usize| {
        let (mut ab, mut aa, mut bb) = (0.0_f64, 0.0_f64, 0.0_f64);
        for n in (0..length).step_by(every) {
            let (a, b) = (f64::from(film[at + n]), f64::from(recording[n]));
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
        ab / (aa * bb).sqrt().max(1e-9)
    };
    let best = |places: &mut dyn Iterator<Item = usize>, every| {
        places
            .map(|at| (at, product(at, every)))
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap()
    };
    let most = film.len().saturating_sub(length).min(48_000);
    let (near, _) = best(&mut (0..most).step_by(2), EVERY);
    let (at, how) = best(&mut (near.saturating_sub(20)..(near + 20).min(most)), 1);
    (at as f64 / 48_000.0, how)
}

/// The film's frames as RGB.
fn frames(film: &Path) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(film)
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Pixels of the highlight's colour in a word's boxes.
fn lit(frame: &[u8], word: &serde_json::Value) -> usize {
    let boxes = word["boxes"].as_array().unwrap().iter();
    boxes
        .map(|one| {
            let side = |name: &str| one[name].as_i64().unwrap().max(0) as usize;
            let (x, y, w, h) = (side("x"), side("y"), side("w"), side("h"));
            let inside =
                (y..(y + h).min(640)).flat_map(|y| (x..(x + w).min(360)).map(move |x| (x, y)));
            inside
                .filter(|(x, y)| {
                    let at = (y * 360 + x) * 3;
                    let (r, g, b) = (frame[at], frame[at + 1], frame[at + 2]);
                    r > 190 && g < 110 && b > 150
                })
                .count()
        })
        .sum()
}

#[test]
fn words_light_up_when_the_engine_says_them() {
    for speaker in [FLITE, ("espeak-ng", "en", "engine: espeak-ng")] {
        let (engine, voice, _) = speaker;
        let env = FentaEnv::new().unwrap();
        let film = film(&env, SPOKEN, "", speaker);
        let (recording, facts) = engine_says(engine, voice);
        let (start, how) = begins(&media::samples(&film).unwrap(), &recording);
        assert!(
            how > 0.9,
            "{engine}: the recording is not in the film ({how:.3})"
        );
        let (pixels, size) = (frames(&film), 360 * 640 * 3);
        let words = words_of(&film);
        assert_eq!(words.len(), facts.words.len());
        let mut worst = 0.0_f64;
        for (word, spoken) in words.iter().zip(&facts.words) {
            assert_eq!(word["text"], spoken.text);
            let first = word["start_frame"].as_i64().unwrap().max(3) as usize;
            let shown = (first - 3..first + 6).find(|frame| {
                let frame = pixels.get(frame * size..(frame + 1) * size);
                frame.is_some_and(|frame| lit(frame, word) > 12)
            });
            let shown = shown.unwrap_or_else(|| panic!("{engine}: {} is never lit", spoken.text));
            let said = start + spoken.start as f64 / f64::from(facts.sample_rate);
            let error = shown as f64 * FRAME - said;
            assert!(
                error.abs() < FRAME,
                "{engine}: `{}` is lit {:+.1} ms from when it is said",
                spoken.text,
                error * 1e3
            );
            worst = worst.max(error.abs());
        }
        println!(
            "{engine}: {} words, lit at most {:.1} ms from when they are said (found with {how:.3})",
            words.len(),
            worst * 1e3
        );
    }
}

/// Lines that filters, ASS, markup and shells would do something with.
const HOSTILE: [&str; 4] = [
    "hi',drawtext=textfile='/etc/hostname",
    "%{localtime} 100%{eif:1/0:d} $(reboot) ;id| <b>bold</b> &amp; -->",
    "it's 12:30; [top] = {x} \\N \\h \\n back\\slash , comma",
    "{\\fscx10000\\t(0,999999,\\frz99999)}ASS override {\\p1}m 0 0 l 100000 0{\\p0}",
];
const HOSTILE_TITLE: &str =
    "x'[a];movie='white-1x1.jpg'[b];[a][b]overlay,drawtext=text='%{localtime}";

#[test]
fn hostile_texts_go_through_a_whole_run_as_letters() {
    let env = FentaEnv::new().unwrap();
    let text = HOSTILE.join(" and then ");
    let film = film(&env, &text, HOSTILE_TITLE, FLITE);
    let written: Vec<&str> = text.split_whitespace().collect();
    let words = words_of(&film);
    let shown: Vec<&str> = words
        .iter()
        .map(|word| word["text"].as_str().unwrap())
        .collect();
    assert_eq!(shown, written);
    // SRT has no way to say that `<b>` is a text: it holds what was written.
    let srt = std::fs::read_to_string(film.with_extension("srt")).unwrap();
    let lines = srt
        .trim()
        .split("\n\n")
        .flat_map(|block| block.lines().skip(2));
    let told: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    assert_eq!(told, written, "srt");
    for (ending, format) in [("vtt", SubtitleFormat::Vtt), ("ass", SubtitleFormat::Ass)] {
        let text = std::fs::read_to_string(film.with_extension(ending)).unwrap();
        let read = read_subtitles(&text, Some(format)).unwrap();
        assert!(read.skipped.is_empty(), "{ending}: {:?}", read.skipped);
        let told: Vec<String> = read
            .subtitles
            .iter()
            .flat_map(|one| &one.lines)
            .flat_map(|line| line.split_whitespace())
            .map(|word| word.replace('\u{2060}', ""))
            .collect();
        assert_eq!(told, written, "{ending}");
    }
    // Backslashes have something between them and what follows: another program would take them for commands.
    let ass = std::fs::read_to_string(film.with_extension("ass")).unwrap();
    for line in ass.lines().filter(|line| line.starts_with("Dialogue:")) {
        for command in ["\\fscx", "\\p1", "\\t(", "\\N ", "\\h "] {
            assert!(!line.contains(command), "{line}");
        }
    }
    // Nothing of it asks for the time: another run gives the same file.
    let first = std::fs::read(&film).unwrap();
    env.fenta(&["run", "film.yaml", "--no-cache"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(std::fs::read(&film).unwrap(), first);
    // And the title is what makes the difference in its corner.
    let plain = FentaEnv::new().unwrap();
    let other = HOSTILE_TITLE.replace("overlay", "overlaz");
    let another = self::film(&plain, &text, &other, FLITE);
    let corner = |film: &Path| media::frame_rgb(film, 20).unwrap()[..360 * 180 * 3].to_vec();
    assert!(
        corner(&film) != corner(&another),
        "one letter of the title is not seen"
    );
}
