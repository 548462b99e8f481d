//! The life of the daemon: one owner of the state directory, ready at once or not at all, gone within seconds.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use fenta_client::credentials::KeyFile;
use fenta_workflows::models::OwnPrices;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cache::CacheCare;
use crate::clock::{Clock, SystemClock};
use crate::components::Ground;
use crate::components::notices::Notices;
use crate::components::schedules::Schedules;
use crate::components::sync::Syncer;
use crate::components::watches::Watches;
use crate::executors::{Executors, Provider, Renderer, Tools, sweep_all};
use crate::listen;
use crate::providers::Providers;
use crate::runner::{Runner, RunnerContext};
use crate::server::{self, Activity, AppState, ConnectionLimits, Entrance, Loopback, StopRequest};
use crate::settings::Settings;
use crate::state_dir::{DaemonFile, StateDir, StateDirError, private_folder};
use crate::store::{Cas, Store, StoreError};
use crate::token_file::{self, TokenError};

/// For the last writes after everything was told to stop.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// Why the daemon did not start, or did not end in order.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The state directory is not ours or does not work.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token is not safe.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The port refused.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A file, a folder or a socket refused.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What a daemon gets from outside besides its settings.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Providers besides those that the settings name.
    pub providers: Vec<Arc<dyn Provider>>,
}

impl Default for Outside {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            providers: Vec::new(),
        }
    }
}

/// Runs until someone asks for the end or nobody has used it for long enough.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    run_with(settings, Outside::default()).await
}

/// The same, with the time and the providers somebody else decides on.
pub async fn run_with(settings: Settings, outside: Outside) -> Result<(), DaemonError> {
    let signals = Signals::listen()?;
    take_prices(&settings);
    let dir = StateDir::acquire(&settings.state_dir)?;
    let engine = Engine::start(&settings, &dir, outside).await?;
    let AppState {
        store,
        runner,
        activity,
        shutdown,
        ..
    } = engine.state.clone();
    let served = open_for_business(&settings, &dir, engine.state)?;

    let why = wait_for_end(&settings, &runner, &activity, engine.stop_requests, signals).await;
    tracing::info!(why, "ending");
    // The name goes first: who connects now finds no daemon and starts the next one.
    remove_socket(&settings.socket);
    shutdown.cancel();
    let ended = tokio::time::timeout(LAST_WRITES, async {
        let _ = tokio::join!(served, engine.runner_ended);
    });
    if ended.await.is_err() {
        tracing::warn!("not everything ended in time");
    }
    store.flush().await?;
    dir.release();
    Ok(())
}

/// The keys of the user whose daemon this is.
fn key_file(settings: &Settings) -> Option<KeyFile> {
    let file = settings.providers.config_file.as_ref()?;
    Some(KeyFile::in_folder(file.parent()?))
}

/// Everything at work in a state directory, without a way in from outside.
pub(crate) struct Engine {
    /// What a server works with.
    pub(crate) state: AppState,
    /// Its blobs.
    pub(crate) cas: Cas,
    /// Who wants it to end.
    pub(crate) stop_requests: watch::Receiver<StopRequest>,
    /// Ends soon after `state.shutdown`.
    pub(crate) runner_ended: JoinHandle<()>,
}

impl Engine {
    /// Opens the store, and lets the work go on that waits there.
    pub(crate) async fn start(
        settings: &Settings,
        dir: &StateDir,
        outside: Outside,
    ) -> Result<Self, DaemonError> {
        let clock = Arc::clone(&outside.clock);
        // Asked while the store opens: nobody is answered before both are there.
        let renderer = Renderer::new(&settings.renderer, &settings.worker_env);
        let asked = renderer.clone();
        tokio::spawn(async move { asked.tool().await });
        let store = Store::open(&dir.database(), dir.is_unclean(), Arc::clone(&clock))?;
        store.tidy().await?;
        sweep_all(&store).await?;
        let shutdown = CancellationToken::new();
        let context = runner_context(settings, dir, &store, outside, &renderer)?;
        let providers = context.executors.providers().clone();
        let cas = context.cas.clone();
        let cache = CacheCare::new(store.clone(), cas.clone(), settings.cache);
        tokio::spawn(cache.clone().watch(shutdown.clone()));
        let (runner, runner_ended) = Runner::start(context, shutdown.clone());
        let (stop, stop_requests) = watch::channel(StopRequest::None);
        let activity = Activity::default();
        let notices = Notices::new(
            store.clone(),
            providers.clone(),
            Arc::clone(&clock),
            activity.clone(),
        );
        tokio::spawn(notices.clone().watch(shutdown.clone()));
        let ground = Ground {
            store: store.clone(),
            runner: runner.clone(),
            clock: Arc::clone(&clock),
            activity: activity.clone(),
            notices: notices.clone(),
        };
        let schedules = Schedules::new(ground.clone());
        tokio::spawn(schedules.clone().watch(shutdown.clone()));
        let watches = Watches::new(ground, dir.root().join("watched"));
        tokio::spawn(watches.clone().watch(shutdown.clone()));
        let sync = Syncer::new(store.clone(), key_file(settings), activity.clone());
        tokio::spawn(sync.clone().watch(shutdown.clone()));
        let state = AppState {
            sync,
            store,
            runner,
            schedules,
            watches,
            notices,
            renderer,
            cache,
            providers,
            activity,
            stop,
            shutdown,
            state_dir: dir.root().to_owned(),
            started_at: clock.now_text(),
            clock,
            listen: None,
            confined_to: settings.confined_to.clone().into(),
        };
        Ok(Self {
            state,
            cas,
            stop_requests,
            runner_ended,
        })
    }
}

