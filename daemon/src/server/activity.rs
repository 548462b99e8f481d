//! Whether anybody is using the daemon: requests in progress (a followed job is one) and jobs in work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::runner::RunnerStatus;

/// Counts requests in progress. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Activity {
    requests: Arc<watch::Sender<usize>>,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            requests: Arc::new(watch::Sender::new(0)),
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
