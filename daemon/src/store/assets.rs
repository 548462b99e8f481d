//! Files somebody gave to the daemon: what they are, and whether they are here yet.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError};

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetRecord {
    /// Its place in the order of all files.
    pub ordinal: i64,
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 of its content, hexadecimal: claimed while it is on its way, true when it is here.
    pub digest: Option<String>,
    /// Whether all of it is here.
    pub ready: bool,
    /// When it was announced, RFC 3339 UTC.
    pub created_at: String,
}

/// A file to come, or one whose content is here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAsset {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub bytes: u64,
    /// The digest of its content, where it is known.
    pub digest: Option<String>,
    /// Whether its content is here.
    pub ready: bool,
}

const COLUMNS: &str = "ordinal, id, name, media_type, bytes, digest, state, created_at";

impl Store {
    /// Notes a file.
    pub async fn create_asset(&self, new: NewAsset) -> Result<AssetRecord, StoreError> {
        let (id, at) = (self.clock.fresh_id("asset_"), self.now_text());
        self.threads
            .write(move |connection| {
                let state = if new.ready { "ready" } else { "uploading" };
                connection
                    .prepare_cached(
                        "INSERT INTO assets (id, name, media_type, bytes, digest, state, created_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    )?
                    .execute(params![
                        id,
                        new.name,
                        new.media_type,
                        new.bytes,
                        new.digest,
                        state,
                        at
                    ])?;
                select(connection, &id)
            })
            .await
    }

    /// A file of this content that is on its way already.
    pub async fn asset_on_its_way(
        &self,
        digest: &str,
        bytes: u64,
    ) -> Result<Option<AssetRecord>, StoreError> {
        let digest = digest.to_owned();
        self.threads
            .read(move |connection| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM assets
                     WHERE state = 'uploading' AND digest = ?1 AND bytes = ?2
                     ORDER BY ordinal DESC LIMIT 1"
                );
                let found = connection
                    .prepare_cached(&sql)?
                    .query_row(params![digest, bytes], record)
                    .optional()?;
                Ok(found)
            })
            .await
    }

    /// A file by its id.
    pub async fn asset(&self, id: &str) -> Result<AssetRecord, StoreError> {
        let id = id.to_owned();
        self.threads
            .read(move |connection| select(connection, &id))
            .await
    }

    /// Files before a place, the newest first.
    pub async fn assets(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AssetRecord>, StoreError> {
        self.threads
            .read(move |connection| {
                let sql = format!(
                    "SELECT {COLUMNS} FROM assets WHERE state <> 'removed' AND ordinal < ?1
                     ORDER BY ordinal DESC LIMIT ?2"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let before = before.unwrap_or(i64::MAX);
                let rows = statement.query_map(params![before, limit], record)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Whether a content is here, by its digest.
    pub async fn has_asset_content(&self, digest: &str) -> Result<bool, StoreError> {
        let digest = digest.to_owned();
        self.threads
            .read(move |connection| has(connection, &digest))
            .await
    }

    /// All of a file is here, with this content.
    pub async fn asset_is_ready(
        &self,
        id: &str,
        digest: String,
    ) -> Result<AssetRecord, StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE assets SET state = 'ready', digest = ?2
                         WHERE id = ?1 AND state = 'uploading'",
                    )?
                    .execute(params![id, digest])?;
                select(connection, &id)
            })
            .await
    }

    /// Takes a file away; says whether its content is needed no longer.
    pub async fn remove_asset(&self, id: &str) -> Result<(AssetRecord, bool), StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| {
                let known = select(connection, &id)?;
                connection
                    .prepare_cached("UPDATE assets SET state = 'removed' WHERE id = ?1")?
                    .execute([&id])?;
                let needed = match &known.digest {
                    Some(digest) if known.ready => has(connection, digest)?,
                    _ => true,
                };
                Ok((known, !needed))
            })
            .await
    }
}

fn has(connection: &Connection, digest: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM assets WHERE digest = ?1 AND state = 'ready' LIMIT 1")?
        .exists([digest])?)
}

fn select(connection: &Connection, id: &str) -> Result<AssetRecord, StoreError> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM assets WHERE id = ?1 AND state <> 'removed'"
        ))?
        .query_row([id], record)
        .optional()?
        .ok_or_else(|| StoreError::UnknownDocument {
            kind: "asset",
            given: id.to_owned(),
        })
}

fn record(row: &Row<'_>) -> rusqlite::Result<AssetRecord> {
    Ok(AssetRecord {
        ordinal: row.get("ordinal")?,
        id: row.get("id")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        bytes: row.get("bytes")?,
        digest: row.get("digest")?,
        ready: row.get::<_, String>("state")? == "ready",
        created_at: row.get("created_at")?,
    })
}
