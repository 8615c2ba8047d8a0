//! The gate of a handler's connection, which lets only the engine commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::Error;
use sqlx::sqlite::SqliteConnection;

/// Refuses the commits of a handler's transaction until it is opened, and knows how the transaction has ended.
///
/// SQLite asks it at each commit, including that of a statement outside a transaction, and turns a refused commit into a
/// rollback. So a handler that ends its transaction by itself makes nothing durable.
#[derive(Default)]
pub(super) struct Gate {
    is_open: AtomicBool,
    was_passed: AtomicBool,
    has_rolled_back: AtomicBool,
}

impl Gate {
    /// Puts a gate in front of the commits of a connection.
    pub(super) async fn close(connection: &mut SqliteConnection) -> Result<Arc<Self>, Error> {
        let gate = Arc::new(Self::default());
        let (committing, rolling_back) = (Arc::clone(&gate), Arc::clone(&gate));
        let mut handle = connection.lock_handle().await?;
        handle.set_commit_hook(move || {
            let passes = committing.is_open.load(Ordering::SeqCst);
            committing.was_passed.fetch_or(passes, Ordering::SeqCst);
            passes
        });
        handle.set_rollback_hook(move || rolling_back.has_rolled_back.store(true, Ordering::SeqCst));
        Ok(gate)
    }

    /// Lets commits pass from now on.
    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }

    /// Whether a commit has passed. It can still have failed.
    pub(super) fn was_passed(&self) -> bool {
        self.was_passed.load(Ordering::SeqCst)
    }

    /// Whether a transaction, or a statement outside one, was rolled back.
    pub(super) fn has_rolled_back(&self) -> bool {
        self.has_rolled_back.load(Ordering::SeqCst)
    }
}
