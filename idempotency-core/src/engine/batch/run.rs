//! Running a batch without HTTP.

use std::future::Future;

use super::super::{Idempotency, RunError};
use super::{BatchContext, BatchResult};
use crate::{Delivery, Outcome};

/// The result of running a batch.
///
/// This enum is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a batch runs under claims or without")]
pub enum RanBatch {
    /// It was claimed, and the granted items were run.
    Ran(BatchResult),
    /// It was run without claims: the store is out of reach, and the policy says to proceed.
    Unprotected {
        /// The places of the items that the handler [failed](BatchContext::fail).
        failed: Vec<usize>,
    },
}

impl RanBatch {
    /// Whether the batch may be acknowledged: each of its items is done, here or before, or there is nothing to do for it.
    /// Without claims, each is done that the handler did not fail.
    #[must_use]
    pub fn may_be_acknowledged(&self) -> bool {
        match self {
            Self::Ran(result) => result.is_done(),
            Self::Unprotected { failed } => failed.is_empty(),
        }
    }
}

impl Idempotency {
    /// Runs the handler once for the new items of a batch, if there are any, and records each of them. The handler finds them
    /// in its context, and can fail single ones.
    ///
    /// Runs in a task of its own unless the policy says otherwise.
    ///
    /// # Errors
    /// [`RunError::Handler`] with the handler's own error, after which every new item comes again; [`RunError::Store`] where
    /// the store is out of reach.
    ///
    /// # Panics
    /// When the handler panics: each execution fails first, then the panic goes on in the caller.
    ///
    /// # Cancel safety
    /// Safe to drop under [`Attachment::Detached`](crate::Attachment::Detached): the work goes on.
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
        let work = async move {
            let mut batch = engine.begin_batch(deliveries).await.map_err(RunError::Store)?;
            let context = batch.context().clone();
            if !batch.is_protected() {
                handler(context.clone()).await.map_err(RunError::Handler)?;
                return Ok(RanBatch::Unprotected { failed: context.failed_items() });
            }
            if batch.has_new_items()
                && let Err(error) = batch.drive(async move { handler(context).await }).await
            {
                batch.release().await;
                return Err(RunError::Handler(error));
            }
            let outcome = Outcome::of_value(&()).map_err(RunError::Outcome)?;
            Ok(RanBatch::Ran(batch.complete(outcome).await))
        };
        self.carry_out(work).await.unwrap_or(Err(RunError::Dropped))
    }
}
