//! Ending a batch: ends each item by itself, then waits for keys that others hold.

use super::super::budget::answered;
use super::super::ending::Ending;
use super::super::{Event, Execution, HandlerFailure};
use super::{Batch, Granted, many};
use crate::{Completion, Hold, Outcome, Release, StateView, StoreError};

/// The result of one item of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ItemResult {
    /// The item was executed, and its outcome is recorded.
    Recorded,
    /// The item was executed, and the recording is repeated in the background.
    Unrecorded,
    /// The item was executed before.
    Replayed,
    /// A newer version of the item's resource has completed.
    Stale,
    /// The handler failed the item or the whole batch, and the item comes again.
    Failed,
    /// Another claim took over, or still holds the item's key after the wait.
    InFlight,
    /// The item's key was used with another fingerprint.
    Mismatch,
    /// The store does not know whether the item was executed.
    InDoubt,
    /// The store did not answer for the item.
    Unavailable,
}

impl ItemResult {
    /// Whether nothing is left to do for the item.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Recorded | Self::Unrecorded | Self::Replayed | Self::Stale)
    }
}

/// The result of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BatchResult {
    /// The result of each key with the index of its first item, sorted by index.
    ///
    /// A later item with another fingerprint is a [`Mismatch`](ItemResult::Mismatch) at its own index.
    pub items: Vec<(usize, ItemResult)>,
}

impl BatchResult {
    /// Whether every item is done, so that the batch may be acknowledged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.items.iter().all(|(_, result)| result.is_done())
    }

    /// Whether any item has this result.
    #[must_use]
    pub fn contains(&self, result: ItemResult) -> bool {
        self.items.iter().any(|(_, item)| *item == result)
    }
}

impl Batch {
    /// Records the outcome of each item, except those that the handler failed.
    ///
    /// Items that the handler [failed](super::BatchContext::fail) are released.
    ///
    /// Then waits for keys that others hold, for as long as the policy says.
    ///
    /// # Cancel safety
    /// If the future is dropped, the recordings and releases continue in the background.
    pub async fn complete(mut self, outcome: Outcome) -> BatchResult {
        for granted in &mut self.granted {
            granted.execution.completion.outcome = outcome.clone();
        }
        let context = self.context.clone();
        let ending = move |granted: &Granted| match context.is_failed(granted.index) {
            true => {
                granted.execution.observe(Event::HandlerFailed(HandlerFailure::Item));
                Ending::Release(Release::Failed)
            }
            false => Ending::Complete,
        };
        self.end(ending).await
    }

    /// Fails every item, as [`Execution::fail`] does: the handler may have had its effect.
    ///
    /// Then waits for keys that others hold, for as long as the policy says.
    ///
    /// # Cancel safety
    /// If the future is dropped, the releases continue in the background.
    pub async fn fail(self) -> BatchResult {
        self.end(|granted| granted.execution.failure()).await
    }

    /// Releases every item: the handler says that it did nothing.
    ///
    /// # Cancel safety
    /// Same as [`fail`](Self::fail).
    pub async fn release(self) -> BatchResult {
        self.end(|_| Ending::Release(Release::Failed)).await
    }

    /// Releases every item before the handler has started.
    ///
    /// # Cancel safety
    /// Same as [`fail`](Self::fail).
    pub async fn release_unstarted(self) -> BatchResult {
        self.end(|_| Ending::Release(Release::Unstarted)).await
    }

    async fn end(mut self, ending: impl Fn(&Granted) -> Ending) -> BatchResult {
        self.has_started = true;
        let mut items = self.end_all(ending).await;
        self.wait_for_others().await;
        items.extend(self.others.iter().map(|other| (other.index, other.result)));
        items.sort_unstable_by_key(|(index, _)| *index);
        BatchResult { items }
    }

    pub(super) async fn fail_all(&mut self) {
        self.end_all(|granted| granted.execution.failure()).await;
    }

