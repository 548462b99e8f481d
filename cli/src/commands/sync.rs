//! `fenta sync`: handing in to a server what this machine did. Off until somebody says where.

use fenta_client::api::auth::CreateDevice;
use fenta_client::api::sync::{SyncStatus, SyncTarget};
use fenta_client::context::{LOCAL, sync_account};
use fenta_client::credentials::{KeySource, Secret};

use super::Context;
use super::auth::{key_file, refused};
use crate::command_error::CommandError;
use crate::ui::Ui;
use crate::ui::table::{Row, Table};

/// Hand in to a server what this machine did.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum SyncCommand {
    /// Whether anything is handed in, where, and what waits
    Status,
    /// Hand in usage and results to the server of a context from now on
    On(OnArgs),
    /// Hand in nothing more; what waits stays
    Off,
    /// Hand in what waits now, and wait for the outcome
    Now,
    /// Compare this machine's records with the server's
    Verify,
    /// Hand in anew whatever differs
    Rebuild,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OnArgs {
    /// A name of `fenta context ls`; you are logged in there
    name: String,
    /// The files of results too, not only that there are some
    #[arg(long)]
    files: bool,
    /// What was done before today too
    #[arg(long)]
    from_start: bool,
}

impl SyncCommand {
    /// Does it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), CommandError> {
        let ui = &context.ui;
        let client = context.session.local(ui).await?;
        match self {
            Self::Status => show(ui, &client.sync_status().await?),
            Self::On(args) => on(context, &args).await,
            Self::Off => {
                client.clear_sync_target().await?;
                ui.note("nothing is handed in any more; `fenta sync on NAME` goes on where it was");
                Ok(())
            }
            Self::Now => show(ui, &client.sync_now().await?),
            Self::Verify => {
                let verdict = client.sync_verify().await?;
                if ui.is_json() {
                    return ui.json(&verdict);
                }
                match verdict.differs_at {
                    None => {
                        ui.note(&format!(
                            "{} records, equal on both sides",
                            verdict.compared
                        ));
                        Ok(())
                    }
                    Some(at) => Err(CommandError::usage(
                        format!("record {at} differs from the server's"),
                        "`fenta sync rebuild` hands in anew from there on",
                    )),
                }
            }
            Self::Rebuild => show(ui, &client.sync_rebuild().await?),
        }
    }
}

/// The credential of this machine's daemon comes first: without it nothing could be handed in.
async fn on(context: &Context, args: &OnArgs) -> Result<(), CommandError> {
    let ui = &context.ui;
    let remote = context.session.remote_of(&args.name)?.ok_or_else(|| {
        CommandError::usage(
            format!("`{LOCAL}` is this machine: there is nothing to hand in to it"),
            "name a server of `fenta context ls`",
        )
    })?;
    let local = context.session.local(ui).await?;
    let target = SyncTarget {
        context: args.name.clone(),
        url: remote.url.clone(),
        files: args.files,
        from_start: args.from_start,
    };
    // The place decides which device this is; the credential is for that device.
    let status = local.set_sync_target(&target).await?;
    let wanted = CreateDevice {
        name: format!("fenta on {}", machine()),
        device: status.device,
    };
    let made = match remote.client()?.create_device(&wanted).await {
        Ok(made) => made,
        Err(error) => {
            local.clear_sync_target().await?;
            return Err(error.into());
        }
    };
    let secret = Secret::new(&made.secret).map_err(|error| refused(&error))?;
    let stored = key_file(context)?.set(&sync_account(&args.name), &secret);
    let stored = stored.map_err(|error| refused(&error))?;
    if let (KeySource::File(path), Some(why)) = (&stored.place, &stored.why) {
        ui.warn(&format!(
            "the keyring cannot be used ({why}): the credential lies in {}, which only you can read",
            path.display()
        ));
    }
    show(ui, &local.sync_now().await?)
}

/// This machine's name, for people.
pub(super) fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "a machine".to_owned(),
        name => name.chars().take(60).collect(),
    }
}

fn show(ui: &Ui, status: &SyncStatus) -> Result<(), CommandError> {
    if ui.is_json() {
        return ui.json(status);
    }
    let Some(target) = &status.target else {
        ui.note("off: nothing of this machine is handed in anywhere; `fenta sync on NAME` says where to");
        return Ok(());
    };
    let mut table = Table::new(&["SYNC", ""]);
    let waiting = status.waiting.to_string();
    let files = match target.files {
        true => status.files_waiting.to_string(),
        false => "not handed in".to_owned(),
    };
    for (what, value) in [
        ("server", format!("{} ({})", target.context, target.url)),
        ("device", status.device.clone()),
        ("handed in", status.acknowledged.to_string()),
        ("waiting", waiting),
        ("files waiting", files),
        ("set aside", status.quarantined.to_string()),
        (
            "last success",
            status.last_success.clone().unwrap_or_default(),
        ),
    ] {
        table.row(Row::new().cell(what).cell(&value));
    }
    ui.table(&table)?;
    if let Some(error) = &status.last_error {
        ui.warn(error);
    }
    if let Some(seconds) = status.next_try_in {
        ui.note(&format!(
            "the next try is in {seconds} s; `fenta sync now` tries at once"
        ));
    }
    Ok(())
}
