//! The organisations at work, each with a state directory, a store and a runner of its own, begun when somebody asks for
//! one of its things or when it has open work at the start.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::TeamError;
use crate::clock::Clock;
use crate::daemon::{Engine, Outside};
use crate::server::{AppState, TenantRouter, tenant_router};
use crate::settings::Settings;
use crate::state_dir::StateDir;
use crate::store::Cas;

/// Folders of an organisation whose files documents may name: those of runs from elsewhere and their results, of documents
/// that are kept, of what was uploaded.
const PLACES: [&str; 4] = [super::workspace::FILES, "workspaces", "assets", "templates"];

/// For the last writes of an organisation.
const FAREWELL: Duration = Duration::from_secs(3);

/// An organisation at work. Its routes see nothing but its own things, because there is nothing else in it.
#[derive(Debug)]
pub struct Tenant {
    /// Its routes.
    pub router: TenantRouter,
    /// What they work with.
    pub state: AppState,
    /// Its blobs.
    pub cas: Cas,
    /// Its folder.
    pub root: PathBuf,
    /// Held while it is at work.
    ended: Mutex<Option<(StateDir, JoinHandle<()>)>>,
}

/// One organisation that is at work or about to be.
type Place = Arc<OnceCell<Arc<Tenant>>>;

/// All of them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tenants {
    settings: Arc<Settings>,
    clock: Arc<dyn Clock>,
    places: Arc<Mutex<HashMap<String, Place>>>,
}

impl Tenants {
    /// None at work yet. They lie below the state directory of `settings`.
    pub fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings: Arc::new(settings.clone()),
            clock,
            places: Arc::default(),
        }
    }

    /// The folder of an organisation.
    pub fn folder(&self, org: &str) -> PathBuf {
        folder(&self.settings.state_dir, org)
    }

    /// An organisation, which begins to work when it does not yet. `org` is an id from the accounts, never from a request.
    pub async fn get(&self, org: &str) -> Result<Arc<Tenant>, TeamError> {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(org.to_owned()).or_default())
        };
        let tenant = place.get_or_try_init(|| self.start(org)).await?;
        Ok(Arc::clone(tenant))
    }

    /// Those at work now.
    pub fn at_work(&self) -> Vec<Arc<Tenant>> {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places
            .values()
            .filter_map(|place| place.get().cloned())
            .collect()
    }

    async fn start(&self, org: &str) -> Result<Arc<Tenant>, TeamError> {
        let root = self.folder(org);
        let settings = Settings {
            state_dir: root.clone(),
            confined_to: PLACES.map(|place| root.join(place)).into(),
            ..(*self.settings).clone()
        };
        let dir = StateDir::acquire(&root)?;
        super::workspace::make_folders(&root)?;
        let outside = Outside {
            clock: Arc::clone(&self.clock),
            providers: Vec::new(),
        };
        let engine = Engine::start(&settings, &dir, outside).await?;
        tracing::info!(org, "an organisation is at work");
        Ok(Arc::new(Tenant {
            router: tenant_router(engine.state.clone()),
            state: engine.state,
            cas: engine.cas,
            root,
            ended: Mutex::new(Some((dir, engine.runner_ended))),
        }))
    }

    /// Ends all of them in order.
    pub async fn end(&self) {
        let ends = self
            .at_work()
            .into_iter()
            .map(|tenant| async move { tenant.end().await });
        join_all(ends).await;
    }

    /// Ends one; it begins anew when somebody asks for it.
    pub async fn forget(&self, org: &str) {
        let place = {
            let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            places.remove(org)
        };
        if let Some(tenant) = place.and_then(|place| place.get().cloned()) {
            tenant.end().await;
        }
    }
}

impl Tenant {
    async fn end(&self) {
        let held = self
            .ended
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some((dir, runner_ended)) = held else {
            return;
        };
        self.state.shutdown.cancel();
        if tokio::time::timeout(FAREWELL, runner_ended).await.is_err() {
            tracing::warn!(root = %self.root.display(), "not everything ended in time");
        }
        match self.state.store.flush().await {
            Ok(()) => dir.release(),
            Err(error) => tracing::warn!(%error, "an organisation was left as it is"),
        }
    }
}

/// The folder of an organisation below the state directory of a server.
pub fn folder(root: &Path, org: &str) -> PathBuf {
    root.join("orgs").join(org)
}