    /// Ends each execution. An ending that the store does not answer in time continues in the background.
    async fn end_all(&mut self, ending: impl Fn(&Granted) -> Ending) -> Vec<(usize, ItemResult)> {
        let granted = std::mem::take(&mut self.granted);
        let mut items = Vec::with_capacity(granted.len());
        let (mut completing, mut releasing) = (Vec::new(), Vec::new());
        for mut granted in granted {
            let ending = ending(&granted);
            let is_completion = matches!(ending, Ending::Complete);
            if is_completion && granted.execution.is_taken_over() {
                granted.execution.observe(Event::Superseded);
                items.push((granted.index, ItemResult::InFlight));
                granted.execution.disarm();
                continue;
            }
            granted.execution.set_ending(ending);
            let endings = if is_completion { &mut completing } else { &mut releasing };
            endings.push((granted, ending));
        }
        self.send(&mut completing, &mut items).await;
        self.send(&mut releasing, &mut items).await;
        items
    }

    /// Sends endings of one kind to the store.
    async fn send(&self, endings: &mut [(Granted, Ending)], items: &mut Vec<(usize, ItemResult)>) {
        let engine = &self.engine;
        let operations: Vec<(Completion, Ending)> =
            endings.iter().map(|(granted, ending)| (granted.execution.completion.clone(), *ending)).collect();
        let operations = &operations;
        let answers = many::within(
            engine.runtime(),
            engine.policy().store_timeout(),
            operations.len(),
            |indices| async move {
                let operations = indices.into_iter().map(|index| &operations[index]);
                let (mut completions, mut leases, mut mode) = (Vec::new(), Vec::new(), Release::Failed);
                for (completion, ending) in operations {
                    match ending {
                        Ending::Complete => completions.push(completion.clone()),
                        Ending::Release(release) => {
                            leases.push(completion.lease.clone());
                            mode = *release;
                        }
                    }
                }
                match completions.is_empty() {
                    true => engine.store().release_many(&leases, mode).await,
                    false => engine.store().complete_many(&completions).await,
                }
            },
        );
        for ((granted, ending), answer) in endings.iter_mut().zip(answers.await) {
            items.push((granted.index, result_of(&mut granted.execution, *ending, answer)));
        }
    }

    /// Waits for the keys that others hold to be completed.
    ///
    /// The policy's wait counts from the batch's arrival.
    async fn wait_for_others(&mut self) {
        let engine = self.engine.clone();
        let end = self.arrived.saturating_add(engine.policy().wait());
        for other in self.others.iter_mut().filter(|other| other.result == ItemResult::InFlight) {
            let digest = other.key.digest();
            let limit = engine.policy().waiters_per_key();
            let Some(_permit) = engine.waiters().enter(digest, limit) else { continue };
            loop {
                let left = end.saturating_sub(engine.runtime().now());
                if left.is_zero() {
                    break;
                }
                let limit = left.min(engine.policy().store_timeout());
                match answered(engine.runtime(), limit, engine.store().load(digest)).await {
                    Ok(Some(view)) => match view.state {
                        StateView::Completed(_) => {
                            other.result = ItemResult::Replayed;
                            break;
                        }
                        StateView::InFlight { .. } => engine.pause_until_change(digest, left).await,
                        // The key is free again or in doubt. Claiming it now would call the handler twice.
                        _ => break,
                    },
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }
}

/// The result of an item after its ending was sent to the store.
fn result_of(execution: &mut Execution, ending: Ending, answer: Result<Hold, StoreError>) -> ItemResult {
    match (ending, execution.apply_answer(answer)) {
        (Ending::Complete, Some(Hold::Held)) => ItemResult::Recorded,
        (Ending::Complete, None) => ItemResult::Unrecorded,
        (Ending::Complete, Some(Hold::Lost)) => ItemResult::InFlight,
        (Ending::Release(_), _) => ItemResult::Failed,
    }
}
