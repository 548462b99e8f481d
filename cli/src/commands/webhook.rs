//! `fenta webhook`: the secrets that messages of `Output.Webhook` are signed with.
//!
//! The one door of getrandom. A secret comes from a hidden prompt, from standard input or from chance, never from an
//! argument that others on the machine could see.

use fenta_client::credentials::{KeyFile, Secret};
use fenta_client::webhooks::SigningSecret;

use super::Context;
use super::auth::{key_file, refused, typed};
use crate::command_error::CommandError;

/// What stands before the name of a signing secret among the keys.
const PREFIX: &str = "webhook:";

/// Characters of a name.
const MOST_NAME: usize = 64;

/// Messages to addresses of yours.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum WebhookCommand {
    /// Secrets that messages are signed with (Standard Webhooks)
    #[command(subcommand)]
    Secret(SecretCommand),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum SecretCommand {
    /// Store a secret under the name that `secret_ref` of Output.Webhook says
    Add(AddArgs),
    /// The names of the secrets, and where they are
    Ls,
    /// Forget a secret
    Rm(NameArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Its name, for example my-hook
    name: String,
    /// Make one by chance and print it once, for the receiver
    #[arg(long, conflicts_with = "secret_stdin")]
    generate: bool,
    /// Read the secret from standard input instead of asking for it
    #[arg(long)]
    secret_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    /// Its name, for example my-hook
    name: String,
}

impl WebhookCommand {
    /// Does it.
    pub(crate) fn run(self, context: &Context) -> Result<(), CommandError> {
        let Self::Secret(command) = self;
        let keys = key_file(context)?;
        match command {
            SecretCommand::Add(args) => add(context, &keys, &args),
            SecretCommand::Ls => list(context, &keys),
            SecretCommand::Rm(args) => remove(context, &keys, &args.name),
        }
    }
}

fn usage(message: String, hint: &str) -> CommandError {
    CommandError::Usage {
        message,
        hint: Some(hint.to_owned()),
    }
}

fn stored_name(name: &str) -> Result<String, CommandError> {
    let fits = (1..=MOST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    match fits {
        true => Ok(format!("{PREFIX}{name}")),
        false => Err(usage(
            format!("`{name}` is no name of a secret"),
            "write letters, digits, `-`, `_` and `.`, at most 64 of them",
        )),
    }
}

fn add(context: &Context, keys: &KeyFile, args: &AddArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let stored = stored_name(&args.name)?;
    let secret = if args.generate {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| {
            usage(
                format!("this system gives no random bytes: {error}"),
                "make a secret elsewhere and pipe it with --secret-stdin",
            )
        })?;
        SigningSecret::of(bytes)
    } else {
        let asked = format!("Signing secret `{}` (it is not shown): ", args.name);
        let command = format!("fenta webhook secret add {} --secret-stdin", args.name);
        let text = typed(ui, args.secret_stdin, &asked, &command)?;
        SigningSecret::parse(&text).map_err(|error| {
            usage(
                error.to_string(),
                "take the one of the receiver, or let `--generate` make one",
            )
        })?
    };
    let shown = secret.expose();
    let key = Secret::new(&shown).map_err(|error| refused(&error))?;
    let kept = keys.set(&stored, &key).map_err(|error| refused(&error))?;
    ui.note(&format!(
        "messages with `secret_ref: {}` are signed with it; it is in {}",
        args.name, kept.place
    ));
    if args.generate {
        return ui.result(&shown);
    }
    Ok(())
}

fn list(context: &Context, keys: &KeyFile) -> Result<(), CommandError> {
    let ui = &context.ui;
    let all = keys.vendors().map_err(|error| refused(&error))?;
    let mut some = false;
    for (name, place) in all {
        let Some(name) = name.strip_prefix(PREFIX) else {
            continue;
        };
        some = true;
        if ui.is_json() {
            ui.json(&serde_json::json!({ "name": name, "place": place.to_string() }))?;
        } else {
            ui.result(name)?;
        }
    }
    if !some {
        ui.note("there is none; `fenta webhook secret add NAME --generate` makes one");
    }
    Ok(())
}

fn remove(context: &Context, keys: &KeyFile, name: &str) -> Result<(), CommandError> {
    let had = keys
        .remove(&stored_name(name)?)
        .map_err(|error| refused(&error))?;
    if had {
        context
            .ui
            .note(&format!("the secret `{name}` is forgotten"));
        return Ok(());
    }
    Err(CommandError::Usage {
        message: format!("there is no secret named `{name}`"),
        hint: Some("`fenta webhook secret ls` lists them".to_owned()),
    })
}
