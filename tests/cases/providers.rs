//! Every adapter against its vendor, played by a fake over real HTTP: a real daemon, a real config.toml, real trouble.
//!
//! A vendor has one row in [`ROWS`]; every row goes through the same list of troubles.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{
    Fake, Heard, Trouble, Vendor, elevenlabs, fal, feed, generated, kie, openai_chat,
    openai_images, openai_speech, pexels, pixabay, tones,
};

/// The key of every test; it must be found nowhere but in the header of a call.
const KEY: &str = "sk-conformance-7f3a9c";

/// The exit code of a job that waits for a person.
const PAUSED: i32 = 13;

/// Put before the type of every node: what passes is tried again, and soon.
const PATIENT: &str = "retry: { attempts: 3, backoff: 20ms..50ms }, type: ";

/// A vendor in a role.
#[derive(Clone, Copy)]
struct Row {
    vendor: &'static str,
    /// What stands after the fake's address in `base_url`.
    base: &'static str,
    fake: Vendor,
    /// The variable of its key; none for servers at home.
    key: Option<&'static str>,
    /// Where the key is found in a call.
    sent: fn(&Heard) -> Option<String>,
    /// Whether it charges.
    charges: bool,
    /// The role it is asked in.
    role: &'static str,
    /// The model it is asked for; its usual one where this is empty.
    model: &'static str,
    /// Calls that its work takes.
    calls: usize,
    /// Which of them, counted from nothing, is the one that is paid and that trouble comes to.
    paid: usize,
    /// The workflow's `providers` and `nodes`.
    document: &'static str,
    /// A part of what is printed when it worked.
    printed: &'static str,
}

