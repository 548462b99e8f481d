//! Answers given under an Idempotency-Key: a request that comes again gets the first answer again.

use rusqlite::{Connection, OptionalExtension, params};

use super::{Store, StoreError};

/// A request that counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// Whose it is.
    pub account: String,
    /// What the client sent as `Idempotency-Key`.
    pub key: String,
    /// Hash of method, path and body.
    pub fingerprint: String,
    /// The daemon that does it.
    pub run: String,
}

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// Its status.
    pub status: u16,
    /// Headers that belong to it.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What is known about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It was never seen; from now on it is in progress.
    New,
    /// It was answered so.
    Answered(GivenAnswer),
    /// It is in progress.
    InProgress,
    /// A daemon that is gone began it; how it ended is not known.
    Unknown,
    /// The key was used for another request.
    Other,
}

impl Store {
    /// Begins a request, if it was not seen before.
    pub async fn begin_once(&self, once: Once) -> Result<Begun, StoreError> {
        let at = self.now_text();
        self.threads
            .write(move |connection| begin(connection, &once, &at))
            .await
    }

    /// The answer of a request that was begun. Without one it was not carried out, and may come again.
    pub async fn end_once(
        &self,
        once: Once,
        answer: Option<GivenAnswer>,
    ) -> Result<(), StoreError> {
        self.threads
            .write(move |connection| end(connection, &once, answer.as_ref()))
            .await
    }
}

fn begin(connection: &Connection, once: &Once, at: &str) -> Result<Begun, StoreError> {
    type Row = (String, String, Option<u16>, String, Vec<u8>);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT fingerprint, run, status, headers, body FROM answers
             WHERE account = ?1 AND key = ?2",
        )?
        .query_row([&once.account, &once.key], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()?;
    let Some((fingerprint, run, status, headers, body)) = row else {
        connection
            .prepare_cached(
                "INSERT INTO answers (account, key, fingerprint, run, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                once.account,
                once.key,
                once.fingerprint,
                once.run,
                at
            ])?;
        return Ok(Begun::New);
    };
    if fingerprint != once.fingerprint {
        return Ok(Begun::Other);
    }
    Ok(match status {
        Some(status) => Begun::Answered(GivenAnswer {
            status,
            headers: serde_json::from_str(&headers).map_err(|e| StoreError::row("answers", e))?,
            body,
        }),
        None if run == once.run => Begun::InProgress,
        None => Begun::Unknown,
    })
}

fn end(
    connection: &Connection,
    once: &Once,
    answer: Option<&GivenAnswer>,
) -> Result<(), StoreError> {
    let Some(answer) = answer else {
        connection
            .prepare_cached("DELETE FROM answers WHERE account = ?1 AND key = ?2")?
            .execute([&once.account, &once.key])?;
        return Ok(());
    };
    let headers =
        serde_json::to_string(&answer.headers).map_err(|e| StoreError::row("answers", e))?;
    connection
        .prepare_cached(
            "UPDATE answers SET status = ?3, headers = ?4, body = ?5
             WHERE account = ?1 AND key = ?2",
        )?
        .execute(params![
            once.account,
            once.key,
            answer.status,
            headers,
            answer.body
        ])?;
    Ok(())
}

pub(super) fn forget_before(connection: &Connection, at: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM answers WHERE created_at < ?1")?
        .execute([at])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing;

    fn once(key: &str, fingerprint: &str, run: &str) -> Once {
        Once {
            account: "owner".to_owned(),
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
            run: run.to_owned(),
        }
    }

    fn answer(body: &str) -> GivenAnswer {
        GivenAnswer {
            status: 201,
            headers: vec![("location".to_owned(), "/v1/x".to_owned())],
            body: body.into(),
        }
    }

    #[tokio::test]
    async fn a_request_is_done_once_and_answered_again() {
        let test = testing::open();
        let store = &test.store;
        let a = once("k", "f", "r");
        assert_eq!(store.begin_once(a.clone()).await.unwrap(), Begun::New);
        assert_eq!(
            store.begin_once(a.clone()).await.unwrap(),
            Begun::InProgress
        );
        let other = once("k", "g", "r");
        assert_eq!(store.begin_once(other).await.unwrap(), Begun::Other);
        store
            .end_once(a.clone(), Some(answer("hello")))
            .await
            .unwrap();
        let again = store.begin_once(a.clone()).await.unwrap();
        assert_eq!(again, Begun::Answered(answer("hello")));
        let mine = Once {
            account: "another".to_owned(),
            ..a
        };
        assert_eq!(store.begin_once(mine).await.unwrap(), Begun::New);
    }

    #[tokio::test]
    async fn what_was_refused_may_come_again_and_what_died_is_not_known() {
        let test = testing::open();
        let store = &test.store;
        let a = once("k", "f", "r1");
        assert_eq!(store.begin_once(a.clone()).await.unwrap(), Begun::New);
        store.end_once(a.clone(), None).await.unwrap();
        assert_eq!(store.begin_once(a).await.unwrap(), Begun::New);
        let later = once("k", "f", "r2");
        assert_eq!(store.begin_once(later).await.unwrap(), Begun::Unknown);
    }

    #[tokio::test]
    async fn keys_are_forgotten_after_their_time() {
        let test = testing::open();
        let a = once("k", "f", "r");
        test.store.begin_once(a.clone()).await.unwrap();
        test.store
            .end_once(a.clone(), Some(answer("")))
            .await
            .unwrap();
        test.store.tidy().await.unwrap();
        let known = test.store.begin_once(a.clone()).await.unwrap();
        assert!(matches!(known, Begun::Answered(_)));
        test.clock.advance(8 * 24 * 3_600_000);
        test.store.tidy().await.unwrap();
        assert_eq!(test.store.begin_once(a).await.unwrap(), Begun::New);
    }
}
