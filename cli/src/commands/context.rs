//! `fenta context`: the servers the user works with, by name.

use fenta_client::api::meta::Meta;
use fenta_client::context::{CLOUD, CLOUD_URL, LOCAL};
use fenta_client::{Client, ClientError};
use serde::Serialize;

use super::Context;
use crate::command_error::CommandError;
use crate::session::context_refused;
use crate::ui::table::{Row, Table};

/// The servers you work with.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ContextCommand {
    /// Remember a server under a name
    Add(AddArgs),
    /// Let commands that name no server work on this one; `local` is this machine
    Use(NameArgs),
    /// The servers that are known, and the one in use
    Ls,
    /// Forget a server, and the token for it
    Rm(NameArgs),
    /// What two servers differ in: releases, providers, what only one of them has
    Diff(DiffArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// What to call it: letters, digits, - and _
    name: String,
    /// Its address: https://…, or http on this machine
    url: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    /// A name of `fenta context ls`
    name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DiffArgs {
    /// One server
    one: String,
    /// The other
    #[arg(default_value = LOCAL)]
    other: String,
}

/// A row of `ls`.
#[derive(Debug, Serialize)]
struct Known {
    name: String,
    url: String,
    current: bool,
}

/// Something two servers differ in.
#[derive(Debug, Serialize)]
struct Difference {
    what: String,
    one: String,
    other: String,
}

impl ContextCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        match self {
            Self::Add(args) => add(context, &args),
            Self::Use(args) => choose(context, &args.name),
            Self::Ls => list(context),
            Self::Rm(args) => remove(context, &args.name),
            Self::Diff(args) => diff(context, &args).await,
        }
    }
}

fn add(context: &Context, args: &AddArgs) -> Result<(), CommandError> {
    let mut contexts = context.session.contexts()?;
    contexts
        .add(&args.name, &args.url)
        .map_err(|error| context_refused(&error))?;
    context.session.keep_contexts(&contexts)?;
    context.ui.note(&format!(
        "`fenta auth login --context {}` logs you in; `fenta context use {}` makes it the usual one",
        args.name, args.name
    ));
    Ok(())
}

fn choose(context: &Context, name: &str) -> Result<(), CommandError> {
    let mut contexts = context.session.contexts()?;
    contexts
        .choose(name)
        .map_err(|error| context_refused(&error))?;
    context.session.keep_contexts(&contexts)?;
    let place = match name {
        LOCAL => "this machine".to_owned(),
        name => format!("the server of `{name}`"),
    };
    context.ui.note(&format!(
        "commands work on {place} from now on, unless they say --context"
    ));
    Ok(())
}

fn list(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let contexts = context.session.contexts()?;
    let current = context.session.context()?;
    let mut all = vec![(LOCAL.to_owned(), "this machine".to_owned())];
    if !contexts.servers.contains_key(CLOUD) {
        all.push((CLOUD.to_owned(), CLOUD_URL.to_owned()));
    }
    all.extend(
        contexts
            .servers
            .iter()
            .map(|(name, server)| (name.clone(), server.url.clone())),
    );
    let mut table = Table::new(&["NAME", "SERVER", "IN USE"]);
    for (name, url) in all {
        let is_current = name == current;
        if ui.is_json() {
            ui.json(&Known {
                name,
                url,
                current: is_current,
            })?;
            continue;
        }
        if ui.is_quiet() {
            ui.result(&name)?;
        }
        let mark = if is_current { "yes" } else { "" };
        table.row(Row::new().cell(&name).cell(&url).cell(mark));
    }
    match ui.is_json() || ui.is_quiet() {
        true => Ok(()),
        false => ui.table(&table),
    }
}

fn remove(context: &Context, name: &str) -> Result<(), CommandError> {
    let mut contexts = context.session.contexts()?;
    contexts
        .remove(name)
        .map_err(|error| context_refused(&error))?;
    context.session.keep_contexts(&contexts)?;
    let keys = super::auth::key_file(context)?;
    for account in [
        fenta_client::context::account(name),
        fenta_client::context::sync_account(name),
    ] {
        keys.remove(&account)
            .map_err(|error| super::auth::refused(&error))?;
    }
    context.ui.note(&format!(
        "`{name}` and its token are forgotten here; the server knows it still"
    ));
    Ok(())
}

/// What is known about a server.
struct Seen {
    meta: Meta,
    providers: Vec<String>,
}

async fn seen(context: &Context, name: &str) -> Result<Seen, CommandError> {
    let client = match context.session.remote_of(name)? {
        Some(remote) => remote.client()?,
        None => context.session.local(&context.ui).await?,
    };
    let looked: Result<Seen, ClientError> = look(&client).await;
    looked.map_err(CommandError::from)
}

async fn look(client: &Client) -> Result<Seen, ClientError> {
    let mut providers: Vec<String> = client
        .providers()
        .await?
        .items
        .into_iter()
        .filter(|item| item.key.source.is_some())
        .map(|item| item.vendor)
        .collect();
    providers.sort();
    Ok(Seen {
        meta: client.meta().await?,
        providers,
    })
}

async fn diff(context: &Context, args: &DiffArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let (one, other) = (
        seen(context, &args.one).await?,
        seen(context, &args.other).await?,
    );
    let facts = |seen: &Seen| {
        [
            ("release", seen.meta.version.clone()),
            ("renderer", seen.meta.tool.clone()),
            (
                "api",
                format!("{}-{}", seen.meta.api.min, seen.meta.api.max),
            ),
            ("providers with a key", seen.providers.join(", ")),
        ]
    };
    let pairs = facts(&one).into_iter().zip(facts(&other));
    let differences: Vec<Difference> = pairs
        .filter(|((_, one), (_, other))| one != other)
        .map(|((what, one), (_, other))| Difference {
            what: what.to_owned(),
            one,
            other,
        })
        .collect();
    if ui.is_json() {
        return differences
            .iter()
            .try_for_each(|difference| ui.json(difference));
    }
    if differences.is_empty() {
        ui.note("they have the same release, renderer and providers");
        return Ok(());
    }
    ui.note(&format!(
        "{} on the left, {} on the right",
        args.one, args.other
    ));
    let mut table = Table::new(&["DIFFERS", "ONE", "OTHER"]);
    for difference in &differences {
        table.row(
            Row::new()
                .cell(&difference.what)
                .cell(&difference.one)
                .cell(&difference.other),
        );
    }
    ui.table(&table)
}
