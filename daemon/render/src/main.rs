//! The worker process: one job from standard input, events to standard output.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use fenta_render::{confine, ffi_version, protocol, version};

fn main() -> anyhow::Result<ExitCode> {
    ffi_version::quiet_log();
    let mut stdout = std::io::stdout().lock();
    match std::env::args().nth(1).as_deref() {
        Some("--version-json") => {
            serde_json::to_writer(&mut stdout, &version::version()?)?;
            writeln!(stdout)?;
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => anyhow::bail!(
            "`{other}` is not an option; fenta-render reads a job from standard input or takes --version-json"
        ),
        None => {
            confine::confine().context("cannot confine the worker")?;
            let done = protocol::serve(std::io::stdin().lock(), &mut stdout)?;
            Ok(if done {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}
