//! Undoes claims that may have been granted, but whose caller went away or whose answer was lost.
//!
//! All such claims of an engine wait in one bounded queue, and one task works through it. While the store is
//! unreachable, the task tries one claim at a time. Once the store answers, it undoes many at once.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::budget::{each_answered, unknown};
use super::{Event, Idempotency, Observation};
use crate::{Claim, Claimed, Lease, OnExpired, Release, StoreError, StoreErrorKind};

/// The most claims in the queue, which take about 5 MB.
const MAX_QUEUED: usize = 10_000;
/// How many claims are undone at once while the store answers.
const MAX_PER_CALL: usize = 64;
/// The pause between tries grows from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Undoes a claim when dropped, unless it is disarmed.
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
    /// Neither blocks nor panics: another task undoes the claim.
    fn drop(&mut self) {
        if self.armed {
            self.engine.undo_later(self.claim.clone());
        }
    }
}

/// The queue of an engine's claims to undo.
#[derive(Debug, Default)]
pub(super) struct UndoQueue(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    claims: VecDeque<Undo>,
    /// Whether a task works through the queue.
    has_task: bool,
}

/// A claim to undo.
#[derive(Debug)]
struct Undo {
    /// The handle whose policy the claim was made under.
    engine: Idempotency,
    claim: Claim,
    began: Duration,
    /// When the lease has certainly run out, so that the key is free or in doubt without this process.
    end: Duration,
    is_granted: bool,
}

impl UndoQueue {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idempotency {
    /// Undoes a claim in the background.
    fn undo_later(&self, mut claim: Claim) {
        // If a lease ran out, its holder may still be at work and no run will replace it. The holder keeps
        // the key.
        claim.on_expired = OnExpired::InDoubt;
        // Nothing is about to execute, so the version is not needed, and its mark may be on the part of the
        // store that is unreachable.
        claim.order = None;
        let began = self.runtime().now();
        let end = began.saturating_add(claim.lease);
        let undo = Undo { engine: self.clone(), claim, began, end, is_granted: false };
        let mut queue = self.undo_queue().lock();
        if queue.claims.len() >= MAX_QUEUED {
            drop(queue);
            return undo.observe_given_up(&unknown());
        }
        queue.claims.push_back(undo);
        let start = !std::mem::replace(&mut queue.has_task, true);
        drop(queue);
        if start {
            self.spawn_tracked(UndoTask { engine: self.clone(), is_done: false }.run());
        }
    }
}

/// The single task that works through the queue.
struct UndoTask {
    engine: Idempotency,
    /// Whether the task found the queue empty, so that the next claim starts another task.
    is_done: bool,
}

impl UndoTask {
    async fn run(mut self) {
        let (mut pause, mut per_call) = (FIRST_PAUSE, 1);
        while let Some(undos) = self.take_next(per_call) {
            let count = undos.len();
            let failed = undo(&self.engine, undos).await;
            if failed.is_empty() {
                (pause, per_call) = (FIRST_PAUSE, MAX_PER_CALL);
                continue;
            }
            // One part of a cluster may be unreachable while the others answer.
            (pause, per_call) = match failed.len() < count {
                true => (FIRST_PAUSE, MAX_PER_CALL),
                false => (pause, 1),
            };
            self.engine.undo_queue().lock().claims.extend(failed);
            self.engine.runtime().sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Takes the next claims. `None` if the queue is empty.
    fn take_next(&mut self, per_call: usize) -> Option<Vec<Undo>> {
        let mut queue = self.engine.undo_queue().lock();
        let count = per_call.min(queue.claims.len());
        if count == 0 {
            queue.has_task = false;
            drop(queue);
            self.is_done = true;
            return None;
        }
        Some(queue.claims.drain(..count).collect())
    }
}

impl Drop for UndoTask {
    /// Lets the next claim start a new task if a shutdown of the runtime drops this one.
    fn drop(&mut self) {
        if !self.is_done {
            self.engine.undo_queue().lock().has_task = false;
        }
    }
}

/// Repeats claims with the same owners and releases those that were granted.
///
/// Returns the claims to try again: those that were not answered and whose lease has not run out.
///
/// A copy of a claim that arrives later finds that its attempt has given up.
async fn undo(engine: &Idempotency, undos: Vec<Undo>) -> Vec<Undo> {
    let (runtime, limit) = (engine.runtime(), engine.policy().store_timeout());
    let claims: Vec<Claim> = undos.iter().map(|undo| undo.claim.clone()).collect();
    let answers = each_answered(runtime, limit, claims.len(), engine.store().claim_many(&claims)).await;
    let mut failed = Vec::new();
    let mut granted = Vec::new();
    for (mut undo, answer) in undos.into_iter().zip(answers) {
        match answer {
            Ok(Claimed::Granted(grant)) => {
                // The store may have granted the lease only now.
                if !std::mem::replace(&mut undo.is_granted, true) {
                    undo.end = runtime.now().saturating_add(undo.claim.lease);
                }
                granted.push((undo.claim.granted(grant.fence), undo));
            }
            Ok(_) => {}
            Err(error) => failed.extend(undo.retry_if_useful(&error)),
        }
    }
    if granted.is_empty() {
        return failed;
    }
    let (leases, undos): (Vec<Lease>, Vec<Undo>) = granted.into_iter().unzip();
    let releases = engine.store().release_many(&leases, Release::Unstarted);
    let answers = each_answered(runtime, limit, leases.len(), releases).await;
    for (undo, answer) in undos.into_iter().zip(answers) {
        if let Err(error) = answer {
            failed.extend(undo.retry_if_useful(&error));
        }
    }
    failed
}

impl Undo {
    /// Returns the claim if another try can help. Otherwise observes that it is given up.
    fn retry_if_useful(self, error: &StoreError) -> Option<Self> {
        if error.kind() == StoreErrorKind::Unconfirmed && !error.may_have_executed() {
            // The store has already taken the grant back.
            return None;
        }
        if error.is_transient() && self.engine.runtime().now() < self.end {
            return Some(self);
        }
        self.observe_given_up(error);
        None
    }

    fn observe_given_up(&self, error: &StoreError) {
        self.engine.observe(&Observation {
            provider: self.engine.name(),
            endpoint: self.claim.key.scope().endpoint_name(),
            path: None,
            instance: None,
            key: Some(&self.claim.key),
            attempt: None,
            fence: None,
            duration: self.engine.runtime().now().saturating_sub(self.began),
            event: Event::LeftToExpire(error),
        });
    }
}
