//! `fenta auth`: logging in to servers (`login`), and keys of vendors, stored, listed without being shown, tried and
//! forgotten.
//!
//! Keys come from a hidden prompt or from standard input, never from an argument that others on the machine could see.

mod login;

use std::io::{self, Read as _};

use fenta_client::api::providers::{ProviderInfo, ProviderTest};
use fenta_client::credentials::{CredentialError, KeyFile, KeySource, Secret};
use fenta_workflows::nearest;

use super::Context;
use crate::command_error::CommandError;
use crate::ui::table::{Row, Table, Tint};
use crate::ui::{Ui, secret};
use login::LoginArgs;

/// Logging in, and keys of others.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuthCommand {
    /// Log in to the server of --context: a token from standard input, or a code approved in a browser
    Login(LoginArgs),
    /// Who you are to the server of --context, and until when
    Status,
    /// Forget the token of --context
    Logout,
    /// Keys of providers
    #[command(subcommand)]
    Provider(ProviderCommand),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum ProviderCommand {
    /// Store the key of a vendor: in the system's keyring, or where there is none in a file only you can read
    Add(AddArgs),
    /// The vendors that have a key, and where it is
    Ls,
    /// Ask a vendor something that costs nothing, with the key that is stored
    Test(VendorArgs),
    /// Forget the key of a vendor
    Rm(VendorArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Whose key, for example openrouter
    vendor: String,
    /// Read the key from standard input instead of asking for it
    #[arg(long)]
    key_stdin: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VendorArgs {
    /// Whose key, for example openrouter
    vendor: String,
}

impl AuthCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let command = match self {
            Self::Login(args) => return login::login(context, args).await,
            Self::Status => return login::status(context).await,
            Self::Logout => return login::logout(context).await,
            Self::Provider(command) => command,
        };
        match command {
            ProviderCommand::Add(args) => add(context, args).await,
            ProviderCommand::Ls => list(context).await,
            ProviderCommand::Test(args) => test(context, &args.vendor).await,
            ProviderCommand::Rm(args) => remove(context, &args.vendor),
        }
    }
}

/// Keys lie beside the user's settings.
pub(super) fn key_file(context: &Context) -> Result<KeyFile, CommandError> {
    let home = context.settings.config_home.as_ref();
    let home = home.ok_or_else(|| CommandError::Usage {
        message: "cannot tell where to keep keys: HOME is not set".to_owned(),
        hint: Some("set HOME, or give the daemon the key in its environment".to_owned()),
    })?;
    Ok(KeyFile::in_folder(&home.join("fenta")))
}

pub(super) fn refused(error: &CredentialError) -> CommandError {
    CommandError::Usage {
        message: error.to_string(),
        hint: None,
    }
}

/// What the daemon knows about a vendor.
async fn vendor(context: &Context, name: &str) -> Result<ProviderInfo, CommandError> {
    let list = context
        .session
        .client(&context.ui)
        .await?
        .providers()
        .await?;
    let names: Vec<String> = list.items.iter().map(|item| item.vendor.clone()).collect();
    list.items
        .into_iter()
        .find(|item| item.vendor == name)
        .ok_or_else(|| CommandError::NotFound {
            message: format!("there is no provider `{name}`"),
            hint: Some(match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            }),
        })
}

/// A secret, from standard input or from a hidden prompt.
pub(super) fn typed(
    ui: &Ui,
    from_stdin: bool,
    asked: &str,
    piped: &str,
) -> Result<String, CommandError> {
    if from_stdin {
        let mut text = String::new();
        // A key has a few hundred bytes; a pipe that never ends is none.
        let read = io::stdin().lock().take(16 << 10).read_to_string(&mut text);
        read.map_err(|source| CommandError::Io {
            what: "cannot read the key".to_owned(),
            source,
        })?;
        return Ok(text);
    }
    if ui.is_interactive() {
        return secret::ask(asked);
    }
    Err(CommandError::Usage {
        message: "nobody is here to type a key".to_owned(),
        hint: Some(format!("pipe it: `{piped} < FILE`")),
    })
}

async fn add(context: &Context, args: AddArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let known = vendor(context, &args.vendor).await?;
    let Some(variable) = &known.key.variable else {
        return Err(CommandError::Usage {
            message: format!("{} takes no key", known.vendor),
            hint: None,
        });
    };
    let asked = format!("Key of {} (it is not shown): ", known.vendor);
    let piped = format!("fenta auth provider add {} --key-stdin", known.vendor);
    let text = typed(ui, args.key_stdin, &asked, &piped)?;
    let key = Secret::new(&text).map_err(|error| refused(&error))?;
    let stored = key_file(context)?
        .set(&known.vendor, &key)
        .map_err(|error| refused(&error))?;
    match (&stored.place, &stored.why) {
        (KeySource::File(path), Some(why)) => ui.warn(&format!(
            "the keyring cannot be used ({why}): the key lies in {}, which only you can read",
            path.display()
        )),
        (place, _) => ui.note(&format!("the key of {} is in {place}", known.vendor)),
    }
    if known.key.source.as_deref() == Some(variable) {
        ui.warn(&format!(
            "{variable} in the daemon's environment wins over it"
        ));
    }
    ui.note(&format!(
        "`fenta auth provider test {}` tries it",
        known.vendor
    ));
    Ok(())
}

async fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let list = context.session.client(ui).await?.providers().await?;
    let with_key = list.items.iter().filter(|item| item.key.source.is_some());
    let mut table = Table::new(&["VENDOR", "KEY"]);
    let mut some = false;
    for item in with_key {
        some = true;
        if ui.is_json() {
            ui.json(item)?;
        } else if ui.is_quiet() {
            ui.result(&item.vendor)?;
        }
        let source = item.key.source.clone().unwrap_or_default();
        table.row(
            Row::new()
                .cell(&item.vendor)
                .tinted(source.clone(), source, Tint::Good),
        );
    }
    if !some {
        ui.note("no vendor has a key; `fenta auth provider add VENDOR` stores one");
    }
    if ui.is_json() || ui.is_quiet() || !some {
        return Ok(());
    }
    ui.table(&table)
}

async fn test(context: &Context, name: &str) -> Result<(), CommandError> {
    let ui = &context.ui;
    let known = vendor(context, name).await?;
    let client = context.session.client(ui).await?;
    let ProviderTest { works, said, .. } = client.test_provider(&known.vendor).await?;
    if works {
        return ui.result(&said);
    }
    Err(CommandError::Provider {
        vendor: known.vendor,
        message: said,
    })
}

fn remove(context: &Context, name: &str) -> Result<(), CommandError> {
    let had = key_file(context)?
        .remove(name)
        .map_err(|error| refused(&error))?;
    if had {
        context.ui.note(&format!("the key of {name} is forgotten"));
        return Ok(());
    }
    Err(CommandError::NotFound {
        message: format!("no key of `{name}` is stored"),
        hint: Some(
            "`fenta auth provider ls` lists them; keys of the environment are not stored"
                .to_owned(),
        ),
    })
}
