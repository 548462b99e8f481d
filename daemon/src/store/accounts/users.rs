//! Users: an address, a password text, and the organisations they are in.

use fenta_client::api::orgs::Role;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Accounts, one};
use crate::store::StoreError;

/// Somebody who can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `user_…`.
    pub user: String,
    /// The argon2 text of the password.
    pub password: String,
    /// Where they are in.
    pub orgs: Vec<Membership>,
}

/// An organisation somebody is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// `org_…`.
    pub org: String,
    /// Its name.
    pub name: String,
    /// What they are in it.
    pub role: Role,
}

impl Accounts {
    /// The account of an address.
    pub async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let email = email.to_owned();
        self.threads
            .read(move |connection| {
                let found: Option<(String, String)> = connection
                    .prepare_cached("SELECT id, password FROM users WHERE email = ?1")?
                    .query_row([&email], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let Some((user, password)) = found else {
                    return Ok(None);
                };
                let orgs = memberships(connection, &user)?;
                Ok(Some(Account {
                    user,
                    password,
                    orgs,
                }))
            })
            .await
    }

    /// What somebody is in an organisation that is there.
    pub async fn membership(
        &self,
        org: &str,
        user: &str,
    ) -> Result<Option<Membership>, StoreError> {
        let (org, user) = (org.to_owned(), user.to_owned());
        self.threads
            .read(move |connection| {
                let all = memberships(connection, &user)?;
                Ok(all.into_iter().find(|one| one.org == org))
            })
            .await
    }

    /// The address of a user.
    pub async fn email(&self, user: &str) -> Result<Option<String>, StoreError> {
        let user = user.to_owned();
        self.threads
            .read(move |connection| {
                one(connection, "SELECT email FROM users WHERE id = ?1", [user])
            })
            .await
    }

    /// Gives a user another password text.
    pub async fn set_password(&self, user: &str, password: String) -> Result<(), StoreError> {
        let user = user.to_owned();
        self.threads
            .write(move |connection| {
                connection
                    .prepare_cached("UPDATE users SET password = ?2 WHERE id = ?1")?
                    .execute(params![user, password])?;
                Ok(())
            })
            .await
    }

    /// The first owner and their organisation. `None` when somebody has the address, or an organisation the name.
    pub async fn create_owner(
        &self,
        email: &str,
        password: String,
        org_name: &str,
        tier: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        let (user, org) = (self.clock.fresh_id("user_"), self.clock.fresh_id("org_"));
        let (email, org_name, tier) = (email.to_owned(), org_name.to_owned(), tier.to_owned());
        let at = self.clock.now_text();
        self.threads
            .write(move |connection| {
                if one::<String>(connection, "SELECT id FROM users WHERE email = ?1", [&email])?.is_some()
                    || one::<String>(connection, "SELECT id FROM orgs WHERE name = ?1", [&org_name])?.is_some()
                {
                    return Ok(None);
                }
                insert_user(connection, &user, &email, &password, &at)?;
                connection
                    .prepare_cached("INSERT INTO orgs (id, name, tier, created_at) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![org, org_name, tier, at])?;
                connection
                    .prepare_cached("INSERT INTO members (org, user, role, added_at) VALUES (?1, ?2, 'owner', ?3)")?
                    .execute(params![org, user, at])?;
                Ok(Some((user, org)))
            })
            .await
    }
}

pub(super) fn insert_user(
    connection: &Connection,
    user: &str,
    email: &str,
    password: &str,
    at: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO users (id, email, password, created_at) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![user, email, password, at])?;
    Ok(())
}

pub(super) fn memberships(
    connection: &Connection,
    user: &str,
) -> Result<Vec<Membership>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT orgs.id, orgs.name, members.role FROM members JOIN orgs ON orgs.id = members.org
         WHERE members.user = ?1 AND orgs.deleted_at IS NULL ORDER BY orgs.name",
    )?;
    let mut rows = statement.query([user])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Membership {
            org: row.get(0)?,
            name: row.get(1)?,
            role: role(&row.get::<_, String>(2)?)?,
        });
    }
    Ok(found)
}

pub(super) fn role(text: &str) -> Result<Role, StoreError> {
    text.parse()
        .map_err(|error: String| StoreError::row("members", error))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[tokio::test]
    async fn an_owner_is_made_once() {
        let test = testing::open();
        let make = async |email: &str, org: &str| {
            let made = test
                .accounts
                .create_owner(email, "$argon2".to_owned(), org, "free");
            made.await.unwrap()
        };
        let (user, org) = make("a@example.com", "One").await.unwrap();
        assert_eq!(make("a@example.com", "Two").await, None);
        assert_eq!(make("b@example.com", "One").await, None);
        let account = test
            .accounts
            .account("a@example.com")
            .await
            .unwrap()
            .unwrap();
        let membership = Membership {
            org: org.clone(),
            name: "One".to_owned(),
            role: Role::Owner,
        };
        assert_eq!(account.user, user);
        assert_eq!(account.orgs, std::slice::from_ref(&membership));
        assert_eq!(test.accounts.account("b@example.com").await.unwrap(), None);
        let known = test.accounts.membership(&org, &user).await.unwrap();
        assert_eq!(known, Some(membership));
        assert_eq!(
            test.accounts.membership("org_x", &user).await.unwrap(),
            None
        );
    }
}
