//! `Output.Webhook` against a receiver over real HTTP: signed messages, trouble on the way, and addresses that are not called.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use fenta_client::webhooks::SigningSecret;
use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, Heard, Trouble, receiver};

struct Bench {
    env: FentaEnv,
    fake: Fake,
}

impl Bench {
    /// A workflow that tells `more` to the receiver.
    fn new(more: &str) -> Self {
        let fake = Fake::start(receiver::vendor).unwrap();
        let env = FentaEnv::new().unwrap();
        env.configure("[providers.webhook]\nhosts = [\"127.0.0.1\"]\n")
            .unwrap();
        let bench = Self { env, fake };
        bench.document("hook", more);
        bench
    }

    fn document(&self, path: &str, more: &str) {
        let text = format!(
            "fenta: workflow/v1\nnodes:\n  \
             words: {{ type: Input.Text, with: {{ text: Honey never spoils. }} }}\n  \
             tell: {{ type: Output.Webhook, retry: {{ attempts: 3, backoff: 20ms..50ms }}, with: {{ url: \"{}/{path}\", data: {{ text: \"${{{{ nodes.words.text }}}}\" }}{more} }} }}\n\
             outputs: {{ status: \"${{{{ nodes.tell.status }}}}\" }}\n",
            self.fake.url()
        );
        self.env.write("w.yaml", &text).unwrap();
    }

    fn run(&self) -> Said {
        self.env.fenta(&["run", "w.yaml"]).unwrap()
    }

    fn heard(&self) -> Vec<Heard> {
        self.fake.heard()
    }
}

fn believed(secret: &str, heard: &Heard) -> bool {
    let head = (
        heard.header("webhook-id").unwrap(),
        heard.header("webhook-timestamp").unwrap(),
        heard.header("webhook-signature").unwrap_or_default(),
    );
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let secret = SigningSecret::parse(secret).unwrap();
    secret.verify(head, &heard.body, now).is_ok()
}

#[test]
fn a_receiver_believes_what_is_told_and_is_told_at_every_run() {
    let bench = Bench::new(", event: short.ready, secret_ref: my-hook");
    let made = ["webhook", "secret", "add", "my-hook", "--generate"];
    let said = bench.env.fenta(&made).unwrap().expect_code(0).unwrap();
    let secret = said.stdout.trim().to_owned();
    assert!(secret.starts_with("whsec_"), "{said:?}");
    let listed = bench.env.fenta(&["webhook", "secret", "ls"]).unwrap();
    assert_eq!(listed.stdout.trim(), "my-hook", "{listed:?}");
    assert!(!listed.stderr.contains(&secret), "{listed:?}");

    let said = bench.run().expect_code(0).unwrap();
    assert!(said.stderr.contains("status: 200"), "{said:?}");
    let heard = bench.heard();
    assert_eq!(heard.len(), 1);
    let message: serde_json::Value = serde_json::from_slice(&heard[0].body).unwrap();
    assert_eq!(message["type"], "short.ready");
    assert_eq!(message["data"]["text"], "Honey never spoils.");
    assert!(message["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(believed(&secret, &heard[0]));
    let other = SigningSecret::of([9; 32]).expose();
    assert!(!believed(&other, &heard[0]));

    bench.run().expect_code(0).unwrap();
    let heard = bench.heard();
    assert_eq!(heard.len(), 2, "each run tells");
    assert_ne!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));

    let gone = ["webhook", "secret", "rm", "my-hook"];
    bench.env.fenta(&gone).unwrap().expect_code(0).unwrap();
    let said = bench.run();
    assert!(
        said.code != 0 && said.stderr.contains("fenta webhook secret add my-hook"),
        "{said:?}"
    );
    assert_eq!(bench.heard().len(), 2, "nothing is sent unsigned");
}

#[test]
fn a_message_that_is_sent_again_keeps_its_name() {
    for trouble in [
        Trouble::Status(503, Some("1"), ""),
        Trouble::Status(429, None, ""),
        Trouble::Cut,
    ] {
        let bench = Bench::new("");
        bench.fake.plan([trouble.clone()]);
        bench.run().expect_code(0).unwrap();
        let heard = bench.heard();
        assert_eq!(heard.len(), 2, "{trouble:?}");
        assert_eq!(
            heard[0].header("webhook-id"),
            heard[1].header("webhook-id"),
            "{trouble:?}"
        );
        assert_eq!(heard[0].header("webhook-signature"), None);
    }
}

#[test]
fn a_no_is_told_and_nothing_is_sent_on_or_into_this_network() {
    let bench = Bench::new("");
    for (trouble, wanted) in [
        (Trouble::Status(401, None, ""), "status 401"),
        (Trouble::Status(410, None, ""), "status 410"),
        (
            Trouble::Redirect(302, "http://169.254.169.254/latest/meta-data/".to_owned()),
            "169.254.169.254",
        ),
    ] {
        let before = bench.heard().len();
        bench.fake.plan([trouble.clone()]);
        let said = bench.run();
        assert!(
            said.code != 0 && said.stderr.contains(wanted),
            "{trouble:?}: {said:?}"
        );
        assert_eq!(bench.heard().len(), before + 1, "{trouble:?}: asked once");
    }
    let before = bench.heard().len();
    bench.env.configure("").unwrap();
    let said = bench.run();
    assert!(
        said.code != 0 && said.stderr.contains("may not be called"),
        "{said:?}"
    );
    assert_eq!(bench.heard().len(), before);
    let offline = bench.env.fenta(&["run", "w.yaml", "--offline"]).unwrap();
    assert!(offline.code != 0, "{offline:?}");
}
