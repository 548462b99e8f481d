//! Who is asked, as jobs meet it: the first that is configured, can do it and is within the budget; servers of this machine
//! that are found; and prices that nobody knows.
#![allow(
    clippy::unwrap_used,
    reason = "a failed step fails the case; figures are its output"
)]

use fenta_tests::env::FentaEnv;
use fenta_tests::fakes::{Fake, fal, kie, openai_chat, openai_speech};

/// kie and fal, both with keys.
fn studio() -> (FentaEnv, Fake, Fake) {
    let (kie, fal) = (
        Fake::start(kie::vendor).unwrap(),
        Fake::start(fal::vendor).unwrap(),
    );
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("KIE_API_KEY", "k-1")
        .with_variable("FAL_KEY", "f-1");
    env.configure(&format!(
        "[providers.kie]\nbase_url = \"{}\"\n[providers.fal]\nbase_url = \"{}\"\n",
        kie.url(),
        fal.url()
    ))
    .unwrap();
    (env, kie, fal)
}

fn clip(head: &str, more: &str) -> String {
    format!(
        "fenta: workflow/v1\n{head}\nnodes:\n  hero: {{ type: Input.KAI.GenerateVideo, with: {{ prompt: \"bees\"{more} }} }}\n\
         outputs: {{ name: \"${{{{ nodes.hero.video.name }}}}\" }}\n"
    )
}

#[test]
fn a_model_that_cannot_do_it_is_passed_over_and_the_plan_says_why() {
    let both = "providers: { video: [\"kie:hailuo/2-3-image-to-video-standard\", \"kie:veo3_fast\", fal] }";
    for (more, wanted, why) in [
        // The first needs a picture to begin with, the second has no clips of five seconds.
        (
            ", seconds: 5",
            "fal:fal-ai/kling-video/v2.6/pro",
            ["needs a first frame", "does not do `seconds` 5"],
        ),
        (
            ", seconds: 6",
            "kie:veo3_fast",
            ["needs a first frame", "is asked: "],
        ),
    ] {
        let (env, kie, fal) = studio();
        env.write("w.yaml", &clip(both, more)).unwrap();
        let plan = env.fenta(&["plan", "w.yaml", "--json"]).unwrap();
        let plan = plan.expect_code(0).unwrap();
        let said = env.fenta(&["run", "w.yaml"]).unwrap();
        let said = said.expect_code(0).unwrap();
        for why in why {
            assert!(plan.stdout.contains(why), "{why}: {plan:?}");
            assert!(said.stderr.contains(why), "{why}: {said:?}");
        }
        assert!(plan.stdout.contains(wanted), "{plan:?}");
        let asked = (kie.charged(), fal.charged());
        let is_fal = wanted.starts_with("fal");
        assert_eq!(asked, (u32::from(!is_fal), u32::from(is_fal)));
    }
    // Where nobody can, the refusal says it before anything is sent.
    let (env, kie, fal) = studio();
    let document = clip("providers: { video: [kie, fal] }", ", seconds: 60");
    env.write("w.yaml", &document).unwrap();
    let plan = env.fenta(&["plan", "w.yaml", "--json"]).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).unwrap();
    let told = plan["obstacles"][0].to_string();
    assert!(told.contains("does not do"), "{plan}");
    let said = env.fenta(&["run", "w.yaml"]).unwrap();
    assert!(
        said.code != 0 && said.stderr.contains("does not do"),
        "{said:?}"
    );
    assert_eq!((kie.heard().len(), fal.heard().len()), (0, 0));
}

#[test]
fn a_server_that_does_not_know_the_language_is_not_asked_for_it() {
    let fake = Fake::start(openai_speech::vendor).unwrap();
    let env = FentaEnv::new().unwrap();
    env.configure(&format!(
        "[providers.kokoro]\nbase_url = \"{}\"\n",
        fake.url()
    ))
    .unwrap();
    let document = |language: &str| {
        format!(
            "fenta: workflow/v1\nproviders: {{ speech: [kokoro] }}\nnodes:\n  voice: {{ type: Voice.TTS, with: {{ text: \"Guten Tag.\", language: {language} }} }}\n\
             outputs: {{ timing: \"${{{{ nodes.voice.timing }}}}\" }}\n"
        )
    };
    env.write("w.yaml", &document("de")).unwrap();
    let said = env.fenta(&["run", "w.yaml"]).unwrap();
    let said = said.expect_code(0).unwrap();
    assert!(
        said.stderr.contains("a built-in voice speaks: kokoro:")
            && said.stderr.contains("not `de`"),
        "{said:?}"
    );
    assert!(fake.heard().is_empty());
    env.write("w.yaml", &document("en")).unwrap();
    env.fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(fake.heard().len(), 1);
}

