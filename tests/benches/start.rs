//! The first call of the day: 64 programs at once find no daemon, one of them starts it, all of them are answered.
//!
//! `cargo bench --bench start` prints the figures of twenty such mornings and fails where the daemon is ready too late.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use fenta_tests::env::FentaEnv;
use fenta_tests::talk::Connection;

const MORNINGS: usize = 20;
const CALLS: usize = 64;

/// From the first call until the daemon answers, p95.
const READY: Duration = Duration::from_millis(300);

fn main() {
    let (mut alone, mut together, mut answered) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MORNINGS {
        alone.push(morning(1).0);
        let (ready, all) = morning(CALLS);
        together.push(ready);
        answered.push(all);
    }
    let p95 = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() * 95 / 100]
    };
    let (one, ready, all) = (p95(alone), p95(together), p95(answered));
    println!(
        "ready after one first call, p95         {:>8.1} ms",
        one.as_secs_f64() * 1000.0
    );
    println!(
        "ready after the first of 64 calls, p95  {:>8.1} ms",
        ready.as_secs_f64() * 1000.0
    );
    println!(
        "all 64 calls answered, p95              {:>8.1} ms",
        all.as_secs_f64() * 1000.0
    );
    assert!(
        one < READY && ready < READY,
        "the daemon is ready too late: {one:?}, {ready:?}"
    );
}

/// From the first call to a daemon that answers, and to the last answered call.
fn morning(calls: usize) -> (Duration, Duration) {
    let env = FentaEnv::new().unwrap();
    let socket = env.work().parent().unwrap().join("s/d.sock");
    let begun = Instant::now();
    let waiting = std::thread::spawn(move || {
        let answers = || Connection::open(&socket)?.get("/v1/meta");
        while !answers().is_ok_and(|(status, _)| status == 200) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "it does not start"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        begun.elapsed()
    });
    let started: Vec<_> = (0..calls)
        .map(|_| {
            env.command("fenta")
                .unwrap()
                .args(["daemon", "start"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in started {
        assert!(child.wait().unwrap().success());
    }
    let all = begun.elapsed();
    let ready = waiting.join().unwrap();
    env.fenta(&["daemon", "stop"])
        .unwrap()
        .expect_code(0)
        .unwrap();
    (ready, all)
}
