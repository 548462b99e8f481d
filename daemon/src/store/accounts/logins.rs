//! Logins: refresh tokens in families, and logins that somebody approves on another machine.

use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Accounts, one};
use crate::clock::timestamp_text;
use crate::store::StoreError;

/// A refresh token to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefresh {
    /// SHA-256 of it.
    pub fingerprint: String,
    /// The login it came of.
    pub family: String,
    /// The organisation.
    pub org: String,
    /// The account.
    pub user: String,
    /// Until it ends.
    pub lives: SignedDuration,
}

/// What became of a refresh token that was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It was good, and is spent.
    Good {
        /// The login it came of.
        family: String,
        /// The organisation.
        org: String,
        /// The account.
        user: String,
    },
    /// It was spent before: its family has ended.
    Reused {
        /// The organisation.
        org: String,
        /// The account.
        user: String,
    },
    /// It is unknown, too old, or its family has ended.
    None,
}

/// What became of a login that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// Nobody has approved it yet.
    NotYet,
    /// Somebody has; it is forgotten now.
    By {
        /// The organisation.
        org: String,
        /// The account.
        user: String,
        /// Who asked.
        client: String,
    },
    /// It is unknown or too old.
    None,
}

impl Accounts {
    /// Remembers a refresh token.
    pub async fn put_refresh(&self, new: NewRefresh) -> Result<(), StoreError> {
        let ends = self.clock.now().checked_add(new.lives);
        let expires_at = timestamp_text(ends.unwrap_or(jiff::Timestamp::MAX));
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO refresh_tokens (fingerprint, family, org, user, expires_at)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![
                        new.fingerprint,
                        new.family,
                        new.org,
                        new.user,
                        expires_at
                    ])?;
                Ok(())
            })
            .await
    }

    /// Spends a refresh token. One that is spent already was stolen, or its thief was first: the family ends.
    pub async fn spend_refresh(&self, fingerprint: &str) -> Result<Refreshed, StoreError> {
        let (fingerprint, now) = (fingerprint.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| spend(connection, &fingerprint, &now))
            .await
    }

    /// Ends the family of a refresh token; whether there was one.
    pub async fn end_family(&self, fingerprint: &str) -> Result<bool, StoreError> {
        let (fingerprint, now) = (fingerprint.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let sql = "SELECT family FROM refresh_tokens WHERE fingerprint = ?1";
                match one::<String>(connection, sql, [fingerprint])? {
                    Some(family) => end(connection, &family, &now, "logout").map(|()| true),
                    None => Ok(false),
                }
            })
            .await
    }

    /// Whether a login has not been ended.
    pub async fn family_is_open(&self, family: &str) -> Result<bool, StoreError> {
        let family = family.to_owned();
        self.threads
            .read(move |connection| {
                let sql = "SELECT family FROM ended_families WHERE family = ?1";
                Ok(one::<String>(connection, sql, [family])?.is_none())
            })
            .await
    }

    /// Begins a login that somebody is to approve. False when the code is taken.
    pub async fn begin_login(
        &self,
        fingerprint: &str,
        user_code: &str,
        client: &str,
        lives: SignedDuration,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let expires_at = timestamp_text(now.checked_add(lives).unwrap_or(now));
        let now = timestamp_text(now);
        let (fingerprint, user_code, client) = (
            fingerprint.to_owned(),
            user_code.to_owned(),
            client.to_owned(),
        );
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM pending_logins WHERE expires_at <= ?1")?
                    .execute([now])?;
                let begun = connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO pending_logins (fingerprint, user_code, client, expires_at)
                         VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![fingerprint, user_code, client, expires_at])?;
                Ok(begun == 1)
            })
            .await
    }

    /// Approves a login that waits; who asked, where there is one of this code.
    pub async fn approve_login(
        &self,
        user_code: &str,
        org: &str,
        user: &str,
    ) -> Result<Option<String>, StoreError> {
        let (user_code, org, user) = (user_code.to_owned(), org.to_owned(), user.to_owned());
        let now = self.clock.now_text();
        self.threads
            .write(move |connection| {
                let sql = "UPDATE pending_logins SET org = ?2, user = ?3
                           WHERE user_code = ?1 AND expires_at > ?4 AND user IS NULL RETURNING client";
                one(connection, sql, params![user_code, org, user, now])
            })
            .await
    }

    /// Looks whether a login was approved; then it is forgotten, so that it makes one token and no second.
    pub async fn finish_login(&self, fingerprint: &str) -> Result<Approved, StoreError> {
        let (fingerprint, now) = (fingerprint.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let row: Option<(Option<String>, Option<String>, String)> = connection
                    .prepare_cached(
                        "SELECT org, user, client FROM pending_logins WHERE fingerprint = ?1 AND expires_at > ?2",
                    )?
                    .query_row([&fingerprint, &now], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })
                    .optional()?;
                match row {
                    None => Ok(Approved::None),
                    Some((Some(org), Some(user), client)) => {
                        connection
                            .prepare_cached("DELETE FROM pending_logins WHERE fingerprint = ?1")?
                            .execute([fingerprint])?;
                        Ok(Approved::By { org, user, client })
                    }
                    Some(_) => Ok(Approved::NotYet),
                }
            })
            .await
    }
}

