//! Files that were given to the server.

use fenta_client::api::assets::{
    Asset, AssetList, CompleteAsset, HadAssets, HaveAssets, InitAsset,
};
use fenta_client::api::jobs::PageQuery;

use super::super::routes::Method::{Delete, Get, Post, Put};
use super::super::routes::{Content, Routes, op};
use super::super::{AppState, assets};

/// All of them.
pub(super) fn all() -> Routes<AppState> {
    assets_routes().and(contents_routes())
}

fn assets_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Get,
                "/v1/assets",
                "listAssets",
                "Files that were given to the server, the newest first.",
            )
            .query::<PageQuery>()
            .says::<AssetList>(200),
            assets::list,
        )
        .on(
            op(
                Post,
                "/v1/assets/init",
                "initAsset",
                "Announces a file; what is here already is not asked for.",
            )
            .given::<InitAsset>()
            .says::<Asset>(201)
            .makes(),
            assets::init,
        )
        .on(
            op(
                Post,
                "/v1/assets/have",
                "haveAssets",
                "Which contents need not be sent.",
            )
            .given::<HaveAssets>()
            .says::<HadAssets>(200),
            assets::have,
        )
        .on(
            op(
                Put,
                "/v1/assets/{id}/parts/{number}",
                "putAssetPart",
                "Sends one part of a file.",
            )
            .given_bytes()
            .answers(204, Content::Empty),
            assets::part,
        )
}

fn contents_routes() -> Routes<AppState> {
    Routes::default()
        .on(
            op(
                Post,
                "/v1/assets/complete",
                "completeAsset",
                "All parts were sent.",
            )
            .given::<CompleteAsset>()
            .says::<Asset>(200),
            assets::complete,
        )
        .on(
            op(
                Get,
                "/v1/assets/{id}",
                "getAsset",
                "One file, and what is missing of it.",
            )
            .says::<Asset>(200),
            assets::show,
        )
        .on(
            op(Delete, "/v1/assets/{id}", "removeAsset", "Takes it away.").says::<Asset>(200),
            assets::remove,
        )
        .on(
            op(
                Get,
                "/v1/assets/{id}/content",
                "getAssetContent",
                "Its content, whole or a range of it.",
            )
            .answers(200, Content::Bytes),
            assets::bytes,
        )
}
