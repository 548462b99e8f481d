//! Watches: which folders begin which workflows. What became of their files is in `watch_files`.

use fenta_client::api::jobs::CreateJob;
use fenta_client::api::watches::{WatchRule, WatchState};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::named::{Named, Table};
use super::{Store, StoreError};

const TABLE: Table = Table {
    name: "watches",
    prefix: "wat_",
};

/// A watch to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWatch {
    /// What people call it.
    pub name: String,
    /// The name of its workflow.
    pub workflow: String,
    /// The document and the folder; empty where the document has no path.
    pub source: String,
    /// What its runs ask for.
    pub request: CreateJob,
    /// Whether the document stays as it is in `request`.
    pub pinned: bool,
    /// Whether it ends with a command.
    pub foreground: bool,
    /// Which files begin runs.
    pub rule: WatchRule,
}

/// A watch.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchRecord {
    /// `wat_` and a UUIDv7.
    pub id: String,
    /// As it was asked for.
    pub new: NewWatch,
    /// Where it stands.
    pub state: WatchState,
    /// Why it is paused; may be empty.
    pub reason: String,
    /// Whether its folder was looked at before.
    pub scanned: bool,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
}

impl Store {
    /// Keeps a watch, active; one from the same source is brought up to date and keeps its id and what it knows.
    pub async fn put_watch(&self, new: NewWatch) -> Result<String, StoreError> {
        let (now, fresh) = (self.clock.now_text(), self.clock.fresh_id("wat_"));
        self.threads
            .write(move |connection| put(connection, &fresh, &new, &now))
            .await
    }

    /// All watches, by name.
    pub async fn watches(&self) -> Result<Vec<WatchRecord>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement =
                    connection.prepare_cached("SELECT * FROM watches ORDER BY name")?;
                let rows = statement.query_map([], stored)?;
                rows.map(|row| row?.read()).collect()
            })
            .await
    }

    /// One of them: id, unique beginning of one (with or without `wat_`), or name.
    pub async fn watch(&self, given: &str) -> Result<WatchRecord, StoreError> {
        let given = given.to_owned();
        self.threads
            .read(move |connection| find(connection, &given))
            .await
    }

    /// Forgets a watch and what it knows; its jobs stay.
    pub async fn remove_watch(&self, id: &str) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.threads
            .write(move |connection| {
                for sql in [
                    "DELETE FROM watch_runs WHERE watch = ?1",
                    "DELETE FROM watch_files WHERE watch = ?1",
                    "DELETE FROM watches WHERE id = ?1",
                ] {
                    connection.prepare_cached(sql)?.execute([&id])?;
                }
                Ok(())
            })
            .await
    }

    /// Moves a watch.
    pub async fn set_watch(
        &self,
        id: &str,
        state: WatchState,
        reason: &str,
    ) -> Result<(), StoreError> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE watches SET state = ?2, reason = ?3 WHERE id = ?1")?
                    .execute(params![id, state.as_str(), reason])?;
                Ok(())
            })
            .await
    }
}

fn put(
    connection: &Connection,
    fresh: &str,
    new: &NewWatch,
    now: &str,
) -> Result<String, StoreError> {
    let bad = |error| StoreError::row("watches", error);
    let request = serde_json::to_string(&new.request).map_err(bad)?;
    let rule = serde_json::to_string(&new.rule).map_err(bad)?;
    let known: Option<String> = connection
        .prepare_cached("SELECT id FROM watches WHERE source = ?1 AND source <> ''")?
        .query_row([&new.source], |row| row.get(0))
        .optional()?;
    let name = TABLE.free_name(connection, &new.name, known.as_deref())?;
    let id = known.as_deref().unwrap_or(fresh);
    connection
        .prepare_cached(
            "INSERT INTO watches (id, name, workflow, source, request, pinned, foreground, rule, state, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'active', ?9)
             ON CONFLICT (id) DO UPDATE SET
                name = excluded.name, workflow = excluded.workflow, request = excluded.request, pinned = excluded.pinned,
                foreground = excluded.foreground, rule = excluded.rule, state = 'active', reason = ''",
        )?
        .execute(params![
            id,
            name,
            new.workflow,
            new.source,
            request,
            new.pinned,
            new.foreground,
            rule,
            now
        ])?;
    Ok(id.to_owned())
}

fn find(connection: &Connection, given: &str) -> Result<WatchRecord, StoreError> {
    let given = || given.to_owned();
    match TABLE.find(connection, &given())? {
        Named::One(id) => connection
            .prepare_cached("SELECT * FROM watches WHERE id = ?1")?
            .query_row([id], stored)?
            .read(),
        Named::Nothing => Err(StoreError::UnknownWatch(given())),
        Named::Several(count) => Err(StoreError::AmbiguousWatch {
            given: given(),
            count,
        }),
    }
}

/// A row of watches before its texts are read.
struct Stored {
    id: String,
    name: String,
    workflow: String,
    source: String,
    request: String,
    pinned: bool,
    foreground: bool,
    rule: String,
    state: String,
    reason: String,
    scanned: bool,
    created_at: String,
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get("id")?,
        name: row.get("name")?,
        workflow: row.get("workflow")?,
        source: row.get("source")?,
        request: row.get("request")?,
        pinned: row.get("pinned")?,
        foreground: row.get("foreground")?,
        rule: row.get("rule")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        scanned: row.get("scanned")?,
        created_at: row.get("created_at")?,
    })
}

impl Stored {
    fn read(self) -> Result<WatchRecord, StoreError> {
        let bad = |error: serde_json::Error| StoreError::row("watches", error);
        Ok(WatchRecord {
            id: self.id,
            new: NewWatch {
                name: self.name,
                workflow: self.workflow,
                source: self.source,
                request: serde_json::from_str(&self.request).map_err(bad)?,
                pinned: self.pinned,
                foreground: self.foreground,
                rule: serde_json::from_str(&self.rule).map_err(bad)?,
            },
            state: if self.state == "active" {
                WatchState::Active
            } else {
                WatchState::Paused
            },
            reason: self.reason,
            scanned: self.scanned,
            created_at: self.created_at,
        })
    }
}
