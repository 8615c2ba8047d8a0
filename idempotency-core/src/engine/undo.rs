//! Undoing a claim that nobody waits for any more: it may have been granted.

use std::time::Duration;

use super::budget::answered;
use super::{Event, Idempotency, Observation};
use crate::{Claim, Claimed, OnExpired};

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

/// Repeats the claim with the same owner until it is answered, and releases it if it was granted. After a lease's time
/// the key is free without it, unless what has run out is in doubt by the policy: that is observed.
async fn undo(engine: Idempotency, mut claim: Claim) {
    // A holder whose lease ran out may still be at work, and nobody is about to run in its place: it keeps the key.
    claim.on_expired = OnExpired::InDoubt;
    let (runtime, limit) = (engine.runtime(), engine.policy().store_timeout());
    let began = runtime.now();
    let mut end = began.saturating_add(claim.lease);
    let mut is_granted = false;
    let mut pause = FIRST_PAUSE;
    loop {
        let granted = match answered(runtime, limit, engine.store().claim(&claim)).await {
            Ok(Claimed::Granted { fence, .. }) => {
                // Its lease may have begun only now.
                if !std::mem::replace(&mut is_granted, true) {
                    end = runtime.now().saturating_add(claim.lease);
                }
                let lease = claim.granted(fence);
                answered(runtime, limit, engine.store().release(&lease)).await.map(drop)
            }
            Ok(_) => return,
            Err(error) => Err(error),
        };
        match granted {
            Ok(()) => return,
            Err(error) if !error.is_transient() || runtime.now() >= end => {
                if engine.policy().on_expired() == OnExpired::InDoubt {
                    engine.observe(&Observation {
                        provider: engine.name(),
                        key: Some(&claim.key),
                        attempt: None,
                        fence: None,
                        duration: runtime.now().saturating_sub(began),
                        event: Event::Unsettled(&error),
                    });
                }
                return;
            }
            Err(_) => runtime.sleep(pause).await,
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
}