const SCRIPT: &str = "\
nodes:
  script: { type: Script.Generate, with: { brief: \"Why bees dance.\", duration: 20s } }
outputs: { title: \"${{ nodes.script.title }}\" }
";

const ROWS: &[Row] = &[
    chat("openai", "gpt-6", Some("OPENAI_API_KEY")),
    chat(
        "openrouter",
        "openai/gpt-6-luna",
        Some("OPENROUTER_API_KEY"),
    ),
    chat("ollama", "qwen3:8b", None),
    chat("lmstudio", "qwen3", None),
    chat("llama-cpp", "default", None),
    Row {
        sent: |heard| heard.header("xi-api-key").map(str::to_owned),
        // The model of this one says which form it takes.
        model: "eleven_flash_v2_5",
        ..voice("elevenlabs", elevenlabs::vendor, Some("ELEVENLABS_API_KEY"))
    },
    voice("openai", openai_speech::vendor, Some("OPENAI_API_KEY")),
    voice("kokoro", openai_speech::vendor, None),
    voice("speaches", openai_speech::vendor, None),
    ear("openai", "/v1", Some("OPENAI_API_KEY")),
    ear("speaches", "/v1", None),
    ear("whisper-cpp", "", None),
    Row {
        vendor: "pexels",
        base: "/v1",
        fake: pexels::vendor,
        key: Some("PEXELS_API_KEY"),
        sent: |heard| heard.header("authorization").map(str::to_owned),
        charges: false,
        role: "stock",
        model: "",
        calls: 2,
        paid: 0,
        document: FOOTAGE,
        printed: "Author 101",
    },
    Row {
        vendor: "pixabay",
        base: "/api",
        fake: pixabay::vendor,
        key: Some("PIXABAY_API_KEY"),
        sent: |heard| heard.parameter("key"),
        charges: false,
        role: "stock",
        model: "",
        calls: 2,
        paid: 0,
        document: FOOTAGE,
        printed: "Coverr",
    },
    picture("kie", "", kie::vendor, Some("KIE_API_KEY"), 3),
    Row {
        sent: worded_key,
        ..picture("fal", "", fal::vendor, Some("FAL_KEY"), 4)
    },
    picture(
        "openai",
        "/v1",
        openai_images::vendor,
        Some("OPENAI_API_KEY"),
        1,
    ),
    picture("sd-server", "/v1", openai_images::vendor, None, 1),
    Row {
        role: "video",
        document: CLIP,
        printed: "made ",
        ..picture("kie", "", kie::vendor, Some("KIE_API_KEY"), 3)
    },
    Row {
        sent: worded_key,
        role: "video",
        document: CLIP,
        printed: "made ",
        ..picture("fal", "", fal::vendor, Some("FAL_KEY"), 4)
    },
    // The clip that is changed is uploaded first, for nothing.
    Row {
        role: "edit",
        paid: 1,
        document: CHANGE,
        printed: "made ",
        ..picture("kie", "", kie::vendor, Some("KIE_API_KEY"), 4)
    },
    Row {
        vendor: "feed",
        base: "",
        fake: feed::vendor,
        key: None,
        sent: bearer_key,
        charges: false,
        role: "feed",
        model: "",
        calls: 1,
        paid: 0,
        document: NEWS,
        printed: "Harbour",
    },
];

/// Vendors and roles without a row: a drawing of ours and a folder of the user's call nobody, and a message is sent by every
/// job anew, which has cases of its own (`webhooks`).
const WITHOUT_A_ROW: [&str; 4] = [
    "sandbox image",
    "sandbox video",
    "local stock",
    "webhook webhook",
];

const PICTURE: &str = "\
nodes:
  still: { type: Input.KAI.GenerateImage, with: { prompt: \"bees in a green field\" } }
outputs: { width: \"w${{ nodes.still.images[0].facts.width }}\" }
";

const CLIP: &str = "\
nodes:
  hero: { type: Input.KAI.GenerateVideo, with: { prompt: \"bees in a green field\" } }
outputs: { name: \"made ${{ nodes.hero.video.name }}\" }
";

const CHANGE: &str = "\
nodes:
  mine: { type: Input.Upload, with: { path: mine.mp4 } }
  hero: { type: Input.KAI.EditVideo, with: { video: \"${{ nodes.mine.media[0] }}\", mode: restyle, prompt: \"bees as paper cuts\" } }
outputs: { name: \"made ${{ nodes.hero.video.name }}\" }
";

const NEWS: &str = "\
nodes:
  news: { type: Input.Feed, with: { url: \"HERE/rss.xml\", match: \"ferry bees\" } }
outputs: { items: \"${{ json(nodes.news.items) }}\" }
";

const fn picture(
    vendor: &'static str,
    base: &'static str,
    fake: Vendor,
    key: Option<&'static str>,
    calls: usize,
) -> Row {
    Row {
        base,
        fake,
        role: "image",
        model: "",
        calls,
        document: PICTURE,
        printed: "w180",
        ..chat(vendor, "", key)
    }
}

fn bearer_key(heard: &Heard) -> Option<String> {
    let sent = heard.header("authorization")?;
    Some(sent.strip_prefix("Bearer ")?.to_owned())
}

fn worded_key(heard: &Heard) -> Option<String> {
    let sent = heard.header("authorization")?;
    Some(sent.strip_prefix("Key ")?.to_owned())
}

impl Row {
    /// Calls of one piece of work that a vendor would charge for, as its fake counts them.
    fn charged(&self) -> u32 {
        u32::from(!matches!(self.role, "stock" | "feed"))
    }

    /// What goes wrong with the call that is paid.
    fn plan(&self, fake: &Fake, trouble: &Trouble) {
        fake.plan(vec![Trouble::None; self.paid]);
        fake.plan([trouble.clone()]);
    }
}

const SPEECH: &str = "\
nodes:
  voice: { type: Voice.TTS, with: { text: \"The bees dance all day long.\" } }
outputs: { said: \"bees: ${{ nodes.voice.timing }}\" }
";

const HEARING: &str = "\
nodes:
  talk: { type: Input.Music, with: { file: talk.wav } } # bees
  captions: { type: Subtitle.Auto, with: { audio: \"${{ nodes.talk.audio }}\" } }
outputs: { said: \"${{ json(nodes.captions.words) }}\" }
";

const fn voice(vendor: &'static str, fake: Vendor, key: Option<&'static str>) -> Row {
    Row {
        fake,
        role: "speech",
        document: SPEECH,
        printed: "bees: ",
        ..chat(vendor, "", key)
    }
}

const fn ear(vendor: &'static str, base: &'static str, key: Option<&'static str>) -> Row {
    Row {
        base,
        fake: openai_speech::vendor,
        role: "transcribe",
        document: HEARING,
        printed: "dance",
        ..chat(vendor, "", key)
    }
}

const FOOTAGE: &str = "\
nodes:
  footage: { type: Input.Stock, with: { query: \"bees dancing\", quality: sd } }
outputs: { author: \"${{ nodes.footage.attribution[0].author }}\" }
";

const fn chat(vendor: &'static str, _model: &'static str, key: Option<&'static str>) -> Row {
    Row {
        vendor,
        base: "/v1",
        fake: openai_chat::vendor,
        key,
        sent: bearer_key,
        charges: key.is_some(),
        role: "llm",
        model: "a-model",
        calls: 1,
        paid: 0,
        document: SCRIPT,
        printed: "Why bees dance",
    }
}

/// A daemon that is configured for a row, and its vendor.
struct Bench {
    env: FentaEnv,
    fake: Fake,
}

impl Bench {
    fn new(row: &Row) -> Self {
        let fake = Fake::start(row.fake).unwrap();
        let mut env = FentaEnv::new().unwrap();
        if let Some(variable) = row.key {
            env = env.with_variable(variable, KEY);
        }
        // What is asked where a document says has no address of its own.
        let place = match row.role {
            "feed" => "hosts = [\"127.0.0.1\"]".to_owned(),
            _ => format!("base_url = \"{}{}\"", fake.url(), row.base),
        };
        let models = match row.model {
            "" => String::new(),
            model => format!("models = {{ {} = \"{model}\" }}\n", row.role),
        };
        env.configure(&format!(
            "[providers.{}]\n{place}\n{models}timeout_seconds = 4\n",
            row.vendor,
        ))
        .unwrap();
        let nodes = row
            .document
            .replace("type: ", PATIENT)
            .replace("HERE", &fake.url());
        let asked = match row.role {
            // Nobody else reads feeds, so nobody is named for it.
            "feed" => String::new(),
            role => format!("providers: {{ {role}: [\"{}\"] }}\n", row.vendor),
        };
        let document = format!("fenta: workflow/v1\n{asked}{nodes}");
        env.write("w.yaml", &document).unwrap();
        let talk = tones::samples(&tones::words("The bees dance all day long.", 1.0), 16_000);
        let talk = tones::wav(&talk, 16_000, false);
        std::fs::write(env.work().join("talk.wav"), talk).unwrap();
        if row.role == "edit" {
            std::fs::write(env.work().join("mine.mp4"), generated::clip()).unwrap();
        }
        Self { env, fake }
    }

    fn run(&self) -> Said {
        self.env.fenta(&["run", "w.yaml"]).unwrap()
    }
}

#[test]
fn every_vendor_has_a_row_for_every_role() {
    let env = FentaEnv::new().unwrap();
    let said = env.fenta(&["providers", "ls", "--json"]).unwrap();
    let said = said.expect_code(0).unwrap();
    let mut listed = BTreeSet::new();
    for line in said.stdout.lines() {
        let vendor: serde_json::Value = serde_json::from_str(line).unwrap();
        for role in vendor["roles"].as_array().unwrap() {
            let role = role["role"].as_str().unwrap();
            listed.insert(format!("{} {role}", vendor["vendor"].as_str().unwrap()));
        }
    }
    let rows = ROWS
        .iter()
        .map(|row| format!("{} {}", row.vendor, row.role));
    let tried: BTreeSet<String> = rows.chain(WITHOUT_A_ROW.map(str::to_owned)).collect();
    assert_eq!(tried, listed, "a row for each, and each once");
    assert_eq!(tried.len(), ROWS.len() + WITHOUT_A_ROW.len());
}

#[test]
fn every_vendor_does_its_work_and_is_asked_once_for_the_same() {
    for row in ROWS {
        let bench = Bench::new(row);
        let said = bench.run().expect_code(0).unwrap();
        assert!(
            said.stderr.contains(row.printed),
            "{}: {said:?}",
            row.vendor
        );
        let heard = bench.fake.heard();
        assert_eq!(heard.len(), row.calls, "{}: {heard:?}", row.vendor);
        let sent = (row.sent)(&heard[0]);
        assert_eq!(sent.as_deref(), row.key.map(|_| KEY), "{}", row.vendor);
        for other in &heard[1..] {
            match other.path.starts_with("/files/") {
                true => assert!(!other.everything().contains(KEY), "{other:?}"),
                false => assert_eq!((row.sent)(other), row.key.map(|_| KEY.to_owned())),
            }
        }
        bench.run().expect_code(0).unwrap();
        assert_eq!(
            bench.fake.heard().len(),
            row.calls,
            "{}: it is remembered",
            row.vendor
        );
        assert_eq!(bench.fake.charged(), row.charged(), "{}", row.vendor);
    }
}

#[test]
fn what_passes_is_tried_again_and_nothing_is_charged_twice() {
    let busy = r#"{"error":{"message":"slow down","type":"rate_limit","code":"rate_limited"}}"#;
    for row in ROWS {
        for trouble in [
            Trouble::Status(429, None, busy),
            Trouble::Status(429, Some("1"), busy),
            Trouble::Status(500, None, "oops"),
            Trouble::Status(503, Some("1"), ""),
        ] {
            let bench = Bench::new(row);
            row.plan(&bench.fake, &trouble);
            let said = bench.run().expect_code(0).unwrap();
            assert!(
                said.stderr.contains(row.printed),
                "{}: {said:?}",
                row.vendor
            );
            let charged = (bench.fake.heard().len(), bench.fake.charged());
            let wanted = (row.calls + row.paid + 1, row.charged());
            assert_eq!(charged, wanted, "{} after {trouble:?}", row.vendor);
        }
    }
}

/// A document that asks for a language model somewhere.
fn asking(providers: &str, nodes: &str) -> String {
    format!("fenta: workflow/v1\nproviders: {{ llm: [{providers}] }}\n{nodes}")
}

const BOTH: &str = "\"openrouter:openai/gpt-6-luna\", \"ollama:qwen3:8b\"";

#[test]
fn without_a_provider_the_refusal_says_what_would_help() {
    let env = FentaEnv::new().unwrap();
    let nodes = "\
nodes:
  short: { type: Script.Transform, with: { text: \"Bees dance every day.\", mode: compress } }
outputs: { title: \"${{ nodes.short.text }}\" }
";
    env.write("w.yaml", &asking(BOTH, nodes)).unwrap();
    let said = env
        .fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(10)
        .unwrap();
    for wanted in [
        "no provider configured for role `llm`: asked for openrouter:openai/gpt-6-luna, ollama:qwen3:8b",
        "openrouter has no key",
        "ollama is not configured",
        "fenta auth provider add openrouter",
        "write [providers.ollama] into your config.toml",
        "Input.Text",
    ] {
        assert!(said.stderr.contains(wanted), "{wanted}: {}", said.stderr);
    }
}

#[test]
fn without_a_model_a_script_is_an_outline_that_says_so() {
    let env = FentaEnv::new().unwrap();
    env.write("w.yaml", &asking(BOTH, SCRIPT)).unwrap();
    let said = env
        .fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(said.stderr.contains("Why bees dance"), "{said:?}");
    assert!(
        said.stderr.contains("no language model wrote this")
            && said.stderr.contains("openrouter has no key"),
        "{said:?}"
    );
}

#[test]
fn the_first_that_is_configured_is_asked_and_the_plan_says_so_before() {
    let bench = Bench::new(&ROWS[2]);
    let both = "\"openrouter:openai/gpt-6-luna\", \"ollama:qwen3:8b\", \"lmstudio:x\"";
    bench.env.write("w.yaml", &asking(both, SCRIPT)).unwrap();
    let told = "ollama:qwen3:8b is asked: openrouter has no key";
    let plan = bench
        .env
        .fenta(&["plan", "w.yaml", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        plan.stdout.contains("ollama:qwen3:8b") && plan.stdout.contains("openrouter has no key"),
        "{plan:?}"
    );
    let said = bench.run().expect_code(0).unwrap();
    assert!(said.stderr.contains(told), "{said:?}");
    assert_eq!(bench.fake.heard()[0].json()["model"], "qwen3:8b");
}

#[test]
fn a_model_that_has_ended_is_replaced_by_the_one_the_table_names() {
    let bench = Bench::new(&ROWS[1]);
    let document = asking("\"openai:gpt-5\"", SCRIPT);
    bench.env.write("w.yaml", &document).unwrap();
    // The user knows better than the table that ships, here about the day.
    let own = r#"{"models":[{"id":"openai:gpt-5","roles":["llm"],"retires":"2026-11-01","substitute":"openrouter:openai/gpt-6-luna"}]}"#;
    std::fs::write(bench.env.config().join("prices.json"), own).unwrap();
    let said = bench.run().expect_code(0).unwrap();
    assert!(
        said.stderr.contains(
            "openai:gpt-5 ended on 2026-11-01: openrouter:openai/gpt-6-luna takes its place"
        ),
        "{said:?}"
    );
    assert_eq!(bench.fake.heard()[0].json()["model"], "openai/gpt-6-luna");
}

#[test]
fn an_answer_that_does_not_keep_to_the_form_is_mended_once_and_paid_for_twice() {
    let bench = Bench::new(&ROWS[1]);
    bench.fake.say("Here is your script!");
    bench.run().expect_code(0).unwrap();
    let heard = bench.fake.heard();
    assert_eq!((heard.len(), bench.fake.charged()), (2, 2));
    let again = heard[1].json()["messages"].to_string();
    assert!(again.contains("not the JSON object"), "{again}");
    let usage = bench
        .env
        .fenta(&["usage", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        usage.stdout.contains("0.00246"),
        "what the vendor says wins: {usage:?}"
    );

    let bench = Bench::new(&ROWS[1]);
    bench
        .fake
        .say("LENGTH {\"title\":\"T\",\"scenes\":[{\"text\":\"Cut");
    bench.run().expect_code(0).unwrap();
    let rooms: Vec<_> = bench
        .fake
        .heard()
        .iter()
        .map(|heard| heard.json()["max_tokens"].clone())
        .collect();
    assert_eq!(rooms, [4000, 8000]);

    let bench = Bench::new(&ROWS[1]);
    bench.fake.say("no");
    bench.fake.say("still no");
    let said = bench.run();
    assert!(
        said.code == 10 && said.stderr.contains("also not after it was asked again"),
        "{said:?}"
    );
    assert_eq!(bench.fake.heard().len(), 2);
}

#[test]
fn a_stored_key_is_used_listed_tried_and_forgotten_without_being_shown() {
    let mut row = ROWS[1];
    row.key = None;
    let bench = Bench::new(&row);
    let mut add = bench.env.command("fenta").unwrap();
    add.args(["auth", "provider", "add", "openrouter", "--key-stdin"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = add.spawn().unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        format!("{KEY}\n").as_bytes(),
    )
    .unwrap();
    let said = Said::from(child.wait_with_output().unwrap())
        .expect_code(0)
        .unwrap();
    assert!(
        said.stderr.contains("only you can read"),
        "said aloud: {said:?}"
    );
    let file = bench.env.config().join("credentials.json");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    bench.run().expect_code(0).unwrap();
    let sent = bench.fake.heard()[0]
        .header("authorization")
        .map(str::to_owned);
    assert_eq!(sent, Some(format!("Bearer {KEY}")));
    let listed = bench
        .env
        .fenta(&["auth", "provider", "ls"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(
        listed.stdout.contains("openrouter") && !listed.stdout.contains(KEY),
        "{listed:?}"
    );
    // The fake has no `key` page: it says no, and the command says so.
    let tried = bench
        .env
        .fenta(&["auth", "provider", "test", "openrouter"])
        .unwrap()
        .expect_code(32)
        .unwrap();
    assert!(!tried.stderr.contains(KEY), "{tried:?}");
    bench
        .env
        .fenta(&["auth", "provider", "rm", "openrouter"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(KEY));
    bench
        .env
        .fenta(&["auth", "provider", "rm", "openrouter"])
        .unwrap()
        .expect_code(5)
        .unwrap();
}

#[test]
fn a_project_cannot_say_where_keys_go() {
    let bench = Bench::new(&ROWS[1]);
    let evil = "[providers.openrouter]\nbase_url = \"http://127.0.0.1:9\"\n";
    bench.env.write("fenta.toml", evil).unwrap();
    let said = bench.run().expect_code(2).unwrap();
    assert!(
        said.stderr.contains("a project cannot set `providers`"),
        "{said:?}"
    );
    assert!(bench.fake.heard().is_empty());
}

#[test]
fn an_answer_that_is_lost_is_paid_for_once_or_asked_for_again_where_it_is_free() {
    for row in ROWS {
        for trouble in [
            Trouble::Cut,
            Trouble::Truncated,
            Trouble::Silent(Duration::from_secs(6)),
            Trouble::Status(504, None, ""),
        ] {
            let bench = Bench::new(row);
            row.plan(&bench.fake, &trouble);
            let said = bench.run();
            if row.charges {
                // Nobody knows whether it was paid: a person is asked, and nothing is asked for again by itself.
                let said = said.expect_code(PAUSED).unwrap();
                assert!(
                    said.stderr.contains("fenta job resolve"),
                    "{trouble:?}: {said:?}"
                );
                assert_eq!(
                    bench.fake.heard().len(),
                    row.paid + 1,
                    "{} after {trouble:?}",
                    row.vendor
                );
                bench
                    .env
                    .fenta(&["job", "resolve", "latest", "--not-paid"])
                    .unwrap()
                    .expect_code(0)
                    .unwrap();
                let said = bench.run().expect_code(0).unwrap();
                assert!(said.stderr.contains(row.printed), "{said:?}");
            } else {
                let said = said.expect_code(0).unwrap();
                assert!(
                    said.stderr.contains(row.printed),
                    "{}: {said:?}",
                    row.vendor
                );
                assert_eq!(
                    bench.fake.heard().len(),
                    row.calls + row.paid + 1,
                    "{} after {trouble:?}",
                    row.vendor
                );
            }
        }
    }
}

#[test]
fn slow_pieces_are_waited_for_and_what_never_ends_is_not_read() {
    for row in ROWS {
        // Slow pieces, and an answer under a kind that is not its own: what it holds counts.
        for trouble in [
            Trouble::Slow(Duration::from_millis(200)),
            Trouble::Kind("text/plain; charset=utf-8"),
            Trouble::Kind("application/octet-stream"),
        ] {
            let bench = Bench::new(row);
            row.plan(&bench.fake, &trouble);
            let said = bench.run().expect_code(0).unwrap();
            assert!(
                said.stderr.contains(row.printed),
                "{}: {said:?}",
                row.vendor
            );
            let heard = (bench.fake.heard().len(), bench.fake.charged());
            assert_eq!(
                heard,
                (row.calls, row.charged()),
                "{} {trouble:?}",
                row.vendor
            );
        }
        let bench = Bench::new(row);
        bench.fake.plan(vec![Trouble::None; row.paid]);
        bench.fake.plan(vec![Trouble::Huge(80 << 20); 3]);
        let said = bench.run();
        assert!(said.code != 0, "{}: {said:?}", row.vendor);
        assert!(
            said.stderr.contains("are taken"),
            "{}: {said:?}",
            row.vendor
        );
    }
}

#[test]
fn a_no_is_told_in_the_vendors_words_without_the_key_and_not_asked_again() {
    // What is no feed is told by a test of its own: a feed has no words for a no.
    for row in ROWS.iter().filter(|row| row.role != "feed") {
        for (trouble, wanted) in [
            (
                Trouble::Status(
                    401,
                    None,
                    r#"{"error":{"message":"bad key sk-conformance-7f3a9c"}}"#,
                ),
                "does not take the key",
            ),
            (
                Trouble::Status(
                    402,
                    None,
                    r#"{"error":{"code":402,"message":"more credits are needed"}}"#,
                ),
                "wants to be paid first",
            ),
            (
                Trouble::Status(
                    429,
                    None,
                    r#"{"error":{"message":"quota","code":"insufficient_quota"}}"#,
                ),
                "wants to be paid first",
            ),
            (
                Trouble::Status(404, None, r#"{"error":{"message":"no such model"}}"#),
                "no such model",
            ),
            (Trouble::Status(400, None, "what?"), "what?"),
            (
                Trouble::Instead(
                    "application/json",
                    r#"{"error":{"code":402,"message":"no credits"}}"#,
                ),
                "no credits",
            ),
            (
                Trouble::Instead("text/html", "<html>Log in to the hotel's network</html>"),
                "a page came",
            ),
        ] {
            if row.role != "llm" && matches!(trouble, Trouble::Status(429, ..)) {
                // Who charges nothing has no money to run out of.
                continue;
            }
            let bench = Bench::new(row);
            row.plan(&bench.fake, &trouble);
            let said = bench.run();
            assert!(
                said.code != 0 && said.stderr.contains(wanted),
                "{} {trouble:?}: {said:?}",
                row.vendor
            );
            let shown = row.key.is_some() && said.stderr.contains(KEY);
            assert!(!shown, "{said:?}");
            assert_eq!(
                bench.fake.heard().len(),
                row.paid + 1,
                "{} after {trouble:?}",
                row.vendor
            );
        }
    }
}

#[test]
fn nothing_follows_a_call_to_another_server() {
    // A feed has nothing that could follow, and its host is trusted by name.
    for row in ROWS.iter().filter(|row| row.role != "feed") {
        let other = Fake::start(row.fake).unwrap();
        for status in [301, 302, 303, 307, 308] {
            let bench = Bench::new(row);
            let away = format!("{}/v1/chat/completions", other.url());
            row.plan(&bench.fake, &Trouble::Redirect(status, away));
            let said = bench.run();
            assert!(
                said.code != 0
                    && (said.stderr.contains("redirects to")
                        || said.stderr.contains("may not be called")),
                "{said:?}"
            );
        }
        assert!(
            other.heard().is_empty(),
            "{}: {:?}",
            row.vendor,
            other.heard()
        );
    }
}

#[test]
fn a_result_that_spoils_on_its_way_is_fetched_again_and_paid_once() {
    let made = |row: &&Row| matches!(row.role, "image" | "video" | "edit") && row.calls > 1;
    for row in ROWS.iter().filter(made) {
        let last = |trouble: Trouble| {
            let bench = Bench::new(row);
            bench.fake.plan(vec![Trouble::None; row.calls - 1]);
            bench.fake.plan([trouble]);
            bench
        };
        for trouble in [
            Trouble::Cut,
            Trouble::Truncated,
            Trouble::Status(503, Some("1"), ""),
            Trouble::Status(429, None, ""),
        ] {
            let bench = last(trouble.clone());
            let said = bench.run().expect_code(0).unwrap();
            assert!(said.stderr.contains(row.printed), "{trouble:?}: {said:?}");
            let heard = (bench.fake.heard().len(), bench.fake.charged());
            assert_eq!(heard, (row.calls + 1, 1), "{} {trouble:?}", row.vendor);
        }
        for trouble in [
            Trouble::Slow(Duration::from_millis(100)),
            Trouble::Kind("text/plain"),
        ] {
            let bench = last(trouble.clone());
            let said = bench.run().expect_code(0).unwrap();
            assert!(said.stderr.contains(row.printed), "{trouble:?}: {said:?}");
            assert_eq!(bench.fake.heard().len(), row.calls, "{}", row.vendor);
        }
        // Its address leads inside: nothing goes there, and what is paid stays to be fetched.
        for to in [
            "http://169.254.169.254/latest/meta-data/",
            "http://localhost:6379/",
            "file:///etc/passwd",
        ] {
            for status in [301, 302, 303, 307, 308] {
                let bench = last(Trouble::Redirect(status, to.to_owned()));
                let said = bench.run();
                let told = said.code != 0 && said.stderr.contains("may not be called");
                assert!(told, "{} {status} {to}: {said:?}", row.vendor);
                if status == 302 {
                    let said = bench.run().expect_code(0).unwrap();
                    assert!(said.stderr.contains(row.printed), "{said:?}");
                    assert_eq!(bench.fake.charged(), 1, "{}", row.vendor);
                }
            }
        }
    }
}

#[test]
fn servers_of_speech_answer_in_forms_of_their_own() {
    let speech = |vendor: &str, role: &str| {
        let mut rows = ROWS.iter();
        *rows
            .find(|row| (row.vendor, row.role) == (vendor, role))
            .unwrap()
    };
    for (row, line, printed) in [
        // A WAV whose header says 0xFFFFFFFF, and one that is said to be text.
        (speech("openai", "speech"), "STREAMED", "bees: "),
        (speech("speaches", "speech"), "STREAMED", "bees: "),
        (speech("speaches", "speech"), "TYPE", "bees: "),
        (speech("speaches", "transcribe"), "NO WORDS", "dance"),
    ] {
        let bench = Bench::new(&row);
        bench.fake.say(line);
        let said = bench.run().expect_code(0).unwrap();
        assert!(
            said.stderr.contains(printed),
            "{} {line}: {said:?}",
            row.vendor
        );
        assert_eq!(bench.fake.heard().len(), 1, "{} {line}", row.vendor);
    }
}

#[test]
fn the_key_is_found_nowhere_on_this_machine() {
    for row in ROWS.iter().filter(|row| row.key.is_some()) {
        let bench = Bench::new(row);
        let echo = r#"{"error":{"message":"this key is wrong: sk-conformance-7f3a9c"}}"#;
        bench.fake.plan(vec![Trouble::None; row.calls]);
        bench.fake.plan([Trouble::Status(401, None, echo)]);
        let said = bench.run().expect_code(0).unwrap();
        let text = bench.env.work().join("w.yaml");
        let other = std::fs::read_to_string(&text)
            .unwrap()
            .replace("bees", "ants");
        std::fs::write(&text, other).unwrap();
        let refused = bench.run();
        for said in [&said, &refused] {
            assert!(!said.stderr.contains(KEY) && !said.stdout.contains(KEY));
        }
        let looked = files_with(&bench.env.state(), KEY);
        assert!(looked.found.is_empty(), "{:?}", looked.found);
        assert!(looked.files > 5, "the state has files: {}", looked.files);
    }
}

#[derive(Default)]
struct Looked {
    files: usize,
    found: Vec<PathBuf>,
}

/// The files below a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Looked {
    let mut looked = Looked::default();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inner = files_with(&path, text);
            looked.files += inner.files;
            looked.found.extend(inner.found);
        } else if path.is_file() {
            looked.files += 1;
            let bytes = std::fs::read(&path).unwrap_or_default();
            if bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
            {
                looked.found.push(path);
            }
        }
    }
    looked
}
