//! Rules and rows for tests.

use std::path::Path;

use fenta_client::api::watches::{After, FileState, Notify, WatchRule, WhileBusy};

use crate::store::WatchFileRecord;

pub(super) fn rule(folder: &Path) -> WatchRule {
    WatchRule {
        folder: folder.to_string_lossy().into_owned(),
        matches: vec!["*".to_owned()],
        settle_ms: 100,
        into: "note".to_owned(),
        group_by: None,
        requires: Vec::new(),
        after: After::Keep,
        while_busy: WhileBusy::Queue,
        run_initial: true,
        poll_ms: None,
        notify: Notify::default(),
    }
}

pub(super) fn file(path: &str, state: FileState) -> WatchFileRecord {
    WatchFileRecord {
        path: path.to_owned(),
        state,
        reason: String::new(),
        stamp: "1".to_owned(),
        size: 1,
        since: "2026-11-18T11:06:40.000Z".to_owned(),
        content: None,
        initial: false,
    }
}
