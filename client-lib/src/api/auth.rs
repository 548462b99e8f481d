//! Who somebody is: logging in, tokens of one's own, and letting another machine in.

use serde::{Deserialize, Serialize};

use super::orgs::Role;
use crate::error::ClientError;
use crate::transport::{Call, Client, Repeat};

/// Body of `POST /v1/auth/login`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Address of the account.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The organisation to work in: name or id; needed by who is in several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
}

/// Body of `POST /v1/auth/refresh` and `POST /v1/auth/logout`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The newest refresh token.
    pub refresh_token: String,
}

/// Answer of a login: what to come with for a quarter of an hour, and what to come with for the next one.
#[derive(Clone, Serialize, Deserialize)]
pub struct Session {
    /// For the header `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token ends.
    pub expires_in: u32,
    /// Good once, for seven days. Used a second time it ends everything that came of the login.
    pub refresh_token: String,
}

/// What a token allows besides the role of who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Looking.
    Read,
    /// Making and changing things.
    Write,
    /// Members, tokens of others, settings.
    Admin,
    /// Handing in records of a device, and nothing else.
    Sync,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Admin, Self::Sync];

    /// The API's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Sync => "sync",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no scope; there are read, write, admin and sync"))
    }
}

/// Answer of `GET /v1/auth/me`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    /// The account, `user_…`.
    pub user: String,
    /// Its address.
    pub email: String,
    /// The organisation of this token.
    pub org: String,
    /// Its name.
    pub org_name: String,
    /// What the account is in it.
    pub role: Role,
    /// What this token allows.
    pub scopes: Vec<Scope>,
    /// When it ends, RFC 3339 UTC; never where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// The device it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The token's id, `tok_…`, or the login's, `login_…`.
    pub by: String,
}

/// Body of `POST /v1/auth/tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// What it is for.
    pub name: String,
    /// What it allows; reading and writing where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Days until it ends, 1 to 365; 90 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

/// A personal token or a device, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// `tok_…`.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made, RFC 3339 UTC.
    pub created_at: String,
    /// When it ends; never where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// The device it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// Answer of `GET /v1/auth/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenList {
    /// One's own, the newest first.
    pub items: Vec<Token>,
}

/// Answer of `POST /v1/auth/tokens` and of a finished device login: the only time the secret is told.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreatedToken {
    /// What was made.
    #[serde(flatten)]
    pub token: Token,
    /// The token itself.
    pub secret: String,
}

/// Body of `POST /v1/auth/devices`: a credential for a daemon that hands in records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDevice {
    /// The machine's name, for people.
    pub name: String,
    /// The device's own id, `dev_…`, which stays the same over logins.
    pub device: String,
}

/// Body of `POST /v1/auth/device`: somebody wants in from a machine without a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartLogin {
    /// Who asks, for people: `fenta on laptop`.
    pub client: String,
}

/// Answer of `POST /v1/auth/device`.
#[derive(Clone, Serialize, Deserialize)]
pub struct StartedLogin {
    /// What the machine asks with; a secret.
    pub device_code: String,
    /// What a person types, `ABCD-EFGH`.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code filled in.
    pub verification_uri_complete: String,
    /// Seconds until it is too late.
    pub expires_in: u32,
    /// Seconds between two questions.
    pub interval: u32,
}

/// Body of `POST /v1/auth/device/token`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PollLogin {
    /// The device code.
    pub device_code: String,
}

/// Body of `POST /v1/auth/device/approve`, by somebody who is logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveLogin {
    /// The code that the other machine shows.
    pub user_code: String,
}

impl Client {
    /// Who the token of this client stands for.
    pub async fn me(&self) -> Result<Me, ClientError> {
        self.call(Call::get(&["v1", "auth", "me"])).await
    }

    /// Logs in with a password.
    pub async fn login(&self, login: &Login) -> Result<Session, ClientError> {
        self.call(Call::post(&["v1", "auth", "login"], Repeat::Unsent).body(login))
            .await
    }

    /// The next access and refresh tokens; the old refresh token is spent.
    pub async fn refresh(&self, refresh: &Refresh) -> Result<Session, ClientError> {
        self.call(Call::post(&["v1", "auth", "refresh"], Repeat::Unsent).body(refresh))
            .await
    }

    /// Begins a login that somebody approves elsewhere.
    pub async fn start_login(&self, start: &StartLogin) -> Result<StartedLogin, ClientError> {
        self.call(Call::post(&["v1", "auth", "device"], Repeat::Safe).body(start))
            .await
    }

    /// Asks whether the login was approved: a problem `auth/pending` until it is.
    pub async fn poll_login(&self, poll: &PollLogin) -> Result<CreatedToken, ClientError> {
        let path = ["v1", "auth", "device", "token"];
        self.call(Call::post(&path, Repeat::Unsent).body(poll))
            .await
    }

    /// Approves a login of another machine.
    pub async fn approve_login(&self, approve: &ApproveLogin) -> Result<(), ClientError> {
        let path = ["v1", "auth", "device", "approve"];
        self.call_empty(Call::post(&path, Repeat::Safe).body(approve))
            .await
    }

    /// One's own tokens.
    pub async fn tokens(&self) -> Result<TokenList, ClientError> {
        self.call(Call::get(&["v1", "auth", "tokens"])).await
    }

    /// Makes a personal token.
    pub async fn create_token(&self, create: &CreateToken) -> Result<CreatedToken, ClientError> {
        self.call(Call::post(&["v1", "auth", "tokens"], Repeat::Unsent).body(create))
            .await
    }

    /// Ends a token of one's own.
    pub async fn revoke_token(&self, id: &str) -> Result<(), ClientError> {
        self.call_empty(Call::delete(&["v1", "auth", "tokens", id]))
            .await
    }

    /// Makes the credential of a daemon; an earlier one of the same device ends.
    pub async fn create_device(&self, create: &CreateDevice) -> Result<CreatedToken, ClientError> {
        self.call(Call::post(&["v1", "auth", "devices"], Repeat::Unsent).body(create))
            .await
    }
}
