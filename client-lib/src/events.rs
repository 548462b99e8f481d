//! Following a job: its events in order, each once, over broken connections and restarts of the daemon.
//!
//! Neighbours: `transport` opens the streams; the caller says how a lost server is found again (for the local daemon
//! that starts it). It must not decide what an event means.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use eventsource_stream::{Event, EventStream as SseStream, Eventsource};
use fenta_workflows::job_event::{JobEvent, JobEventKind};
use futures_util::stream::{BoxStream, StreamExt};

use crate::error::{ClientError, Retry};
use crate::transport::Client;

/// Tries without a single new event in between, before the stream is given up.
const TRIES: usize = 12;

/// What following a job brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Followed {
    /// The next event.
    Event(Box<JobEvent>),
    /// The connection is gone; the next call tries to get it back. For showing only.
    Lost {
        /// Why.
        reason: String,
    },
}

/// The events of one job from a certain one on.
pub struct EventStream<C> {
    client: Client,
    reconnect: C,
    job: String,
    last_seq: u64,
    ended: bool,
    open: Option<BoxStream<'static, Result<Event, String>>>,
    backoff: ExponentialBackoff,
    must_reconnect: bool,
}

impl<C> EventStream<C>
where
    C: AsyncFnMut() -> Result<Client, ClientError>,
{
    /// Follows `job` (a full id) after event number `after`; 0 brings all of them. `reconnect` is asked for a new
    /// client whenever the server is lost.
    pub fn new(client: Client, job: impl Into<String>, after: u64, reconnect: C) -> Self {
        Self {
            client,
            reconnect,
            job: job.into(),
            last_seq: after,
            ended: false,
            open: None,
            backoff: backoff(),
            must_reconnect: false,
        }
    }

    /// The number of the last event that arrived.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The next event; `None` when the job has ended and all its events have arrived. Cancelling the returned future
    /// loses nothing.
    pub async fn next(&mut self) -> Result<Option<Followed>, ClientError> {
        loop {
            if self.open.is_none()
                && let Err(error) = self.open().await
            {
                return self.lost(error).await.map(Some);
            }
            let Some(stream) = &mut self.open else {
                continue;
            };
            let reason = match stream.next().await {
                Some(Ok(event)) => match self.accept(&event)? {
                    Some(event) => return Ok(Some(Followed::Event(Box::new(event)))),
                    None => continue,
                },
                Some(Err(reason)) => reason,
                None => "the server closed the stream".to_owned(),
            };
            self.open = None;
            if self.ended {
                return Ok(None);
            }
            self.must_reconnect = true;
            return Ok(Some(Followed::Lost { reason }));
        }
    }

    async fn open(&mut self) -> Result<(), ClientError> {
        if self.must_reconnect {
            self.client = (self.reconnect)().await?;
            self.must_reconnect = false;
        }
        let path = ["v1", "jobs", self.job.as_str(), "events"];
        let response = self.client.open_stream(&path, self.last_seq).await?;
        let stream: SseStream<_> = response.bytes_stream().eventsource();
        self.open = Some(
            stream
                .map(|event| event.map_err(|error| error.to_string()))
                .boxed(),
        );
        Ok(())
    }

    /// Takes note of an event; `None` for one that was seen before, as happens after a reconnect.
    fn accept(&mut self, event: &Event) -> Result<Option<JobEvent>, ClientError> {
        let event: JobEvent =
            serde_json::from_str(&event.data).map_err(|error| ClientError::BadAnswer {
                endpoint: self.client.endpoint().to_string(),
                request: format!("GET /v1/jobs/{}/events", self.job),
                reason: format!("event `{}`: {error}", event.id),
            })?;
        if event.seq <= self.last_seq {
            return Ok(None);
        }
        self.last_seq = event.seq;
        self.ended = ends_job(&event.kind);
        self.backoff = backoff();
        Ok(Some(event))
    }

    /// Waits before the next try, or gives up.
    async fn lost(&mut self, error: ClientError) -> Result<Followed, ClientError> {
        if !worth_another_try(&error) {
            return Err(error);
        }
        let reason = error.to_string();
        let Some(delay) = self.backoff.next() else {
            return Err(ClientError::StreamLost {
                job: self.job.clone(),
                last_seq: self.last_seq,
                reason,
            });
        };
        self.must_reconnect = true;
        tokio::time::sleep(delay).await;
        Ok(Followed::Lost { reason })
    }
}

/// Whether the job's log ends with this event (unless someone resumes the job later).
fn ends_job(kind: &JobEventKind) -> bool {
    matches!(
        kind,
        JobEventKind::JobCompleted { .. }
            | JobEventKind::JobFailed { .. }
            | JobEventKind::JobPaused { .. }
            | JobEventKind::JobNeedsAttention { .. }
            | JobEventKind::JobCancelled
    )
}

/// A daemon that ends answers with errors for a moment before it is gone; a job that is not there will not appear.
fn worth_another_try(error: &ClientError) -> bool {
    error.retry() != Retry::Never
}

fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(5))
        .with_max_times(TRIES)
        .build()
}
