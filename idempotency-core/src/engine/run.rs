//! Running: the whole job for code without HTTP.

use std::future::Future;
use std::time::Duration;

use http::uri::PathAndQuery;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Begun, CompletionResult, Idempotency, IdempotencyContext};
use crate::{Delivery, Outcome, StoreError, Version};

/// What came of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Ran<T> {
    /// The handler ran for this delivery, and this came of it.
    Executed(T),
    /// The handler ran and succeeded, and its outcome is not recorded yet: acknowledge it all the same.
    ExecutedUnrecorded(T),
    /// It was executed before, and this came of it.
    Replayed(T),
    /// It is being executed elsewhere: do not acknowledge, and let it come again.
    Conflict {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// Its key was used with another fingerprint.
    Mismatch,
    /// A newer version of its resource has completed: acknowledge it, there is nothing to do.
    Stale {
        /// That version.
        newest: Version,
    },
    /// It was executed before, and what came of it cannot be read: its type has changed since, or could not be written
    /// as JSON then. Acknowledge it.
    ReplayedUnreadable,
    /// It is not known whether it was executed.
    InDoubt,
}

impl<T> Ran<T> {
    /// Whether the delivery may be acknowledged: it is done, here or before, or there is nothing to do.
    ///
    /// Otherwise it must come again: it is in flight elsewhere, or an operator must settle it.
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

/// Why nothing came of a delivery.
///
/// An [`Error`](std::error::Error) if the handler's error implements `Display`: it need not be an `Error` itself, and
/// `anyhow::Error` and `String` are not. So this error's text contains the handler's, in its alternate form (`{:#}`), which
/// includes the causes if the handler's error prints them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The handler failed. The key is released, so that the next delivery runs at once.
    #[error("the handler failed: {0:#}")]
    Handler(E),
    /// The store is out of reach; nothing was executed.
    #[error("the store is out of reach")]
    Store(#[source] StoreError),
    /// The handler succeeded, and what came of it cannot be written as JSON. The key is completed without it, so that
    /// the effect does not happen twice: its duplicates are [`Ran::ReplayedUnreadable`].
    #[error("the outcome cannot be written as json")]
    Outcome(#[source] serde_json::Error),
    /// The handler succeeded, and its recorder did not record the completion, or it is not known whether it did: let the
    /// delivery come again.
    #[error("the handler's recorder did not record the completion")]
    NotRecorded,
    /// The runtime shut down and dropped the work.
    #[error("the runtime dropped the work")]
    Dropped,
}

impl Idempotency {
    /// Runs the handler for a delivery unless it was run before, and records what comes of it as JSON, in the form of
    /// [`Outcome::of_value`].
    ///
    /// Runs in a task of its own unless the policy says otherwise, so that a caller that goes away (a timeout, a
    /// `select!`) does not cut it short.
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
    /// [`RunError::Handler`] with the handler's own error; [`RunError::Store`] where the store is out of reach.
    ///
    /// # Panics
    /// When the handler panics: the execution [fails](super::Execution::fail) first, then the panic goes on in the caller.
    ///
    /// # Cancel safety
    /// Safe to drop under [`Attachment::Detached`](crate::Attachment::Detached): the work goes on.
    pub async fn run<T, E, H, F>(&self, delivery: Delivery, handler: H) -> Result<Ran<T>, RunError<E>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: Send + 'static,
        H: FnOnce(IdempotencyContext) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let engine = self.clone();
        let work = async move { engine.run_attached(delivery, handler).await };
        self.carry_out(work).await.unwrap_or(Err(RunError::Dropped))
    }

    async fn run_attached<T, E, H, F>(&self, delivery: Delivery, handler: H) -> Result<Ran<T>, RunError<E>>
    where
        T: Serialize + DeserializeOwned,
        H: FnOnce(IdempotencyContext) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let target = delivery.target().cloned();
        let (key, begun) = self.begin_known(delivery).await;
        let mut execution = match begun.map_err(RunError::Store)? {
            Begun::Run(execution) => execution,
            Begun::Replay(completed) => {
                let value = completed.outcome.to_value();
                if value.is_none() {
                    self.observe_unreadable(&key, target.as_ref().map(PathAndQuery::path));
                }
                return Ok(value.map_or(Ran::ReplayedUnreadable, Ran::Replayed));
            }
            Begun::Conflict { retry_after } => return Ok(Ran::Conflict { retry_after }),
            Begun::Mismatch => return Ok(Ran::Mismatch),
            Begun::Stale { newest } => return Ok(Ran::Stale { newest }),
            Begun::InDoubt => return Ok(Ran::InDoubt),
            Begun::Unprotected(context) => {
                return handler(context).await.map(Ran::ExecutedUnrecorded).map_err(RunError::Handler);
            }
        };
        let context = execution.context().clone();
        let value = match execution.drive(async move { handler(context).await }).await {
            Ok(value) => value,
            Err(error) => {
                execution.release().await;
                return Err(RunError::Handler(error));
            }
        };
        let (outcome, unwritable) = match Outcome::of_value(&value) {
            Ok(outcome) => (outcome, None),
            Err(error) => (Outcome::default(), Some(error)),
        };
        let completion = execution.complete(outcome).await;
        match (unwritable, completion) {
            (_, CompletionResult::NotRecorded) => Err(RunError::NotRecorded),
            (Some(error), _) => Err(RunError::Outcome(error)),
            (None, CompletionResult::Recorded) => Ok(Ran::Executed(value)),
            (None, CompletionResult::Unrecorded) => Ok(Ran::ExecutedUnrecorded(value)),
            (None, CompletionResult::Lost) => Ok(Ran::Conflict { retry_after: Duration::ZERO }),
        }
    }
}
