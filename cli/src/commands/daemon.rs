//! `fenta daemon`: start, stop and look at the daemon. Other commands start it by themselves.

use std::time::{Duration, Instant};

use fenta_client::api::meta::{Meta, ServerState, StopDaemon};
use fenta_client::{ConnectError, Connected, Probe};
use jiff::Timestamp;

use super::Context;
use super::service::{self, InstallArgs};
use crate::command_error::CommandError;
use crate::ui::span;

/// A daemon without work ends at once; one that does not within this is waited for no longer.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// Start, stop and look at the daemon.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DaemonCommand {
    /// Start it, if it does not run
    Start,
    /// Let it finish its jobs and end
    Stop(StopArgs),
    /// Make it a service of your user, there after every start of the machine
    Install(InstallArgs),
    /// Take that service away
    Uninstall,
    /// Whether it runs, and what it does; exit code 20 when it does not
    Status,
    /// Where the token is that programs need to ask it over TCP (`daemon.listen`)
    Token(TokenArgs),
}

/// The token for TCP.
#[derive(Debug, clap::Args)]
pub(crate) struct TokenArgs {
    /// Print the token itself instead of the name of its file
    #[arg(long)]
    show: bool,
}

/// Let the daemon end.
#[derive(Debug, clap::Args)]
pub(crate) struct StopArgs {
    /// End now: running jobs are interrupted and go on at the next start
    #[arg(long)]
    force: bool,
}

impl DaemonCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Start => start(context).await,
            Self::Stop(args) => stop(context, args).await,
            Self::Install(args) => args.run(context).await,
            Self::Uninstall => service::uninstall(context).await,
            Self::Token(args) => token(context, args),
            Self::Status => {
                let connected = context.session.daemon().attach().await?;
                show(context, &connected)
            }
        }
    }
}

/// The file's name is what scripts should use: a token in an argument can be read by others.
fn token(context: &Context, args: TokenArgs) -> Result<(), CommandError> {
    let path = context.settings.state_dir.join("token");
    let text = std::fs::read_to_string(&path).map_err(|error| CommandError::NotFound {
        message: format!("there is no token at {}: {error}", path.display()),
        hint: Some(
            "the daemon makes one when it listens for TCP: `fenta config set daemon.listen 127.0.0.1:7788`"
                .to_owned(),
        ),
    })?;
    match args.show {
        true => context.ui.result(text.trim()),
        false => context.ui.result(&path.display().to_string()),
    }
}

async fn start(context: &Context) -> Result<(), CommandError> {
    let connected = context.session.daemon().connect().await?;
    let what = if connected.started {
        "started"
    } else {
        "was running already"
    };
    let pid = connected.meta.pid;
    context
        .ui
        .note(&format!("the daemon {what}, process {pid}"));
    if context.ui.is_json() {
        context.ui.json(&connected.meta)?;
    }
    Ok(())
}

fn show(context: &Context, connected: &Connected) -> Result<(), CommandError> {
    let ui = &context.ui;
    if ui.is_json() {
        return ui.json(&connected.meta);
    }
    if ui.is_quiet() {
        return ui.result(&connected.meta.pid.to_string());
    }
    let socket = context.settings.socket.display().to_string();
    ui.result(&facts(&connected.meta, &socket, Timestamp::now()))
}

/// What is known about a daemon, one fact a line.
fn facts(meta: &Meta, socket: &str, now: Timestamp) -> String {
    let state = match meta.state {
        ServerState::Ready => "ready",
        ServerState::Draining => "draining: finishes its jobs, then ends",
    };
    let port = meta.listen.as_deref().unwrap_or("off (`daemon.listen`)");
    [
        format!("state     {state}"),
        format!("release   {}", meta.version),
        format!("process   {}", meta.pid),
        format!("started   {}", span::ago(&meta.started_at, now)),
        format!("jobs      {} running", meta.jobs_running),
        format!("renderer  {}", meta.tool),
        format!("socket    {socket}"),
        format!("tcp       {port}"),
        format!("data      {}", meta.state_dir),
        format!("log       {}/logs/fentad.log", meta.state_dir),
    ]
    .join("\n")
}

async fn stop(context: &Context, args: StopArgs) -> Result<(), CommandError> {
    let (ui, daemon) = (&context.ui, context.session.daemon());
    let connected = match daemon.attach().await {
        Ok(connected) => connected,
        Err(ConnectError::NotRunning { .. }) => {
            ui.note("no daemon runs");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let how = StopDaemon {
        force: args.force,
        ..StopDaemon::default()
    };
    connected.client.stop_daemon(how).await?;
    let jobs = connected.meta.jobs_running;
    if jobs > 0 && !args.force {
        let plural = if jobs == 1 { "" } else { "s" };
        ui.note(&format!(
            "it ends when {jobs} job{plural} are done; --force ends it now"
        ));
        return Ok(());
    }
    if gone(context).await? {
        ui.note("the daemon ended");
    } else {
        ui.warn(&format!(
            "the daemon (process {}) is still there after {} s",
            connected.meta.pid,
            STOP_LIMIT.as_secs()
        ));
    }
    Ok(())
}

/// Ends a daemon that was started by a command, when it has nothing to do; refuses while it has.
pub(super) async fn stop_idle(context: &Context) -> Result<(), CommandError> {
    let connected = match context.session.daemon().attach().await {
        Ok(connected) => connected,
        Err(ConnectError::NotRunning { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if connected.meta.jobs_running > 0 {
        return Err(CommandError::usage(
            format!(
                "the daemon has {} jobs in work",
                connected.meta.jobs_running
            ),
            "try again when they are done, or stop it with `fenta daemon stop`",
        ));
    }
    connected.client.stop_daemon(StopDaemon::default()).await?;
    gone(context).await.map(drop)
}

/// Waits until nobody listens at the socket.
async fn gone(context: &Context) -> Result<bool, CommandError> {
    let begun = Instant::now();
    while begun.elapsed() < STOP_LIMIT {
        match context.session.daemon().probe().await {
            Ok(Probe::Stale | Probe::Unreachable) => return Ok(true),
            // On its way out it may drop a connection in the middle of the handshake.
            Ok(_) | Err(ConnectError::Handshake { .. }) => tokio::time::sleep(POLL).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_name_process_log_and_state() {
        let json = r#"{"version":"0.1.0","api":{"min":1,"max":1},"state":"draining","pid":7,"started_at":"2026-01-01T00:00:00Z","jobs_running":2,"tool":"fenta-render 3","state_dir":"/s"}"#;
        let now = "2026-01-01T00:05:00Z".parse().unwrap();
        let text = facts(&serde_json::from_str(json).unwrap(), "/s.sock", now);
        assert!(text.starts_with("state     draining"), "{text}");
        assert!(
            text.contains("process   7\nstarted   5m ago\njobs      2 running"),
            "{text}"
        );
        assert!(text.contains("log       /s/logs/fentad.log"), "{text}");
    }
}
