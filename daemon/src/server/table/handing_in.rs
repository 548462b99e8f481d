//! Handing in to a team server what this machine did.

use fenta_client::api::sync::{SyncStatus, SyncTarget, SyncVerdict};

use super::super::routes::Method::{Delete, Get, Post};
use super::super::routes::{Content, Routes, op};
use super::super::{AppState, sync};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/sync/status",
                "getSyncStatus",
                "Where this machine hands in what it did, and how far it is.",
            )
            .says::<SyncStatus>(200),
            sync::status,
        )
        .on(
            op(
                Post,
                "/v1/sync/target",
                "setSyncTarget",
                "Lets this machine hand in what it does.",
            )
            .given::<SyncTarget>()
            .says::<SyncStatus>(200),
            sync::start,
        )
        .on(
            op(
                Delete,
                "/v1/sync/target",
                "clearSyncTarget",
                "Lets it stop; what waits stays.",
            )
            .answers(204, Content::Empty),
            sync::stop,
        )
        .on(
            op(
                Post,
                "/v1/sync/now",
                "syncNow",
                "Hands in what waits, and waits for the outcome.",
            )
            .says::<SyncStatus>(200),
            sync::now,
        )
        .on(
            op(
                Post,
                "/v1/sync/verify",
                "verifySync",
                "Compares both sides.",
            )
            .says::<SyncVerdict>(200),
            sync::verify,
        )
        .on(
            op(
                Post,
                "/v1/sync/rebuild",
                "rebuildSync",
                "Hands in anew whatever differs.",
            )
            .says::<SyncStatus>(200),
            sync::rebuild,
        )
}
