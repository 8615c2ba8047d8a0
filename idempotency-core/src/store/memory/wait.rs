//! Waiters: who waits for a record, woken together by one notification.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::entry::Ticks;
use super::shard::Shards;
use crate::KeyDigest;
use crate::clock::Clock;

/// The waiters of one key. It exists only while there are any.
#[derive(Default)]
pub(super) struct Waiting {
    notify: Arc<Notify>,
    pub(super) waiters: usize,
}

impl Waiting {
    /// Wakes them all, each once. Not to be called under a lock: a waker runs foreign code.
    pub(super) fn notify(self) {
        self.notify.notify_waiters();
    }
}

/// One waiter. Dropped, woken or not, it leaves nothing behind.
pub(super) struct Waiter<'a> {
    shards: &'a Shards,
    digest: KeyDigest,
    notify: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    /// Starts to wait: the waiter, its wake-up, and how long the lease lasts; `None` if no lease is held.
    ///
    /// The state is read and the waiter registered under one lock, so that no change falls in between.
    pub(super) fn register(
        shards: &'a Shards,
        digest: KeyDigest,
        clock: &dyn Clock,
    ) -> Option<(Self, OwnedNotified, Duration)> {
        let mut shard = shards.records(digest);
        let now = clock.now();
        let lease_left = shard.live(digest, Ticks::of(now))?.lease_left(now)?;
        let waiting = shard.waiting.entry(digest).or_default();
        waiting.waiters += 1;
        let notify = Arc::clone(&waiting.notify);
        // It is notified from its creation on, not only from its first poll.
        let notified = Arc::clone(&notify).notified_owned();
        Some((Self { shards, digest, notify }, notified, lease_left))
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut shard = self.shards.records(self.digest);
        if let Entry::Occupied(mut waiting) = shard.waiting.entry(self.digest)
            && Arc::ptr_eq(&waiting.get().notify, &self.notify)
        {
            waiting.get_mut().waiters -= 1;
            if waiting.get().waiters == 0 {
                waiting.remove();
            }
        }
    }
}
