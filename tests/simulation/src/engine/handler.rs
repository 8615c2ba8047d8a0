//! The handler, and the ledger of its executions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idempotency_core::engine::Runtime;
use idempotency_core::{IdempotencyContext, Ran, RunError, Version};

use super::plan::LEASE;
use crate::counters::Counters;
use crate::world::{ProcessId, ProcessRuntime, World};

/// The executions of the handlers and the answers to the senders. A clone is another handle on it.
#[derive(Clone)]
pub(super) struct Ledger {
    world: World,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    executions: Vec<Execution>,
    told: Told,
    is_quiet: bool,
    broken: Vec<String>,
    trace: Vec<String>,
    counters: Counters,
}

/// The answers to senders, each with its key.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// The outcome, which is recorded.
    pub(super) acknowledged: Vec<(usize, u64)>,
    /// The outcome, which is not recorded yet.
    pub(super) unrecorded: Vec<(usize, u64)>,
    /// Stale: this version is newer.
    pub(super) stale: Vec<(usize, Version)>,
    /// In flight elsewhere, after a wait of this duration.
    pub(super) conflicts: Vec<(usize, Duration)>,
}

/// One execution of the handler.
#[derive(Clone)]
pub(super) struct Execution {
    pub(super) key: usize,
    pub(super) value: u64,
    pub(super) how: How,
    pub(super) context: IdempotencyContext,
}

/// How an execution ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    Running,
    Succeeded,
    Failed,
    Panicked,
    Dropped,
}

/// The handler's own error.
#[derive(Debug)]
pub(super) struct Failed;

impl Ledger {
    pub(super) fn new(world: World) -> Self {
        Self { world, entries: Arc::default() }
    }

    pub(super) fn entries_of(&self) -> (Vec<Execution>, Told, Vec<String>) {
        let entries = self.entries();
        (entries.executions.clone(), entries.told.clone(), entries.broken.clone())
    }

    pub(super) fn counters(&self) -> Counters {
        self.entries().counters
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counters)) {
        count(&mut self.entries().counters);
    }

    pub(super) fn trace(&self) -> Vec<String> {
        self.entries().trace.clone()
    }

    /// Ends the faults: handlers behave from now on.
    pub(super) fn end_faults(&self) {
        self.entries().is_quiet = true;
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.entries().is_quiet
    }

    pub(super) fn note(&self, what: impl fmt::Display) {
        let now = self.world.elapsed();
        self.entries().trace.push(format!("{:>9.3} ms {what}", now.as_secs_f64() * 1000.0));
    }

    /// Notes the answer to a sender and the time that it took. Returns whether it was an acknowledgement.
    pub(super) fn note_answer(
        &self,
        key: usize,
        ran: &Result<Ran<u64>, RunError<Failed>>,
        waited: Duration,
    ) -> bool {
        self.note(format_args!("key {key}: the sender is answered {ran:?}"));
        let Entries { told, counters, .. } = &mut *self.entries();
        match ran {
            Ok(Ran::Executed(value)) => told.acknowledged.push((key, *value)),
            Ok(Ran::Replayed(value)) => {
                counters.replayed += 1;
                told.acknowledged.push((key, *value));
            }
            Ok(Ran::ExecutedUnrecorded(value)) => {
                counters.unrecorded += 1;
                told.unrecorded.push((key, *value));
            }
            Ok(Ran::Stale { newest }) => told.stale.push((key, *newest)),
            Ok(Ran::Conflict { .. }) => {
                told.conflicts.push((key, waited));
                return false;
            }
            _ => return false,
        }
        counters.acknowledged += 1;
        true
    }

    /// Notes the start of an execution. If another one of the key is running, that one must know that its lease is lost.
    fn start(&self, key: usize, process: ProcessId, context: &IdempotencyContext) -> Started {
        let (fence, attempt) = (context.fence(), context.attempt());
        let is_lost = context.is_lease_lost();
        let mut entries = self.entries();
        let mut broken = Vec::new();
        if is_lost {
            broken.push(format!("key {key}: attempt {attempt} starts although its lease is lost"));
        }
        for other in entries.executions.iter().filter(|other| other.key == key && other.how == How::Running) {
            let older = if other.context.fence() < fence { &other.context } else { context };
            if !older.is_lease_lost() {
                broken.push(format!(
                    "key {key}: attempts {} and {attempt} run side by side, and the older holds its lease",
                    other.context.attempt()
                ));
            }
        }
        let index = entries.executions.len();
        let value = index as u64;
        entries.executions.push(Execution { key, value, how: How::Running, context: context.clone() });
        entries.counters.executions += 1;
        entries.broken.extend(broken);
        drop(entries);
        self.note(format_args!(
            "key {key}: attempt {attempt} ({fence}) starts in process {process}, value {value}"
        ));
        Started { ledger: self.clone(), index, value, is_over: false }
    }

    fn end(&self, index: usize, how: How) {
        let mut entries = self.entries();
        entries.executions[index].how = how;
        entries.counters.failures += u64::from(how == How::Failed);
        entries.counters.panics += u64::from(how == How::Panicked);
        drop(entries);
        self.note(format_args!("value {index}: {how:?}"));
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// A running execution. It is dropped without an end if its process dies or its caller hangs up.
struct Started {
    ledger: Ledger,
    index: usize,
    value: u64,
    is_over: bool,
}

impl Started {
    fn end(mut self, how: How) {
        self.ledger.end(self.index, how);
        self.is_over = true;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.is_over {
            self.ledger.end(self.index, How::Dropped);
        }
    }
}

/// Takes a while, and succeeds, fails or panics.
pub(super) async fn handle(
    ledger: Ledger,
    runtime: ProcessRuntime,
    (key, process, is_bad): (usize, ProcessId, bool),
    context: IdempotencyContext,
) -> Result<u64, Failed> {
    let (duration, how) = ledger.world.draw(|rng| {
        let duration = match rng.below(100) {
            0..15 => Duration::ZERO,
            15..85 => rng.part(LEASE, 0, 30),
            _ if is_bad => rng.part(LEASE, 30, 400),
            _ => rng.part(LEASE, 30, 90),
        };
        let how = match rng.below(100) {
            0..15 if is_bad => How::Failed,
            15..22 if is_bad => How::Panicked,
            _ => How::Succeeded,
        };
        (duration, how)
    });
    let started = ledger.start(key, process, &context);
    if !duration.is_zero() {
        runtime.sleep(duration).await;
    }
    let value = started.value;
    started.end(how);
    match how {
        How::Succeeded => Ok(value),
        // Not `panic!`: a planned panic prints nothing.
        How::Panicked => std::panic::resume_unwind(Box::new("planned")),
        _ => Err(Failed),
    }
}
