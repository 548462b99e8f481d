//! Entry point of `fentad`: flags and variables become settings, settings become a daemon.

mod team_command;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fenta_daemon::daemon::{self, DaemonError};
use fenta_daemon::logging::{self, LogTarget};
use fenta_daemon::reader;
use fenta_daemon::settings::{Flags, Machine, Settings};
use fenta_daemon::state_dir::{StateDirError, private_folder};
use fenta_daemon::team::TeamError;
use team_command::TeamCommand;

/// Stack of the runtime's threads: expressions and layouts of hostile documents are evaluated on them.
const STACK_BYTES: usize = 16 << 20;

/// Another daemon uses the state directory; the same number as the CLI's.
const EXIT_LOCK_HELD: u8 = 22;

/// Runs Fenta workflows for the current user. `fenta` starts it by itself when it is needed.
#[derive(Debug, Parser)]
#[command(name = "fentad", version, args_conflicts_with_subcommands = true)]
struct Args {
    /// Keep jobs, results and the log here [default: ~/.local/state/fenta; also FENTA_STATE_DIR]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Listen here [default: $XDG_RUNTIME_DIR/fenta/fentad.sock; also FENTA_SOCKET]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Listen for TCP too, for programs with the token: 127.0.0.1:PORT [default: off; also FENTA_LISTEN]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Worker processes at a time, over all jobs [default: one for each processor; also FENTA_JOBS]
    #[arg(long, value_name = "N")]
    jobs: Option<String>,
    /// Write the log to standard error instead of a file
    #[arg(long)]
    foreground: bool,
    /// Only serve what another daemon wrote down, until standard input ends
    #[arg(long, hide = true)]
    look: bool,
    /// Print the description of the API (OpenAPI 3.1) and end
    #[arg(long, hide = true)]
    openapi: bool,
    #[command(subcommand)]
    team: Option<TeamCommand>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "fentad: {error:#}");
            let held = |error: &StateDirError| matches!(error, StateDirError::Held { .. });
            let daemon =
                matches!(error.downcast_ref(), Some(DaemonError::StateDir(error)) if held(error));
            let team =
                matches!(error.downcast_ref(), Some(TeamError::StateDir(error)) if held(error));
            match daemon || team {
                true => ExitCode::from(EXIT_LOCK_HELD),
                false => ExitCode::FAILURE,
            }
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    if args.openapi {
        let text = serde_json::to_string_pretty(&fenta_daemon::server::openapi())?;
        writeln!(std::io::stdout(), "{text}")?;
        return Ok(());
    }
    let flags = Flags {
        state_dir: args.state_dir.map(std::path::absolute).transpose()?,
        socket: args.socket.map(std::path::absolute).transpose()?,
        jobs: args.jobs,
        listen: args.listen,
    };
    let settings = Settings::resolve(
        flags,
        Machine {
            variable: &|name| std::env::var_os(name),
            executable: &std::env::current_exe()?,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        },
    )?;
    let team_log = match &args.team {
        Some(command) => Some(command.log_folder()?),
        None => None,
    };
    let target = if let Some(folder) = team_log {
        folder.map_or(LogTarget::Stderr, LogTarget::Folder)
    } else if args.foreground || args.look {
        LogTarget::Stderr
    } else {
        private_folder(&settings.state_dir)?;
        LogTarget::Folder(settings.state_dir.join("logs"))
    };
    let filter =
        std::env::var("FENTA_LOG").unwrap_or_else(|_| "info,refinery_core=warn".to_owned());
    logging::start(&target, &filter)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("fentad")
        .thread_stack_size(STACK_BYTES)
        .build()?;
    let outcome: anyhow::Result<()> = runtime.block_on(async {
        match args.team {
            Some(command) => command.run(settings).await,
            None if args.look => Ok(reader::run(settings).await?),
            None => Ok(daemon::run(settings).await?),
        }
    });
    if let Err(error) = &outcome {
        tracing::error!(%error, "could not run");
    }
    // Whatever still runs on a blocking thread has nothing left to write.
    runtime.shutdown_background();
    outcome
}
