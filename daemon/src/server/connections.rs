//! Connections: who may connect, how long they may take, and how it all ends.
//!
//! A connection that has not said who it is costs little and goes first: when all places are taken, the oldest one of
//! which nothing is known makes room. So a thousand that open a connection and say nothing keep nobody waiting.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::access::{Door, Loopback};

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// For the head of each request; also how long a connection may be idle between two of them.
    pub header_time: Duration,
    /// Between two parts of a request's body.
    pub body_pause: Duration,
    /// For the whole body of a request.
    pub body_time: Duration,
    /// For answers in progress when the daemon ends.
    pub farewell: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            header_time: Duration::from_secs(10),
            body_pause: Duration::from_secs(30),
            body_time: Duration::from_secs(600),
            farewell: Duration::from_secs(2),
        }
    }
}

/// A place to connect to, with who may come in there.
#[derive(Debug)]
pub enum Entrance {
    /// The daemon's own user.
    Socket(UnixListener),
    /// Whoever has the token.
    Loopback(TcpListener, Arc<Loopback>),
    /// Whoever the guard of a team server lets in.
    Team(TcpListener),
}

impl From<UnixListener> for Entrance {
    fn from(listener: UnixListener) -> Self {
        Self::Socket(listener)
    }
}

/// The most bytes of a request's head.
const HEAD_BYTES: usize = 64 << 10;

/// Either kind of connection.
enum Wire {
    Socket(UnixStream),
    Tcp(TcpStream),
}

impl Entrance {
    async fn accept(&self) -> std::io::Result<Wire> {
        match self {
            Self::Socket(listener) => Ok(Wire::Socket(listener.accept().await?.0)),
            Self::Loopback(listener, _) | Self::Team(listener) => {
                let (stream, _) = listener.accept().await?;
                // Small answers go out at once.
                let _ = stream.set_nodelay(true);
                Ok(Wire::Tcp(stream))
            }
        }
    }

    fn door(&self) -> Door {
        match self {
            Self::Socket(_) => Door::Owner,
            Self::Loopback(_, loopback) => Door::Loopback(Arc::clone(loopback)),
            Self::Team(_) => Door::Team,
        }
    }
}

