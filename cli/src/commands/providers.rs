//! `fenta providers`: who can be asked from this machine, and servers on it that could be.

use std::collections::BTreeSet;

use fenta_client::api::providers::{FoundServer, ProviderInfo, ProviderList};

use super::Context;
use crate::command_error::CommandError;
use crate::ui::table::{Row, Table, Tint};

/// Who can be asked for what this machine cannot do itself.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProvidersArgs {
    #[command(subcommand)]
    command: Option<ProvidersCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum ProvidersCommand {
    /// Every vendor: what it can do, whether it is configured, where its key comes from
    Ls,
    /// Look for servers on this machine's usual ports, and print the line that uses each
    Detect,
}

impl ProvidersArgs {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        match self.command {
            None | Some(ProvidersCommand::Ls) => list(context).await,
            Some(ProvidersCommand::Detect) => detect(context).await,
        }
    }
}

async fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let list = context.session.client(ui).await?.providers().await?;
    if let Some(complaint) = &list.complaint {
        ui.warn(&format!(
            "{complaint}; nothing in `providers` counts until that is mended"
        ));
    }
    if ui.is_json() {
        return list.items.iter().try_for_each(|item| ui.json(item));
    }
    if ui.is_quiet() {
        let configured = list.items.iter().filter(|item| item.configured);
        return configured
            .map(|item| &item.vendor)
            .try_for_each(|name| ui.result(name));
    }
    ui.table(&table(&list))?;
    if list.items.iter().all(|item| !item.configured)
        && let Some(file) = &list.config_file
    {
        ui.note(&format!(
            "nobody is configured: `fenta auth provider add VENDOR` stores a key, [providers.VENDOR] in {file} names a \
             server of yours; `fenta providers detect` looks for one"
        ));
    }
    Ok(())
}

fn table(list: &ProviderList) -> Table {
    let mut table = Table::new(&["VENDOR", "ROLES", "CONFIGURED", "KEY", "ADDRESS"]);
    for item in &list.items {
        let roles: Vec<String> = item
            .roles
            .iter()
            .map(|role| match &role.model {
                Some(model) => format!("{} ({model})", role.role),
                None => role.role.clone(),
            })
            .collect();
        let tint = if item.configured {
            Tint::Good
        } else {
            Tint::Faint
        };
        let configured = if item.configured {
            "yes".to_owned()
        } else {
            format!("no: {}", item.why)
        };
        let row = Row::new()
            .cell(&item.vendor)
            .cell(roles.join(", "))
            .tinted(configured.clone(), configured, tint)
            .cell(key(item))
            .cell(&item.base_url);
        table.row(row);
    }
    table
}

/// Where the key comes from; never the key.
fn key(item: &ProviderInfo) -> String {
    match (&item.key.source, &item.key.variable) {
        (Some(source), _) => source.clone(),
        (None, Some(variable)) if item.key.needed => format!("none ({variable})"),
        (None, _) => "none".to_owned(),
    }
}

async fn detect(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let found = client.detect_providers().await?;
    if ui.is_json() {
        return found.iter().try_for_each(|server| ui.json(server));
    }
    if found.is_empty() {
        ui.note("no server of a known kind answers at its usual port on this machine");
    }
    found.iter().try_for_each(|server| tell(context, server))?;
    let new = found.iter().filter(|server| !server.configured);
    let new: BTreeSet<&str> = new.map(|server| server.vendor.as_str()).collect();
    if !new.is_empty()
        && let Some(file) = client.providers().await?.config_file
    {
        ui.note(&format!(
            "write these lines at the end of {file} to use {}",
            Vec::from_iter(new).join(", ")
        ));
    }
    Ok(())
}

/// The line alone is the result: it can be appended to the file as it is.
fn tell(context: &Context, server: &FoundServer) -> Result<(), CommandError> {
    let ui = &context.ui;
    let models = match server.models.as_slice() {
        [] => String::new(),
        models => format!(", with {}", models.join(", ")),
    };
    let place = format!("{} answers at {}{models}", server.vendor, server.base_url);
    if server.configured {
        ui.note(&format!("{place}; it is configured"));
        return Ok(());
    }
    ui.note(&place);
    ui.result(&server.line)
}
