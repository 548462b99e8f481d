//! Whether anybody is using the daemon: requests in progress (a followed job is one) and jobs in work. And how it
//! answers, for `/v1/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::runner::RunnerStatus;

/// Counts requests in progress. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Activity {
    requests: Arc<watch::Sender<usize>>,
    answers: Arc<Answers>,
}

/// Upper ends of the classes that times to answer are counted in, milliseconds.
pub(super) const CLASSES_MS: [u64; 11] = [1, 2, 5, 10, 25, 50, 100, 250, 1000, 2500, 10_000];

/// Answers since the start.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the first digit of their status.
    pub(super) by_status: [AtomicU64; 6],
    /// By the time they took; the last class has no end.
    pub(super) by_time: [AtomicU64; CLASSES_MS.len() + 1],
    /// All times together, microseconds.
    pub(super) micros: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            requests: Arc::new(watch::Sender::new(0)),
            answers: Arc::default(),
        }
    }
}

/// One request; it is in progress while this lives.
#[derive(Debug)]
pub struct InProgress {
    requests: Arc<watch::Sender<usize>>,
}

impl Activity {
    /// A request begins.
    pub fn begin(&self) -> InProgress {
        self.requests.send_modify(|count| *count += 1);
        InProgress {
            requests: Arc::clone(&self.requests),
        }
    }

    /// A request was answered.
    pub(super) fn answered(&self, status: u16, took: Duration) {
        let answers = &self.answers;
        if let Some(count) = answers.by_status.get(usize::from(status / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let class = CLASSES_MS.partition_point(|end| *end < millis);
        answers.by_time[class].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        answers.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How requests were answered.
    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Requests in progress.
    pub(super) fn in_progress(&self) -> usize {
        *self.requests.borrow()
    }

    /// Returns when there was neither a request nor a job, in work or about to be, for `pause`.
    pub async fn idle(&self, pause: Duration, mut runner: watch::Receiver<RunnerStatus>) {
        let mut requests = self.requests.subscribe();
        loop {
            let jobs = *runner.borrow_and_update();
            let busy = *requests.borrow_and_update() > 0 || jobs.active > 0 || jobs.open > 0;
            let sleep = async {
                if busy {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(pause).await;
            };
            tokio::select! {
                () = sleep => return,
                Ok(()) = requests.changed() => {}
                Ok(()) = runner.changed() => {}
            }
        }
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.requests.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const PAUSE: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn idle_is_neither_a_request_nor_a_job() {
        let activity = Activity::default();
        let (runner, status) = watch::channel(RunnerStatus::default());
        activity.idle(PAUSE, status.clone()).await;

        let request = activity.begin();
        let waiting = timeout(2 * PAUSE, activity.idle(PAUSE, status.clone())).await;
        assert!(waiting.is_err(), "a request is in progress");
        drop(request);
        runner.send_modify(|status| status.active = 1);
        let waiting = timeout(2 * PAUSE, activity.idle(PAUSE, status.clone())).await;
        assert!(waiting.is_err(), "a job is in work");
        runner.send_modify(|status| status.active = 0);
        activity.idle(PAUSE, status).await;
    }

    #[tokio::test]
    async fn a_request_starts_the_pause_anew() {
        let activity = Activity::default();
        let (_runner, status) = watch::channel(RunnerStatus::default());
        let begun = Instant::now();
        let visit = async {
            tokio::time::sleep(PAUSE / 2).await;
            drop(activity.begin());
            Instant::now()
        };
        let ((), visited) = tokio::join!(activity.idle(PAUSE, status), visit);
        assert!(begun.elapsed() >= PAUSE && visited.elapsed() >= PAUSE - PAUSE / 8);
    }
}
