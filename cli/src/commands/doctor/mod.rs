//! `fenta doctor`: what Fenta needs on this machine, in the order it is needed, each with what puts it right.
//!
//! Neighbours: `renderer` lets the real `fenta-render` do small real jobs; `places` looks at disks. The checks find
//! things out by doing them, not by guessing where things should be.

mod places;
mod renderer;

use fenta_client::{ConnectError, Probe};
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::ui::style::Style;

/// Check, in order, what Fenta needs on this machine. Every check that fails says what puts it right.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// As it should be.
    Ok,
    /// Works, with less.
    Warning,
    /// Does not work.
    Failed,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Ok,
            found: found.into(),
            fix: None,
        }
    }

    fn failed(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Failed,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    fn warning(name: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Warning,
            ..Self::failed(name, found, fix)
        }
    }
}

impl DoctorArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut checks = vec![
            daemon_program(context),
            places::state_dir(&context.settings.state_dir),
            places::free_space(&context.settings.state_dir),
            daemon(context).await,
        ];
        checks.extend(renderer::checks(&context.settings.render).await);
        for check in &checks {
            if context.ui.is_json() {
                context.ui.json(check)?;
            } else if !context.ui.is_quiet() || check.verdict != Verdict::Ok {
                context.ui.result(&told(check, context.ui.out_style()))?;
            }
        }
        let failed = checks
            .iter()
            .filter(|check| check.verdict == Verdict::Failed)
            .count();
        if failed > 0 {
            return Err(CommandError::Unhealthy {
                failed,
                checks: checks.len(),
            });
        }
        Ok(())
    }
}

fn told(check: &Check, style: Style) -> String {
    let mark = match check.verdict {
        Verdict::Ok => style.green("ok  "),
        Verdict::Warning => style.yellow("warn"),
        Verdict::Failed => style.red("FAIL"),
    };
    let fix = check.fix.as_deref().map_or(String::new(), |fix| {
        format!("\n      {:<13}{} {fix}", "", style.cyan("fix:"))
    });
    format!("{mark}  {:<13}{}{fix}", check.name, check.found)
}

fn daemon_program(context: &Context) -> Check {
    const NAME: &str = "fentad";
    match context.session.daemon().program() {
        Some(program) => Check::ok(NAME, program.display().to_string()),
        None => Check::failed(
            NAME,
            "the daemon's program is neither beside `fenta` nor on PATH",
            "put `fentad` beside `fenta`, or name it: export FENTA_FENTAD=/path/to/fentad",
        ),
    }
}

async fn daemon(context: &Context) -> Check {
    const NAME: &str = "daemon";
    let socket = context.settings.socket.display();
    match context.session.daemon().probe().await {
        Ok(Probe::Ready(connected)) => Check::ok(
            NAME,
            format!(
                "release {}, process {}, {} jobs",
                connected.meta.version, connected.meta.pid, connected.meta.jobs_running
            ),
        ),
        Ok(Probe::Unreachable) => Check::ok(NAME, "does not run; starts when it is needed"),
        Ok(Probe::Stale) => Check::ok(
            NAME,
            format!("died and left {socket}; the next start clears it away"),
        ),
        Ok(Probe::VersionSkew(meta)) => Check::failed(
            NAME,
            format!("release {} speaks another API", meta.version),
            "fenta daemon stop",
        ),
        Err(error) => Check::failed(NAME, error.to_string(), fix_of(&error)),
    }
}

fn fix_of(error: &ConnectError) -> String {
    error
        .hint()
        .unwrap_or_else(|| "fenta daemon stop --force".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_shows_its_fix() {
        let check = Check::failed("fonts", "no Inter", "apt install fonts-inter");
        assert_eq!(
            told(&check, Style::new(false)),
            "FAIL  fonts        no Inter\n                   fix: apt install fonts-inter"
        );
        assert_eq!(
            told(&Check::ok("fonts", "Inter"), Style::new(false)),
            "ok    fonts        Inter"
        );
    }
}
