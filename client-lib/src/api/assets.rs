//! Files for workflows, on the server: announced, sent in parts, completed, fetched in ranges. Content the server has is
//! not sent again.

use serde::{Deserialize, Serialize};

use crate::api::jobs::PageQuery;
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/assets/init`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InitAsset {
    /// What it is called; it is shown, and never a place on the server's disk.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, 64 hexadecimal digits. With it, content that is there already is not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// Its media type; by its name where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
}

/// Whether a file is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssetState {
    /// Parts of it are missing.
    Uploading,
    /// All of it.
    Ready,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Asset {
    /// `asset_` and a UUIDv7.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its media type.
    pub media_type: String,
    /// Whether it is here.
    pub state: AssetState,
    /// BLAKE3 of its content, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The size of its parts; the last one may be smaller.
    pub part_bytes: u64,
    /// Numbers of the parts that are missing, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<u32>,
    /// Where it lies on the server, for parameters of workflows that are run there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it was announced, RFC 3339 UTC.
    pub created_at: String,
}

/// Body of `POST /v1/assets/complete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteAsset {
    /// The file of which all parts were sent.
    pub id: String,
}

/// Body of `POST /v1/assets/have`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HaveAssets {
    /// BLAKE3 of contents, hexadecimal; at most 1000.
    #[schemars(length(max = 1000))]
    pub digests: Vec<String>,
}

/// Answer of `POST /v1/assets/have`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HadAssets {
    /// Those that need not be sent.
    pub have: Vec<String>,
    /// The others.
    pub missing: Vec<String>,
}

/// Answer of `GET /v1/assets`: the newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AssetList {
    /// This page.
    pub items: Vec<Asset>,
    /// Where the next page begins; missing on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl Client {
    /// Announces a file. What is missing of it is in the answer; nothing, where its content is there already.
    pub async fn init_asset(&self, new: &InitAsset) -> Result<Asset, ClientError> {
        self.call(Call::post(&["v1", "assets", "init"], Repeat::Safe).body(new))
            .await
    }

    /// All parts were sent.
    pub async fn complete_asset(&self, id: &str) -> Result<Asset, ClientError> {
        let body = CompleteAsset { id: id.to_owned() };
        self.call(Call::post(&["v1", "assets", "complete"], Repeat::Safe).body(&body))
            .await
    }

    /// Which contents need not be sent.
    pub async fn have_assets(&self, digests: &HaveAssets) -> Result<HadAssets, ClientError> {
        self.call(Call::post(&["v1", "assets", "have"], Repeat::Safe).body(digests))
            .await
    }

    /// One file.
    pub async fn asset(&self, id: &str) -> Result<Asset, ClientError> {
        self.call(Call::get(&["v1", "assets", id])).await
    }

    /// A page of files.
    pub async fn assets(&self, page: &PageQuery) -> Result<AssetList, ClientError> {
        let call = Call::get(&["v1", "assets"])
            .query("limit", page.limit.map(|limit| limit.to_string()))
            .query("cursor", page.cursor.clone());
        self.call(call).await
    }

    /// Takes a file away.
    pub async fn remove_asset(&self, id: &str) -> Result<Asset, ClientError> {
        self.call(Call::delete(&["v1", "assets", id])).await
    }
}