fn spend(connection: &Connection, fingerprint: &str, now: &str) -> Result<Refreshed, StoreError> {
    let row: Option<(String, String, String, bool, bool)> = connection
        .prepare_cached(
            "SELECT family, org, user, expires_at > ?2, spent_at IS NOT NULL
             FROM refresh_tokens WHERE fingerprint = ?1",
        )?
        .query_row([fingerprint, now], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        })
        .optional()?;
    let Some((family, org, user, is_young, is_spent)) = row else {
        return Ok(Refreshed::None);
    };
    let sql = "SELECT family FROM ended_families WHERE family = ?1";
    if !is_young || one::<String>(connection, sql, [&family])?.is_some() {
        return Ok(Refreshed::None);
    }
    if is_spent {
        end(connection, &family, now, "a spent refresh token came again")?;
        return Ok(Refreshed::Reused { org, user });
    }
    connection
        .prepare_cached("UPDATE refresh_tokens SET spent_at = ?2 WHERE fingerprint = ?1")?
        .execute([fingerprint, now])?;
    Ok(Refreshed::Good { family, org, user })
}

fn end(connection: &Connection, family: &str, now: &str, why: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO ended_families (family, ended_at, why) VALUES (?1, ?2, ?3)",
        )?
        .execute([family, now, why])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{self, TestAccounts};
    use super::*;

    async fn owner(test: &TestAccounts) -> (String, String) {
        let made = test
            .accounts
            .create_owner("a@x", "p".to_owned(), "One", "free");
        made.await.unwrap().unwrap()
    }

    async fn put(test: &TestAccounts, (user, org): &(String, String), fingerprint: &str) {
        let new = NewRefresh {
            fingerprint: fingerprint.to_owned(),
            family: "fam".to_owned(),
            org: org.clone(),
            user: user.clone(),
            lives: SignedDuration::from_hours(24 * 7),
        };
        test.accounts.put_refresh(new).await.unwrap();
    }

    #[tokio::test]
    async fn a_spent_refresh_token_that_comes_again_ends_its_family() {
        let test = testing::open();
        let owner = owner(&test).await;
        put(&test, &owner, "r1").await;
        let spend = async |mark: &str| test.accounts.spend_refresh(mark).await.unwrap();
        assert!(matches!(spend("r1").await, Refreshed::Good { .. }));
        put(&test, &owner, "r2").await;
        assert!(test.accounts.family_is_open("fam").await.unwrap());
        assert!(matches!(spend("r1").await, Refreshed::Reused { .. }));
        assert!(!test.accounts.family_is_open("fam").await.unwrap());
        assert_eq!(
            spend("r2").await,
            Refreshed::None,
            "the thief's is worth nothing"
        );
        assert_eq!(spend("r9").await, Refreshed::None);
    }

    #[tokio::test]
    async fn refresh_tokens_live_seven_days() {
        let test = testing::open();
        let owner = owner(&test).await;
        put(&test, &owner, "r1").await;
        test.clock.advance(7 * 24 * 3600 * 1000);
        assert_eq!(
            test.accounts.spend_refresh("r1").await.unwrap(),
            Refreshed::None
        );
    }

    #[tokio::test]
    async fn a_login_is_approved_once_and_makes_one_token() {
        let test = testing::open();
        let (user, org) = owner(&test).await;
        let accounts = &test.accounts;
        let ten = SignedDuration::from_mins(10);
        assert!(
            accounts
                .begin_login("d1", "AAAA-BBBB", "fenta", ten)
                .await
                .unwrap()
        );
        assert!(
            !accounts
                .begin_login("d2", "AAAA-BBBB", "fenta", ten)
                .await
                .unwrap()
        );
        assert_eq!(accounts.finish_login("d1").await.unwrap(), Approved::NotYet);
        assert_eq!(accounts.finish_login("d9").await.unwrap(), Approved::None);
        assert_eq!(
            accounts
                .approve_login("XXXX-YYYY", &org, &user)
                .await
                .unwrap(),
            None
        );
        let client = accounts
            .approve_login("AAAA-BBBB", &org, &user)
            .await
            .unwrap();
        assert_eq!(client.as_deref(), Some("fenta"));
        let twice = accounts
            .approve_login("AAAA-BBBB", &org, &user)
            .await
            .unwrap();
        assert_eq!(twice, None);
        assert!(matches!(
            accounts.finish_login("d1").await.unwrap(),
            Approved::By { .. }
        ));
        assert_eq!(accounts.finish_login("d1").await.unwrap(), Approved::None);
        assert!(
            accounts
                .begin_login("d3", "AAAA-BBBB", "fenta", ten)
                .await
                .unwrap()
        );
        test.clock.advance(10 * 60 * 1000);
        assert_eq!(
            accounts
                .approve_login("AAAA-BBBB", &org, &user)
                .await
                .unwrap(),
            None
        );
        assert_eq!(accounts.finish_login("d3").await.unwrap(), Approved::None);
    }
}
