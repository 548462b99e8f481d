//! The socket: who may connect, how long they may take, and how it all ends.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// For the head of each request.
    pub header_time: Duration,
    /// For answers in progress when the daemon ends.
    pub farewell: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            header_time: Duration::from_secs(10),
            farewell: Duration::from_secs(2),
        }
    }
}

/// Serves connections of this process's own user until `shutdown`, then lets answers in progress finish.
pub async fn serve(
    listener: UnixListener,
    router: Router,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
) {
    let places = std::sync::Arc::new(Semaphore::new(limits.connections));
    let tracker = TaskTracker::new();
    let owner = rustix::process::geteuid().as_raw();
    loop {
        let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: without a pause this would be a hot loop.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if !is_owner(&stream, owner) {
            continue;
        }
        let (router, shutdown) = (router.clone(), shutdown.clone());
        tracker.spawn(async move {
            let _place = place;
            connection(stream, router, limits.header_time, shutdown).await;
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(limits.farewell, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!(open = tracker.len(), "connections were cut at the end");
    }
}

/// The folder of the socket is closed to others already; this holds even where it is not.
fn is_owner(stream: &UnixStream, owner: u32) -> bool {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == owner => true,
        Ok(peer) => {
            tracing::warn!(uid = peer.uid(), "a connection of another user was refused");
            false
        }
        Err(error) => {
            tracing::warn!(%error, "a connection without a known user was refused");
            false
        }
    }
}

async fn connection(
    stream: UnixStream,
    router: Router,
    header_time: Duration,
    shutdown: CancellationToken,
) {
    let service = tower_service(router);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(header_time);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn tower_service(
    router: Router,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = axum::response::Response,
    Error = Infallible,
    Future: Send,
> {
    let router = TowerToHyperService::new(router);
    hyper::service::service_fn(move |request: Request<Incoming>| {
        hyper::service::Service::call(&router, request.map(Body::new))
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        shutdown: CancellationToken,
        served: tokio::task::JoinHandle<()>,
    }

    fn start(limits: ConnectionLimits) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let router = Router::new().route("/", axum::routing::get(async || "hello"));
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        Fixture {
            folder,
            shutdown,
            served,
        }
    }

    async fn talk(fixture: &Fixture, said: &str) -> String {
        let mut stream = UnixStream::connect(fixture.folder.path().join("s"))
            .await
            .unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    }

    const GET: &str = "GET / HTTP/1.1\r\nhost: fenta\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn it_answers_until_it_is_told_to_end() {
        let fixture = start(ConnectionLimits::default());
        assert!(talk(&fixture, GET).await.ends_with("hello"));
        fixture.shutdown.cancel();
        fixture.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_cut_off() {
        let fixture = start(ConnectionLimits {
            header_time: Duration::from_millis(50),
            ..ConnectionLimits::default()
        });
        let heard = talk(&fixture, "GET / HTTP/1.1\r\nx-slow: ").await;
        assert!(!heard.contains("hello"), "{heard}");
        assert!(talk(&fixture, GET).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn only_the_owner_is_let_in() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert!(is_owner(&ours, uid));
        assert!(!is_owner(&ours, uid + 1));
    }

    #[tokio::test]
    async fn an_idle_connection_does_not_hold_up_the_end() {
        let fixture = start(ConnectionLimits::default());
        let idle = UnixStream::connect(fixture.folder.path().join("s"))
            .await
            .unwrap();
        assert!(talk(&fixture, GET).await.ends_with("hello"));
        fixture.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(5), fixture.served)
            .await
            .unwrap()
            .unwrap();
        drop(idle);
    }
}
