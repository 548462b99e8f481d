//! The life of a team server: one owner of its state directory, its organisations at work, a port behind a proxy, and a
//! socket for whoever runs it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::config::TeamConfig;
use super::{Team, TeamError, failed, tenants};
use crate::clock::{Clock, SystemClock};
use crate::daemon::{Signals, bind, remove_socket};
use crate::listen;
use crate::server::{self, ConnectionLimits, Entrance};
use crate::settings::Settings;
use crate::state_dir::{DaemonFile, StateDir};

/// The settings of a server: its own places, and no end for lack of work.
pub fn settings_of(config: &TeamConfig, mut settings: Settings) -> Settings {
    settings.state_dir.clone_from(&config.state_dir);
    settings.socket = socket(&config.state_dir);
    settings.idle_exit = None;
    settings.listen = None;
    settings
}

/// Where the operator asks for numbers.
pub fn socket(state_dir: &Path) -> PathBuf {
    state_dir.join("run").join("operator.sock")
}

/// Serves until a signal ends it.
pub async fn run(config: TeamConfig, settings: Settings) -> Result<(), TeamError> {
    let mut signals = Signals::listen()?;
    let dir = StateDir::acquire(&settings.state_dir)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let team = Team::open(config, &settings, dir.is_unclean(), clock).await?;
    wake(&team, &settings.state_dir).await?;
    let listen = team.config.listen;
    let port = listen::bind(listen).map_err(failed("listen on", Path::new(&listen.to_string())))?;
    let operator = bind(&settings.socket)?;
    dir.announce(&DaemonFile {
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        socket: settings.socket.clone(),
        started: team.clock.now_text(),
        listen: port.local_addr().ok(),
    })?;
    let shutdown = CancellationToken::new();
    let over_port = server::serve(
        Entrance::Team(port),
        server::team_router(team.clone()),
        ConnectionLimits::default(),
        shutdown.clone(),
    );
    let over_socket = server::serve(
        operator,
        server::operator_router(team.clone()),
        ConnectionLimits::default(),
        shutdown.clone(),
    );
    let served = tokio::spawn(async move {
        tokio::join!(over_port, over_socket);
    });
    tracing::info!(%listen, public_url = team.config.public_url, "ready");
    signals.any().await;
    tracing::info!("ending");
    remove_socket(&settings.socket);
    shutdown.cancel();
    let _ = served.await;
    team.tenants.end().await;
    team.accounts.flush().await?;
    dir.release();
    Ok(())
}

/// Organisations that have worked before go on: they may have open jobs and schedules. One that does not come up keeps the
/// others from nothing; it is tried again when somebody asks for it.
async fn wake(team: &Team, root: &Path) -> Result<(), TeamError> {
    for org in team.accounts.orgs().await? {
        let known = crate::state_dir::database(&tenants::folder(root, &org)).exists();
        if known && let Err(error) = team.tenants.get(&org).await {
            tracing::error!(org, %error, "an organisation does not come up");
        }
    }
    Ok(())
}
