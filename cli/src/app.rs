//! From arguments to an exit code: parse, read the environment, run the command, print its error once.
//!
//! Neighbours: `commands` are the subcommands; `ui` prints. Nothing slow may happen before the arguments are parsed.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser};
use fenta_client::exit_code;

use crate::command_error::CommandError;
use crate::commands::{Command, Context};
use crate::input_flags::made_explicit;
use crate::session::Session;
use crate::settings::{ColorWish, Settings};
use crate::ui::{OutputFlags, Ui};

/// Turns a workflow into a finished vertical video, on this machine, and never does the same work twice.
#[derive(Debug, Parser)]
#[command(
    name = "fenta",
    version,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "stdout carries results only; progress and notices go to stderr. Jobs are named by id, by a unique \
                  prefix of it, or `latest`. Exit codes: `fenta help exit-codes`.",
    after_long_help = "stdout carries results only; progress, notices and questions go to stderr. On a terminal lists are \
                       tables; in a pipe they are tab-separated and nothing is cut. Jobs are named by id, by a unique \
                       prefix of it, or `latest`.\n\n\
                       Environment:\n  \
                       FENTA_STATE_DIR   state of the daemon (default $XDG_STATE_HOME/fenta or ~/.local/state/fenta)\n  \
                       FENTA_SOCKET      its socket (default $XDG_RUNTIME_DIR/fenta/fentad.sock)\n  \
                       FENTA_FENTAD      the daemon's program (default: beside fenta, then on PATH)\n  \
                       FENTA_RENDER      the renderer's program (default: beside fenta, then on PATH)\n  \
                       FENTA_NO_INPUT    never ask questions\n  \
                       FENTA_TOKEN       who you are to the server of --context\n  \
                       NO_COLOR, CLICOLOR_FORCE  colour never, colour always\n\n\
                       Exit codes: `fenta help exit-codes`."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Args)]
struct OutputArgs {
    /// JSON on stdout, one value a line; errors as JSON in the last line of stderr
    #[arg(long, global = true, env = "FENTA_JSON", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    json: bool,
    /// Only ids and paths on stdout, only warnings and errors on stderr
    #[arg(short, long, global = true, env = "FENTA_QUIET", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    quiet: bool,
    /// Work on this server instead: a name of `fenta context ls`; `local` is this machine
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "FENTA_CONTEXT",
        hide_env_values = true
    )]
    context: Option<String>,
    /// Plain lines, no bars, no questions; on by itself where CI is set
    #[arg(long, global = true, env = "FENTA_CI", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new(), hide_env_values = true)]
    ci: bool,
}

impl From<&OutputArgs> for OutputFlags {
    fn from(args: &OutputArgs) -> Self {
        Self {
            json: args.json,
            quiet: args.quiet,
            ci: args.ci,
        }
    }
}

/// Runs the program.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let args = made_explicit(args, &Cli::command());
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return misspelt(&error, &args),
    };
    let flags = OutputFlags::from(&cli.output);
    let settings = match Settings::from_process() {
        Ok(settings) => settings,
        Err(error) => return ended(&Ui::new(flags, &blind_settings()), &error),
    };
    let context = Context {
        ui: Ui::new(flags, &settings),
        session: Session::new(&settings, cli.output.context),
        settings,
    };
    match cli.command.run(&context) {
        Ok(()) => ExitCode::from(exit_code::OK),
        Err(error) => ended(&context.ui, &error),
    }
}

fn ended(ui: &Ui, error: &CommandError) -> ExitCode {
    ui.error(error);
    ExitCode::from(error.exit_code())
}

/// Help, version, and command lines that cannot be read.
fn misspelt(error: &clap::Error, args: &[OsString]) -> ExitCode {
    // When the stream is closed there is nobody left to tell.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::from(exit_code::OK);
    }
    let shows_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if args.iter().any(|arg| arg == "--json") && !shows_help {
        let flags = OutputFlags {
            json: true,
            ..OutputFlags::default()
        };
        let message = error.to_string();
        let first = message.lines().next().unwrap_or_default();
        let usage = CommandError::Usage {
            message: first.trim_start_matches("error: ").to_owned(),
            hint: Some("`fenta --help` lists commands and flags".to_owned()),
        };
        Ui::new(flags, &blind_settings()).error(&usage);
    }
    ExitCode::from(exit_code::USAGE)
}

/// Enough to print an error when the environment itself is the trouble.
fn blind_settings() -> Settings {
    Settings {
        color: ColorWish::Never,
        no_input: true,
        ..Settings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_is_documented() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            assert!(command.get_about().is_some(), "{path} says nothing");
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{path} {} says nothing",
                    arg.get_id()
                );
            }
            for inner in command.get_subcommands() {
                check(inner, &path);
            }
        }
        check(&Cli::command(), "");
    }

    #[test]
    fn output_flags_work_after_the_command_too() {
        let cli = Cli::try_parse_from(["fenta", "ps", "--json"]).unwrap();
        assert!(cli.output.json);
        let cli = Cli::try_parse_from(["fenta", "-q", "job", "ls"]).unwrap();
        assert!(cli.output.quiet);
    }
}
