//! The budget: repeats one store operation until it is answered or its time is over.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, select};
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
    // The budget counts from the first wait, so that a store that answers at once costs no clock reading.
    let mut deadline = None;
    let mut pause = FIRST_PAUSE;
    let mut earlier = None;
    loop {
        let timer = || match deadline {
            Some(deadline) => runtime.sleep(Duration::saturating_sub(deadline, runtime.now())),
            None => {
                deadline = Some(runtime.now().saturating_add(budget));
                runtime.sleep(budget)
            }
        };
        let error = match before(pin!(operation()), timer).await.unwrap_or_else(|| Err(unknown())) {
            Ok(answer) => return Ok(answer),
            Err(error) => error.after(earlier.as_ref()),
        };
        let now = runtime.now();
        let deadline = *deadline.get_or_insert_with(|| now.saturating_add(budget));
        if !error.is_transient() || now.saturating_add(pause) >= deadline {
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
    bounded(runtime, limit, pin!(operation)).await.unwrap_or_else(|| Err(unknown()))
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
    let mut answers = bounded(runtime, limit, pin!(operation)).await.unwrap_or_default();
    answers.resize_with(count, || Err(unknown()));
    answers
}

/// The error of an operation that was not answered.
pub(super) fn unknown() -> StoreError {
    StoreError::new("remote", StoreErrorKind::Unknown)
}

/// Returns the future's output, or `None` after `limit`. A future that is ready at once costs no timer.
///
/// The caller pins the future, because an async function stores each argument twice, and these nest.
pub(crate) async fn bounded<F: Future>(
    runtime: &dyn Runtime,
    limit: Duration,
    future: Pin<&mut F>,
) -> Option<F::Output> {
    before(future, || runtime.sleep(limit)).await
}

/// Returns the future's output, or `None` if the timer ends first. The timer is made when the future has to wait.
async fn before<F: Future>(
    mut future: Pin<&mut F>,
    timer: impl FnOnce() -> BoxFuture<'static, ()>,
) -> Option<F::Output> {
    if let Poll::Ready(output) = poll!(future.as_mut()) {
        return Some(output);
    }
    match select(future, timer()).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
