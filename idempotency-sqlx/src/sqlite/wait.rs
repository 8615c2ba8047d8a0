//! Waiting for a record to change. SQLite notifies no other process, so a waiter polls; changes by this store and its
//! clones wake it at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idempotency_core::{KeyDigest, StoreError};
use tokio::sync::Notify;

use super::Shared;
use crate::row::duration;

/// The time to the second read of a record. It doubles with each read.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The maximum time between two reads of a record.
const MAX_PAUSE: Duration = Duration::from_millis(500);

impl Shared {
    /// Returns when the record may have changed, or after `timeout`. Holds no connection between two reads.
    pub(super) async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        let waiter = self.waiters.register(key);
        // Receives notifications from its creation on, so that no change after the first read is missed.
        let notified = waiter.notify.notified();
        let poll = async {
            let mut pause = FIRST_PAUSE;
            loop {
                let left = self.lease_left(key).await?;
                if left.is_zero() {
                    return Ok(());
                }
                tokio::time::sleep(pause.min(left)).await;
                pause = MAX_PAUSE.min(2 * pause);
            }
        };
        tokio::select! {
            () = notified => Ok(()),
            ended = tokio::time::timeout(timeout, poll) => ended.unwrap_or(Ok(())),
        }
    }

    /// The time until a claim may find the lease expired. Zero if the key is not held.
    async fn lease_left(&self, key: KeyDigest) -> Result<Duration, StoreError> {
        let deadline = self.deadline();
        self.prepare(deadline).await?;
        let found = self.read(key, deadline).await?;
        Ok(duration(found.lease_left(self.now())))
    }
}

/// The waiters of this store and its clones, by key. The waiters of a key share one notification.
#[derive(Default)]
pub(super) struct Waiters(Mutex<HashMap<KeyDigest, Arc<Notify>>>);

/// One waiter. The last one of a key unregisters the key on drop.
struct Waiter<'a> {
    waiters: &'a Waiters,
    key: KeyDigest,
    notify: Arc<Notify>,
}

impl Waiters {
    fn register(&self, key: KeyDigest) -> Waiter<'_> {
        let notify = Arc::clone(self.lock().entry(key).or_default());
        Waiter { waiters: self, key, notify }
    }

    /// Wakes the waiters of a key.
    pub(super) fn wake(&self, key: KeyDigest) {
        let notify = self.lock().remove(&key);
        if let Some(notify) = notify {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<KeyDigest, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiters = self.waiters.lock();
        // Two references are the map's and this one.
        if waiters.get(&self.key).is_some_and(|notify| Arc::ptr_eq(notify, &self.notify))
            && Arc::strong_count(&self.notify) == 2
        {
            waiters.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> KeyDigest {
        KeyDigest::from_bytes([number; 32])
    }

    #[test]
    fn waiters_leave_nothing_behind() {
        let waiters = Waiters::default();
        let (one, two) = (waiters.register(key(1)), waiters.register(key(1)));
        let other = waiters.register(key(2));
        drop(one);
        assert_eq!(waiters.lock().len(), 2);
        drop(two);
        assert_eq!(waiters.lock().len(), 1);
        waiters.wake(key(2));
        let later = waiters.register(key(2));
        drop(other);
        assert_eq!(waiters.lock().len(), 1, "a later waiter stays registered");
        drop(later);
        assert!(waiters.lock().is_empty());
    }
}
