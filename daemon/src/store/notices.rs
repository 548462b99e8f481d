//! The outbox: what is to be told of the runs of schedules and watches. Who tells it is `components::notices`' business.

use fenta_client::api::notices::{Notice, NoticeChannel, NoticeState};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Store, StoreError};
use crate::clock::timestamp_text;

/// How long what was told, or given up, is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    /// The schedule or watch.
    pub owner: String,
    /// What it is about: the same is told once.
    pub subject: String,
    /// What happened, for example `schedule.run.failed`.
    pub event: String,
    /// Where it goes.
    pub channel: NoticeChannel,
    /// The address; empty for desktops.
    pub address: String,
    /// The name of the secret it is signed with.
    pub secret_ref: Option<String>,
    /// In a line.
    pub title: String,
    /// What is told with it.
    pub data: serde_json::Value,
}

/// A notice that is to be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueNotice {
    /// Its name on every try.
    pub id: String,
    /// As it was written down.
    pub new: NewNotice,
    /// How often it was tried.
    pub tries: u32,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeStep {
    /// It arrived.
    Told(String),
    /// It did not; it is tried again then.
    Again(Timestamp, String),
    /// It did not, and is not tried again.
    GiveUp(String),
}

impl Store {
    /// Writes down what is to be told; what is there already stays as it is. Gives how many are new.
    pub async fn add_notices(&self, new: Vec<NewNotice>) -> Result<usize, StoreError> {
        let now = self.clock.now_text();
        let horizon = timestamp_text(self.clock.now() - KEPT);
        let new: Vec<(String, NewNotice)> = new
            .into_iter()
            .map(|one| (self.clock.fresh_id("msg_"), one))
            .collect();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "DELETE FROM notices WHERE state <> 'waiting' AND created_at < ?1",
                    )?
                    .execute([&horizon])?;
                add(connection, &new, &now)
            })
            .await
    }

    /// Whether something was written down to be told.
    pub async fn has_notice(&self, subject: &str) -> Result<bool, StoreError> {
        let subject = subject.to_owned();
        self.threads
            .read(move |connection| {
                Ok(connection
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM notices WHERE subject = ?1)")?
                    .query_row([subject], |row| row.get(0))?)
            })
            .await
    }

    /// What is to be told by now, the oldest first, so many at most.
    pub async fn due_notices(&self, most: u32) -> Result<Vec<DueNotice>, StoreError> {
        let now = self.clock.now_text();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT * FROM notices WHERE state = 'waiting' AND next_at <= ?1 ORDER BY next_at LIMIT ?2",
                )?;
                let mut rows = statement.query(params![now, most])?;
                let mut due = Vec::new();
                while let Some(row) = rows.next()? {
                    due.push(due_one(row)?);
                }
                Ok(due)
            })
            .await
    }

    /// When the next one is to be told.
    pub async fn next_notice_at(&self) -> Result<Option<String>, StoreError> {
        self.threads
            .read(|connection| {
                Ok(connection
                    .prepare_cached(
                        "SELECT next_at FROM notices WHERE state = 'waiting' ORDER BY next_at LIMIT 1",
                    )?
                    .query_row([], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// Writes down what came of a try.
    pub async fn step_notice(&self, id: &str, step: NoticeStep) -> Result<(), StoreError> {
        let id = id.to_owned();
        let (state, detail, next) = match step {
            NoticeStep::Told(detail) => (NoticeState::Told, detail, None),
            NoticeStep::Again(at, detail) => {
                (NoticeState::Waiting, detail, Some(timestamp_text(at)))
            }
            NoticeStep::GiveUp(detail) => (NoticeState::GivenUp, detail, None),
        };
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "UPDATE notices SET state = ?2, detail = ?3, next_at = coalesce(?4, next_at), tries = tries + 1
                         WHERE id = ?1",
                    )?
                    .execute(params![id, state.as_str(), detail, next])?;
                Ok(())
            })
            .await
    }

    /// The newest notices of a schedule or watch; of all where none is named.
    pub async fn notices(&self, owner: &str, limit: u32) -> Result<Vec<Notice>, StoreError> {
        let owner = owner.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT * FROM notices WHERE owner = ?1 OR ?1 = '' ORDER BY id DESC LIMIT ?2",
                )?;
                let mut rows = statement.query(params![owner, limit])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(shown(row)?);
                }
                Ok(found)
            })
            .await
    }
}

fn add(
    connection: &Connection,
    new: &[(String, NewNotice)],
    now: &str,
) -> Result<usize, StoreError> {
    let mut one = connection.prepare_cached(
        "INSERT OR IGNORE INTO notices (id, owner, subject, event, channel, address, secret_ref, title, data, state,
                                        created_at, next_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', ?10, ?10)",
    )?;
    let mut added = 0;
    for (id, notice) in new {
        added += one.execute(params![
            id,
            notice.owner,
            notice.subject,
            notice.event,
            notice.channel.as_str(),
            notice.address,
            notice.secret_ref,
            notice.title,
            notice.data.to_string(),
            now
        ])?;
    }
    Ok(added)
}

fn word<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let word: String = row.get(column)?;
    serde_json::from_value(serde_json::Value::String(word))
        .map_err(|error| StoreError::row("notices", error))
}

fn due_one(row: &Row<'_>) -> Result<DueNotice, StoreError> {
    let data: String = row.get("data")?;
    Ok(DueNotice {
        id: row.get("id")?,
        new: NewNotice {
            owner: row.get("owner")?,
            subject: row.get("subject")?,
            event: row.get("event")?,
            channel: word(row, "channel")?,
            address: row.get("address")?,
            secret_ref: row.get("secret_ref")?,
            title: row.get("title")?,
            data: serde_json::from_str(&data).map_err(|error| StoreError::row("notices", error))?,
        },
        tries: row.get("tries")?,
    })
}

fn shown(row: &Row<'_>) -> Result<Notice, StoreError> {
    let state = word(row, "state")?;
    let next_at: String = row.get("next_at")?;
    Ok(Notice {
        id: row.get("id")?,
        of: row.get("owner")?,
        event: row.get("event")?,
        channel: word(row, "channel")?,
        state,
        tries: row.get("tries")?,
        detail: row.get("detail")?,
        created_at: row.get("created_at")?,
        next_at: (state == NoticeState::Waiting).then_some(next_at),
    })
}
