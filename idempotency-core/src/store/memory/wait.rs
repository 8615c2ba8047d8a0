//! Waiters: all waiters of a record share one notification.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use super::entry::Ticks;
use super::shard::Shards;
use crate::KeyDigest;
use crate::clock::Clock;

/// One waiter. Unregisters itself on drop, whether it was woken or not.
pub(super) struct Waiter<'a> {
    shards: &'a Shards,
    digest: KeyDigest,
    notify: Arc<Notify>,
}

impl<'a> Waiter<'a> {
    /// Registers a waiter. Returns it with its notification and the time left of the lease, or `None` if the key is not
    /// held.
    ///
    /// Reads the record and registers the waiter under one lock, so that no change comes in between.
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
        // Receives notifications from its creation on, not only from its first poll.
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
