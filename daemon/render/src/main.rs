//! The worker process: one job from standard input, events to standard output.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use fenta_render::{confine, ffi_memory, ffi_version, protocol, version};

fn main() -> anyhow::Result<ExitCode> {
    ffi_memory::always_zeroed();
    ffi_version::quiet_log();
    // Not locked: every line is written at once, and the heart beats beside the work.
    let mut stdout = std::io::stdout();
    match std::env::args().nth(1).as_deref() {
        Some("--version-json") => {
            let mut version = version::version()?;
            // Told by doing it: everything that had to be read was read, and this process needs nothing more.
            version.sandbox = confine::lock_in(&confine::Grants::default());
            serde_json::to_writer(&mut stdout, &version)?;
            writeln!(stdout)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => anyhow::bail!(
            "`{other}` is not an option; fenta-render reads a job from standard input or takes --version-json"
        ),
        None => {
            confine::begin().context("cannot confine the worker")?;
            let done = protocol::serve(std::io::stdin().lock(), &mut stdout, |job| {
                confine::lock_in(&confine::Grants::of(job));
                // Only now: a thread from before would not be confined.
                protocol::beat();
            })?;
            Ok(if done {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}
