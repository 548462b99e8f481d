//! What makes schedules and watches fit for nights nobody looks: who is told how runs end, the service that brings the
//! daemon back, and what a month of runs needs.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use fenta_client::webhooks::SigningSecret;
use fenta_tests::env::{FentaEnv, Said};
use fenta_tests::fakes::{Fake, Heard, Trouble, receiver};
use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Says what a note says.
const NOTES: &str = "fenta: workflow/v1
name: notes
inputs: { note: { type: file } }
nodes:
  text: { type: Input.Text, with: { file: \"${{ inputs.note }}\", format: txt } }
outputs: { said: \"${{ nodes.text.text }}\" }
";

/// Says which day it is; its document tells whoever listens.
fn daily(notify: &str) -> String {
    format!(
        "fenta: workflow/v1
name: daily
schedule: {{ cron: \"0 7 * * 1-5\", timezone: Europe/Berlin{notify} }}
nodes:
  text: {{ type: Input.Text, with: {{ text: \"today ${{{{ job.date }}}}\" }} }}
outputs: {{ said: \"${{{{ nodes.text.text }}}}\" }}
"
    )
}

fn ok(env: &FentaEnv, args: &[&str]) -> Said {
    env.fenta(args).unwrap().expect_code(0).unwrap()
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A place where webhooks to this machine may be sent.
fn place() -> (FentaEnv, Fake) {
    let env = FentaEnv::new().unwrap();
    env.configure("[providers.webhook]\nhosts = [\"127.0.0.1\"]\n")
        .unwrap();
    (env, Fake::start(receiver::vendor).unwrap())
}

fn believed(secret: &str, heard: &Heard) -> bool {
    let head = (
        heard.header("webhook-id").unwrap(),
        heard.header("webhook-timestamp").unwrap(),
        heard.header("webhook-signature").unwrap_or_default(),
    );
    let now = jiff::Timestamp::now().as_second();
    let secret = SigningSecret::parse(secret).unwrap();
    secret.verify(head, &heard.body, now).is_ok()
}

#[test]
fn a_schedule_tells_how_its_runs_end_and_signs_it() {
    let (env, fake) = place();
    let hook = format!("{}/hook", fake.url());
    let notify = format!(
        ", notify: {{ webhook: \"{hook}\", secret_ref: my-hook, on: [completed, failed] }}"
    );
    env.write("daily.yaml", &daily(&notify)).unwrap();
    let refused = env.fenta(&["schedule", "add", "daily.yaml"]).unwrap();
    assert!(
        refused.code != 0 && refused.stderr.contains("fenta webhook secret add my-hook"),
        "{refused:?}"
    );
    let secret = ok(&env, &["webhook", "secret", "add", "my-hook", "--generate"]);
    let secret = secret.stdout.trim().to_owned();
    ok(&env, &["schedule", "add", "daily.yaml"]);
    let job = ok(&env, &["schedule", "trigger", "daily"]).stdout;
    let heard = until("somebody is told", || fake.heard().into_iter().next());
    let message: Value = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!(message["type"], "schedule.run.completed");
    assert_eq!(message["data"]["schedule"]["name"], "daily");
    assert_eq!(message["data"]["job"], job.trim());
    assert_eq!(message["data"]["usd"], "0");
    let said = message["data"]["outputs"][0].as_str().unwrap();
    assert!(said.starts_with("today 2"), "{message}");
    assert!(believed(&secret, &heard));
    let shown = until("it is known to have arrived", || {
        let shown = ok(&env, &["schedule", "show", "daily"]).stdout;
        shown.contains("answered with status 200").then_some(shown)
    });
    assert!(
        shown.contains("completed, failed") && shown.contains("schedule.run.completed"),
        "{shown}"
    );
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(fake.heard().len(), 1, "once");
}

#[test]
fn what_was_to_be_told_when_the_daemon_died_is_told_once_by_the_next() {
    let (env, fake) = place();
    fake.plan([Trouble::Status(503, None, "")]);
    env.write("notes.yaml", NOTES).unwrap();
    fs::create_dir(env.work().join("inbox")).unwrap();
    let hook = format!("{}/hook", fake.url());
    let add = ["watch", "add", "inbox", "notes.yaml", "--settle", "200ms"];
    ok(&env, &[&add[..], &["--notify", &hook]].concat());
    fs::write(env.work().join("inbox/wrong.md"), b"\xff\xfe\xff no text").unwrap();
    until("it was tried", || (!fake.heard().is_empty()).then_some(()));
    env.kill_daemon().unwrap();
    let list = until("the next daemon tells", || {
        let lines = ok(&env, &["watch", "show", "notes", "--json", "--runs", "0"]).stdout;
        let mut lines = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|line| line["state"] == "told")
    });
    assert_eq!(list["event"], "watch.run.failed");
    let heard = fake.heard();
    assert!((2..=3).contains(&heard.len()), "{}", heard.len());
    let names: Vec<_> = heard.iter().map(|one| one.header("webhook-id")).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let message: Value = serde_json::from_slice(&heard[0].body).unwrap();
    assert_eq!(message["data"]["files"][0], "wrong.md");
    assert!(
        message["data"]["reason"]
            .as_str()
            .unwrap()
            .starts_with("job_")
    );
}

#[test]
fn a_schedule_that_pauses_itself_says_so_on_the_desktop() {
    let env = FentaEnv::new().unwrap();
    let bin = env.work().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = bin.join("notify-send");
    let shown = env.work().join("shown");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >> {}\n", shown.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let env = env.with_variable("PATH", &path);
    env.write("daily.yaml", &daily("")).unwrap();
    let add = [
        "schedule",
        "add",
        "daily.yaml",
        "--pause-after",
        "1",
        "--notify-desktop",
    ];
    let added = ok(&env, &add);
    assert!(!added.stderr.contains("notify-send"), "{added:?}");
    fs::remove_file(env.work().join("daily.yaml")).unwrap();
    let run = env.fenta(&["schedule", "trigger", "daily"]).unwrap();
    assert!(
        run.code != 0 && run.stderr.contains("cannot be read"),
        "{run:?}"
    );
    let text = until("both are shown", || {
        let text = fs::read_to_string(&shown).ok()?;
        text.contains("schedule daily: is paused").then_some(text)
    });
    assert!(text.contains("schedule daily: a run failed"), "{text}");
    assert!(text.contains("its run failed: the document "), "{text}");
}

#[test]
fn a_desktop_nobody_can_see_is_told_and_not_waited_for() {
    let env = FentaEnv::new().unwrap();
    let empty = env.work().join("bin");
    fs::create_dir(&empty).unwrap();
    let env = env.with_variable("PATH", &empty.display().to_string());
    env.write("daily.yaml", &daily("")).unwrap();
    let add = [
        "schedule",
        "add",
        "daily.yaml",
        "--notify-desktop",
        "--notify-on",
        "completed",
    ];
    let added = ok(&env, &add);
    assert!(
        added.stderr.contains("the program notify-send is not here"),
        "{added:?}"
    );
    ok(&env, &["schedule", "trigger", "daily"]);
    until("it is given up", || {
        let shown = ok(&env, &["schedule", "show", "daily"]).stdout;
        (shown.contains("given_up") && shown.contains("libnotify")).then_some(())
    });
    for (more, part) in [
        (&["--notify", "http://example.org"][..], "in the open"),
        (&["--notify-on", "failed"], "tells nobody"),
        (
            &["--notify", "https://example.org", "--notify-secret", "none"],
            "no signing secret",
        ),
    ] {
        let said = env
            .fenta(&[&["schedule", "add", "daily.yaml"], more].concat())
            .unwrap();
        assert!(
            said.code != 0 && said.stderr.contains(part),
            "{more:?}: {said:?}"
        );
    }
}

/// The words of a line of a unit, as systemd.syntax(7) has them between double quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut inside) = (Vec::new(), String::new(), false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if inside => words.push(std::mem::take(&mut word)),
            ' ' if !inside => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            '\\' => word.extend(letters.next()),
            '%' | '$' => {
                letters.next_if_eq(&letter);
                word.push(letter);
            }
            '"' => {}
            other => word.push(other),
        }
        inside ^= letter == '"';
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

/// A service as its manager starts it: its own command line, its own variables, and what the manager gives to everybody.
struct Service(Child);

impl Service {
    fn start(unit: &Path, home: &Path) -> Self {
        let text = fs::read_to_string(unit).unwrap();
        let of = |key: &str| -> Vec<Vec<String>> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(key));
            lines.map(words).collect()
        };
        let line = of("ExecStart=").remove(0);
        let mut command = Command::new(&line[0]);
        command
            .args(&line[1..])
            .env_clear()
            .env("HOME", home)
            .env("USER", "somebody")
            .env("LOGNAME", "somebody")
            .env("SHELL", "/bin/sh")
            .env("LANG", "C.UTF-8")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("INVOCATION_ID", "0123456789abcdef0123456789abcdef")
            .env("SYSTEMD_EXEC_PID", "1")
            .current_dir("/");
        for pair in of("Environment=").iter().flatten() {
            let (name, value) = pair.split_once('=').unwrap();
            command.env(name, value);
        }
        Self(command.spawn().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_service_brings_schedules_and_watches_back() {
    let env = FentaEnv::new().unwrap();
    let minutes = daily("").replace("0 7 * * 1-5", "* * * * *");
    env.write("daily.yaml", &minutes).unwrap();
    env.write("notes.yaml", NOTES).unwrap();
    let inbox = env.work().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let added = ok(&env, &["schedule", "add", "daily.yaml"]);
    assert!(added.stderr.contains("fenta daemon install"), "{added:?}");
    ok(
        &env,
        &["watch", "add", "inbox", "notes.yaml", "--settle", "200ms"],
    );
    let listed = ok(&env, &["schedule", "ls", "--json"]).stdout;
    assert!(listed.contains("\"durable\":false"), "{listed}");
    let unit = ok(&env, &["daemon", "install", "--no-start"]).stdout;
    let unit = PathBuf::from(unit.trim());
    let listed = ok(&env, &["schedule", "ls", "--json"]).stdout;
    assert!(listed.contains("\"durable\":true"), "{listed}");
    verify(&unit);

    // The machine goes, and comes back with nobody at it.
    let killed = env.daemon_pid();
    env.kill_daemon().unwrap();
    // Its locks go with its files, which is not before it is a zombie.
    let state = format!("/proc/{}/stat", killed.unwrap());
    until("the machine is down", || match fs::read_to_string(&state) {
        Ok(text) => text.rsplit(") ").next()?.starts_with('Z').then_some(()),
        Err(_) => Some(()),
    });
    fs::write(inbox.join("a.md"), "bees").unwrap();
    let home = env.work().with_file_name("home");
    let service = Service::start(&unit, &home);
    let pid = i32::try_from(service.0.id()).unwrap();
    until("the service is there", || {
        (env.daemon_pid() == Some(pid)).then_some(())
    });
    assert_ne!(killed, Some(pid));
    let run = until("a time of the schedule has come", || {
        let lines = ok(&env, &["schedule", "show", "daily", "--json"]).stdout;
        let mut lines = lines
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.find(|run| run["job_state"] == "completed")
    });
    assert_eq!(run["kind"], "scheduled", "{run}");
    until("the file had its run", || {
        let list = ok(&env, &["watch", "ls"]).stdout;
        list.contains("1 done").then_some(())
    });
    assert_eq!(env.daemon_pid(), Some(pid), "all of it by the service");
    ok(&env, &["schedule", "rm", "daily"]);
    ok(&env, &["daemon", "stop"]);
    let mut service = service;
    let ended = service.0.wait().unwrap();
    assert!(
        ended.success(),
        "a service that was asked to end is not started again: {ended}"
    );
}

fn verify(unit: &Path) {
    let verified = Command::new("systemd-analyze")
        .args(["--user", "--man=no", "verify"])
        .arg(unit)
        .env("XDG_RUNTIME_DIR", unit.parent().unwrap())
        .output();
    match verified {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            println!("systemd-analyze accepts the unit: {said}");
        }
        Err(_) => println!("skipped: systemd-analyze is not here, the unit was not verified"),
    }
}

/// A short film, small and quick.
const FILM: &str = r#"fenta: workflow/v1
name: film
schedule: { cron: "0 * * * *", timezone: UTC }
nodes:
  text:    { type: Input.Text, with: { text: "Honey never spoils." } }
  looks:   { type: Input.Motion, with: { looks: [gradient], palette: ocean } }
  voice:   { type: Voice.TTS, with: { text: "${{ nodes.text.text }}" } }
  words:   { type: Subtitle.Auto, with: { voice: "${{ nodes.voice.voice }}" } }
  cut:     { type: Edit.Timeline, with: { template: daily, clips: "${{ nodes.looks.media }}", voice: "${{ nodes.voice.voice }}", captions: "${{ nodes.words.captions }}", fill: { title: "Honey" } } }
  render:  { type: Output.Render, with: { timeline: "${{ nodes.cut.timeline }}", profile: draft } }
  file:    { type: Output.Download, with: { file: "${{ nodes.render.video }}", to: "film.mp4" } }
outputs: { video: "${{ nodes.file.path }}" }
"#;

#[test]
fn what_a_month_needs_is_held_against_the_tier_and_the_months_money() {
    let env = FentaEnv::new().unwrap();
    env.write("film.yaml", FILM).unwrap();
    let add = ["schedule", "add", "film.yaml"];
    let added = ok(&env, &add);
    assert!(
        !added.stderr.contains("render-seconds"),
        "nobody knows yet: {added:?}"
    );
    ok(&env, &["run", "film.yaml"]);
    let usage = ok(
        &env,
        &["usage", "--by", "meter", "--job", "latest", "--json"],
    )
    .stdout;
    let usage: Value = serde_json::from_str(&usage).unwrap();
    let rows = usage["items"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["meter"] == "render_seconds")
        .unwrap();
    let seconds: f64 = row["settled"].as_str().unwrap().parse().unwrap();
    assert!(seconds > 0.5, "{usage}");
    let number = |value: f64| format!("{value:.1}").trim_end_matches(".0").to_owned();
    let needs = format!(
        "this schedule needs {} render-seconds a month (720 runs of {}); Free has 300",
        number(seconds * 720.0),
        number(seconds)
    );
    let added = ok(&env, &add);
    assert!(added.stderr.contains(&needs), "{needs}: {added:?}");
    assert!(
        added
            .stderr
            .contains("runs of this machine are not limited"),
        "{added:?}"
    );
    assert!(
        !added.stderr.contains("is enough for it"),
        "it is no warning yet: {added:?}"
    );
    ok(&env, &["config", "set", "plan.tier", "free"]);
    let added = ok(&env, &add);
    assert!(
        added.stderr.contains(&format!("warning: {needs}")),
        "{added:?}"
    );
    assert!(added.stderr.contains(" is enough for it"), "{added:?}");
    ok(&env, &["schedule", "rm", "film"]);
    ok(&env, &["config", "unset", "plan.tier"]);

    env.write("daily.yaml", &daily("")).unwrap();
    let added = ok(&env, &["schedule", "add", "daily.yaml"]);
    assert!(
        added.stderr.contains("runs in 30 days; one, made anew: "),
        "{added:?}"
    );
    assert!(
        !added.stderr.contains("render-seconds"),
        "nothing is rendered: {added:?}"
    );
    let wrong = env.fenta(&["config", "set", "plan.tier", "gold"]).unwrap();
    assert!(
        wrong.code != 0 && wrong.stderr.contains("free, starter, pro, enterprise"),
        "{wrong:?}"
    );
}
