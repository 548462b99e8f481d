//! The audit log: append-only by trigger, and each entry hashed over the one before, so that an entry that was changed
//! behind the database's back is found.

use fenta_client::api::orgs::{AuditEntry, AuditList};
use fenta_workflows::digest::value_hash;
use rusqlite::{Connection, Row, params};

use super::{Accounts, one};
use crate::store::StoreError;

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAudit {
    /// In which organisation.
    pub org: String,
    /// By whom.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// In which request.
    pub request_id: String,
}

/// Which entries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPage {
    /// Only before this one.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

const COLUMNS: &str = "seq, at, actor, action, target, request_id, org, hash";

impl Accounts {
    /// Writes an entry down.
    pub async fn audit(&self, new: NewAudit) -> Result<(), StoreError> {
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| append(connection, &new, &at))
            .await
    }

    /// Entries of an organisation, the newest first, and whether the whole log still holds together.
    pub async fn audit_log(&self, org: &str, page: AuditPage) -> Result<AuditList, StoreError> {
        let org = org.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM audit_log WHERE org = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3"
                ))?;
                let before = page.before.unwrap_or(i64::MAX as u64);
                let rows = statement.query_map(params![org, before, page.limit + 1], |row| {
                    Ok(entry(row)?.0)
                })?;
                let mut items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
                let more = items.len() > page.limit as usize;
                items.truncate(page.limit as usize);
                let next_cursor = items.last().filter(|_| more).map(|entry| entry.seq.to_string());
                Ok(AuditList {
                    items,
                    next_cursor,
                    unbroken: is_unbroken(connection)?,
                })
            })
            .await
    }
}

fn append(connection: &Connection, new: &NewAudit, at: &str) -> Result<(), StoreError> {
    let before: Option<String> = one(
        connection,
        "SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1",
        [],
    )?;
    let told = [
        &*new.org,
        at,
        &*new.actor,
        &*new.action,
        &*new.target,
        &*new.request_id,
    ];
    let hash = linked(before.as_deref().unwrap_or_default(), told);
    connection
        .prepare_cached(
            "INSERT INTO audit_log (at, org, actor, action, target, request_id, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            at,
            new.org,
            new.actor,
            new.action,
            new.target,
            new.request_id,
            hash
        ])?;
    Ok(())
}

fn linked(before: &str, told: [&str; 6]) -> String {
    value_hash("fenta.audit.1", &(before, told))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<(AuditEntry, String, String)> {
    let entry = AuditEntry {
        seq: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        action: row.get(3)?,
        target: row.get(4)?,
        request_id: row.get(5)?,
    };
    Ok((entry, row.get(6)?, row.get(7)?))
}

/// Entries of the log that are held against their hashes when somebody looks at it.
const CHECKED: u32 = 10_000;

/// Whether the newest entries fit the ones before them.
fn is_unbroken(connection: &Connection) -> Result<bool, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM (SELECT * FROM audit_log ORDER BY seq DESC LIMIT ?1) ORDER BY seq"
    ))?;
    let mut rows = statement.query([CHECKED])?;
    let mut before: Option<(u64, String)> = None;
    while let Some(row) = rows.next()? {
        let (entry, org, hash) = entry(row)?;
        let told = [
            &*org,
            &*entry.at,
            &*entry.actor,
            &*entry.action,
            &*entry.target,
            &*entry.request_id,
        ];
        let first = String::new();
        let fits = match &before {
            // The one before the first that is looked at is not known, unless it is the very first.
            None if entry.seq > 1 => true,
            None => linked(&first, told) == hash,
            Some((seq, known)) => *seq + 1 == entry.seq && linked(known, told) == hash,
        };
        if !fits {
            return Ok(false);
        }
        before = Some((entry.seq, hash));
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn new(org: &str, target: &str) -> NewAudit {
        NewAudit {
            org: org.to_owned(),
            actor: "user_1".to_owned(),
            action: "member.add".to_owned(),
            target: target.to_owned(),
            request_id: "req_1".to_owned(),
        }
    }

    #[tokio::test]
    async fn entries_are_of_one_organisation_in_pages_and_cannot_be_changed_unseen() {
        let test = testing::open();
        for target in ["a", "b", "c"] {
            test.accounts.audit(new("org_1", target)).await.unwrap();
        }
        test.accounts.audit(new("org_2", "x")).await.unwrap();
        let page = |before, limit| {
            test.accounts
                .audit_log("org_1", AuditPage { before, limit })
        };
        let first = page(None, 2).await.unwrap();
        let targets: Vec<&str> = first.items.iter().map(|entry| &*entry.target).collect();
        assert_eq!(targets, ["c", "b"]);
        assert_eq!(first.next_cursor.as_deref(), Some("2"));
        let second = page(Some(2), 2).await.unwrap();
        assert_eq!((second.items.len(), second.next_cursor), (1, None));
        assert!(second.unbroken);

        let change = |sql: &'static str| {
            test.accounts.threads.write(move |connection| {
                connection.execute_batch(sql)?;
                Ok(())
            })
        };
        for sql in ["UPDATE audit_log SET target = 'z'", "DELETE FROM audit_log"] {
            let error = change(sql).await.unwrap_err();
            assert!(error.to_string().contains("append-only"), "{error}");
        }
        change("DROP TRIGGER audit_log_is_not_changed; UPDATE audit_log SET target = 'z' WHERE seq = 2")
            .await
            .unwrap();
        assert!(!page(None, 2).await.unwrap().unbroken);
    }
}
