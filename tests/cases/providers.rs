//! Every adapter against its vendor, played by a fake over real HTTP: a real daemon, a real config.toml, real trouble.
//!
//! A vendor has one row in [`ROWS`]; every row goes through the same list of troubles.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, Trouble, Vendor, openai_chat};

/// The key of every test; it must be found nowhere but in the header of a call.
const KEY: &str = "sk-conformance-7f3a9c";

/// A vendor in a role.
struct Row {
    vendor: &'static str,
    /// What stands after the fake's address in `base_url`.
    base: &'static str,
    fake: Vendor,
    /// The variable of its key; none for servers at home.
    key: Option<&'static str>,
    /// Whether it charges.
    charges: bool,
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
];

const fn chat(vendor: &'static str, _model: &'static str, key: Option<&'static str>) -> Row {
    Row {
        vendor,
        base: "/v1",
        fake: openai_chat::vendor,
        key,
        charges: key.is_some(),
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
        env.configure(&format!(
            "[providers.{}]\nbase_url = \"{}{}\"\nmodels = {{ llm = \"a-model\" }}\ntimeout_seconds = 4\n",
            row.vendor,
            fake.url(),
            row.base
        ))
        .unwrap();
        let document = format!(
            "fenta: workflow/v1\ndefaults: {{ retry: {{ attempts: 3, backoff: 20ms..50ms }} }}\n\
             providers: {{ llm: [\"{}\"] }}\n{}",
            row.vendor, row.document
        );
        env.write("w.yaml", &document).unwrap();
        Self { env, fake }
    }

    fn run(&self) -> Said {
        self.env.fenta(&["run", "w.yaml"]).unwrap()
    }
}

#[test]
fn every_vendor_does_its_work_and_is_asked_once_for_the_same() {
    for row in ROWS {
        let bench = Bench::new(row);
        let said = bench.run().expect_code(0).unwrap();
        assert!(
            said.stdout.contains(row.printed),
            "{}: {said:?}",
            row.vendor
        );
        let heard = bench.fake.heard();
        assert_eq!(heard.len(), 1, "{}: {heard:?}", row.vendor);
        let sent = heard[0].header("authorization");
        let wanted = row.key.map(|_| format!("Bearer {KEY}"));
        assert_eq!(sent, wanted.as_deref(), "{}", row.vendor);
        bench.run().expect_code(0).unwrap();
        assert_eq!(
            bench.fake.heard().len(),
            1,
            "{}: it is remembered",
            row.vendor
        );
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
            bench.fake.plan([trouble.clone()]);
            let said = bench.run().expect_code(0).unwrap();
            assert!(
                said.stdout.contains(row.printed),
                "{}: {said:?}",
                row.vendor
            );
            let charged = (bench.fake.heard().len(), bench.fake.charged());
            assert_eq!(charged, (2, 1), "{} after {trouble:?}", row.vendor);
        }
    }
}

#[test]
fn without_a_provider_the_refusal_says_what_would_help() {
    let env = FentaEnv::new().unwrap();
    let document = "fenta: workflow/v1\nproviders: { llm: [\"openrouter:openai/gpt-6-luna\", \"ollama:qwen3:8b\"] }\n";
    env.write("w.yaml", &format!("{document}{SCRIPT}")).unwrap();
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
        "Input.Text",
    ] {
        assert!(said.stderr.contains(wanted), "{wanted}: {}", said.stderr);
    }
}
