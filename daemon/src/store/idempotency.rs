//! Answers already given: the same Idempotency-Key with the same body gets the same job, with another body nothing.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

/// How long a key is remembered.
pub(super) const KEPT_DAYS: i64 = 7;

/// A client's promise that two requests are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// What the client sent as `Idempotency-Key`.
    pub key: String,
    /// Hash of the request's body.
    pub fingerprint: String,
}

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Never seen.
    New,
    /// Seen with this body: the job it made.
    Same(String),
    /// Seen with another body.
    Other,
}

pub(super) fn look_up(connection: &Connection, replay: &Replay) -> Result<Known, StoreError> {
    let row: Option<(String, String)> = connection
        .prepare_cached("SELECT fingerprint, job FROM idempotency WHERE key = ?1")?
        .query_row([&replay.key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(match row {
        None => Known::New,
        Some((fingerprint, job)) if fingerprint == replay.fingerprint => Known::Same(job),
        Some(_) => Known::Other,
    })
}

pub(super) fn remember(
    connection: &Connection,
    replay: &Replay,
    job: &str,
    at: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO idempotency (key, fingerprint, job, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![replay.key, replay.fingerprint, job, at])?;
    Ok(())
}

pub(super) fn forget_before(connection: &Connection, at: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM idempotency WHERE created_at < ?1")?
        .execute([at])?;
    Ok(())
}
