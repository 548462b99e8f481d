//! Handing in to a team server what was done on this machine: records in their order, then files, each once. Off until
//! somebody names a server.
//!
//! `round` does one pass, `compare` finds where the two sides differ; this file decides when. The store gives records their
//! numbers and never changes one, the server takes each number once: whatever is lost on the way is sent again, whatever
//! comes twice changes nothing. A server that is not there costs a try now and then, and nothing else.

mod compare;
mod round;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fenta_client::api::sync::{SyncStatus, SyncTarget, SyncVerdict};
use fenta_client::context::sync_account;
use fenta_client::credentials::{CredentialError, KeyFile};
use fenta_client::{Client, ClientConfig, ClientError, Endpoint, ErrorKind, Retry, RetryPolicy};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::random;
use crate::server::{Activity, InProgress};
use crate::store::{Store, StoreError, SyncPlace};

/// Between two looks when all is well.
const LOOK: Duration = Duration::from_secs(10);

/// Before the second try; every further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

/// Why nothing was handed in.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Nobody named a server.
    #[error("nothing is handed in: no server is named")]
    Off,
    /// There is no credential.
    #[error("there is no credential for the context `{0}` on this machine")]
    NoCredential(String),
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] CredentialError),
    /// The server, or the way to it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Our own store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server answers, and takes nothing.
    #[error("the server takes nothing after record {0}")]
    Stuck(u64),
    /// The server has records that are not here.
    #[error(
        "the server has {there} records of this machine, here are {here}: this machine was set back to an earlier state"
    )]
    SetBack {
        /// Records there.
        there: u64,
        /// Records here.
        here: u64,
    },
}

impl SyncError {
    /// What to do about it; may be empty.
    pub fn hint(&self) -> String {
        match self {
            Self::Off => "`fenta sync on CONTEXT` names one".to_owned(),
            Self::NoCredential(context) => format!("`fenta sync on {context}` gets one"),
            Self::Client(error) if error.kind() == ErrorKind::Auth => {
                "the login of this machine has ended: `fenta sync on CONTEXT` gets another; what waits is kept".to_owned()
            }
            Self::SetBack { .. } | Self::Stuck(_) => "`fenta sync rebuild` hands in anew what differs".to_owned(),
            _ => String::new(),
        }
    }

    fn wish(&self) -> Option<Duration> {
        match self {
            Self::Client(error) => match error.retry() {
                Retry::After(wish) => Some(wish),
                _ => None,
            },
            _ => None,
        }
    }
}

/// When to try again.
#[derive(Debug, Default)]
struct Tries {
    failures: u32,
    next: Option<Instant>,
}

/// Who hands in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Syncer {
    store: Store,
    keys: Option<KeyFile>,
    wake: Arc<Notify>,
    tries: Arc<Mutex<Tries>>,
    /// One pass at a time.
    turn: Arc<tokio::sync::Mutex<()>>,
    activity: Activity,
    /// Held while something waits: the daemon does not go before it is handed in.
    standing: Arc<Mutex<Option<InProgress>>>,
}

impl Syncer {
    /// Who hands in, not yet at work. `keys`: where the credential is.
    pub fn new(store: Store, keys: Option<KeyFile>, activity: Activity) -> Self {
        Self {
            store,
            keys,
            wake: Arc::default(),
            tries: Arc::default(),
            turn: Arc::default(),
            activity,
            standing: Arc::default(),
        }
    }

    /// Hands in until `shutdown`.
    pub async fn watch(self, shutdown: CancellationToken) {
        loop {
            let pause = self
                .pause()
                .filter(|pause| !pause.is_zero())
                .unwrap_or(LOOK);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
            let waits = match self.status().await {
                Ok(status) => status.target.is_some() && status.waiting + status.files_waiting > 0,
                Err(_) => false,
            };
            self.stand(waits);
            if !waits {
                continue;
            }
            let passed = tokio::select! {
                () = shutdown.cancelled() => return,
                passed = self.pass() => passed,
            };
            if let Err(error) = passed
                && !matches!(error, SyncError::Off)
            {
                tracing::warn!(%error, "nothing could be handed in");
            }
        }
    }