/// Prices the user knows better than the table. A file that is wrong is told and left out: nothing is paid by guess, as
/// what has no price is unknown.
fn take_prices(settings: &Settings) {
    let Some(path) = settings.providers.prices_file() else {
        return;
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        return;
    };
    match OwnPrices::parse(&text) {
        Ok(own) => {
            own.install();
        }
        Err(error) => tracing::warn!(path = %path.display(), error, "prices that cannot be used"),
    }
}

/// From here on the daemon can be found.
fn open_for_business(
    settings: &Settings,
    dir: &StateDir,
    mut state: AppState,
) -> Result<JoinHandle<()>, DaemonError> {
    // The port first: whoever finds the socket finds a daemon that is wholly there.
    let port = settings
        .listen
        .map(|address| loopback(address, dir))
        .transpose()?;
    state.listen = port.as_ref().map(|(address, _)| *address);
    let listener = bind(&settings.socket)?;
    dir.announce(&DaemonFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        socket: settings.socket.clone(),
        started: state.started_at.clone(),
        listen: state.listen,
    })?;
    let (shutdown, listen) = (state.shutdown.clone(), state.listen);
    let router = server::router(state);
    let over_tcp = port.map(|(_, entrance)| {
        let limits = ConnectionLimits {
            connections: TCP_CONNECTIONS,
            ..ConnectionLimits::default()
        };
        server::serve(entrance, router.clone(), limits, shutdown.clone())
    });
    let over_socket = server::serve(listener, router, ConnectionLimits::default(), shutdown);
    let served = tokio::spawn(async move {
        match over_tcp {
            Some(over_tcp) => drop(tokio::join!(over_socket, over_tcp)),
            None => over_socket.await,
        }
    });
    tracing::info!(socket = %settings.socket.display(), ?listen, "ready");
    Ok(served)
}

/// Connections over TCP at a time: anybody on this machine can open some.
const TCP_CONNECTIONS: usize = 512;

/// Binds a port of this machine, for whoever has the token.
fn loopback(address: SocketAddr, dir: &StateDir) -> Result<(SocketAddr, Entrance), DaemonError> {
    let token = token_file::read_or_make(dir.root())?;
    let failed = |source| DaemonError::Listen { address, source };
    let listener = listen::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let gate = Arc::new(Loopback::new(address, token));
    Ok((address, Entrance::Loopback(listener, gate)))
}

fn runner_context(
    settings: &Settings,
    dir: &StateDir,
    store: &Store,
    outside: Outside,
    renderer: &Renderer,
) -> Result<RunnerContext, DaemonError> {
    let cas = Cas::open(&dir.cas(), &dir.scratch()).map_err(failed("open", &dir.cas()))?;
    let told = settings.providers.clone();
    let providers = Providers::configured(
        told,
        (cas.clone(), store.clone()),
        dir.scratch(),
        Arc::clone(&outside.clock),
    )
    .beside(outside.providers);
    Ok(RunnerContext {
        store: store.clone(),
        cas: cas.clone(),
        executors: Executors::new(Tools {
            store: store.clone(),
            cas,
            clock: outside.clock,
            scratch: dir.scratch(),
            worker_env: settings.worker_env.clone(),
            font_dirs: settings.font_dirs.clone(),
            limits: settings.limits,
            providers,
            confined_to: settings.confined_to.clone(),
        }),
        renderer: renderer.clone(),
        workers: settings.workers,
        retry: settings.retry.clone(),
    })
}

/// Returns the reason for the end, for the log.
async fn wait_for_end(
    settings: &Settings,
    runner: &Runner,
    activity: &Activity,
    mut requests: watch::Receiver<StopRequest>,
    mut signals: Signals,
) -> &'static str {
    let idle = async {
        // Nobody starts a daemon over TCP: one that listens there stays.
        match settings.idle_exit.filter(|_| settings.listen.is_none()) {
            Some(pause) => activity.idle(pause, runner.status()).await,
            None => std::future::pending().await,
        }
    };
    let asked = async {
        // The sender lives in the server, which lives as long as this waits.
        let _ = requests.wait_for(|wish| *wish != StopRequest::None).await;
        let mut status = runner.status();
        // Until then it takes jobs as always: whoever asked does not want to keep anybody waiting.
        tokio::select! {
            _ = requests.wait_for(|wish| *wish > StopRequest::WhenIdle) => {}
            _ = status.wait_for(|status| status.active == 0) => {}
        }
        runner.drain();
        tokio::select! {
            _ = requests.wait_for(|wish| *wish == StopRequest::Now) => "asked to stop now",
            _ = status.wait_for(|status| status.draining && status.active == 0) => {
                "asked to stop, and everything is finished"
            }
        }
    };
    tokio::select! {
        () = idle => "idle",
        why = asked => why,
        () = signals.any() => "signal",
    }
}

pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn listen() -> Result<Self, DaemonError> {
        let on = |kind| signal(kind).map_err(failed("listen to signals of", Path::new("fentad")));
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn any(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Binds the socket so that only this user can reach it. A socket that is in the way is a dead one: the lock on the
/// state directory says that its daemon is gone.
pub(crate) fn bind(path: &Path) -> Result<UnixListener, DaemonError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    private_folder(folder)?;
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(failed("bind", path)(std::io::Error::new(
            std::io::ErrorKind::AddrInUse,
            "another daemon, with another state directory, listens there",
        )));
    }
    remove_socket(path);
    let listener = UnixListener::bind(path).map_err(failed("bind", path))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(failed("close to others", path))?;
    Ok(listener)
}

pub(crate) fn remove_socket(path: &Path) {
    use std::os::unix::fs::FileTypeExt;
    // Whatever else has that name is somebody's file, not a socket that was left behind.
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket && let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove the socket");
    }
}

fn failed<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> DaemonError + 'a {
    move |source| DaemonError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
