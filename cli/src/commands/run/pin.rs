//! Pinning what a job was made with: when `fenta.lock` is written, and what is said about it.
//!
//! Neighbours: `lock_file` writes; the daemon makes the part of the document from the completed job.

use fenta_client::Client;

use super::request::Request;
use super::selection::SelectionArgs;
use crate::command_error::CommandError;
use crate::lock_file::{self, LockPlace, Written};
use crate::ui::Ui;

/// Where to pin the job that comes, if anywhere: where it was asked for, and where an earlier run has pinned already.
pub(super) fn place(
    wanted: bool,
    selection: &SelectionArgs,
    request: &Request,
    ui: &Ui,
) -> Result<Option<LockPlace>, CommandError> {
    if selection.is_frozen() {
        return Ok(None);
    }
    if wanted {
        if selection.is_partial() {
            return Err(CommandError::usage(
                "a part of a workflow cannot be pinned: fenta.lock pins all of it",
                "leave out --only and --until, or --lock",
            ));
        }
        return lock_file::of(&request.document).map(Some);
    }
    let Ok(place) = lock_file::of(&request.document) else {
        return Ok(None);
    };
    match place.read() {
        Ok(None) => Ok(None),
        Ok(Some(_)) if selection.is_partial() => {
            ui.note("fenta.lock stays as it is: only a part of the workflow runs");
            Ok(None)
        }
        Ok(Some(_)) => Ok(Some(place)),
        Err(error) => {
            ui.warn(&format!("{error}; it is not updated"));
            Ok(None)
        }
    }
}

/// Pins what a completed job was made with.
pub(in crate::commands) async fn pin(
    place: &LockPlace,
    client: &Client,
    job: &str,
    ui: &Ui,
) -> Result<(), CommandError> {
    let lock = client.job_lock(job).await?;
    let count = format!(
        "{} nodes, {} results, {} templates, {} fonts",
        lock.nodes.len(),
        lock.results.len(),
        lock.templates.len(),
        lock.fonts.len()
    );
    let what = match place.write(lock)? {
        Written::Added => format!("written ({count})"),
        Written::Changed => format!("updated ({count}); commit it with the workflow"),
        Written::Same => "up to date".to_owned(),
    };
    ui.note(&format!("{}: {what}", place.path().display()));
    Ok(())
}
