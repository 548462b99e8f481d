//! Personal tokens and credentials of devices: what each allows, by its fingerprint.

use fenta_client::api::auth::{Scope, Token};
use fenta_client::api::orgs::Role;
use jiff::SignedDuration;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::users::role;
use super::{Accounts, one};
use crate::clock::timestamp_text;
use crate::store::StoreError;

/// A token to be remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// SHA-256 of it.
    pub fingerprint: String,
    /// The organisation it is for.
    pub org: String,
    /// Whose it is.
    pub user: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// Days until it ends.
    pub days: Option<u16>,
    /// The device it is for.
    pub device: Option<String>,
}

/// Who comes with a token that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHolder {
    /// The token's id.
    pub token: String,
    /// The organisation.
    pub org: String,
    /// The account.
    pub user: String,
    /// What it is there, now.
    pub role: Role,
    /// What the token allows.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires_at: Option<String>,
    /// The device it is for.
    pub device: Option<String>,
}

const COLUMNS: &str = "id, name, scopes, created_at, expires_at, last_used, device";

impl Accounts {
    /// Remembers a token. One for a device takes the place of its earlier one; `None` when the device is another's.
    pub async fn create_token(&self, new: NewToken) -> Result<Option<Token>, StoreError> {
        let now = self.clock.now();
        let at = timestamp_text(now);
        let ends = |days: u16| now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
        let expires_at = new
            .days
            .and_then(|days| ends(days).ok())
            .map(timestamp_text);
        let token = Token {
            id: self.clock.fresh_id("tok_"),
            name: new.name.clone(),
            scopes: new.scopes.clone(),
            created_at: at,
            expires_at,
            last_used: None,
            device: new.device.clone(),
        };
        self.threads
            .write(move |connection| {
                if let Some(device) = &new.device
                    && !claim_device(connection, device, &new, &token.created_at)?
                {
                    return Ok(None);
                }
                connection
                    .prepare_cached(
                        "INSERT INTO tokens (id, fingerprint, org, user, name, scopes, device, created_at, expires_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    )?
                    .execute(params![
                        token.id,
                        new.fingerprint,
                        new.org,
                        new.user,
                        token.name,
                        scope_text(&token.scopes),
                        token.device,
                        token.created_at,
                        token.expires_at
                    ])?;
                Ok(Some(token))
            })
            .await
    }

    /// Who comes with the token of this fingerprint; nobody when it is unknown, ended, or its user is out.
    pub async fn token_holder(&self, fingerprint: &str) -> Result<Option<TokenHolder>, StoreError> {
        let (fingerprint, now) = (fingerprint.to_owned(), self.clock.now_text());
        let minute = now.get(..16).unwrap_or_default().to_owned();
        let found = self
            .threads
            .read(move |connection| holder(connection, &fingerprint, &now))
            .await?;
        if let Some((holder, last_used)) = found {
            let fresh = last_used.as_deref().and_then(|used| used.get(..16)) == Some(&*minute);
            if !fresh {
                self.note_use(holder.token.clone()).await?;
            }
            return Ok(Some(holder));
        }
        Ok(None)
    }

    async fn note_use(&self, token: String) -> Result<(), StoreError> {
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE tokens SET last_used = ?2 WHERE id = ?1")?
                    .execute(params![token, at])?;
                Ok(())
            })
            .await
    }

    /// The tokens of somebody for an organisation, the newest first.
    pub async fn tokens(&self, org: &str, user: &str) -> Result<Vec<Token>, StoreError> {
        let (org, user) = (org.to_owned(), user.to_owned());
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM tokens WHERE org = ?1 AND user = ?2 AND revoked_at IS NULL
                     ORDER BY created_at DESC, id DESC"
                ))?;
                let mut rows = statement.query([org, user])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(token(row)?);
                }
                Ok(found)
            })
            .await
    }

    /// Ends a token; false when there is none. Without `user` it may be anybody's of the organisation.
    pub async fn revoke_token(
        &self,
        org: &str,
        user: Option<&str>,
        id: &str,
    ) -> Result<bool, StoreError> {
        let (org, user, id) = (org.to_owned(), user.map(str::to_owned), id.to_owned());
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                let ended = connection
                    .prepare_cached(
                        "UPDATE tokens SET revoked_at = ?4
                         WHERE id = ?3 AND org = ?1 AND user = coalesce(?2, user) AND revoked_at IS NULL",
                    )?
                    .execute(params![org, user, id, at])?;
                Ok(ended == 1)
            })
            .await
    }
}

/// Whether the device is this user's in this organisation, from now on or before; its earlier credential ends.
fn claim_device(
    connection: &Connection,
    device: &str,
    new: &NewToken,
    at: &str,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO devices (device, org, user, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![device, new.org, new.user, new.name, at])?;
    let sql = "SELECT device FROM devices WHERE device = ?1 AND org = ?2 AND user = ?3";
    if one::<String>(connection, sql, params![device, new.org, new.user])?.is_none() {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "UPDATE tokens SET revoked_at = ?2 WHERE device = ?1 AND revoked_at IS NULL",
        )?
        .execute(params![device, at])?;
    Ok(true)
}

