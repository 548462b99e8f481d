//! Organisations of a team server: who is in them as what, their projects, their plan, and what was done.

use fenta_workflows::tiers::TierName;
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// What somebody is in an organisation. Each may do what the ones before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Makes and changes workflows, runs jobs.
    Editor,
    /// Manages members, workflows and templates.
    Admin,
    /// Everything, the plan and the end of the organisation too.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Owner];

    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no role; there are owner, admin, editor and viewer")
        })
    }
}

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// `org_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its plan.
    pub tier: TierName,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
}

/// Somebody in an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account, `user_…`.
    pub user: String,
    /// Its address.
    pub email: String,
    /// What they are.
    pub role: Role,
    /// Since when, RFC 3339 UTC.
    pub added_at: String,
}

/// Answer of `GET /v1/members`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberList {
    /// By address.
    pub items: Vec<Member>,
}

/// Body of `POST /v1/members`. An account that is not there yet is made, and its first password is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    /// Its address.
    pub email: String,
    /// What they are to be.
    pub role: Role,
}

/// Answer of `POST /v1/members`.
#[derive(Clone, Serialize, Deserialize)]
pub struct AddedMember {
    /// Who is in now.
    #[serde(flatten)]
    pub member: Member,
    /// The first password, where the account was made for this; told only here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Body of `PATCH /v1/members/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    /// What they are to be.
    pub role: Role,
}

/// A project of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// `proj_…`.
    pub id: String,
    /// Its name; no other of the organisation has it.
    pub name: String,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
}

/// Answer of `GET /v1/projects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectList {
    /// By name.
    pub items: Vec<Project>,
}

/// Body of `POST /v1/projects`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// Its name.
    pub name: String,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place among all entries of the server.
    pub seq: u64,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// Who: an account, a token or a device.
    pub actor: String,
    /// What, for example `member.add`.
    pub action: String,
    /// To what.
    pub target: String,
    /// The request it was done by.
    pub request_id: String,
}

/// Answer of `GET /v1/audit-logs`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditList {
    /// The newest first.
    pub items: Vec<AuditEntry>,
    /// Where the next page begins; missing on the last one.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// Whether every entry still fits the one before it.
    pub unbroken: bool,
}

/// How much of a quota is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaRow {
    /// `tokens`, `credits`, `render_seconds` or `storage_gb`.
    pub resource: String,
    /// Used this month; what is kept now for storage.
    pub used: String,
    /// What the plan includes; no limit where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// 80, 90 or 100 where that much is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u8>,
    /// What is used beyond it costs this, US dollars; missing where it cannot be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overage_usd: Option<String>,
}

/// Answer of `GET /v1/usage/quota`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaStanding {
    /// The plan.
    pub tier: TierName,
    /// The month, `2026-11`.
    pub month: String,
    /// Of which day the table of plans is.
    pub as_of: String,
    /// One row for each resource.
    pub items: Vec<QuotaRow>,
}

impl Client {
    /// The organisation of this client's token.
    pub async fn org(&self) -> Result<Org, ClientError> {
        self.call(Call::get(&["v1", "org"])).await
    }

    /// Who is in it.
    pub async fn members(&self) -> Result<MemberList, ClientError> {
        self.call(Call::get(&["v1", "members"])).await
    }

    /// Lets somebody in.
    pub async fn add_member(&self, add: &AddMember) -> Result<AddedMember, ClientError> {
        self.call(Call::post(&["v1", "members"], Repeat::Unsent).body(add))
            .await
    }

    /// Its projects.
    pub async fn projects(&self) -> Result<ProjectList, ClientError> {
        self.call(Call::get(&["v1", "projects"])).await
    }

    /// How much of the plan is used.
    pub async fn quota(&self) -> Result<QuotaStanding, ClientError> {
        self.call(Call::get(&["v1", "usage", "quota"])).await
    }
}
