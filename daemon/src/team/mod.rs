//! The team server: the same daemon for several people. `fentad serve --config server.toml`.
//!
//! Every organisation has a state directory, a store, blobs and a runner of its own ([`tenants`]), so what is another's
//! cannot be named, found in a cache or read by a document: it is not there. Accounts lie in a database beside them.
//! Neighbours: [`crate::server`] serves it, [`rights`] says who may do what, [`crate::store::accounts`] remembers.

pub mod access_token;
pub mod backup;
pub mod config;
pub mod limiter;
pub mod metrics;
pub mod password;
pub mod quota;
pub mod rights;
pub mod serve;
pub mod signed_link;
pub mod tenants;
pub mod workspace;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fenta_client::tokens::{self, TokenKind};
use fenta_workflows::tiers::TierName;

use crate::clock::Clock;
use crate::random;
use crate::settings::Settings;
use crate::store::StoreError;
use crate::store::accounts::Accounts;
use config::TeamConfig;

/// Why the team server does not start, or cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// The file of settings.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The accounts.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What every daemon needs.
    #[error(transparent)]
    Daemon(#[from] crate::daemon::DaemonError),
    /// The state directory.
    #[error(transparent)]
    StateDir(#[from] crate::state_dir::StateDirError),
    /// A file, a folder or the system refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Refused(String),
}

pub(crate) fn failed<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> TeamError + 'a {
    move |source| TeamError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Everything the routes of a team server work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Team {
    /// What the operator settled.
    pub config: Arc<TeamConfig>,
    /// Who there is.
    pub accounts: Accounts,
    /// The organisations at work.
    pub tenants: tenants::Tenants,
    /// Who asked how often.
    pub limiter: Arc<limiter::Limiter>,
    /// What was asked, for the operator.
    pub metrics: Arc<metrics::Metrics>,
    /// Passwords.
    pub passwords: password::Passwords,
    /// What access tokens are signed with.
    pub access: access_token::AccessKey,
    /// What links are signed with.
    pub links: signed_link::LinkKey,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl Team {
    /// Opens the accounts in the state directory of `settings`, which the caller holds.
    pub async fn open(
        config: TeamConfig,
        settings: &Settings,
        unclean: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TeamError> {
        let root = &settings.state_dir;
        let database = accounts_database(root);
        let accounts = Accounts::open(&database, unclean, Arc::clone(&clock))?;
        let fresh = || random::bytes::<32>().map_err(failed("ask for randomness for", root));
        let access = accounts.server_key("access", fresh()?).await?;
        let links = accounts.server_key("links", fresh()?).await?;
        Ok(Self {
            tenants: tenants::Tenants::new(settings, Arc::clone(&clock)),
            limiter: Arc::new(limiter::Limiter::new(config.limits)),
            metrics: Arc::default(),
            passwords: password::Passwords::new(),
            access: access_token::AccessKey::new(&access, &config.public_url),
            links: signed_link::LinkKey::new(links),
            config: Arc::new(config),
            accounts,
            clock,
        })
    }
}

/// Where the accounts lie.
pub fn accounts_database(root: &Path) -> PathBuf {
    root.join("accounts.db")
}

/// A fresh token, and what is remembered of it.
pub(crate) fn fresh_token(kind: TokenKind) -> std::io::Result<(String, String)> {
    let token = tokens::token(kind, random::bytes::<24>()?);
    let fingerprint = tokens::fingerprint(&token);
    Ok((token, fingerprint))
}

/// A first owner with an organisation and a password of their own; told once, to whoever runs the server.
#[derive(Debug)]
pub struct FirstOwner {
    /// The account.
    pub user: String,
    /// The organisation.
    pub org: String,
    /// Made for them, where they gave none.
    pub password: Option<String>,
}

/// Makes an owner and their organisation, before or while the server runs.
pub async fn create_owner(
    accounts: &Accounts,
    email: &str,
    org: &str,
    given: Option<String>,
) -> Result<FirstOwner, TeamError> {
    let email = password::address(email).map_err(TeamError::Refused)?;
    let here = Path::new("a password");
    let (text, made) = match given {
        Some(text) => (password::checked(&text).map_err(TeamError::Refused)?, None),
        None => {
            let text = password::fresh().map_err(failed("make", here))?;
            (text.clone(), Some(text))
        }
    };
    let hash = password::Passwords::new().hash(text).await;
    let hash = hash.map_err(TeamError::Refused)?;
    let tier = TierName::default().name();
    match accounts.create_owner(&email, hash, org, tier).await? {
        Some((user, org)) => Ok(FirstOwner {
            user,
            org,
            password: made,
        }),
        None => Err(TeamError::Refused(format!(
            "there is an account of {email} or an organisation `{org}` already"
        ))),
    }
}