    fn stand(&self, waits: bool) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match (waits, standing.is_some()) {
            (true, false) => *standing = Some(self.activity.begin()),
            (false, true) => *standing = None,
            _ => {}
        }
    }

    /// From now on this machine hands in there.
    pub async fn start(&self, target: SyncTarget) -> Result<SyncStatus, StoreError> {
        self.store.set_sync_target(target).await?;
        *self.tries() = Tries::default();
        self.wake.notify_one();
        self.status().await
    }

    /// Nothing more is handed in.
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.store.clear_sync_target().await
    }

    /// How far it is.
    pub async fn status(&self) -> Result<SyncStatus, StoreError> {
        let Some(place) = self.store.sync_place().await? else {
            return Ok(SyncStatus::default());
        };
        let (newest, unnumbered) = self.store.outbox_size().await?;
        Ok(SyncStatus {
            waiting: newest.saturating_sub(place.acknowledged) + unnumbered,
            files_waiting: self.store.files_waiting().await?,
            next_try_in: self.pause().map(|pause| pause.as_secs()),
            device: place.device,
            target: place.active.then_some(place.target),
            acknowledged: place.acknowledged,
            quarantined: place.quarantined,
            last_success: place.last_success,
            last_error: place.last_error,
        })
    }

    /// Hands in now, whatever was waited for.
    pub async fn now(&self) -> Result<SyncStatus, SyncError> {
        self.pass().await?;
        Ok(self.status().await?)
    }

    /// Whether both sides have the same, as far as it is acknowledged.
    pub async fn verify(&self) -> Result<SyncVerdict, SyncError> {
        let _turn = self.turn.lock().await;
        let (place, client) = self.server().await?;
        compare::compare(&self.store, &client, place.acknowledged).await
    }

    /// Lets the server forget what differs, and hands it in anew.
    pub async fn rebuild(&self) -> Result<SyncStatus, SyncError> {
        {
            let _turn = self.turn.lock().await;
            let (_, client) = self.server().await?;
            let (here, _) = self.store.outbox_size().await?;
            let there = client.sync_state().await?;
            let verdict =
                compare::compare(&self.store, &client, here.min(there.acknowledged)).await?;
            let from = verdict
                .differs_at
                .or_else(|| (there.acknowledged > here).then_some(here + 1));
            let state = match from {
                Some(from) => {
                    tracing::warn!(from, "records are handed in anew");
                    client
                        .sync_rewind(fenta_client::api::sync::Rewind { from })
                        .await?
                }
                None => there,
            };
            self.store
                .acknowledge(state.acknowledged, state.quarantined)
                .await?;
        }
        self.now().await
    }

    /// One pass, with its outcome written down.
    async fn pass(&self) -> Result<(), SyncError> {
        let _turn = self.turn.lock().await;
        let passed = match self.server().await {
            Ok((place, client)) => round::round(&self.store, &client, &place).await,
            Err(error) => Err(error),
        };
        let mut pause = None;
        if let Err(error) = &passed
            && !matches!(error, SyncError::Off)
        {
            let hint = error.hint();
            let text = match hint.is_empty() {
                true => error.to_string(),
                false => format!("{error}; {hint}"),
            };
            self.store.note_sync_error(Some(text)).await?;
            pause = Some(error.wish());
        }
        if passed.is_ok()
            && self
                .store
                .sync_place()
                .await?
                .is_some_and(|place| place.last_error.is_some())
        {
            self.store.note_sync_error(None).await?;
        }
        let mut tries = self.tries();
        match pause {
            None => *tries = Tries::default(),
            Some(wish) => {
                let pause = backoff(tries.failures).max(wish.unwrap_or_default());
                tries.failures = tries.failures.saturating_add(1);
                tries.next = Some(Instant::now() + pause.min(LONGEST_PAUSE));
            }
        }
        passed
    }

    /// Where to, and the way there.
    async fn server(&self) -> Result<(SyncPlace, Client), SyncError> {
        let place = self.store.sync_place().await?.filter(|place| place.active);
        let place = place.ok_or(SyncError::Off)?;
        let context = place.target.context.clone();
        let missing = || SyncError::NoCredential(context.clone());
        let keys = self.keys.clone().ok_or_else(missing)?;
        let account = sync_account(&context);
        // The keyring may make one wait.
        let found = tokio::task::spawn_blocking(move || keys.get(&account)).await;
        let (token, _) = found.map_err(|_| missing())??.ok_or_else(missing)?;
        let mut config = ClientConfig::new(
            Endpoint::Url(place.target.url.clone()),
            concat!("fentad/", env!("CARGO_PKG_VERSION")),
        )
        .with_token(token);
        // Passes are repeated, calls are not.
        config.retry = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        Ok((place, Client::new(&config)?))
    }

    fn pause(&self) -> Option<Duration> {
        let next = self.tries().next?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Twice as long after each failure, up to half an hour, and a quarter of it more by chance: machines that lost the same
/// server do not come back all at once.
fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.min(16));
    let chance = random::bytes::<1>().map_or(128, |[byte]| byte);
    let pause = doubled.min(LONGEST_PAUSE);
    (pause + pause * u32::from(chance) / 1024).min(LONGEST_PAUSE)
}
