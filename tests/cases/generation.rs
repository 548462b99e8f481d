//! Pictures and clips that models make: kie, fal and the pictures of the OpenAI dialect against fakes, the sandbox, and a
//! generated clip in a rendered short. What was paid for is never paid for twice, whatever dies in between.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, Trouble, Vendor, fal, generated, kie, openai_images};
use fenta_tests::media;

const KEY: &str = "sk-generation-51c0de";

/// The exit code of a job that waits for a person.
const PAUSED: i32 = 13;

/// A vendor that makes pictures.
struct Row {
    vendor: &'static str,
    base: &'static str,
    fake: Vendor,
    key: Option<&'static str>,
    /// How its key is sent, where it has one.
    word: &'static str,
    /// Questions until a picture is here.
    questions: usize,
    charges: bool,
}

const ROWS: &[Row] = &[
    Row {
        vendor: "kie",
        base: "",
        fake: kie::vendor,
        key: Some("KIE_API_KEY"),
        word: "Bearer ",
        questions: 3,
        charges: true,
    },
    Row {
        vendor: "fal",
        base: "",
        fake: fal::vendor,
        key: Some("FAL_KEY"),
        word: "Key ",
        questions: 4,
        charges: true,
    },
    Row {
        vendor: "openai",
        base: "/v1",
        fake: openai_images::vendor,
        key: Some("OPENAI_API_KEY"),
        word: "Bearer ",
        questions: 1,
        charges: true,
    },
    Row {
        vendor: "sd-server",
        base: "/v1",
        fake: openai_images::vendor,
        key: None,
        word: "",
        questions: 1,
        charges: false,
    },
];

