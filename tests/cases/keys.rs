//! Keys in the system's keyring: a real Secret Service where this machine has one, and keyrings that hang or are not there.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, openai_chat};

const KEY: &str = "sk-keyring-4d2a";

const SCRIPT: &str = "fenta: workflow/v1
providers: { llm: [openrouter] }
nodes:
  script: { type: Script.Generate, with: { brief: \"Why bees dance.\", duration: 20s } }
outputs: { title: \"${{ nodes.script.title }}\" }
";

fn add(env: &FentaEnv) -> Said {
    let mut add = env.command("fenta").unwrap();
    add.args(["auth", "provider", "add", "openrouter", "--key-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = add.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(format!("{KEY}\n").as_bytes()).unwrap();
    drop(input);
    Said::from(child.wait_with_output().unwrap())
}

fn file(env: &FentaEnv) -> String {
    std::fs::read_to_string(env.config().join("credentials.json")).unwrap()
}

#[test]
fn without_a_keyring_or_with_one_that_hangs_the_key_goes_into_a_file_soon_and_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("bus");
    // It listens, and never says a word.
    let _silent = UnixListener::bind(&place).unwrap();
    for (bus, why) in [
        (
            format!("unix:path={}", place.display()),
            "it did not answer within 3 s",
        ),
        ("unix:path=/nowhere/at-all".to_owned(), "there is none here"),
    ] {
        let env = FentaEnv::new()
            .unwrap()
            .with_variable("DBUS_SESSION_BUS_ADDRESS", &bus);
        let begun = Instant::now();
        let said = add(&env).expect_code(0).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20), "{said:?}");
        assert!(
            said.stderr.contains(why) && said.stderr.contains("only you can read"),
            "{said:?}"
        );
        assert!(!said.stderr.contains(KEY) && file(&env).contains(KEY));
    }
}

/// A session of its own, with a keyring that is unlocked.
struct Desktop {
    bus: Child,
    keyring: Child,
    address: String,
}

impl Desktop {
    /// None where this machine has no such programs.
    fn start(folder: &Path) -> Option<Self> {
        let here = |name: &str| Path::new("/usr/bin").join(name).exists();
        if !(here("dbus-daemon") && here("gnome-keyring-daemon")) {
            return None;
        }
        let address = format!("unix:path={}", folder.join("bus").display());
        let bus = Command::new("dbus-daemon")
            .args([
                "--session",
                "--nofork",
                "--nopidfile",
                "--address",
                &address,
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while !folder.join("bus").exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no bus");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut keyring = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .env("XDG_RUNTIME_DIR", folder)
            .env("XDG_DATA_HOME", folder.join("data"))
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        keyring.stdin.take().unwrap().write_all(b"open").unwrap();
        Some(Self {
            bus,
            keyring,
            address,
        })
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in [&mut self.keyring, &mut self.bus] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn a_key_in_the_keyring_is_used_by_the_daemon_and_lies_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let Some(desktop) = Desktop::start(folder.path()) else {
        println!("skipped: dbus-daemon and gnome-keyring-daemon are not installed");
        return;
    };
    let env = FentaEnv::new()
        .unwrap()
        .with_variable("DBUS_SESSION_BUS_ADDRESS", &desktop.address);
    let fake = Fake::start(openai_chat::vendor).unwrap();
    env.configure(&format!(
        "[providers.openrouter]\nbase_url = \"{}/v1\"\n",
        fake.url()
    ))
    .unwrap();
    // It takes a moment until the keyring has joined the bus.
    let begun = Instant::now();
    let said = loop {
        let said = add(&env).expect_code(0).unwrap();
        if said.stderr.contains("the keyring") && !said.stderr.contains("only you can read") {
            break said;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{said:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(!said.stderr.contains(KEY));
    let kept = file(&env);
    assert!(!kept.contains(KEY) && kept.contains("openrouter"), "{kept}");
    env.write("w.yaml", SCRIPT).unwrap();
    env.fenta(&["run", "w.yaml"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let sent = fake.heard()[0].header("authorization").map(str::to_owned);
    assert_eq!(sent, Some(format!("Bearer {KEY}")));
    let listed = env.fenta(&["auth", "provider", "ls"]).unwrap();
    assert!(listed.stdout.contains("keyring"), "{listed:?}");
    let remove = ["auth", "provider", "rm", "openrouter"];
    env.fenta(&remove).unwrap().expect_code(0).unwrap();
    env.fenta(&remove).unwrap().expect_code(5).unwrap();
    assert!(!file(&env).contains("openrouter"));
}
