//! How long a plan takes, and how much memory the daemon has then: a generated workflow of ten thousand nodes, and a
//! workflow that ships. Submission, compilation, graph, cache and answer are all in the figure.
//!
//! `cargo bench --bench plan` prints the figures; `FENTA_BENCH_NODES` sets another size.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fenta_tests::env::FentaEnv;
use fenta_tests::house::workspace_root;

const ROUNDS: usize = 5;

fn main() {
    let env = FentaEnv::new().unwrap();
    let shipped = workspace_root().join("workflows/library/daily-short.yaml");
    report(&env, "daily-short", &shipped.to_string_lossy());
    let nodes = std::env::var("FENTA_BENCH_NODES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    let path = env.write("generated.yaml", &generated(nodes)).unwrap();
    report(&env, &format!("{nodes} nodes"), &path.to_string_lossy());
    println!("peak memory of the daemon {} MiB", peak_mib(&env));
}

/// Chains of five: a text from an input, its script, its narration, captions and a text that waits for them.
fn generated(nodes: usize) -> String {
    let mut text = String::from(
        "fenta: workflow/v1\nname: generated\ninputs:\n  topic: { type: string, default: bees }\nnodes:\n",
    );
    for chain in 0..nodes / 5 {
        write!(
            text,
            "  a{chain}: {{ type: Input.Text, with: {{ text: \"Number {chain} about ${{{{ upper(inputs.topic) }}}}.\" }} }}\n  \
             b{chain}: {{ type: Script.Transform, with: {{ text: \"${{{{ nodes.a{chain}.text }}}}\" }} }}\n  \
             c{chain}: {{ type: Voice.TTS, with: {{ script: \"${{{{ nodes.b{chain}.script }}}}\" }} }}\n  \
             d{chain}: {{ type: Subtitle.Auto, with: {{ voice: \"${{{{ nodes.c{chain}.voice }}}}\" }} }}\n  \
             e{chain}: {{ type: Input.Text, needs: [d{chain}], with: {{ text: \"${{{{ nodes.a{chain}.text }}}}\" }} }}\n"
        )
        .unwrap();
    }
    text
}

fn report(env: &FentaEnv, name: &str, path: &str) {
    // The first one starts the daemon.
    let run = || {
        let began = Instant::now();
        let said = env.fenta(&["plan", path, "--json"]).unwrap();
        let took = began.elapsed();
        said.expect_code(0).unwrap();
        took
    };
    run();
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| run()).collect();
    times.sort();
    println!(
        "{name:>20}: planned in {:>8.2} ms (median of {ROUNDS}, worst {:.2} ms)",
        times[ROUNDS / 2].as_secs_f64() * 1e3,
        times[ROUNDS - 1].as_secs_f64() * 1e3,
    );
}

/// The most memory the daemon had, from what the kernel counts.
fn peak_mib(env: &FentaEnv) -> u64 {
    let pid = env.daemon_pid().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}