const PICTURE: &str = "\
nodes:
  still: { type: Input.KAI.GenerateImage, with: { prompt: \"a green field\" } }
outputs: { width: \"w${{ nodes.still.images[0].facts.width }}\" }
";

struct Bench {
    env: FentaEnv,
    fake: Fake,
}

impl Bench {
    fn new(row: &Row) -> Self {
        Self::asking(row, &format!("image: [\"{}\"]", row.vendor), PICTURE)
    }

    /// kie with a document of its own.
    fn kie(providers: &str, nodes: &str) -> Self {
        Self::asking(&ROWS[0], providers, nodes)
    }

    fn asking(row: &Row, providers: &str, nodes: &str) -> Self {
        let fake = Fake::start(row.fake).unwrap();
        let mut env = FentaEnv::new().unwrap();
        if let Some(variable) = row.key {
            env = env.with_variable(variable, KEY);
        }
        env.configure(&format!(
            "[providers.{}]\nbase_url = \"{}{}\"\ntimeout_seconds = 20\n",
            row.vendor,
            fake.url(),
            row.base
        ))
        .unwrap();
        let patient = "retry: { attempts: 3, backoff: 20ms..50ms }, type: Input.KAI";
        let nodes = nodes.replace("type: Input.KAI", patient);
        let text = format!("fenta: workflow/v1\nproviders: {{ {providers} }}\n{nodes}");
        env.write("w.yaml", &text).unwrap();
        Self { env, fake }
    }

    fn run(&self) -> Said {
        self.env.fenta(&["run", "w.yaml"]).unwrap()
    }

    fn begin(&self) -> Child {
        let mut command = self.env.command("fenta").unwrap();
        command.args(["run", "w.yaml"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Calls of a path so far.
    fn asked(&self, path: &str) -> usize {
        let heard = self.fake.heard();
        heard.iter().filter(|one| one.path.contains(path)).count()
    }

    fn wait_for(&self, path: &str) {
        let begun = Instant::now();
        while self.asked(path) == 0 {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{path} is never asked"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn every_vendor_makes_a_picture_once_and_its_key_goes_to_nobody_else() {
    for row in ROWS {
        let bench = Bench::new(row);
        let said = bench.run().expect_code(0).unwrap();
        assert!(said.stderr.contains("w180"), "{}: {said:?}", row.vendor);
        let heard = bench.fake.heard();
        assert_eq!(heard.len(), row.questions, "{}: {heard:?}", row.vendor);
        for one in &heard {
            let is_file = one.path.starts_with("/files/");
            let wanted = row
                .key
                .filter(|_| !is_file)
                .map(|_| format!("{}{KEY}", row.word));
            assert_eq!(
                one.header("authorization"),
                wanted.as_deref(),
                "{}",
                one.path
            );
        }
        bench.run().expect_code(0).unwrap();
        assert_eq!(bench.fake.heard().len(), row.questions, "it is remembered");
        assert_eq!(bench.fake.charged(), 1);
    }
}

#[test]
fn what_passes_is_tried_again_and_what_is_lost_is_never_paid_for_twice() {
    for row in ROWS {
        for trouble in [
            Trouble::Status(429, Some("1"), r#"{"code":429,"msg":"slow down"}"#),
            Trouble::Status(500, None, "oops"),
            Trouble::Status(503, None, ""),
        ] {
            let bench = Bench::new(row);
            bench.fake.plan([trouble.clone()]);
            let said = bench.run().expect_code(0).unwrap();
            assert!(
                said.stderr.contains("w180"),
                "{} {trouble:?}: {said:?}",
                row.vendor
            );
            assert_eq!(bench.fake.charged(), 1, "{} after {trouble:?}", row.vendor);
        }
        for trouble in [
            Trouble::Cut,
            Trouble::Truncated,
            Trouble::Status(504, None, ""),
        ] {
            let bench = Bench::new(row);
            bench.fake.plan([trouble.clone()]);
            let said = bench.run();
            if row.charges {
                let said = said.expect_code(PAUSED).unwrap();
                assert!(said.stderr.contains("fenta job resolve"), "{said:?}");
                assert_eq!(
                    bench.fake.heard().len(),
                    1,
                    "{} after {trouble:?}",
                    row.vendor
                );
            } else {
                said.expect_code(0).unwrap();
            }
        }
    }
}

#[test]
fn a_no_is_told_and_nothing_follows_a_call_to_another_server() {
    for row in ROWS {
        for (trouble, wanted) in [
            (
                Trouble::Status(
                    401,
                    None,
                    r#"{"error":{"message":"bad key sk-generation-51c0de"}}"#,
                ),
                "does not take the key",
            ),
            (Trouble::Status(402, None, "{}"), "wants to be paid first"),
            (
                Trouble::Instead("text/html", "<html>Log in</html>"),
                "a page came",
            ),
            (
                Trouble::Instead(
                    "application/json",
                    r#"{"code":402,"error":{"code":402,"message":"no credits"}}"#,
                ),
                "no credits",
            ),
            (Trouble::Huge(80 << 20), "are taken"),
        ] {
            let bench = Bench::new(row);
            bench
                .fake
                .plan(vec![trouble.clone(); if row.charges { 1 } else { 3 }]);
            let said = bench.run();
            let told = said.code != 0 && said.stderr.contains(wanted);
            assert!(told, "{} {trouble:?}: {said:?}", row.vendor);
            let silent = row.key.is_none() || !said.stderr.contains(KEY);
            assert!(silent, "{said:?}");
        }
        let other = Fake::start(row.fake).unwrap();
        let bench = Bench::new(row);
        bench
            .fake
            .plan([Trouble::Redirect(307, format!("{}/x", other.url()))]);
        let said = bench.run();
        assert!(
            said.code != 0 && said.stderr.contains("redirects to"),
            "{said:?}"
        );
        assert!(other.heard().is_empty(), "{:?}", other.heard());
    }
}

#[test]
fn a_daemon_that_dies_while_a_model_works_goes_on_and_pays_once() {
    for row in &ROWS[..2] {
        let bench = Bench::new(row);
        for _ in 0..4 {
            bench.fake.say("WORKING");
        }
        let mut child = bench.begin();
        bench.wait_for(if row.vendor == "kie" {
            "recordInfo"
        } else {
            "/status"
        });
        bench.env.kill_daemon().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let said = bench.run().expect_code(0).unwrap();
        assert!(said.stderr.contains("w180"), "{}: {said:?}", row.vendor);
        assert_eq!(bench.fake.charged(), 1, "{}", row.vendor);
        // The same work, asked about by its name, and its result once.
        let heard = bench.fake.heard();
        let count = |method: &str, part: &str| {
            let is =
                |one: &&fenta_tests::fakes::Heard| one.method == method && one.path.contains(part);
            heard.iter().filter(is).count()
        };
        assert_eq!(
            (count("POST", ""), count("GET", "/files/")),
            (1, 1),
            "{heard:?}"
        );
        let asked = heard
            .iter()
            .filter(|one| one.method == "GET" && !one.path.contains("/files/"));
        let names: Vec<bool> = asked
            .map(|one| one.everything().contains("task-1-png") || one.path.contains("req-1"))
            .collect();
        assert!(
            names.len() >= 5 && names.iter().all(|same| *same),
            "{heard:?}"
        );
    }
}

#[test]
fn odd_answers_about_work_that_is_paid_are_asked_for_again() {
    for (row, lines, questions) in [
        // JSON inside JSON that ends in the middle.
        (&ROWS[0], &["BROKEN"][..], &["recordInfo", "recordInfo"][..]),
        // An address that has ended: asked for anew, and then for a fresh one.
        (&ROWS[0], &["OLD"], &["recordInfo", "recordInfo"]),
        (
            &ROWS[0],
            &["OLD", "OLD"],
            &["recordInfo", "recordInfo", "download-url"],
        ),
        // A page in the place of a file.
        (&ROWS[0], &["PAGE"], &["recordInfo"]),
        (&ROWS[1], &["OLD"], &["/status", "/requests/"]),
    ] {
        let bench = Bench::new(row);
        for line in lines {
            bench.fake.say(line);
        }
        let said = bench.run();
        let said = if lines == ["PAGE"] {
            // It is not what was asked for; where it lies was written down, so that is asked again and nothing else.
            assert!(
                said.code != 0 && said.stderr.contains("that are no picture"),
                "{said:?}"
            );
            bench.run()
        } else {
            said
        };
        if lines != ["PAGE"] {
            let said = said.expect_code(0).unwrap();
            assert!(said.stderr.contains("w180"), "{lines:?}: {said:?}");
        }
        for path in questions {
            let wanted = questions.iter().filter(|one| *one == path).count();
            assert!(bench.asked(path) >= wanted, "{lines:?}: {path}");
        }
        assert_eq!(bench.fake.charged(), 1, "{} {lines:?}", row.vendor);
    }
}

#[test]
fn what_a_model_will_not_make_is_told_in_its_words() {
    for row in &ROWS[..2] {
        let bench = Bench::new(row);
        bench.fake.say("FAIL the prompt is not allowed");
        let said = bench.run();
        assert!(
            said.code != 0 && said.stderr.contains("the prompt is not allowed"),
            "{said:?}"
        );
        assert_eq!(
            bench.fake.charged(),
            1,
            "{}: it is not tried again",
            row.vendor
        );
    }
}

const CLIP: &str = "\
nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"a bee\", image: field.png, model: MODEL, seconds: 6 } }
outputs: { name: \"${{ nodes.hero.video.name }}\" }
";

#[test]
fn a_first_frame_is_uploaded_and_each_model_is_asked_in_its_own_words() {
    for (model, path, key, seconds) in [
        ("hailuo", "/jobs/createTask", "image_url", "\"6\""),
        ("veo3_fast", "/veo/generate", "imageUrls", "6"),
        ("kai:kling/3.0", "/jobs/createTask", "image_urls", "\"6\""),
        ("c-dance", "/jobs/createTask", "first_frame_url", "6"),
    ] {
        let bench = Bench::kie(
            "video: [kie]",
            &CLIP.replace("MODEL", &format!("\"{model}\"")),
        );
        std::fs::write(bench.env.work().join("field.png"), generated::picture()).unwrap();
        bench.run().expect_code(0).unwrap();
        let heard = bench.fake.heard();
        assert_eq!(heard[0].path, "/api/file-stream-upload", "{model}");
        let create = heard.iter().find(|one| one.path.ends_with(path)).unwrap();
        let asked = create.json();
        let input = if asked["input"].is_object() {
            &asked["input"]
        } else {
            &asked
        };
        assert!(
            input[key].to_string().contains("https://files.example/1"),
            "{model}: {input}"
        );
        assert_eq!(input["duration"].to_string(), seconds, "{model}");
        assert_eq!(bench.fake.charged(), 1);
    }
    // What a model cannot do is told before anything is sent.
    let bench = Bench::kie("video: [kie]", &CLIP.replace("MODEL", "runway"));
    std::fs::write(bench.env.work().join("field.png"), generated::picture()).unwrap();
    let said = bench.run();
    assert!(said.code != 0 && bench.fake.heard().is_empty(), "{said:?}");
}

#[test]
fn a_model_that_has_ended_is_replaced_and_it_is_told() {
    let nodes = "\
nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"a bee\", model: sora, seconds: 8 } }
outputs: { name: \"${{ nodes.hero.video.name }}\" }
";
    let bench = Bench::kie("video: [kie]", nodes);
    let planned = bench.env.fenta(&["plan", "w.yaml", "--json"]).unwrap();
    let said = bench.run().expect_code(0).unwrap();
    assert_eq!(bench.asked("/veo/generate"), 1);
    let told = "ended on 2026-09-24: kie:veo3_fast takes its place";
    assert!(
        format!("{}{}", planned.stdout, planned.stderr).contains(told),
        "{planned:?}"
    );
    assert!(
        format!("{}{}", said.stdout, said.stderr).contains(told),
        "{said:?}"
    );
}

const SHORT: &str = "\
nodes:
  still: { type: Input.KAI.GenerateImage, with: { prompt: \"a green field in the evening\" } }
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"a bee takes off from a sunflower\", seconds: 4 } }
  script: { type: Script.Transform, with: { mode: split, text: \"Bees dance. The dance is a map.\" } }
  voice: { type: Voice.TTS, with: { script: \"${{ nodes.script.script }}\" } }
  cut: { type: Edit.Timeline, with: { template: footage, clips: [\"${{ nodes.hero.video }}\", \"${{ nodes.still.images[0] }}\"], voice: \"${{ nodes.voice.voice }}\" } }
  render: { type: Output.Render, with: { timeline: \"${{ nodes.cut.timeline }}\", profile: draft } }
  save: { type: Output.Download, with: { file: \"${{ nodes.render.video }}\", to: short.mp4 } }
outputs: { video: \"${{ nodes.save.path }}\" }
";

/// The mean colour of a band of a frame's middle.
fn middle(video: &Path, frame: u64) -> [u64; 3] {
    let stream = media::stream(video, "video").unwrap();
    let width = usize::try_from(stream["width"].as_u64().unwrap()).unwrap();
    let height = usize::try_from(stream["height"].as_u64().unwrap()).unwrap();
    let rgb = media::frame_rgb(video, frame).unwrap();
    let mut sums = [0; 3];
    let mut count = 0;
    for y in height / 3..height / 3 + 8 {
        for x in width / 3..width / 2 {
            for (channel, sum) in sums.iter_mut().enumerate() {
                *sum += u64::from(rgb[(y * width + x) * 3 + channel]);
            }
            count += 1;
        }
    }
    sums.map(|sum| sum / count)
}

#[test]
fn a_generated_clip_is_seen_in_a_rendered_short() {
    let bench = Bench::kie("image: [kie], video: [\"kie:bytedance/seedance-2\"]", SHORT);
    let said = bench.run().expect_code(0).unwrap();
    let video = said
        .paths()
        .into_iter()
        .find(|path| path.ends_with("short.mp4"))
        .unwrap();
    for frame in [12, 40] {
        let [r, g, b] = middle(&video, frame);
        assert!(
            g > 2 * r && g > 2 * b && g > 80,
            "frame {frame} is {r} {g} {b}"
        );
    }
    assert_eq!(bench.fake.charged(), 2);
    bench.run().expect_code(0).unwrap();
    assert_eq!(bench.fake.charged(), 2, "nothing is asked for again");
}

#[test]
fn the_sandbox_needs_no_key_and_is_asked_only_where_it_is_named() {
    let head = "fenta: workflow/v1\nnetwork: local-only\n";
    let env = FentaEnv::new().unwrap();
    let named = format!("{head}providers: {{ image: [kie, sandbox], video: [sandbox] }}\n{SHORT}");
    env.write("w.yaml", &named).unwrap();
    let said = env
        .fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let video = said
        .paths()
        .into_iter()
        .find(|path| path.ends_with("short.mp4"))
        .unwrap();
    // Its bands above and below are yellow.
    let stream = media::stream(&video, "video").unwrap();
    let width = usize::try_from(stream["width"].as_u64().unwrap()).unwrap();
    let rgb = media::frame_rgb(&video, 12).unwrap();
    let at = (4 * width + width / 2) * 3;
    assert!(
        rgb[at] > 180 && rgb[at + 1] > 140 && rgb[at + 2] < 90,
        "{:?}",
        &rgb[at..at + 3]
    );
    let nobody = format!("{head}{SHORT}");
    env.write("nobody.yaml", &nobody).unwrap();
    let said = env.fenta(&["run", "nobody.yaml"]).unwrap();
    assert!(said.code != 0, "nothing is drawn in silence: {said:?}");
}
