//! Repeats one operation on many keys until each is answered or its time is over.

use std::future::Future;
use std::time::Duration;

use super::super::Runtime;
use super::super::budget::{each_answered, unknown};
use crate::StoreError;

/// The first pause between two tries. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Asks the store for `count` answers, and again for those that failed and may succeed.
///
/// Each try asks for all pending answers at once. All tries together take at most `budget`.
///
/// The operation receives the indices that are still to do.
pub(super) async fn within<T, F>(
    runtime: &dyn Runtime,
    budget: Duration,
    count: usize,
    mut operation: impl FnMut(Vec<usize>) -> F,
) -> Vec<Result<T, StoreError>>
where
    F: Future<Output = Vec<Result<T, StoreError>>>,
{
    let deadline = runtime.now().saturating_add(budget);
    let mut pause = FIRST_PAUSE;
    let mut results: Vec<Option<Result<T, StoreError>>> = (0..count).map(|_| None).collect();
    let mut pending: Vec<usize> = (0..count).collect();
    while !pending.is_empty() {
        let left = deadline.saturating_sub(runtime.now());
        let answers = each_answered(runtime, left, pending.len(), operation(pending.clone())).await;
        for (index, answer) in pending.iter().zip(answers) {
            let earlier = results[*index].take();
            let earlier = earlier.as_ref().and_then(|earlier| earlier.as_ref().err());
            results[*index] = Some(answer.map_err(|error| error.after(earlier)));
        }
        let may_succeed =
            |index: &usize| matches!(&results[*index], Some(Err(error)) if error.is_transient());
        pending.retain(may_succeed);
        if runtime.now().saturating_add(pause) >= deadline {
            break;
        }
        if !pending.is_empty() {
            runtime.sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(unknown()))).collect()
}
