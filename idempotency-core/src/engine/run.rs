//! Running: does the whole job for code without HTTP.

use std::any::type_name;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::flow::{Conclusion, Flow};
use super::{CompletionResult, HandlerFailure, Idempotency, IdempotencyContext, Writes};
use crate::{Delivery, Outcome, StoreError, Version};

/// The result of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Ran<T> {
    /// The handler ran for this delivery and returned this value.
    Executed(T),
    /// The handler ran and succeeded, and its outcome is not recorded yet.
    ///
    /// Acknowledge the delivery all the same.
    ExecutedUnrecorded(T),
    /// The delivery was executed before and returned this value.
    Replayed(T),
    /// Another attempt is executing the delivery. Do not acknowledge it, so that it comes again.
    Conflict {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// The delivery's key was used with another fingerprint.
    Mismatch,
    /// A newer version of the delivery's resource has completed.
    ///
    /// Acknowledge the delivery: there is nothing to do.
    Stale {
        /// That version.
        newest: Version,
    },
    /// The delivery was executed before, and its value cannot be read. Acknowledge the delivery.
    ///
    /// The value's type has changed since, or the value could not be written as JSON.
    ReplayedUnreadable,
    /// The store does not know whether the delivery was executed.
    InDoubt,
}

impl<T> Ran<T> {
    /// Whether to acknowledge the delivery: it is done, here or before, or there is nothing to do.
    ///
    /// Otherwise it must come again: it is in flight elsewhere, or an operator must resolve it.
    #[must_use]
    pub fn may_be_acknowledged(&self) -> bool {
        match self {
            Self::Executed(_)
            | Self::ExecutedUnrecorded(_)
            | Self::Replayed(_)
            | Self::ReplayedUnreadable
            | Self::Stale { .. } => true,
            Self::Conflict { .. } | Self::Mismatch | Self::InDoubt => false,
        }
    }
}

/// Why a delivery has no result.
///
/// This is an [`Error`](std::error::Error) if the handler's error implements `Display`. The handler's error
/// need not be an `Error` itself: `anyhow::Error` and `String` are not. For that reason this error's text
/// contains the handler's, in its alternate form (`{:#}`), which includes the causes if the handler's error
/// prints them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The handler failed. The key is released, so that the next delivery runs at once.
    #[error("the handler failed: {0:#}")]
    Handler(E),
    /// The store is out of reach, and nothing was executed.
    #[error("the store is out of reach")]
    Store(#[source] StoreError),
    /// The handler succeeded, and its value cannot be written as JSON.
    ///
    /// The key is completed without a value, so that the effect does not happen twice. Duplicates get
    /// [`Ran::ReplayedUnreadable`].
    #[error("the outcome cannot be written as json")]
    Outcome(#[source] serde_json::Error),
    /// The handler succeeded, and its recorder did not record the completion, or may not have.
    ///
    /// Let the delivery come again.
    #[error("the handler's recorder did not record the completion")]
    RecorderFailed,
    /// The handler ran longer than its recorder's [limit](super::Recorder::limit) and was dropped.
    ///
    /// Its writes through the recorder are undone, and the key is released. Let the delivery come again.
    #[error("the handler ran longer than its recorder's limit")]
    OverLimit,
    /// The runtime shut down and dropped the work.
    #[error("the runtime dropped the work")]
    Dropped,
}

impl Idempotency {
    /// Runs the handler for a delivery unless it ran before, and records its value as JSON.
    ///
    /// [`Outcome::of_value`] defines the form. The work runs in its own task unless the policy says
    /// otherwise, so a caller that goes away (a timeout, a `select!`) does not interrupt it.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use idempotency_core::store::memory::MemoryStore;
    /// use idempotency_core::{Delivery, Idempotency, Key, Ran, Scope, Verified};
    ///
    /// let idempotency = Idempotency::new(MemoryStore::new());
    /// let delivery = || {
    ///     let proof = Verified::by_other_means(b"a message from a queue that only we can write to");
    ///     Delivery::new(&proof, Scope::endpoint("orders"), Key::new("order-42").unwrap())
    /// };
    /// let handler = async |_context| Ok::<_, std::io::Error>("shipped".to_owned());
    /// let first = idempotency.run(delivery(), move |context| async move { handler(context).await }).await.unwrap();
    /// assert_eq!(first, Ran::Executed("shipped".to_owned()));
    /// let again = idempotency.run(delivery(), |_| async { Err(std::io::Error::other("never called")) }).await;
    /// assert_eq!(again.unwrap(), Ran::Replayed("shipped".to_owned()));
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`RunError::Handler`] with the handler's own error, or [`RunError::Store`] if the store is out of
    /// reach.
    ///
    /// # Panics
    /// If the handler panics. The execution [fails](super::Execution::fail) first, and then the panic resumes
    /// in the caller.
    ///
    /// # Cancel safety
    /// Safe to drop under [`Attachment::Detached`](crate::Attachment::Detached): the work continues.
    pub async fn run<T, E, H, F>(&self, delivery: Delivery, handler: H) -> Result<Ran<T>, RunError<E>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: Send + 'static,
        H: FnOnce(IdempotencyContext) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let engine = self.clone();
        let flow =
            async move { engine.execute(&mut Some(delivery), Outcome::to_value, handler, conclude).await };
        let (_, flow) = self.shield(flow).await.ok_or(RunError::Dropped)?;
        match flow {
            Flow::Executed(_, Some(CompletionResult::RecorderFailed)) => Err(RunError::RecorderFailed),
            Flow::Executed(value, completion) => value.map(|value| match completion {
                Some(CompletionResult::Unrecorded) => Ran::ExecutedUnrecorded(value),
                Some(CompletionResult::Lost) => Ran::Conflict { retry_after: Duration::ZERO },
                _ => Ran::Executed(value),
            }),
            Flow::OverLimit => Err(RunError::OverLimit),
            Flow::Unprotected(result) => result.map(Ran::ExecutedUnrecorded).map_err(RunError::Handler),
            Flow::Replayed(value) => Ok(value.map_or(Ran::ReplayedUnreadable, Ran::Replayed)),
            Flow::Conflict { retry_after } => Ok(Ran::Conflict { retry_after }),
            Flow::Mismatch => Ok(Ran::Mismatch),
            Flow::Stale { newest } => Ok(Ran::Stale { newest }),
            Flow::InDoubt => Ok(Ran::InDoubt),
            Flow::Outage(error) => Err(RunError::Store(error)),
        }
    }
}

/// Concludes from the handler's result.
///
/// A value completes the key even if it cannot be written, because the effect must not happen twice. An error
/// says that the handler has done nothing.
async fn conclude<T: Serialize, E>(result: Result<T, E>) -> (Result<T, RunError<E>>, Conclusion) {
    let value = match result {
        Ok(value) => value,
        Err(error) => {
            let failure = HandlerFailure::Error(type_name::<E>());
            return (Err(RunError::Handler(error)), Conclusion::Release(Some(failure)));
        }
    };
    // A panic here must not count as the handler's, which would let the effect happen again.
    let written = catch_unwind(AssertUnwindSafe(|| Outcome::of_value(&value)));
    match written.unwrap_or_else(|_| Err(serde::ser::Error::custom("its `Serialize` panicked"))) {
        Ok(outcome) => (Ok(value), Conclusion::Complete(outcome, Writes::Keep)),
        Err(error) => (Err(RunError::Outcome(error)), Conclusion::Complete(Outcome::default(), Writes::Keep)),
    }
}
