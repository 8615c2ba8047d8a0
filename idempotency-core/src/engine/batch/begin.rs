//! Beginning a batch: from its deliveries to the items to execute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::uri::PathAndQuery;

use super::super::begin::Arrived;
use super::super::lease_state::{LeaseState, Moment};
use super::super::undo::UndoOnDrop;
use super::super::{Event, Execution, Idempotency, IdempotencyContext};
use super::{Batch, BatchContext, BatchItem, Granted, ItemResult, Other, many};
use crate::{Claim, Claimed, Delivery, Grant, OnOutage, StoreError};

/// A delivery with its place in the batch and its claim.
type Item = (usize, Claim, Delivery);

impl Idempotency {
    /// Claims each key of a batch once, and returns the guard of the grants. It does not wait for keys that others hold:
    /// [`Batch::complete`] and [`Batch::fail`] do, after they have given up the grants.
    ///
    /// # Errors
    /// When the store answers for no key, and the policy says to refuse.
    ///
    /// # Cancel safety
    /// If it is dropped, claims that may have been granted are released in the background.
    pub async fn begin_batch(&self, deliveries: Vec<Delivery>) -> Result<Batch, StoreError> {
        let arrived = self.runtime().now();
        let len = deliveries.len();
        let (mut items, mismatches) = self.distinct(deliveries);
        // In one order for all, so that batches that overlap meet at one key.
        items.sort_by_key(|(_, claim, _)| claim.key.digest());
        let claims: Vec<Claim> = items.iter().map(|(_, claim, _)| claim.clone()).collect();
        let mut undos: Vec<_> = claims.iter().map(|claim| Some(UndoOnDrop::new(self, claim))).collect();
        let sent = Moment::of(self.runtime());
        let answers = many::within(self.runtime(), self.policy().store_timeout(), claims.len(), |some| {
            let some: Vec<Claim> = some.into_iter().map(|index| claims[index].clone()).collect();
            async move { self.store().claim_many(&some).await }
        });
        let answers = answers.await;
        for (undo, answer) in undos.iter_mut().zip(&answers) {
            let is_granted = matches!(answer, Ok(Claimed::Granted(_)));
            if !is_granted && !answer.as_ref().is_err_and(StoreError::may_have_executed) {
                undo.take().into_iter().for_each(UndoOnDrop::disarm);
            }
        }
        let mut batch = Batch {
            engine: self.clone(),
            arrived,
            granted: Vec::new(),
            others: Vec::new(),
            context: BatchContext::new(len, Vec::new()),
            has_started: false,
            is_protected: true,
        };
        if let Some(begun) = self.batch_in_outage(&mut batch, &items, &mismatches, &answers) {
            return begun.map(|()| batch);
        }
        for (((index, claim, delivery), answer), undo) in items.into_iter().zip(answers).zip(undos) {
            let target = delivery.target().cloned();
            let path = target.as_ref().map(PathAndQuery::path);
            let seen = Arrived { key: &claim.key, path, at: arrived };
            let other = |result| Other { index, key: claim.key.clone(), result };
            let (result, event) = match answer {
                Ok(Claimed::Granted(grant)) => {
                    match self.lasting_grant(&claim, grant, sent).await {
                        Some(claimed_at) => {
                            self.observe_unordered(&seen, grant, &delivery);
                            let lease = LeaseState::held_from(claimed_at, self.lease_lasts());
                            let context =
                                IdempotencyContext::granted(self, delivery, claim.key.clone(), grant, lease);
                            let context = context.in_batch();
                            let execution = Execution::new(self.clone(), claim.granted(grant.fence), context);
                            batch.granted.push(Granted { index, execution });
                            undo.into_iter().for_each(UndoOnDrop::disarm);
                            self.observe_decision(&seen, Some(grant), Event::Granted);
                        }
                        None => batch.others.push(other(ItemResult::InFlight)),
                    }
                    continue;
                }
                Ok(Claimed::Completed(_)) => (ItemResult::Replayed, Event::Replayed),
                Ok(Claimed::InFlight { .. }) => (ItemResult::InFlight, Event::Conflict),
                Ok(Claimed::Mismatch) => (ItemResult::Mismatch, Event::Mismatch),
                Ok(Claimed::Stale { newest }) => (ItemResult::Stale, Event::Stale { newest }),
                Ok(Claimed::InDoubt) => (ItemResult::InDoubt, Event::InDoubt),
                Err(error) => {
                    self.observe_decision(&seen, None, Event::Outage(&error));
                    batch.others.push(other(ItemResult::Unavailable));
                    continue;
                }
            };
            self.observe_decision(&seen, None, event);
            batch.others.push(other(result));
        }
        for (index, claim, delivery) in mismatches {
            let seen = Arrived { key: &claim.key, path: delivery.path(), at: arrived };
            self.observe_decision(&seen, None, Event::Mismatch);
            batch.others.push(Other { index, key: claim.key, result: ItemResult::Mismatch });
        }
        batch.granted.sort_by_key(|granted| granted.index);
        let new = |granted: &Granted| BatchItem::new(granted.index, granted.execution.context().clone());
        batch.context = BatchContext::new(len, batch.granted.iter().map(new).collect());
        Ok(batch)
    }

