//! The waiters of one key, as a shard keeps them.

use std::sync::Arc;

use tokio::sync::Notify;

/// The waiters of one key. Exists only while there is at least one.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) notify: Arc<Notify>,
    pub(super) waiters: usize,
}

impl Waiting {
    /// Wakes all waiters. Must not be called under a lock, since a waker runs foreign code.
    pub(super) fn notify(self) {
        self.notify.notify_waiters();
    }
}
