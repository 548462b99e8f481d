//! Results of actions by digest. A row is written only after every blob of the result is durable in the CAS, and is
//! believed only while they all still are: [`crate::runner`] checks that, this module keeps rows.

use fenta_workflows::action::ActionResult;
use fenta_workflows::digest::ActionDigest;
use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};

/// A remembered result.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedAction {
    /// What the action made.
    pub result: ActionResult,
    /// How long that took, milliseconds.
    pub wall_ms: u64,
    /// When it was made, as rows of the store say it.
    pub made_at: String,
}

impl Store {
    /// The remembered result of an action.
    pub async fn cached_action(
        &self,
        digest: &ActionDigest,
    ) -> Result<Option<CachedAction>, StoreError> {
        let found = self.cached_actions(vec![digest.clone()]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// The remembered results of actions, in their order, with one trip to the database.
    pub async fn cached_actions(
        &self,
        digests: Vec<ActionDigest>,
    ) -> Result<Vec<Option<CachedAction>>, StoreError> {
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT result, wall_ms, created_at FROM action_cache WHERE digest = ?1",
                )?;
                digests
                    .iter()
                    .map(|digest| {
                        let row = statement
                            .query_row([digest.as_str()], |row| {
                                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                            })
                            .optional()?;
                        Ok(row.and_then(readable))
                    })
                    .collect()
            })
            .await
    }

    /// Remembers a result whose blobs are durable.
    pub async fn remember_action(
        &self,
        digest: &ActionDigest,
        kind: &'static str,
        action: &CachedAction,
    ) -> Result<(), StoreError> {
        let digest = digest.to_string();
        let at = self.clock.now_text();
        let result = serde_json::to_string(&action.result)
            .map_err(|error| StoreError::row("action_cache", error))?;
        let (wall_ms, made_at) = (action.wall_ms, action.made_at.clone());
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO action_cache (digest, kind, result, wall_ms, created_at, last_used)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                         ON CONFLICT (digest) DO UPDATE SET
                            result = excluded.result, wall_ms = excluded.wall_ms,
                            created_at = excluded.created_at, last_used = excluded.last_used",
                    )?
                    .execute(params![digest, kind, result, wall_ms, made_at, at])?;
                Ok(())
            })
            .await
    }
}

/// A row as it is stored; one this version cannot read is a result it does not have.
fn readable((result, wall_ms, made_at): (String, u64, String)) -> Option<CachedAction> {
    let result = serde_json::from_str(&result).ok()?;
    Some(CachedAction {
        result,
        wall_ms,
        made_at,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fenta_workflows::action::{Action, ActionFacts, WriteRequest};
    use fenta_workflows::digest::blob_digest;

    use super::*;
    use crate::store::testing;

    fn digest(text: &str) -> ActionDigest {
        Action::Write(WriteRequest {
            name: "a.txt".to_owned(),
            text: text.to_owned(),
        })
        .digest("tool")
    }

    fn result(bytes: &[u8]) -> CachedAction {
        CachedAction {
            result: ActionResult {
                outputs: BTreeMap::from([("file".to_owned(), blob_digest(bytes))]),
                facts: ActionFacts::None,
            },
            wall_ms: 12,
            made_at: "2026-11-22T00:00:00.000Z".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_result_comes_back_and_the_newer_one_wins() {
        let test = testing::open();
        let key = digest("a");
        assert_eq!(test.store.cached_action(&key).await.unwrap(), None);
        for bytes in [b"one", b"two"] {
            let action = result(bytes);
            test.store
                .remember_action(&key, "write", &action)
                .await
                .unwrap();
            assert_eq!(test.store.cached_action(&key).await.unwrap(), Some(action));
        }
    }

    #[tokio::test]
    async fn many_are_asked_at_once_and_answered_in_order() {
        let test = testing::open();
        let made = result(b"b");
        test.store
            .remember_action(&digest("b"), "write", &made)
            .await
            .unwrap();
        let asked = vec![digest("a"), digest("b"), digest("c")];
        let found = test.store.cached_actions(asked).await.unwrap();
        assert_eq!(found, [None, Some(made), None]);
    }

    #[tokio::test]
    async fn a_row_of_another_version_is_a_miss() {
        let test = testing::open();
        let key = digest("a");
        let text = key.to_string();
        test.store
            .threads
            .write(move |connection| {
                connection.execute(
                    "INSERT INTO action_cache VALUES (?1, 'write', '{\"future\":1}', 1, '', '')",
                    [text],
                )?;
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(test.store.cached_action(&key).await.unwrap(), None);
    }
}