fn holder(
    connection: &Connection,
    fingerprint: &str,
    now: &str,
) -> Result<Option<(TokenHolder, Option<String>)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tokens.id, tokens.org, tokens.user, members.role, tokens.scopes, tokens.expires_at, tokens.device,
                tokens.last_used
         FROM tokens JOIN members ON members.org = tokens.org AND members.user = tokens.user
                     JOIN orgs ON orgs.id = tokens.org
         WHERE tokens.fingerprint = ?1 AND tokens.revoked_at IS NULL AND orgs.deleted_at IS NULL
               AND coalesce(tokens.expires_at, '9999') > ?2",
    )?;
    let row = statement
        .query_row(params![fingerprint, now], |row| {
            Ok((
                row.get::<_, String>(3)?,
                row.get::<_, String>(4)?,
                TokenHolder {
                    token: row.get(0)?,
                    org: row.get(1)?,
                    user: row.get(2)?,
                    role: Role::Viewer,
                    scopes: Vec::new(),
                    expires_at: row.get(5)?,
                    device: row.get(6)?,
                },
                row.get::<_, Option<String>>(7)?,
            ))
        })
        .optional()?;
    let Some((its_role, scopes, mut holder, last_used)) = row else {
        return Ok(None);
    };
    holder.role = role(&its_role)?;
    holder.scopes = read_scopes(&scopes)?;
    Ok(Some((holder, last_used)))
}

fn token(row: &Row<'_>) -> Result<Token, StoreError> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: read_scopes(&row.get::<_, String>(2)?)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        last_used: row.get(5)?,
        device: row.get(6)?,
    })
}

fn scope_text(scopes: &[Scope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn read_scopes(text: &str) -> Result<Vec<Scope>, StoreError> {
    text.split_whitespace()
        .map(|word| {
            word.parse()
                .map_err(|error: String| StoreError::row("tokens", error))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn new(org: &str, user: &str, mark: &str) -> NewToken {
        NewToken {
            fingerprint: mark.to_owned(),
            org: org.to_owned(),
            user: user.to_owned(),
            name: "t".to_owned(),
            scopes: vec![Scope::Read, Scope::Write],
            days: Some(1),
            device: None,
        }
    }

    #[tokio::test]
    async fn a_token_is_good_until_it_ends_is_revoked_or_its_user_is_out() {
        let test = testing::open();
        let accounts = &test.accounts;
        let made = accounts
            .create_owner("a@x", "p".to_owned(), "One", "free")
            .await;
        let (user, org) = made.unwrap().unwrap();
        let token = accounts
            .create_token(new(&org, &user, "f1"))
            .await
            .unwrap()
            .unwrap();
        let holder = accounts.token_holder("f1").await.unwrap().unwrap();
        assert_eq!((holder.role, holder.scopes.len()), (Role::Owner, 2));
        assert_eq!(accounts.token_holder("f2").await.unwrap(), None);
        let listed = accounts.tokens(&org, &user).await.unwrap();
        assert!(listed[0].last_used.is_some());
        assert!(
            !accounts
                .revoke_token("org_x", None, &token.id)
                .await
                .unwrap()
        );
        assert!(
            accounts
                .revoke_token(&org, Some(&user), &token.id)
                .await
                .unwrap()
        );
        assert_eq!(accounts.token_holder("f1").await.unwrap(), None);
        accounts
            .create_token(new(&org, &user, "f3"))
            .await
            .unwrap()
            .unwrap();
        test.clock.advance(24 * 3600 * 1000 - 1);
        assert!(accounts.token_holder("f3").await.unwrap().is_some());
        test.clock.advance(1);
        assert_eq!(accounts.token_holder("f3").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_device_stays_with_whom_it_was_first_and_has_one_credential() {
        let test = testing::open();
        let accounts = &test.accounts;
        let made = accounts
            .create_owner("a@x", "p".to_owned(), "One", "free")
            .await;
        let (user, org) = made.unwrap().unwrap();
        let made = accounts
            .create_owner("b@x", "p".to_owned(), "Two", "free")
            .await;
        let (stranger, other) = made.unwrap().unwrap();
        let device = |org: &str, user: &str, mark: &str| NewToken {
            device: Some("dev_1".to_owned()),
            days: None,
            ..new(org, user, mark)
        };
        assert!(
            accounts
                .create_token(device(&org, &user, "d1"))
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            accounts
                .create_token(device(&org, &user, "d2"))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(accounts.token_holder("d1").await.unwrap(), None);
        let holder = accounts.token_holder("d2").await.unwrap().unwrap();
        assert_eq!(holder.device.as_deref(), Some("dev_1"));
        let stolen = accounts
            .create_token(device(&other, &stranger, "d3"))
            .await
            .unwrap();
        assert_eq!(stolen, None);
        assert!(accounts.token_holder("d2").await.unwrap().is_some());
    }
}
