//! Time for an engine: tokio's, which a test can advance instead of waiting.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use idempotency_core::clock::Clock;
use idempotency_core::engine::{Runtime, TokioRuntime};
use idempotency_core::store::Owner;
use tokio::sync::watch;

/// Tokio's runtime with a clock that can jump forward. Clones share the clock.
#[derive(Clone, Debug)]
pub struct FlyingTime {
    tokio: Arc<TokioRuntime>,
    offset: Arc<watch::Sender<Duration>>,
}

impl FlyingTime {
    pub(super) fn new() -> Self {
        Self { tokio: Arc::new(TokioRuntime::new()), offset: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }

    /// Advances time by ten seconds every few milliseconds until the work is done.
    pub async fn advance_until<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(Duration::from_millis(5), &mut work).await {
                Ok(done) => return done,
                Err(_) => self.offset.send_modify(|offset| *offset += Duration::from_secs(10)),
            }
        }
    }
}

impl Clock for FlyingTime {
    fn now(&self) -> Duration {
        self.tokio.now() + *self.offset.borrow()
    }

    fn unix_time(&self) -> Duration {
        self.tokio.unix_time()
    }
}

impl Runtime for FlyingTime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (time, mut offset) = (self.clone(), self.offset.subscribe());
        let end = time.now().saturating_add(duration);
        Box::pin(async move {
            loop {
                let left = end.saturating_sub(time.now());
                if left.is_zero() {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep(left) => {}
                    _ = offset.changed() => {}
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
