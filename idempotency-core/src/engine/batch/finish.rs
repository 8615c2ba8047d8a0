//! Ending a batch: each item by itself, and then waiting for keys that others hold.

use super::super::budget::answered;
use super::super::ending::Ending;
use super::super::{Event, Execution};
use super::{Batch, Granted, many};
use crate::{Completion, Hold, Lease, Outcome, Release, StateView, StoreError};

/// The result of one item of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ItemResult {
    /// It was executed, and that is recorded.
    Recorded,
    /// It was executed, and the recording is repeated in the background.
    Unrecorded,
    /// It was executed before.
    Replayed,
    /// A newer version of its resource has completed.
    Stale,
    /// The handler failed it, or failed as a whole: it comes again.
    Failed,
    /// Another claim took over, or still holds its key after the wait.
    InFlight,
    /// Its key was used with another fingerprint.
    Mismatch,
    /// It is not known whether it was executed.
    InDoubt,
    /// The store did not answer for it.
    Unavailable,
}

impl ItemResult {
    /// Whether there is nothing left to do for it.
    #[must_use]
    pub fn is_done(self) -> bool {
        matches!(self, Self::Recorded | Self::Unrecorded | Self::Replayed | Self::Stale)
    }
}

/// The result of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BatchResult {
    /// The result of each key, with the index of its first item, in the order of the indices. A later item with another
    /// fingerprint is a [`Mismatch`](ItemResult::Mismatch) at its own index.
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
    pub fn any(&self, result: ItemResult) -> bool {
        self.items.iter().any(|(_, item)| *item == result)
    }
}

impl Batch {
    /// Records this outcome for each item that the handler did not [fail](super::BatchContext::fail), and releases the
    /// others. Then waits for keys that others hold, as long as the policy says.
    ///
    /// # Cancel safety
    /// If it is dropped, the recordings and releases go on in the background.
    pub async fn complete(self, outcome: Outcome) -> BatchResult {
        let context = self.context.clone();
        let ending = move |granted: &Granted| match context.is_failed(granted.index) {
            true => Ending::Release(Release::Failed),
            false => Ending::Complete(outcome.clone()),
        };
        self.end(ending).await
    }

    /// Fails every item, as [`Execution::fail`] does: the handler may have had its effect. Then waits for keys that others hold,
    /// as long as the policy says.
    ///
    /// # Cancel safety
    /// If it is dropped, the releases go on in the background.
    pub async fn fail(self) -> BatchResult {
        self.end(|granted| granted.execution.failure()).await
    }

    /// Releases every item: by the handler's own word nothing was done.
    ///
    /// # Cancel safety
    /// As that of [`fail`](Self::fail).
    pub async fn release(self) -> BatchResult {
        self.end(|_| Ending::Release(Release::Failed)).await
    }

    /// Releases every item before the handler has started.
    ///
    /// # Cancel safety
    /// As that of [`fail`](Self::fail).
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

    /// Ends each execution. Endings that the store does not answer in time go on in the background.
    async fn end_all(&mut self, ending: impl Fn(&Granted) -> Ending) -> Vec<(usize, ItemResult)> {
        let granted = std::mem::take(&mut self.granted);
        let mut items = Vec::with_capacity(granted.len());
        let (mut completing, mut releasing) = (Vec::new(), Vec::new());
        for mut granted in granted {
            let ending = ending(&granted);
            let is_completion = matches!(ending, Ending::Complete(_));
            if is_completion && granted.execution.is_taken_over() {
                granted.execution.observe(Event::Superseded);
                items.push((granted.index, ItemResult::InFlight));
                granted.execution.disarm();
                continue;
            }
            granted.execution.set_ending(ending.clone());
            let endings = if is_completion { &mut completing } else { &mut releasing };
            endings.push((granted, ending));
        }
        self.tell(&mut completing, &mut items).await;
        self.tell(&mut releasing, &mut items).await;
        items
    }

    /// Tells the store about endings of one kind.
    async fn tell(&self, endings: &mut [(Granted, Ending)], items: &mut Vec<(usize, ItemResult)>) {
        let engine = &self.engine;
        let operations: Vec<(Lease, Ending)> = endings
            .iter()
            .map(|(granted, ending)| (granted.execution.lease().clone(), ending.clone()))
            .collect();
        let operations = &operations;
        let answers = many::within(
            engine.runtime(),
            engine.policy().store_timeout(),
            operations.len(),
            |some| async move {
                let some = some.into_iter().map(|index| &operations[index]);
                let retention = engine.policy().retention();
                let (mut completions, mut leases, mut how) = (Vec::new(), Vec::new(), Release::Failed);
                for (lease, ending) in some {
                    match ending {
                        Ending::Complete(outcome) => {
                            completions.push(Completion::new(lease.clone(), outcome.clone(), retention));
                        }
                        Ending::Release(release) => {
                            leases.push(lease.clone());
                            how = *release;
                        }
                    }
                }
                match completions.is_empty() {
                    true => engine.store().release_many(&leases, how).await,
                    false => engine.store().complete_many(&completions).await,
                }
            },
        );
        for ((granted, ending), answer) in endings.iter_mut().zip(answers.await) {
            items.push((granted.index, noted(&mut granted.execution, ending, answer)));
        }
    }

    /// Waits until the keys that others hold are completed, as long as the policy says since the batch arrived.
    async fn wait_for_others(&mut self) {
        let engine = self.engine.clone();
        let end = self.arrived.saturating_add(engine.policy().wait());
        for other in self.others.iter_mut().filter(|other| other.result == ItemResult::InFlight) {
            let digest = other.key.digest();
            let limit = engine.policy().waiters_per_key();
            let Some(_place) = engine.waiters().enter(digest, limit) else { continue };
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
                        StateView::InFlight { .. } => engine.nap(digest, left).await,
                        // Free again, or in doubt: to claim it now would be to call the handler twice.
                        _ => break,
                    },
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }
}

/// What became of an item whose ending the store was told.
fn noted(execution: &mut Execution, ending: &Ending, answer: Result<Hold, StoreError>) -> ItemResult {
    match (ending, execution.note_end(ending, answer)) {
        (Ending::Complete(_), Some(Hold::Held)) => ItemResult::Recorded,
        (Ending::Complete(_), None) => ItemResult::Unrecorded,
        (Ending::Complete(_), Some(Hold::Lost)) => ItemResult::InFlight,
        (Ending::Release(_), _) => ItemResult::Failed,
    }
}
