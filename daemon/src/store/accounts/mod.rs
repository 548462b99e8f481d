//! The accounts of a team server: users, organisations, tokens, the audit log. A database of its own beside those of the
//! organisations.
//!
//! Neighbours: [`crate::team`] decides who may do what and makes tokens and password texts; this remembers them. Whoever is
//! not there, gone or of another organisation is the same `None`.

mod audit;
mod logins;
mod orgs;
mod tokens;
mod users;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

pub use audit::{AuditPage, NewAudit};
pub use logins::{Approved, NewRefresh, Refreshed};
pub use orgs::MemberChange;
pub use tokens::{NewToken, TokenHolder};
pub use users::{Account, Membership};

use super::{StoreError, connection, threads};
use crate::clock::Clock;

/// The open database of accounts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    threads: Arc<threads::Threads>,
    clock: Arc<dyn Clock>,
}

/// Threads that read.
const READERS: usize = 2;

impl Accounts {
    /// Opens (or makes) it.
    pub fn open(path: &Path, unclean: bool, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let writer = connection::open_accounts(path, unclean)?;
        let readers = (0..READERS)
            .map(|_| connection::open_for_reading(path))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            threads: Arc::new(threads::Threads::start(Some(writer), readers)?),
            clock,
        })
    }

    /// Opens what another process owns, to look at it only.
    pub fn open_for_reading(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let reader = connection::open_for_reading(path)?;
        Ok(Self {
            threads: Arc::new(threads::Threads::start(None, vec![reader])?),
            clock,
        })
    }

    /// The time of day and fresh ids.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// A key of the server; made of `fresh` where there is none yet.
    pub async fn server_key(
        &self,
        name: &'static str,
        fresh: [u8; 32],
    ) -> Result<[u8; 32], StoreError> {
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO server_keys (name, value) VALUES (?1, ?2)",
                    )?
                    .execute(params![name, fresh.to_vec()])?;
                let value: Vec<u8> = connection
                    .prepare_cached("SELECT value FROM server_keys WHERE name = ?1")?
                    .query_row([name], |row| row.get(0))?;
                <[u8; 32]>::try_from(value).map_err(|value| {
                    StoreError::row("server_keys", format!("{} bytes", value.len()))
                })
            })
            .await
    }

    /// Notes that an alert is told; true when it was not told before this month.
    pub async fn note_alert(
        &self,
        org: &str,
        month: &str,
        resource: &'static str,
        percent: u8,
    ) -> Result<bool, StoreError> {
        let (org, month, at) = (org.to_owned(), month.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let told = connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO quota_alerts (org, month, resource, percent, at)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![org, month, resource, percent, at])?;
                Ok(told == 1)
            })
            .await
    }

    /// Waits until everything asked before is on disk.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.threads.checkpoint().await
    }

    /// A whole copy of the database at this moment.
    pub async fn back_up(&self, target: &Path) -> Result<(), StoreError> {
        let target = target.to_owned();
        self.threads
            .read(move |connection| connection::copy_to(connection, &target))
            .await
    }
}

/// One value, where there is a row.
fn one<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> Result<Option<T>, StoreError> {
    Ok(connection
        .prepare_cached(sql)?
        .query_row(parameters, |row| row.get(0))
        .optional()?)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Accounts in a temporary folder, at a time that stands still.

    use super::*;
    use crate::clock::testing::ManualClock;

    pub(crate) struct TestAccounts {
        pub(crate) accounts: Accounts,
        pub(crate) clock: Arc<ManualClock>,
        _folder: tempfile::TempDir,
    }

    pub(crate) fn open() -> TestAccounts {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let path = folder.path().join("accounts.db");
        TestAccounts {
            accounts: Accounts::open(&path, false, clock.clone()).unwrap(),
            clock,
            _folder: folder,
        }
    }
}
