//! Undoing a claim that nobody waits for any more: it may have been granted.

use std::time::Duration;

use super::Idempotency;
use super::budget::bounded;
use crate::{Claim, Claimed, OnExpired, StoreError};

/// The pauses between tries grow from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Undoes a claim unless it is disarmed: its caller went away, or its answer was lost.
#[must_use]
pub(super) struct UndoOnDrop<'a> {
    engine: &'a Idempotency,
    claim: &'a Claim,
    armed: bool,
}

impl<'a> UndoOnDrop<'a> {
    pub(super) fn new(engine: &'a Idempotency, claim: &'a Claim) -> Self {
        Self { engine, claim, armed: true }
    }

    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for UndoOnDrop<'_> {
    /// Neither blocks nor panics: the undoing is a task of its own.
    fn drop(&mut self) {
        if self.armed {
            self.engine.spawn_tracked(undo(self.engine.clone(), self.claim.clone()));
        }
    }
}

/// Repeats the claim with the same owner until it is answered, and releases it if it was granted. After a lease's
/// time there is nothing left to undo.
async fn undo(engine: Idempotency, mut claim: Claim) {
    // A holder whose lease ran out may still be at work, and nobody is about to run in its place: it keeps the key.
    claim.on_expired = OnExpired::InDoubt;
    let end = engine.runtime().now().saturating_add(claim.lease);
    let mut pause = FIRST_PAUSE;
    loop {
        let undone =
            bounded(engine.runtime(), engine.policy().store_timeout(), undo_once(&engine, &claim)).await;
        match undone {
            Some(Ok(())) => return,
            Some(Err(error)) if !error.is_transient() => return,
            _ if engine.runtime().now() >= end => return,
            _ => engine.runtime().sleep(pause).await,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn undo_once(engine: &Idempotency, claim: &Claim) -> Result<(), StoreError> {
    if let Claimed::Granted { fence, .. } = engine.store().claim(claim).await? {
        // Held or lost: either way it is not held for this claim any more.
        let _ = engine.store().release(&claim.granted(fence)).await?;
    }
    Ok(())
}
