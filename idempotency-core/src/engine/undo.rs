//! Undoing a claim that nobody waits for any more: it may have been granted.

use std::time::Duration;

use super::Idempotency;
use crate::{Claim, Claimed};

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
async fn undo(engine: Idempotency, claim: Claim) {
    let end = engine.runtime().now() + claim.lease;
    let mut pause = FIRST_PAUSE;
    loop {
        let granted = match engine.store().claim(&claim).await {
            Ok(Claimed::Granted { fence, .. }) => {
                engine.store().release(&claim.granted(fence)).await.map(drop)
            }
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match granted {
            Ok(()) => return,
            Err(error) if !error.is_transient() || engine.runtime().now() >= end => return,
            Err(_) => engine.runtime().sleep(pause).await,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}