#[test]
fn a_price_nobody_knows_blocks_a_budget_until_it_is_accepted_and_is_never_nothing() {
    // This model's price is not in the table, and fal does not say what a call cost.
    let model = ", seconds: 5, model: \"fal:fal-ai/kling-video/v2.6/pro\"";
    let (env, _, fal) = studio();
    let document = clip("budget: { max_usd: 1 }", model);
    env.write("w.yaml", &document).unwrap();
    let blocked = env.fenta(&["run", "w.yaml"]).unwrap();
    assert!(
        blocked.code != 0
            && blocked.stderr.contains("nobody can tell what it costs")
            && blocked.stderr.contains("--accept-unknown"),
        "{blocked:?}"
    );
    assert!(fal.heard().is_empty());
    let obstacles = |arguments: &[&str]| {
        let said = env.fenta(&[&["plan", "w.yaml", "--json"], arguments].concat());
        let said = said.unwrap();
        let plan: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        plan["obstacles"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(obstacles(&[]), 1);
    assert_eq!(obstacles(&["--accept-unknown"]), 0);
    let accepted = env.fenta(&["run", "w.yaml", "--accept-unknown"]).unwrap();
    accepted.expect_code(0).unwrap();
    assert_eq!(fal.charged(), 1);
    let told = env.fenta(&["usage"]).unwrap();
    assert!(told.stderr.contains("in all unknown"), "{told:?}");
    let usage = env.fenta(&["usage", "--json"]).unwrap();
    let usage: serde_json::Value = serde_json::from_str(&usage.stdout).unwrap();
    let calls = &usage["items"][0];
    assert_eq!(
        (&calls["meter"], &calls["settled"]),
        (&"calls".into(), &"1".into())
    );
    assert!(
        calls["usd"].is_null() && usage["unpriced"] == true,
        "{usage}"
    );

    let (env, _, fal) = studio();
    let document = clip("budget: { max_usd: 1, unknown_prices: accept }", model);
    env.write("w.yaml", &document).unwrap();
    env.fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(fal.charged(), 1);
}

#[test]
fn what_an_accepted_call_turns_out_to_cost_is_taken_from_the_budget() {
    // The table has no price of this model; the vendor says that each call was $0.00123.
    let fake = Fake::start(openai_chat::vendor).unwrap();
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("OPENROUTER_API_KEY", "or-1");
    env.configure(&format!(
        "[providers.openrouter]\nbase_url = \"{}/v1\"\n",
        fake.url()
    ))
    .unwrap();
    let document = "fenta: workflow/v1
providers: { llm: [\"openrouter:openai/gpt-6-luna\"] }
budget: { max_usd: 0.002, unknown_prices: accept }
nodes:
  one: { type: Script.Generate, with: { brief: \"bees\", duration: 20s } }
  two: { type: Script.Generate, with: { brief: \"more of ${{ nodes.one.title }}\", duration: 20s } }
  three: { type: Script.Generate, with: { brief: \"even more of ${{ nodes.two.title }}\", duration: 20s } }
outputs: { title: \"${{ nodes.three.title }}\" }
";
    env.write("w.yaml", document).unwrap();
    let said = env.fenta(&["run", "w.yaml"]).unwrap();
    assert!(
        said.code != 0
            && said
                .stderr
                .contains("nothing of the budget's $0.002 is left"),
        "{said:?}"
    );
    assert_eq!(fake.charged(), 2, "the third is not made");
}

#[test]
fn what_all_jobs_may_spend_in_a_month_holds_and_is_told() {
    let fake = Fake::start(openai_chat::vendor).unwrap();
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("OPENROUTER_API_KEY", "or-1");
    env.configure(&format!(
        "[spending]\nmonth_usd = \"0.0025\"\n[providers.openrouter]\nbase_url = \"{}/v1\"\n",
        fake.url()
    ))
    .unwrap();
    let document = |brief: &str| {
        format!(
            "fenta: workflow/v1
providers: {{ llm: [\"openrouter:openai/gpt-6-luna\"] }}
nodes:
  one: {{ type: Script.Generate, with: {{ brief: \"{brief}\", duration: 20s }} }}
outputs: {{ title: \"${{{{ nodes.one.title }}}}\" }}
"
        )
    };
    // The vendor says that each call was $0.00123: while something is left another is made.
    let accepted = |brief: &str| {
        env.write("w.yaml", &document(brief)).unwrap();
        env.fenta(&["run", "w.yaml", "--accept-unknown"]).unwrap()
    };
    env.write("w.yaml", &document("bees")).unwrap();
    let blocked = env.fenta(&["run", "w.yaml"]).unwrap();
    assert!(
        blocked.code != 0 && blocked.stderr.contains("spending.month_usd"),
        "{blocked:?}"
    );
    assert!(fake.heard().is_empty());
    accepted("bees").expect_code(0).unwrap();
    let second = accepted("more bees").expect_code(0).unwrap();
    assert_eq!(fake.charged(), 2);
    let third = accepted("even more bees").expect_code(0).unwrap();
    assert!(
        !second.stderr.contains("of the budget is used")
            && third.stderr.contains("90% of the budget is used"),
        "{second:?} {third:?}"
    );
    let fourth = accepted("too many bees");
    assert!(
        fourth.code != 0
            && fourth.stderr.contains("spending.month_usd")
            && fourth.stderr.contains("100% of the budget is used"),
        "{fourth:?}"
    );
    assert_eq!(fake.charged(), 3);
}

#[test]
fn a_server_that_takes_no_schema_is_told_it_in_words() {
    // One that says so itself, and one of which the user's own table says it.
    for (own, calls) in [("", 2), ("json", 1), ("none", 1)] {
        let fake = Fake::start(openai_chat::without_schemas).unwrap();
        let env = FentaEnv::new().unwrap();
        env.configure(&format!(
            "[providers.ollama]\nbase_url = \"{}/v1\"\n",
            fake.url()
        ))
        .unwrap();
        if !own.is_empty() {
            let own = format!(
                r#"{{"models":[{{"id":"ollama:old","roles":["llm"],"local":true,"schema":"{own}"}}]}}"#
            );
            std::fs::write(env.config().join("prices.json"), own).unwrap();
        }
        let document = "fenta: workflow/v1
providers: { llm: [\"ollama:old\"] }
nodes:
  one: { type: Script.Generate, with: { brief: \"bees\", duration: 20s } }
outputs: { title: \"${{ nodes.one.title }}\" }
";
        env.write("w.yaml", document).unwrap();
        let said = env.fenta(&["run", "w.yaml"]).unwrap();
        said.expect_code(0).unwrap();
        let heard = fake.heard();
        assert_eq!(heard.len(), calls, "{own}");
        let last = heard.last().unwrap().json();
        let told = last["messages"][0]["content"].as_str().unwrap();
        assert!(told.contains("JSON Schema") && told.contains("\"scenes\""));
        let form = &last["response_format"]["type"];
        assert_eq!(form.as_str(), (own == "json").then_some("json_object"));
    }
}

#[test]
fn a_server_at_its_usual_port_is_found_and_the_line_that_is_printed_uses_it() {
    let usual = [("ollama", 11_434), ("lmstudio", 1234), ("llama-cpp", 8080)];
    // Somebody's own server may have one of them.
    let (vendor, port, fake) = usual
        .into_iter()
        .find_map(|(vendor, port)| {
            let fake = Fake::start_at(openai_chat::vendor, port).ok()?;
            Some((vendor, port, fake))
        })
        .unwrap();
    let env = FentaEnv::new().unwrap();
    let found = env.fenta(&["providers", "detect"]).unwrap();
    let found = found.expect_code(0).unwrap();
    let line = format!("[providers.{vendor}]\n");
    assert!(found.stdout.contains(&line), "{found:?}");
    let told = format!("{vendor} answers at http://127.0.0.1:{port}/v1, with qwen3:8b");
    assert!(found.stderr.contains(&told), "{found:?}");
    env.configure(&line).unwrap();
    let document = format!(
        "fenta: workflow/v1\nnetwork: local-only\nproviders: {{ llm: [\"openrouter:openai/gpt-6-luna\", \"{vendor}:qwen3:8b\"] }}\nnodes:\n\
         \x20 script: {{ type: Script.Generate, with: {{ brief: \"bees\", duration: 20s }} }}\n\
         outputs: {{ title: \"${{{{ nodes.script.title }}}}\" }}\n"
    );
    env.write("w.yaml", &document).unwrap();
    env.fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let asked = fake.heard().into_iter().filter(|one| one.method == "POST");
    assert_eq!(asked.count(), 1);
    // It is configured now, so there is no line to be written.
    let again = env.fenta(&["providers", "detect"]).unwrap();
    let again = again.expect_code(0).unwrap();
    assert!(!again.stdout.contains(&line), "{again:?}");
    assert!(again.stderr.contains("it is configured"), "{again:?}");
}
