//! A clock that is set back, and the longest durations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use idempotency_core::Outcome;
use idempotency_core::clock::Clock;
use idempotency_core::store::{Claimed, Completion, Hold, Release, Store as _};

use super::{Database, claim, granted};

/// A clock that is set by hand, in seconds since 1970.
#[derive(Clone, Debug)]
struct SetClock(Arc<AtomicU64>);

impl Clock for SetClock {
    fn now(&self) -> Duration {
        self.unix_time()
    }

    fn unix_time(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

#[tokio::test]
async fn the_fence_grows_over_an_expired_record_although_the_clock_was_set_back() {
    let database = Database::new();
    let clock = SetClock(Arc::new(AtomicU64::new(1_000_000)));
    let store = database.store().with_clock(clock.clone());
    let mut short = claim(&store, "k", 1);
    short.retention = Duration::from_secs(5);
    let first = granted(&store, &short).await;
    clock.0.store(1_000, Ordering::SeqCst);
    assert_eq!(store.release(&first, Release::Failed).await.unwrap(), Hold::Held);
    clock.0.store(2_000, Ordering::SeqCst);
    let second = granted(&store, &claim(&store, "k", 2)).await;
    assert!(second.fence() > first.fence(), "{:?} after {:?}", second.fence(), first.fence());
}

#[tokio::test]
async fn the_longest_durations_are_no_panic() {
    let database = Database::new();
    let store = database.store().with_timeout(Duration::MAX);
    let mut forever = claim(&store, "k", 1);
    (forever.lease, forever.retention) = (Duration::MAX, Duration::MAX);
    let lease = granted(&store, &forever).await;
    assert_eq!(store.renew(&lease, Duration::MAX).await.unwrap(), Hold::Held);
    let completion = Completion::new(lease, Outcome::new("done"), Duration::MAX);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    assert!(matches!(store.claim(&claim(&store, "k", 2)).await.unwrap(), Claimed::Completed(_)));
}
