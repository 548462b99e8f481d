//! Organisations: their members, projects and plan. Every question names the organisation; what is another's is not there.

use fenta_client::api::orgs::{Member, Org, Project, Role};
use rusqlite::{OptionalExtension, params};

use super::users::{insert_user, role};
use super::{Accounts, one};
use crate::store::StoreError;

/// What became of a change of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// It is done.
    Done,
    /// They are not in it.
    Unknown,
    /// Nobody would own it any more.
    LastOwner,
}

impl Accounts {
    /// An organisation that is there.
    pub async fn org(&self, org: &str) -> Result<Option<Org>, StoreError> {
        let org = org.to_owned();
        self.threads
            .read(move |connection| {
                let found = connection
                    .prepare_cached(
                        "SELECT id, name, tier, created_at FROM orgs WHERE id = ?1 AND deleted_at IS NULL",
                    )?
                    .query_row([org], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get(3)?))
                    })
                    .optional()?;
                let Some((id, name, tier, created_at)) = found else {
                    return Ok(None);
                };
                Ok(Some(Org {
                    id,
                    name,
                    tier: tier.parse().map_err(|error| StoreError::row("orgs", error))?,
                    created_at,
                }))
            })
            .await
    }

    /// All organisations that are there, by id.
    pub async fn orgs(&self) -> Result<Vec<String>, StoreError> {
        self.threads
            .read(|connection| {
                let mut statement = connection
                    .prepare_cached("SELECT id FROM orgs WHERE deleted_at IS NULL ORDER BY id")?;
                let rows = statement.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Gives an organisation another plan, by name or id; false when there is none.
    pub async fn set_tier(&self, org: &str, tier: &'static str) -> Result<bool, StoreError> {
        let org = org.to_owned();
        self.threads
            .write(move |connection| {
                let changed = connection
                    .prepare_cached(
                        "UPDATE orgs SET tier = ?2 WHERE (id = ?1 OR name = ?1) AND deleted_at IS NULL",
                    )?
                    .execute(params![org, tier])?;
                Ok(changed == 1)
            })
            .await
    }

    /// Ends an organisation: from now on it is not there, and its tokens are none.
    pub async fn delete_org(&self, org: &str) -> Result<(), StoreError> {
        let (org, at) = (org.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                // The name is free for others from now on.
                connection
                    .prepare_cached(
                        "UPDATE orgs SET deleted_at = ?2, name = name || ' (' || id || ')'
                         WHERE id = ?1 AND deleted_at IS NULL",
                    )?
                    .execute(params![org, at])?;
                connection
                    .prepare_cached(
                        "UPDATE tokens SET revoked_at = ?2 WHERE org = ?1 AND revoked_at IS NULL",
                    )?
                    .execute(params![org, at])?;
                Ok(())
            })
            .await
    }

    /// Who is in an organisation, by address.
    pub async fn members(&self, org: &str) -> Result<Vec<Member>, StoreError> {
        let org = org.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT users.id, users.email, members.role, members.added_at
                     FROM members JOIN users ON users.id = members.user
                     WHERE members.org = ?1 ORDER BY users.email",
                )?;
                let mut rows = statement.query([org])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(Member {
                        user: row.get(0)?,
                        email: row.get(1)?,
                        role: role(&row.get::<_, String>(2)?)?,
                        added_at: row.get(3)?,
                    });
                }
                Ok(found)
            })
            .await
    }

    /// Lets somebody in, with an account made of `password` where there is none. `None` when they are in already; else
    /// who is in now, and whether the account is new.
    pub async fn add_member(
        &self,
        org: &str,
        email: &str,
        member_role: Role,
        password: String,
    ) -> Result<Option<(Member, bool)>, StoreError> {
        let (org, email) = (org.to_owned(), email.to_owned());
        let (fresh, at) = (self.clock.fresh_id("user_"), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let known: Option<String> =
                    one(connection, "SELECT id FROM users WHERE email = ?1", [&email])?;
                let is_new = known.is_none();
                let user = known.unwrap_or(fresh);
                if is_new {
                    insert_user(connection, &user, &email, &password, &at)?;
                }
                let added = connection
                    .prepare_cached(
                        "INSERT OR IGNORE INTO members (org, user, role, added_at) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![org, user, member_role.as_str(), at])?;
                let member = Member {
                    user,
                    email,
                    role: member_role,
                    added_at: at,
                };
                Ok((added == 1).then_some((member, is_new)))
            })
            .await
    }

    /// Makes somebody something else in an organisation, or nothing any more; their tokens for it end then.
    pub async fn change_member(
        &self,
        org: &str,
        user: &str,
        wanted: Option<Role>,
    ) -> Result<MemberChange, StoreError> {
        let (org, user, at) = (org.to_owned(), user.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let sql = "SELECT role FROM members WHERE org = ?1 AND user = ?2";
                let Some(was) = one::<String>(connection, sql, [&org, &user])? else {
                    return Ok(MemberChange::Unknown);
                };
                let owners = "SELECT count(*) FROM members WHERE org = ?1 AND role = 'owner'";
                let owners: i64 = one(connection, owners, [&org])?.unwrap_or(0);
                if was == Role::Owner.as_str() && wanted != Some(Role::Owner) && owners < 2 {
                    return Ok(MemberChange::LastOwner);
                }
                match wanted {
                    Some(role) => {
                        connection
                            .prepare_cached("UPDATE members SET role = ?3 WHERE org = ?1 AND user = ?2")?
                            .execute(params![org, user, role.as_str()])?;
                    }
                    None => {
                        connection
                            .prepare_cached("DELETE FROM members WHERE org = ?1 AND user = ?2")?
                            .execute(params![org, user])?;
                        connection
                            .prepare_cached(
                                "UPDATE tokens SET revoked_at = ?3 WHERE org = ?1 AND user = ?2 AND revoked_at IS NULL",
                            )?
                            .execute(params![org, user, at])?;
                    }
                }
                Ok(MemberChange::Done)
            })
            .await
    }

    /// The projects of an organisation, by name.
    pub async fn projects(&self, org: &str) -> Result<Vec<Project>, StoreError> {
        let org = org.to_owned();
        self.threads
            .read(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, name, created_at FROM projects WHERE org = ?1 AND deleted_at IS NULL ORDER BY name",
                )?;
                let rows = statement.query_map([org], |row| {
                    Ok(Project {
                        id: row.get(0)?,
                        name: row.get(1)?,
                        created_at: row.get(2)?,
                    })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    /// Makes a project; `None` when another has the name.
    pub async fn create_project(
        &self,
        org: &str,
        name: &str,
    ) -> Result<Option<Project>, StoreError> {
        let project = Project {
            id: self.clock.fresh_id("proj_"),
            name: name.to_owned(),
            created_at: self.clock.now_text(),
        };
        let org = org.to_owned();
        self.threads
            .write(move |connection| {
                let sql =
                    "SELECT id FROM projects WHERE org = ?1 AND name = ?2 AND deleted_at IS NULL";
                if one::<String>(connection, sql, [&org, &project.name])?.is_some() {
                    return Ok(None);
                }
                connection
                    .prepare_cached(
                        "INSERT INTO projects (id, org, name, created_at) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![project.id, org, project.name, project.created_at])?;
                Ok(Some(project))
            })
            .await
    }

    /// Ends a project; false when there is none.
    pub async fn delete_project(&self, org: &str, project: &str) -> Result<bool, StoreError> {
        let (org, project, at) = (org.to_owned(), project.to_owned(), self.clock.now_text());
        self.threads
            .write(move |connection| {
                let ended = connection
                    .prepare_cached(
                        "UPDATE projects SET deleted_at = ?3 WHERE org = ?1 AND id = ?2 AND deleted_at IS NULL",
                    )?
                    .execute(params![org, project, at])?;
                Ok(ended == 1)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[tokio::test]
    async fn an_organisation_keeps_an_owner_and_its_own_projects() {
        let test = testing::open();
        let accounts = &test.accounts;
        let made = accounts
            .create_owner("a@x", "p".to_owned(), "One", "free")
            .await;
        let (owner, org) = made.unwrap().unwrap();
        let made = accounts
            .create_owner("b@x", "p".to_owned(), "Two", "free")
            .await;
        let (_, other) = made.unwrap().unwrap();
        let change = async |role| accounts.change_member(&org, &owner, role).await.unwrap();
        assert_eq!(change(None).await, MemberChange::LastOwner);
        assert_eq!(change(Some(Role::Admin)).await, MemberChange::LastOwner);
        let added = accounts
            .add_member(&org, "c@x", Role::Owner, "p".to_owned())
            .await;
        assert!(added.unwrap().unwrap().1, "a new account");
        assert!(
            accounts
                .add_member(&org, "c@x", Role::Owner, "p".to_owned())
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(change(Some(Role::Viewer)).await, MemberChange::Done);
        let unknown = accounts.change_member(&other, &owner, None).await.unwrap();
        assert_eq!(unknown, MemberChange::Unknown);

        let project = accounts
            .create_project(&org, "news")
            .await
            .unwrap()
            .unwrap();
        assert_eq!(accounts.create_project(&org, "news").await.unwrap(), None);
        assert!(
            accounts
                .create_project(&other, "news")
                .await
                .unwrap()
                .is_some()
        );
        assert!(!accounts.delete_project(&other, &project.id).await.unwrap());
        assert!(accounts.delete_project(&org, &project.id).await.unwrap());
        assert!(accounts.projects(&org).await.unwrap().is_empty());

        assert!(accounts.set_tier("One", "pro").await.unwrap());
        assert_eq!(
            accounts.org(&org).await.unwrap().unwrap().tier.name(),
            "pro"
        );
        accounts.delete_org(&org).await.unwrap();
        assert_eq!(accounts.org(&org).await.unwrap(), None);
        assert_eq!(accounts.orgs().await.unwrap(), [other]);
    }
}
