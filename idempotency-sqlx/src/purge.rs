//! Purging in the background.

use std::future::Future;
use std::time::Duration;

use idempotency_core::StoreError;
use tokio::task::JoinHandle;

/// How many rows one purge deletes: few enough that it ends in a moment and does not hold up other changes.
const BATCH: u32 = 1000;

/// A task that deletes expired records and marks at intervals. Dropping it ends the task.
#[derive(Debug)]
#[must_use = "dropping it ends the task"]
pub struct PurgeTask(JoinHandle<()>);

impl PurgeTask {
    /// Starts a task that purges at once, and then at intervals. A purge that fails is logged, and tried again.
    pub(crate) fn start<F>(interval: Duration, purge: impl Fn(u32) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<u64, StoreError>> + Send,
    {
        Self(tokio::spawn(async move {
            loop {
                match purge(BATCH).await {
                    Ok(deleted) if deleted == u64::from(BATCH) => continue,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(target: "idempotency", ?error, "expired records were not purged");
                    }
                }
                tokio::time::sleep(interval).await;
            }
        }))
    }
}

impl Drop for PurgeTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use idempotency_core::StoreErrorKind;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_batch_is_followed_at_once_and_an_error_after_the_interval() {
        let calls = Arc::new(AtomicU64::new(0));
        let (sender, mut purged) = mpsc::unbounded_channel();
        let start = tokio::time::Instant::now();
        let task = PurgeTask::start(Duration::from_secs(60), move |batch| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            sender.send(start.elapsed().as_secs()).unwrap();
            async move {
                match call {
                    0 => Ok(u64::from(batch)),
                    1 => Err(StoreError::new("test", StoreErrorKind::Unavailable)),
                    _ => Ok(0),
                }
            }
        });
        let mut at = Vec::new();
        while at.len() < 4 {
            at.push(purged.recv().await.unwrap());
        }
        assert_eq!(at, [0, 0, 60, 120]);
        drop(task);
        assert_eq!(purged.recv().await, None);
    }
}
