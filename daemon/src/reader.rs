//! Looking at what a daemon wrote down without the daemon: for a client whose daemon is there but does not answer.
//!
//! A process of its own serves the reading half of `/v1` from the database, which SQLite lets several processes read,
//! and ends with its standard input, so with the client that started it. It takes no lock and changes nothing.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, SystemClock};
use crate::daemon::{DaemonError, bind, remove_socket};
use crate::server::{self, Activity, ConnectionLimits, Library};
use crate::settings::Settings;
use crate::state_dir;
use crate::store::Store;

/// Serves until standard input ends.
pub async fn run(settings: Settings) -> Result<(), DaemonError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let database = state_dir::database(&settings.state_dir);
    let shutdown = CancellationToken::new();
    let library = Library {
        store: Store::open_for_reading(&database, Arc::clone(&clock))?,
        clock,
        activity: Activity::default(),
        shutdown: shutdown.clone(),
        run: String::new(),
        confined_to: Arc::from([]),
    };
    let served = tokio::spawn(server::serve(
        bind(&settings.socket)?,
        server::reading_router(library),
        ConnectionLimits::default(),
        shutdown.clone(),
    ));
    // However it ends, the client is gone.
    let _ = tokio::task::spawn_blocking(|| {
        std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())
    })
    .await;
    remove_socket(&settings.socket);
    shutdown.cancel();
    let _ = served.await;
    Ok(())
}
