//! `fenta completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Context;
use crate::app::Cli;
use crate::command_error::CommandError;

/// Print completions for a shell. For bash: `fenta completions bash > ~/.local/share/bash-completion/completions/fenta`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "fenta", &mut script);
        let script = String::from_utf8_lossy(&script);
        context.ui.result(script.trim_end_matches('\n'))
    }
}
