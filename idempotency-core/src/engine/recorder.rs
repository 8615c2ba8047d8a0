//! The recorder: writes a completion together with the handler's own writes.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;

use super::IdempotencyContext;
use crate::{Completion, Lease, StoreError};

type BoxError = Box<dyn Error + Send + Sync>;

/// Writes a completion in one step with the handler's own writes.
///
/// For one execution, it takes the place of [`Store::complete`](crate::Store::complete).
///
/// A handler sets it with [`IdempotencyContext::set_recorder`], and gives it the handler's transaction. The
/// engine then never calls `Store::complete` for this execution. If the recorder does not record, the attempt
/// has failed and the sender is asked to retry. Renewal stops before the recorder is called, so it has the
/// rest of the lease.
///
/// A recorder that is dropped before it has recorded must undo the handler's writes.
#[async_trait]
pub trait Recorder: Send + 'static {
    /// Records the completion and keeps or undoes the handler's writes, in one step.
    ///
    /// It must record only if the key is still in flight under the completion's owner and fence. It must wake
    /// waiters in other processes itself.
    ///
    /// # Errors
    /// [`RecordError::not_recorded`] if nothing is recorded and everything is or will be undone: the lease is
    /// lost, a constraint failed, or a transaction conflicted or is gone. [`RecordError::unknown`] if the
    /// completion may be recorded.
    ///
    /// # Cancel safety
    /// If the future is dropped, or takes longer than the rest of the lease, the engine calls
    /// [`is_recorded`](Self::is_recorded).
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError>;

    /// Undoes the handler's writes. The engine calls it before it releases the key.
    async fn roll_back(&mut self);

    /// Whether an earlier [`record`](Self::record) of this lease took effect.
    ///
    /// The answer must be final: an earlier call that has not taken effect must not do so later.
    ///
    /// # Errors
    /// If the recorder cannot find out. The engine asks again for a while, and then lets the lease run out.
    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError>;

    /// How long the handler may run, counted from when it sets this recorder.
    ///
    /// This is for a recorder that holds something other executions wait for, such as the only write lock of a
    /// database. Renewals of the lease would wait for it too, so the engine sends none from then on. If the
    /// handler has not ended after this time, or by the local end of the lease if that is earlier, the engine
    /// drops it and calls [`roll_back`](Self::roll_back), and the execution [fails](super::Execution::fail).
    /// Over HTTP, the sender then gets 503.
    ///
    /// A handler that blocks its thread cannot be dropped.
    ///
    /// Default: `None`. The handler may run for as long as its lease is renewed.
    fn limit(&self) -> Option<Duration> {
        None
    }
}

/// Whether the handler's writes are kept when its completion is recorded.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "they are kept or they are not")]
pub enum Writes {
    /// The writes become visible together with the completion: the handler succeeded.
    Keep,
    /// The writes are undone and only the completion is recorded: the handler's answer is a final refusal.
    RollBack,
}

/// A recorder did not record, or does not know whether it did.
#[derive(Debug)]
pub struct RecordError {
    is_unknown: bool,
    source: BoxError,
}

impl RecordError {
    /// Nothing is recorded, because of `cause`.
    #[must_use]
    pub fn not_recorded(cause: impl Into<BoxError>) -> Self {
        Self { is_unknown: false, source: cause.into() }
    }

    /// The completion may be recorded.
    #[must_use]
    pub fn unknown(cause: impl Into<BoxError>) -> Self {
        Self { is_unknown: true, source: cause.into() }
    }

    /// Whether the completion may be recorded.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.is_unknown
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_unknown {
            true => "the recorder does not know whether the completion is recorded",
            false => "the recorder did not record the completion",
        })
    }
}

impl Error for RecordError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// Why a recorder cannot be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderRefused {
    /// The execution already has a recorder.
    #[error("the execution has a recorder already")]
    AlreadySet,
    /// The handler has already answered.
    #[error("the execution has ended")]
    Ended,
    /// The handler runs without a claim because the store is out of reach, so there is no lease to complete.
    #[error("the handler runs without a claim")]
    Unprotected,
    /// The execution is an item of a batch, and a batch's items are completed one by one.
    #[error("the execution is part of a batch")]
    Batch,
}

/// Holds the handler's recorder.
#[derive(Default)]
pub(super) enum RecorderSlot {
    #[default]
    Empty,
    Set(Box<dyn Recorder>, Option<Limit>),
    Closed(Closed),
}

/// The time by which a handler must have ended, on the monotonic clock.
pub(super) type Limit = Duration;

/// Why no recorder can be set any more.
#[derive(Clone, Copy)]
pub(super) enum Closed {
    Ended,
    Unprotected,
    Batch,
}

impl RecorderSlot {
    fn set(&mut self, recorder: Box<dyn Recorder>, limit: Option<Limit>) -> Result<(), RecorderRefused> {
        self.check_empty()?;
        *self = Self::Set(recorder, limit);
        Ok(())
    }

    fn check_empty(&self) -> Result<(), RecorderRefused> {
        match self {
            Self::Empty => Ok(()),
            Self::Set(..) => Err(RecorderRefused::AlreadySet),
            Self::Closed(Closed::Ended) => Err(RecorderRefused::Ended),
            Self::Closed(Closed::Unprotected) => Err(RecorderRefused::Unprotected),
            Self::Closed(Closed::Batch) => Err(RecorderRefused::Batch),
        }
    }

    pub(super) fn is_set(&self) -> bool {
        matches!(self, Self::Set(..))
    }

    fn limit(&self) -> Option<Limit> {
        match self {
            Self::Set(_, limit) => *limit,
            Self::Empty | Self::Closed(_) => None,
        }
    }

    /// Takes the recorder. No recorder can be set from now on.
    pub(super) fn close(&mut self) -> Option<Box<dyn Recorder>> {
        match std::mem::replace(self, Self::Closed(Closed::Ended)) {
            Self::Set(recorder, _) => Some(recorder),
            Self::Empty | Self::Closed(_) => None,
        }
    }
}

/// A recorder that only its owner can reach.
///
/// The mutex is never locked: it makes the recorder `Sync`, which a recorder need not be.
pub(super) type RecorderCell = Mutex<Box<dyn Recorder>>;

impl IdempotencyContext {
    /// Sets the recorder that completes this execution in place of the store.
    ///
    /// # Errors
    /// If the execution already has a recorder, has no claim, or is part of a batch, or if the handler has
    /// answered.
    pub fn set_recorder(&self, recorder: impl Recorder) -> Result<(), RecorderRefused> {
        let limit = recorder.limit().map(|limit| self.runtime().now().saturating_add(limit));
        self.recorder_slot().set(Box::new(recorder), limit)?;
        if limit.is_some() {
            // The recorder may have been set in a task other than the handler's.
            self.limited().wake();
        }
        Ok(())
    }

    /// Checks whether a recorder can be set now. Call this before work that only the recorder needs, such as a
    /// wait for a lock.
    ///
    /// # Errors
    /// Same as [`set_recorder`](Self::set_recorder).
    pub fn check_recorder(&self) -> Result<(), RecorderRefused> {
        self.recorder_slot().check_empty()
    }

    /// Waits until a recorder with a limit is set. Returns the time by which the handler must have ended.
    ///
    /// Only one task may wait.
    pub(super) fn recorder_limit(&self) -> impl Future<Output = Limit> + Send {
        poll_fn(|context| {
            // Registers before it looks, so that it misses no recorder that is set in between.
            self.limited().register(context.waker());
            self.recorder_slot().limit().map_or(Poll::Pending, Poll::Ready)
        })
    }
}
