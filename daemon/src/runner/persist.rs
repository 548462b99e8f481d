//! Writing down what must not be lost: a full disk or a locked database delays the job, it does not fail it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::StoreError;

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Repeats `operation` while the store says that trying again may help, until `shutdown`.
pub(super) async fn persist<T, Fut>(
    shutdown: &CancellationToken,
    mut operation: impl FnMut() -> Fut,
) -> Result<T, StoreError>
where
    Fut: Future<Output = Result<T, StoreError>>,
{
    let mut wait = FIRST_WAIT;
    loop {
        match operation().await {
            Err(error) if error.is_passing() && !shutdown.is_cancelled() => {
                tracing::warn!(%error, wait_ms = wait.as_millis() as u64, "the store refuses; waiting");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = shutdown.cancelled() => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn full() -> StoreError {
        StoreError::Commit {
            detail: "disk full".to_owned(),
            passing: true,
        }
    }

    #[tokio::test]
    async fn a_full_disk_is_waited_out() {
        let tries = Cell::new(0);
        let begun = tokio::time::Instant::now();
        let outcome = persist(&CancellationToken::new(), || {
            tries.set(tries.get() + 1);
            let done = tries.get() == 2;
            async move { if done { Ok(7) } else { Err(full()) } }
        })
        .await;
        assert_eq!(outcome.unwrap(), 7);
        assert!(begun.elapsed() >= FIRST_WAIT);
    }

    #[tokio::test]
    async fn what_cannot_help_is_not_repeated_and_the_end_is_heard() {
        let tries = Cell::new(0);
        let outcome = persist(&CancellationToken::new(), || {
            tries.set(tries.get() + 1);
            async { Err::<(), _>(StoreError::UnknownJob("j".to_owned())) }
        })
        .await;
        assert!(matches!(outcome, Err(StoreError::UnknownJob(_))));
        assert_eq!(tries.get(), 1);
        let ended = CancellationToken::new();
        ended.cancel();
        let outcome = persist(&ended, || async { Err::<(), _>(full()) }).await;
        assert!(outcome.is_err());
    }
}
