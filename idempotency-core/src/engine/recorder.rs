//! The recorder: writes a completion together with the handler's own writes.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use super::IdempotencyContext;
use crate::{Completion, Lease, StoreError};

type BoxError = Box<dyn Error + Send + Sync>;

/// Writes a completion in place of [`Store::complete`](crate::Store::complete), in one step with the handler's own writes.
///
/// A handler registers it with [`IdempotencyContext::set_recorder`], and gives it the transaction that it works in. The engine
/// then never calls `Store::complete` for this execution: if the recorder does not record, the attempt has failed and the
/// sender is told to retry. Renewal has stopped when the recorder is called; it has the rest of the lease.
///
/// If a recorder is dropped before it has recorded, it must undo the handler's writes.
#[async_trait]
pub trait Recorder: Send + 'static {
    /// Records the completion if its key is still in flight under the completion's owner and fence, and keeps or undoes the
    /// handler's writes, all in one step. It must wake waiters in other processes itself.
    ///
    /// # Errors
    /// [`RecordError::not_recorded`] if nothing is recorded, and everything is or will be undone: the lease is lost, a constraint
    /// failed, a transaction conflicted or is gone. [`RecordError::unknown`] if it may have been recorded.
    ///
    /// # Cancel safety
    /// If it is dropped, or takes longer than the lease lasts, the engine calls [`is_recorded`](Self::is_recorded).
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError>;

    /// Undoes the handler's writes. Called before the key is released.
    async fn roll_back(&mut self);

    /// Finds out whether an earlier [`record`](Self::record) of this lease took effect, and makes sure that it cannot take effect
    /// later: the answer is final.
    ///
    /// # Errors
    /// When it cannot tell. The engine asks again for a while, and then leaves the lease to run out.
    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError>;
}

/// The fate of the handler's own writes when its completion is recorded.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "they are kept or they are not")]
pub enum Writes {
    /// They become visible together with the completion: the handler succeeded.
    Keep,
    /// They are undone, and the completion alone is recorded: the handler's answer is a final refusal.
    RollBack,
}

/// A recorder did not record, or does not know whether it did.
#[derive(Debug)]
pub struct RecordError {
    is_unknown: bool,
    source: BoxError,
}

impl RecordError {
    /// Nothing is recorded, for this reason.
    #[must_use]
    pub fn not_recorded(cause: impl Into<BoxError>) -> Self {
        Self { is_unknown: false, source: cause.into() }
    }

    /// It may have been recorded.
    #[must_use]
    pub fn unknown(cause: impl Into<BoxError>) -> Self {
        Self { is_unknown: true, source: cause.into() }
    }

    /// Whether it may have been recorded.
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

/// Why a recorder cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderRefused {
    /// The execution has one already.
    #[error("the execution has a recorder already")]
    AlreadySet,
    /// The handler has answered: it is too late.
    #[error("the execution has ended")]
    Ended,
    /// There is no lease to complete: the handler runs without a claim, because the store is out of reach.
    #[error("the handler runs without a claim")]
    Unprotected,
    /// The execution is one of a batch, whose items are completed one by one.
    #[error("the execution is part of a batch")]
    Batch,
}

/// Where a handler puts its recorder.
#[derive(Default)]
pub(super) enum RecorderSlot {
    #[default]
    Empty,
    Set(Box<dyn Recorder>),
    Closed(Closed),
}

/// Why no recorder is taken any more.
#[derive(Clone, Copy)]
pub(super) enum Closed {
    Ended,
    Unprotected,
    Batch,
}

impl RecorderSlot {
    pub(super) fn set(&mut self, recorder: Box<dyn Recorder>) -> Result<(), RecorderRefused> {
        match self {
            Self::Empty => {
                *self = Self::Set(recorder);
                Ok(())
            }
            Self::Set(_) => Err(RecorderRefused::AlreadySet),
            Self::Closed(Closed::Ended) => Err(RecorderRefused::Ended),
            Self::Closed(Closed::Unprotected) => Err(RecorderRefused::Unprotected),
            Self::Closed(Closed::Batch) => Err(RecorderRefused::Batch),
        }
    }

    /// Takes the recorder out; none is taken any more.
    pub(super) fn close(&mut self) -> Option<Box<dyn Recorder>> {
        match std::mem::replace(self, Self::Closed(Closed::Ended)) {
            Self::Set(recorder) => Some(recorder),
            Self::Empty | Self::Closed(_) => None,
        }
    }
}

impl IdempotencyContext {
    /// Sets a recorder, which completes this execution in place of [`Store::complete`](crate::Store::complete).
    ///
    /// # Errors
    /// When it has one already, the handler has answered, there is no claim, or it is part of a batch.
    pub fn set_recorder(&self, recorder: impl Recorder) -> Result<(), RecorderRefused> {
        self.recorder_slot().set(Box::new(recorder))
    }
}