    /// The claims of a batch, one for each key: its first delivery with its place. Then the later deliveries that are another
    /// request under the key of an earlier one.
    fn distinct(&self, deliveries: Vec<Delivery>) -> (Vec<Item>, Vec<Item>) {
        let mut fingerprints = HashMap::new();
        let (mut items, mut mismatches) = (Vec::with_capacity(deliveries.len()), Vec::new());
        for (index, delivery) in deliveries.into_iter().enumerate() {
            let claim = self.claim_of(&delivery);
            match fingerprints.entry(claim.key.digest()) {
                Entry::Vacant(first) => {
                    first.insert(claim.fingerprint);
                    items.push((index, claim, delivery));
                }
                Entry::Occupied(first) => {
                    if let (Some(first), Some(later)) = (first.get(), claim.fingerprint)
                        && *first != later
                    {
                        mismatches.push((index, claim, delivery));
                    }
                }
            }
        }
        (items, mismatches)
    }

    /// From when on a granted lease surely counts; `None` where another claim has taken over, or may have.
    async fn lasting_grant(&self, claim: &Claim, grant: Grant, sent: Moment) -> Option<Moment> {
        if self.lasts(sent) {
            return Some(sent);
        }
        self.renew_grant(claim, grant).await.ok().flatten()
    }

    /// What becomes of a batch of which no key was answered; `None` where one was. Without claims there is no mismatch
    /// either: each request runs, as it would by itself.
    fn batch_in_outage(
        &self,
        batch: &mut Batch,
        items: &[Item],
        mismatches: &[Item],
        answers: &[Result<Claimed, StoreError>],
    ) -> Option<Result<(), StoreError>> {
        let errors: Vec<&StoreError> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        let first = *errors.first()?;
        if errors.len() < answers.len() {
            return None;
        }
        let is_unprotected = self.policy().on_outage() == OnOutage::Proceed
            && !errors.iter().any(|error| error.is_store_in_reach());
        let all = items.iter().chain(mismatches);
        for ((_, claim, delivery), error) in
            all.clone().zip(errors.into_iter().chain(std::iter::repeat(first)))
        {
            let event = if is_unprotected { Event::Unprotected(error) } else { Event::Outage(error) };
            let seen = Arrived { key: &claim.key, path: delivery.path(), at: batch.arrived };
            self.observe_decision(&seen, None, event);
        }
        if !is_unprotected {
            return Some(Err(StoreError::new("remote", first.kind())));
        }
        let unprotected = |(index, claim, delivery): &Item| {
            let context = IdempotencyContext::unprotected(self, delivery.clone(), claim.key.clone());
            BatchItem::new(*index, context)
        };
        let mut new: Vec<_> = all.map(unprotected).collect();
        new.sort_by_key(BatchItem::index);
        batch.context = BatchContext::new(batch.context.len(), new);
        batch.is_protected = false;
        Some(Ok(()))
    }
}
