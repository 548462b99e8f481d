//! `fenta cache verify`.

use fenta_client::api::cache::{CacheVerified, DamagedBlob, VerifyCache};

use super::count;
use crate::command_error::CommandError;
use crate::commands::Context;
use crate::ui::bytes;
use crate::ui::table::{Row, Table};

/// Part after part, until the end.
pub(super) async fn run(context: &Context) -> Result<(), CommandError> {
    let ui = &context.ui;
    let client = context.session.client(ui).await?;
    let mut sum = CacheVerified::default();
    loop {
        let part = VerifyCache {
            after: sum.next.take(),
        };
        let found = client.verify_cache(&part).await?;
        sum.checked.bytes += found.checked.bytes;
        sum.checked.files += found.checked.files;
        sum.total = found.total;
        sum.incomplete += found.incomplete;
        sum.damaged.extend(found.damaged);
        sum.next = found.next;
        if sum.next.is_none() {
            break;
        }
        ui.note(&format!(
            "{} of {} read",
            bytes::short(sum.checked.bytes),
            bytes::short(sum.total.bytes)
        ));
    }
    if ui.is_json() {
        ui.json(&sum)?;
    } else if ui.is_quiet() {
        sum.damaged
            .iter()
            .try_for_each(|blob| ui.result(&blob.blob))?;
    } else {
        ui.table(&table(&sum.damaged))?;
        if sum.incomplete > 0 {
            ui.note(&format!(
                "{} not all there; they are made again when they are needed",
                count(sum.incomplete, "result")
            ));
        }
        ui.result(&format!(
            "read {} in {}: {} damaged",
            bytes::short(sum.checked.bytes),
            count(sum.checked.files, "blob"),
            sum.damaged.len()
        ))?;
    }
    match sum.damaged.len() {
        0 => Ok(()),
        blobs => Err(CommandError::CacheDamaged { blobs }),
    }
}

fn table(damaged: &[DamagedBlob]) -> Table {
    let mut table = Table::new(&["DAMAGED", "SIZE", "PART OF", "NOW AT"]);
    for blob in damaged {
        let part_of = match (&blob.copy_of, blob.results.as_slice()) {
            (Some(path), []) => format!("copy of {path}"),
            (None, []) => "no result".to_owned(),
            (_, results) => results.join(", "),
        };
        table.row(
            Row::new()
                .both(blob.blob.get(..12).unwrap_or(&blob.blob), &blob.blob)
                .both(bytes::short(blob.bytes), blob.bytes.to_string())
                .cell(part_of)
                .cell(&blob.quarantine),
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_blob_says_what_it_belongs_to() {
        let blob = |results: &[&str], copy_of: Option<&str>| DamagedBlob {
            blob: "cd".repeat(32),
            bytes: 7,
            quarantine: "/q".to_owned(),
            results: results.iter().map(|text| (*text).to_owned()).collect(),
            copy_of: copy_of.map(str::to_owned),
        };
        let pipes = table(&[
            blob(&["speak 0123"], None),
            blob(&[], Some("/a.mp4")),
            blob(&[], None),
        ])
        .for_pipes();
        let parts: Vec<&str> = pipes
            .lines()
            .filter_map(|line| line.split('\t').nth(2))
            .collect();
        assert_eq!(parts, ["speak 0123", "copy of /a.mp4", "no result"]);
    }
}
