//! The budget: repeats one store operation until it is answered or its time is over.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::poll;

use super::Runtime;
use crate::{StoreError, StoreErrorKind};

/// The first pause between two tries. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Repeats an operation until it succeeds, fails for good, or `budget` is over.
///
/// Every store operation is safe to repeat. The error is the last try's, and says whether an earlier try may
/// have executed.
pub(super) async fn within<T, F>(
    runtime: &dyn Runtime,
    budget: Duration,
    mut operation: impl FnMut() -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let deadline = runtime.now().saturating_add(budget);
    let mut pause = FIRST_PAUSE;
    let mut earlier = None;
    loop {
        let left = deadline.saturating_sub(runtime.now());
        let error = match answered(runtime, left, operation()).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let error = error.after(earlier.as_ref());
        if !error.is_transient() || runtime.now().saturating_add(pause) >= deadline {
            return Err(error);
        }
        earlier = Some(error);
        runtime.sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
}

/// Returns the operation's answer. After `limit` the answer is unknown.
pub(super) async fn answered<T>(
    runtime: &dyn Runtime,
    limit: Duration,
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    bounded(runtime, limit, operation).await.unwrap_or_else(|| Err(unknown()))
}

/// Returns one answer for each of `count` keys.
///
/// An answer that the store omits is unknown. After `limit` all are.
pub(super) async fn each_answered<T>(
    runtime: &dyn Runtime,
    limit: Duration,
    count: usize,
    operation: impl Future<Output = Vec<Result<T, StoreError>>>,
) -> Vec<Result<T, StoreError>> {
    let mut answers = bounded(runtime, limit, operation).await.unwrap_or_default();
    answers.resize_with(count, || Err(unknown()));
    answers
}

/// The error of an operation that was not answered.
pub(super) fn unknown() -> StoreError {
    StoreError::new("remote", StoreErrorKind::Unknown)
}

/// Returns the future's output, or `None` after `limit`. A future that is ready at once costs no timer.
pub(crate) async fn bounded<F: Future>(
    runtime: &dyn Runtime,
    limit: Duration,
    future: F,
) -> Option<F::Output> {
    let mut future = pin!(future);
    if let std::task::Poll::Ready(output) = poll!(future.as_mut()) {
        return Some(output);
    }
    match select(future, runtime.sleep(limit)).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
