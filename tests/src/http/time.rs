//! Time for an engine: tokio's, which a test lets fly where it would have to wait.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use idempotency_core::Owner;
use idempotency_core::clock::Clock;
use idempotency_core::engine::{Runtime, TokioRuntime};
use tokio::sync::watch;

/// Tokio's runtime with a clock that can leap forward. Clones are handles on the same one.
#[derive(Clone, Debug)]
pub struct FlyingTime {
    tokio: Arc<TokioRuntime>,
    leapt: Arc<watch::Sender<Duration>>,
}

impl FlyingTime {
    pub(super) fn new() -> Self {
        Self { tokio: Arc::new(TokioRuntime::new()), leapt: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }

    /// Lets time fly, ten seconds in a few milliseconds, until the work is done.
    pub async fn fly<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(Duration::from_millis(5), &mut work).await {
                Ok(done) => return done,
                Err(_) => self.leapt.send_modify(|leapt| *leapt += Duration::from_secs(10)),
            }
        }
    }
}

impl Clock for FlyingTime {
    fn now(&self) -> Duration {
        self.tokio.now() + *self.leapt.borrow()
    }

    fn unix_time(&self) -> Duration {
        self.tokio.unix_time()
    }
}

impl Runtime for FlyingTime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (time, mut leapt) = (self.clone(), self.leapt.subscribe());
        let end = time.now().saturating_add(duration);
        Box::pin(async move {
            loop {
                let left = end.saturating_sub(time.now());
                if left.is_zero() {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    _ = leapt.changed() => {}
                }
            }
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tokio.spawn(task);
    }

    fn new_owner(&self) -> Owner {
        self.tokio.new_owner()
    }
}
