//! `fenta help`: help about a command, and the topics that belong to none.

use clap::CommandFactory;
use fenta_client::exit_code;
use serde::Serialize;

use super::Context;
use crate::app::Cli;
use crate::command_error::CommandError;
use crate::ui::table::{Row, Table};

/// Help about a command (`fenta help job ls`), or about `exit-codes`.
#[derive(Debug, clap::Args)]
pub(crate) struct HelpArgs {
    /// The command, or `exit-codes`
    #[arg(value_name = "TOPIC")]
    topic: Vec<String>,
}

#[derive(Serialize)]
struct ExitCodeDoc {
    code: u8,
    name: &'static str,
    meaning: &'static str,
}

impl HelpArgs {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let topic: Vec<&str> = self.topic.iter().map(String::as_str).collect();
        match topic.as_slice() {
            ["exit-codes"] => exit_codes(context),
            words => context.ui.result(&command_help(words)?),
        }
    }
}

fn exit_codes(context: &Context) -> Result<(), CommandError> {
    if context.ui.is_json() {
        return exit_code::ALL
            .iter()
            .try_for_each(|&(code, name, meaning)| {
                context.ui.json(&ExitCodeDoc {
                    code,
                    name,
                    meaning,
                })
            });
    }
    let mut table = Table::new(&["CODE", "NAME", "MEANING"]);
    for (code, name, meaning) in exit_code::ALL {
        table.row(Row::new().cell(code.to_string()).cell(*name).cell(*meaning));
    }
    context.ui.table(&table)?;
    context.ui.note("Any other code is a failure too.");
    Ok(())
}

fn command_help(words: &[&str]) -> Result<String, CommandError> {
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in words {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            CommandError::usage(
                format!("there is no command `{}`", words.join(" ")),
                "`fenta help` lists the commands",
            )
        })?;
    }
    let text = found.render_long_help().to_string();
    Ok(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_finds_nested_commands() {
        assert!(command_help(&["job", "ls"]).unwrap().contains("--state"));
        assert!(command_help(&[]).unwrap().contains("exit-codes"));
        assert_eq!(command_help(&["job", "nope"]).unwrap_err().exit_code(), 2);
    }
}
