//! What the built programs are: which libraries they load, what they say about themselves, how the daemon lives.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::process::Command;

use fenta_tests::env::{FentaEnv, program};

fn libraries(name: &str) -> String {
    let output = Command::new("ldd")
        .arg(program(name).unwrap())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn only_the_worker_links_ffmpeg() {
    assert!(!libraries("fenta").contains("libav"));
    assert!(!libraries("fentad").contains("libav"));
    assert!(libraries("fenta-render").contains("libavcodec"));
}

#[test]
fn programs_say_their_version() {
    for name in ["fenta", "fentad"] {
        let output = Command::new(program(name).unwrap())
            .arg("--version")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.trim(), format!("{name} {}", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn sixty_four_first_calls_start_one_daemon() {
    let env = FentaEnv::new().unwrap();
    let starts: Vec<_> = (0..64)
        .map(|_| {
            env.command("fenta")
                .unwrap()
                .args(["daemon", "start"])
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    // On a machine that is very busy some give up before it answers; they find it when they ask again.
    let patient = starts
        .into_iter()
        .map(|mut start| start.wait().unwrap().success())
        .filter(|answered| *answered)
        .count();
    println!("{patient} of 64 calls were answered at once");
    assert!(patient > 0);
    env.fenta(&["daemon", "start"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let mut ready = 0;
    for entry in std::fs::read_dir(env.state().join("logs")).unwrap() {
        let log = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        ready += log.matches("\"message\":\"ready\"").count();
    }
    assert_eq!(ready, 1, "one daemon served all of them");
    env.fenta(&["daemon", "stop"])
        .unwrap()
        .expect_code(0)
        .unwrap();
}

#[test]
fn the_daemon_starts_once_serves_and_stops() {
    let env = FentaEnv::new().unwrap();
    let down = env.fenta(&["daemon", "status"]).unwrap();
    assert_eq!(down.code, 20, "no daemon yet: {}", down.stderr);
    let starts: Vec<_> = (0..8)
        .map(|_| {
            env.command("fenta")
                .unwrap()
                .args(["daemon", "start"])
                .spawn()
                .unwrap()
        })
        .collect();
    for mut start in starts {
        assert!(start.wait().unwrap().success());
    }
    let status = env
        .fenta(&["daemon", "status", "--json"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        status["pid"].as_i64().map(|pid| pid as i32),
        env.daemon_pid(),
        "one daemon serves all of them"
    );

    use std::os::unix::fs::PermissionsExt as _;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&env.state()), 0o700);
    assert_eq!(mode(&env.state().parent().unwrap().join("s")), 0o700);

    let jobs = env.fenta(&["ps"]).unwrap().expect_code(0).unwrap();
    assert!(jobs.stdout.lines().count() <= 1, "{}", jobs.stdout);
    let missing = env
        .fenta(&["job", "show", "job_none"])
        .unwrap()
        .expect_code(5)
        .unwrap();
    assert!(missing.stderr.contains("job_none"), "{}", missing.stderr);

    env.fenta(&["daemon", "stop"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    assert_eq!(env.fenta(&["daemon", "status"]).unwrap().code, 20);
}
