//! Undoing claims whose caller went away, or whose answer was lost: they may have been granted.
//!
//! All of an engine's claims to undo wait in one bounded queue, which one task works off: while the store is away it asks
//! for one of them at a time, and for many at once as soon as it answers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::budget::{each_answered, unknown};
use super::{Event, Idempotency, Observation};
use crate::{Claim, Claimed, Lease, OnExpired, Release, StoreError, StoreErrorKind};

/// The most claims that wait to be undone, about 5 MB of them.
const MOST_WAITING: usize = 10_000;
/// How many are undone at once where the store answers.
const AT_ONCE: usize = 64;
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
            self.engine.undo_later(self.claim.clone());
        }
    }
}

/// The claims of one engine that wait to be undone.
#[derive(Debug, Default)]
pub(super) struct Undos(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    claims: VecDeque<Undo>,
    /// Whether a task is at work on them.
    is_attended: bool,
}

/// A claim to undo.
#[derive(Debug)]
struct Undo {
    /// The engine's handle with the policy under which it was made.
    engine: Idempotency,
    claim: Claim,
    began: Duration,
    /// When its lease has surely run out, so that the key is free or in doubt without us.
    end: Duration,
    is_granted: bool,
}

impl Undos {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idempotency {
    /// Undoes a claim in the background.
    fn undo_later(&self, mut claim: Claim) {
        // A holder whose lease ran out may still be at work, and no run is about to take its place: it keeps the key.
        claim.on_expired = OnExpired::InDoubt;
        // No version is about to be executed, and the part of the store that has the mark may be the one that is away.
        claim.order = None;
        let began = self.runtime().now();
        let end = began.saturating_add(claim.lease);
        let undo = Undo { engine: self.clone(), claim, began, end, is_granted: false };
        let mut waiting = self.undos().lock();
        if waiting.claims.len() >= MOST_WAITING {
            drop(waiting);
            return undo.given_up(&unknown());
        }
        waiting.claims.push_back(undo);
        let start = !std::mem::replace(&mut waiting.is_attended, true);
        drop(waiting);
        if start {
            self.spawn_tracked(Attendant { engine: self.clone(), is_done: false }.work());
        }
    }
}

/// The one task that works the queue off.
struct Attendant {
    engine: Idempotency,
    /// Whether it has found the queue empty, so that the next claim to undo starts another task.
    is_done: bool,
}

impl Attendant {
    async fn work(mut self) {
        let (mut pause, mut at_once) = (FIRST_PAUSE, 1);
        while let Some(some) = self.next(at_once) {
            let count = some.len();
            let failed = undo(&self.engine, some).await;
            if failed.is_empty() {
                (pause, at_once) = (FIRST_PAUSE, AT_ONCE);
                continue;
            }
            // Of a cluster one part may be away, and the others answer.
            (pause, at_once) = match failed.len() < count {
                true => (FIRST_PAUSE, AT_ONCE),
                false => (pause, 1),
            };
            self.engine.undos().lock().claims.extend(failed);
            self.engine.runtime().sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// The next claims; `None` once there are none.
    fn next(&mut self, at_once: usize) -> Option<Vec<Undo>> {
        let mut waiting = self.engine.undos().lock();
        let count = at_once.min(waiting.claims.len());
        if count == 0 {
            waiting.is_attended = false;
            drop(waiting);
            self.is_done = true;
            return None;
        }
        Some(waiting.claims.drain(..count).collect())
    }
}

impl Drop for Attendant {
    /// A runtime that shuts down drops the task.
    fn drop(&mut self) {
        if !self.is_done {
            self.engine.undos().lock().is_attended = false;
        }
    }
}

/// Repeats claims with the same owners, and releases those that were granted: a copy that arrives later still finds that
/// its attempt has given up. Gives back those that the store did not answer and whose lease lasts.
async fn undo(engine: &Idempotency, undos: Vec<Undo>) -> Vec<Undo> {
    let (runtime, limit) = (engine.runtime(), engine.policy().store_timeout());
    let claims: Vec<Claim> = undos.iter().map(|undo| undo.claim.clone()).collect();
    let answers = each_answered(runtime, limit, claims.len(), engine.store().claim_many(&claims)).await;
    let mut failed = Vec::new();
    let mut granted = Vec::new();
    for (mut undo, answer) in undos.into_iter().zip(answers) {
        match answer {
            Ok(Claimed::Granted(grant)) => {
                // Its lease may have begun only now.
                if !std::mem::replace(&mut undo.is_granted, true) {
                    undo.end = runtime.now().saturating_add(undo.claim.lease);
                }
                granted.push((undo.claim.granted(grant.fence), undo));
            }
            Ok(_) => {}
            Err(error) => failed.extend(undo.unless_over(&error)),
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
            failed.extend(undo.unless_over(&error));
        }
    }
    failed
}

impl Undo {
    /// Itself, to be tried again; `None`, and observed, where that is no use any more.
    fn unless_over(self, error: &StoreError) -> Option<Self> {
        if error.kind() == StoreErrorKind::Unconfirmed && !error.may_have_executed() {
            // The store has taken the grant back itself.
            return None;
        }
        if error.is_transient() && self.engine.runtime().now() < self.end {
            return Some(self);
        }
        self.given_up(error);
        None
    }

    fn given_up(&self, error: &StoreError) {
        self.engine.observe(&Observation {
            provider: self.engine.name(),
            endpoint: self.claim.key.scope().as_endpoint(),
            path: None,
            instance: None,
            key: Some(&self.claim.key),
            attempt: None,
            fence: None,
            duration: self.engine.runtime().now().saturating_sub(self.began),
            event: Event::Unsettled(error),
        });
    }
}
