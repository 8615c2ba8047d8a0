//! Runs a batch without HTTP.

use std::any::type_name;
use std::future::Future;

use super::super::flow::{BatchFlow, Conclusion};
use super::super::{HandlerFailure, Idempotency, RunError, Writes};
use super::{BatchContext, BatchResult};
use crate::{Delivery, Outcome};

/// The result of running a batch.
///
/// This enum is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a batch runs under claims or without")]
pub enum RanBatch {
    /// The batch was claimed, and the granted items ran.
    Ran(BatchResult),
    /// The batch ran without claims: the store is out of reach, and the policy says to proceed.
    Unprotected {
        /// The indices of the items that the handler [failed](BatchContext::fail).
        failed: Vec<usize>,
    },
}

impl RanBatch {
    /// Whether to acknowledge the batch: each item is done, here or before, or needs nothing.
    ///
    /// Without claims, an item is done unless the handler failed it.
    #[must_use]
    pub fn may_be_acknowledged(&self) -> bool {
        match self {
            Self::Ran(result) => result.is_done(),
            Self::Unprotected { failed } => failed.is_empty(),
        }
    }
}

impl Idempotency {
    /// Runs the handler once for the new items of a batch, if there are any, and records each item.
    ///
    /// The handler finds the items in its context, and can fail single ones. The work runs in its own task
    /// unless the policy says otherwise.
    ///
    /// # Errors
    /// [`RunError::Handler`] with the handler's own error, after which every new item comes again, or
    /// [`RunError::Store`] if the store is out of reach.
    ///
    /// # Panics
    /// If the handler panics. Each execution fails first, and then the panic resumes in the caller.
    ///
    /// # Cancel safety
    /// Safe to drop under [`Attachment::Detached`](crate::Attachment::Detached): the work continues.
    pub async fn run_batch<E, H, F>(
        &self,
        deliveries: Vec<Delivery>,
        handler: H,
    ) -> Result<RanBatch, RunError<E>>
    where
        E: Send + 'static,
        H: FnOnce(BatchContext) -> F + Send + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let engine = self.clone();
        let flow = async move { engine.execute_batch(deliveries, handler, conclude).await };
        match self.shield(flow).await.ok_or(RunError::Dropped)? {
            BatchFlow::Executed(done, _, result) => done.map(|()| RanBatch::Ran(result)),
            BatchFlow::Unprotected(done, context) => {
                done.map_err(RunError::Handler)?;
                Ok(RanBatch::Unprotected { failed: context.failed_items() })
            }
            BatchFlow::NothingNew(result) => Ok(RanBatch::Ran(result)),
            BatchFlow::Outage(error) => Err(RunError::Store(error)),
        }
    }
}

/// An error says that the handler has done nothing.
async fn conclude<E>(done: Result<(), E>) -> (Result<(), RunError<E>>, Conclusion) {
    let conclusion = match &done {
        Ok(()) => Conclusion::Complete(Outcome::of_value(&()).expect("null is json"), Writes::Keep),
        Err(_) => Conclusion::Release(Some(HandlerFailure::Error(type_name::<E>()))),
    };
    (done.map_err(RunError::Handler), conclusion)
}