/// Serves an entrance until `shutdown`, then lets answers in progress finish.
pub async fn serve(
    entrance: impl Into<Entrance>,
    router: Router,
    limits: ConnectionLimits,
    shutdown: CancellationToken,
) {
    let entrance = entrance.into();
    let places = Arc::new(Semaphore::new(limits.connections));
    let hall = Arc::new(Hall::default());
    let tracker = TaskTracker::new();
    let owner = rustix::process::geteuid().as_raw();
    loop {
        let accepted = tokio::select! {
            accepted = entrance.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let wire = match accepted {
            Ok(wire) => wire,
            Err(error) => {
                // Out of file descriptors, most likely: without a pause this would be a hot loop.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if let Wire::Socket(stream) = &wire
            && !is_owner(stream, owner)
        {
            continue;
        }
        let place = tokio::select! {
            place = place(&places, &hall) => place,
            () = shutdown.cancelled() => break,
        };
        let Some(place) = place else { break };
        let newcomer = Arc::new(Hall::enter(&hall));
        let guest = Guest {
            router: router.clone(),
            door: entrance.door(),
            newcomer: Arc::clone(&newcomer),
            limits,
        };
        let shutdown = shutdown.clone();
        tracker.spawn(async move {
            let _place = place;
            tokio::select! {
                () = guest.served(wire, shutdown) => {}
                () = newcomer.cut.cancelled() => {}
            }
        });
    }
    drop(entrance);
    tracker.close();
    if tokio::time::timeout(limits.farewell, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!(open = tracker.len(), "connections were cut at the end");
    }
}

/// A place for a connection; the oldest one of which nothing is known makes room for it.
async fn place(places: &Arc<Semaphore>, hall: &Hall) -> Option<OwnedSemaphorePermit> {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return Some(place);
    }
    hall.cut_oldest();
    Arc::clone(places).acquire_owned().await.ok()
}

/// Connections of which nothing is known yet, the oldest first.
#[derive(Debug, Default)]
struct Hall {
    waiting: Mutex<(u64, VecDeque<(u64, CancellationToken)>)>,
}

/// One of them, until somebody knows who it is.
#[derive(Debug)]
pub(super) struct Newcomer {
    number: u64,
    cut: CancellationToken,
    hall: Arc<Hall>,
}

impl Hall {
    fn enter(hall: &Arc<Self>) -> Newcomer {
        let cut = CancellationToken::new();
        let mut waiting = hall.lock();
        waiting.0 += 1;
        let number = waiting.0;
        waiting.1.push_back((number, cut.clone()));
        drop(waiting);
        Newcomer {
            number,
            cut,
            hall: Arc::clone(hall),
        }
    }

    fn cut_oldest(&self) {
        if let Some((_, cut)) = self.lock().1.pop_front() {
            cut.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<(u64, CancellationToken)>)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newcomer {
    /// Somebody knows who it is: it keeps its place.
    pub(super) fn is_known(&self) {
        let mut waiting = self.hall.lock();
        // Numbers only grow, so the row is in order.
        if let Ok(at) = waiting
            .1
            .binary_search_by_key(&self.number, |(number, _)| *number)
        {
            waiting.1.remove(at);
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.is_known();
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

/// What a connection is served with.
struct Guest {
    router: Router,
    door: Door,
    newcomer: Arc<Newcomer>,
    limits: ConnectionLimits,
}

impl Guest {
    async fn served(self, wire: Wire, shutdown: CancellationToken) {
        match wire {
            Wire::Socket(stream) => self.connection(stream, shutdown).await,
            Wire::Tcp(stream) => self.connection(stream, shutdown).await,
        }
    }

    async fn connection<S>(self, stream: S, shutdown: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .max_buf_size(HEAD_BYTES)
            .header_read_timeout(self.limits.header_time);
        let serving = builder.serve_connection(TokioIo::new(stream), self.service());
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

    fn service(
        self,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = axum::response::Response,
        Error = Infallible,
        Future: Send,
    > {
        let router = TowerToHyperService::new(self.router);
        let (door, newcomer, limits) = (self.door, self.newcomer, self.limits);
        hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| Body::new(TimedBody::new(body, limits)));
            request.extensions_mut().insert(door.clone());
            request.extensions_mut().insert(Arc::clone(&newcomer));
            hyper::service::Service::call(&router, request)
        })
    }
}

/// A request's body came too slowly.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body came too slowly")]
pub(super) struct TooSlow;

/// A body that must not take for ever.
struct TimedBody {
    body: Incoming,
    pause: Duration,
    end: Instant,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    fn new(body: Incoming, limits: ConnectionLimits) -> Self {
        Self {
            body,
            pause: limits.body_pause,
            end: Instant::now() + limits.body_time,
            waiting: None,
        }
    }
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        let until = this.end.min(Instant::now() + this.pause);
        let waiting = this
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(axum::Error::new(TooSlow)))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
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

    #[tokio::test]
    async fn an_idle_connection_is_closed_after_a_while() {
        let fixture = start(ConnectionLimits {
            header_time: Duration::from_millis(60),
            ..ConnectionLimits::default()
        });
        let mut stream = UnixStream::connect(fixture.folder.path().join("s"))
            .await
            .unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: fenta\r\n\r\n")
            .await
            .unwrap();
        // The answer, and then the end without anybody asking for it.
        let mut heard = String::new();
        tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut heard))
            .await
            .unwrap()
            .unwrap();
        assert!(heard.ends_with("hello"), "{heard}");
    }

    #[tokio::test]
    async fn silent_connections_make_room_and_known_ones_stay() {
        let fixture = start(ConnectionLimits {
            connections: 4,
            ..ConnectionLimits::default()
        });
        let connect = || UnixStream::connect(fixture.folder.path().join("s"));
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(connect().await.unwrap());
        }
        let answered = tokio::time::timeout(Duration::from_secs(5), talk(&fixture, GET));
        assert!(answered.await.unwrap().ends_with("hello"));
        let mut first = silent.remove(0);
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_secs(5), first.read(&mut byte)).await;
        assert_eq!(read.unwrap().unwrap_or(0), 0, "the oldest was closed");
    }

    #[test]
    fn whoever_is_known_is_not_cut() {
        let hall = Arc::new(Hall::default());
        let (a, b, c) = (Hall::enter(&hall), Hall::enter(&hall), Hall::enter(&hall));
        a.is_known();
        hall.cut_oldest();
        assert!(!a.cut.is_cancelled() && b.cut.is_cancelled() && !c.cut.is_cancelled());
        drop(c);
        hall.cut_oldest();
        assert!(hall.lock().1.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let take = async |request: Request| match super::super::body::read(request, 100).await {
            Ok(_) => "all of it".to_owned(),
            Err(error) => error.problem.code,
        };
        let router = Router::new().route("/", axum::routing::post(take));
        let limits = ConnectionLimits {
            body_pause: Duration::from_millis(60),
            body_time: Duration::from_millis(300),
            ..ConnectionLimits::default()
        };
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, router, limits, shutdown.clone()));
        let fixture = Fixture {
            folder,
            shutdown,
            served,
        };
        let head =
            "POST / HTTP/1.1\r\nhost: fenta\r\nconnection: close\r\ncontent-length: 9\r\n\r\n";
        assert!(
            talk(&fixture, &format!("{head}123456789"))
                .await
                .ends_with("all of it")
        );
        assert!(talk(&fixture, head).await.contains("request/too-slow"));
        // One byte now and then is not coming either.
        let mut stream = UnixStream::connect(fixture.folder.path().join("s"))
            .await
            .unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let drip = async {
            loop {
                tokio::time::sleep(Duration::from_millis(40)).await;
                if stream.write_all(b"1").await.is_err() {
                    break;
                }
            }
        };
        let dripped = tokio::time::timeout(Duration::from_secs(2), drip).await;
        assert!(dripped.is_ok(), "it was cut off");
    }
}
