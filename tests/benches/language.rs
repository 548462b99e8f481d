//! How long reading and checking documents takes, and how much memory: a generated workflow of ten thousand nodes, and
//! the workflows that ship.
//!
//! `cargo bench --bench language` prints the figures; `FENTA_BENCH_NODES` sets another size.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed step fails the case; figures are its output"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use fenta_workflows::{SourceFile, compile, library};

const ROUNDS: usize = 5;

fn main() {
    for (name, text) in library::ALL {
        report(name, &source(name, (*text).to_owned()));
    }
    let nodes = std::env::var("FENTA_BENCH_NODES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000);
    report(
        &format!("{nodes} nodes"),
        &source("generated", generated(nodes)),
    );
    println!("peak memory {} MiB", peak_mib());
}

fn source(name: &str, text: String) -> SourceFile {
    SourceFile {
        name: format!("{name}.yaml"),
        text,
    }
}

/// Chains of ten: a text, its narration, captions, pictures, a cut, a video and its file, with conditions and loops.
fn generated(nodes: usize) -> String {
    let mut text = String::from(
        "fenta: workflow/v1\nname: generated\ninputs:\n  topic: { type: string, default: bees }\n  \
         topics: { type: \"string[]\", default: [bees, ants] }\nnodes:\n",
    );
    for chain in 0..nodes / 10 {
        write!(
            text,
            "  a{chain}: {{ type: Input.Text, with: {{ text: \"Number {chain} about ${{{{ inputs.topic }}}} and ${{{{ upper(inputs.topic) }}}}.\" }} }}\n  \
             b{chain}: {{ type: Script.Transform, with: {{ text: \"${{{{ nodes.a{chain}.text }}}}\" }} }}\n  \
             c{chain}: {{ type: Voice.TTS, with: {{ script: \"${{{{ nodes.b{chain}.script }}}}\" }}, retry: {{ attempts: 2 }} }}\n  \
             d{chain}: {{ type: Subtitle.Auto, with: {{ voice: \"${{{{ nodes.c{chain}.voice }}}}\" }} }}\n  \
             e{chain}: {{ type: Input.Motion, with: {{ count: 3, seed: {chain} }} }}\n  \
             f{chain}: {{ type: Input.Text, for_each: \"${{{{ inputs.topics }}}}\", with: {{ text: \"${{{{ item }}}} ${{{{ index }}}}\" }} }}\n  \
             g{chain}: {{ type: Input.Music, on_error: skip, with: {{ mood: calm }} }}\n  \
             h{chain}: {{ type: Edit.Timeline, with: {{ template: daily, clips: \"${{{{ nodes.e{chain}.media }}}}\", voice: \"${{{{ nodes.c{chain}.voice }}}}\", captions: \"${{{{ nodes.d{chain}.captions }}}}\", music: \"${{{{ default(nodes.g{chain}.audio, null) }}}}\" }} }}\n  \
             i{chain}: {{ type: Output.Render, with: {{ timeline: \"${{{{ nodes.h{chain}.timeline }}}}\" }} }}\n  \
             j{chain}: {{ type: Output.Download, needs: [f{chain}], with: {{ file: \"${{{{ nodes.i{chain}.video }}}}\", to: \"out/{chain}-${{{{ slug(inputs.topic) }}}}.mp4\" }} }}\n"
        )
        .unwrap();
    }
    text
}

fn report(name: &str, source: &SourceFile) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            match compile(source) {
                Ok((workflow, _)) => assert!(!workflow.nodes().is_empty()),
                Err(found) => panic!(
                    "{}",
                    found
                        .iter()
                        .take(3)
                        .map(|one| one.render(source, false))
                        .collect::<Vec<_>>()
                        .join("\n")
                ),
            }
            began.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "{name:>20}: {:>8.1} KiB compiled in {:>8.2} ms (median of {ROUNDS}, worst {:.2} ms)",
        source.text.len() as f64 / 1024.0,
        times[ROUNDS / 2].as_secs_f64() * 1e3,
        times[ROUNDS - 1].as_secs_f64() * 1e3,
    );
}

/// The most memory this process had, from what the kernel counts.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .map_or(0, |kib| kib / 1024)
}
