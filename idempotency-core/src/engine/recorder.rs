//! The recorder: how a completion is written together with what the handler wrote.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use super::IdempotencyContext;
use crate::{Completion, Lease, StoreError};

type BoxError = Box<dyn Error + Send + Sync>;

/// Writes a completion in place of [`Store::complete`](crate::Store::complete), in one step with what the handler wrote.
///
/// A handler registers it with [`IdempotencyContext::set_recorder`], with the transaction that it works in. The engine
/// then never calls `Store::complete` for this execution: either the recorder has recorded, or the attempt has failed and
/// the sender is told to retry. When it is called, renewal has stopped; it has what is left of the lease.
///
/// A recorder that is dropped must leave nothing behind that it has not recorded.
#[async_trait]
pub trait Recorder: Send + 'static {
    /// Records the completion if the store still has its key in flight under the completion's owner and fence, and keeps or
    /// undoes what the handler wrote, all in one step. It tells waiters in other processes itself.
    ///
    /// # Errors
    /// [`RecordError::not_recorded`] where nothing is recorded, and everything is undone or will be: no record was changed
    /// since the lease is lost, a constraint, a conflict, a transaction that is not there any more. [`RecordError::unknown`]
    /// where it may have been recorded.
    ///
    /// # Cancel safety
    /// If it is dropped, or takes longer than the lease lasts, [`is_recorded`](Self::is_recorded) is asked.
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError>;

    /// Undoes what the handler wrote. Called before the key is released.
    async fn roll_back(&mut self);

    /// Finds out whether an earlier [`record`](Self::record) of this lease took effect, and makes sure that it does not do so
    /// later: the answer is final.
    ///
    /// # Errors
    /// When it cannot tell. The engine asks again for a while, and then leaves the lease to run out.
    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError>;
}

/// What becomes of the handler's own writes when its completion is recorded.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "they are kept or they are not")]
pub enum Writes {
    /// They become visible together with the completion: the handler succeeded.
    Keep,
    /// They are undone, and the completion alone is recorded: the handler's answer is a refusal that is final.
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
    /// Has this execution completed by a recorder of the handler's own, in place of the store's
    /// [`complete`](crate::Store::complete).
    ///
    /// # Errors
    /// When it has one already, the handler has answered, there is no claim, or it is part of a batch.
    pub fn set_recorder(&self, recorder: impl Recorder) -> Result<(), RecorderRefused> {
        self.recorder_slot().set(Box::new(recorder))
    }
}
