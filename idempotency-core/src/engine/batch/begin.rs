//! Beginning a batch: turns its deliveries into the items to execute.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use http::uri::PathAndQuery;

use super::super::begin::Arrived;
use super::super::lease_state::LeaseState;
use super::super::undo::UndoOnDrop;
use super::super::{Event, Execution, Idempotency, IdempotencyContext};
use super::{Batch, BatchContext, BatchItem, Granted, ItemResult, Other, many};
use crate::clock::ClockReading;
use crate::{Claim, Claimed, Delivery, Grant, OnOutage, StoreError};

/// A delivery with its index in the batch and its claim.
type Item = (usize, Claim, Delivery);

impl Idempotency {
    /// Claims each key of a batch once, and returns the guard of the grants.
    ///
    /// It does not wait for keys that others hold: [`Batch::complete`] and [`Batch::fail`] do, after they
    /// have given the grants up.
    ///
    /// # Errors
    /// If the store answers for no key, and the policy says to refuse.
    ///
    /// # Cancel safety
    /// If the future is dropped, claims that may have been granted are released in the background.
    pub async fn begin_batch(&self, deliveries: Vec<Delivery>) -> Result<Batch, StoreError> {
        let at = self.runtime().now();
        let len = deliveries.len();
        let (mut items, mismatches) = self.distinct(deliveries);
        // Every batch claims in the same order, so overlapping batches contend for one key first.
        items.sort_by_key(|(_, claim, _)| claim.key.digest());
        let claims: Vec<Claim> = items.iter().map(|(_, claim, _)| claim.clone()).collect();
        let mut undos: Vec<_> = claims.iter().map(|claim| Some(UndoOnDrop::new(self, claim))).collect();
        let sent = ClockReading::of(self.runtime());
        let answers = many::within(self.runtime(), self.policy().store_timeout(), claims.len(), |indices| {
            let pending: Vec<Claim> = indices.into_iter().map(|index| claims[index].clone()).collect();
            async move { self.store().claim_many(&pending).await }
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
            arrived: at,
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
            let arrived = Arrived { key: &claim.key, path, at };
            let other = |result| Other { index, key: claim.key.clone(), result };
            let (result, event) = match answer {
                Ok(Claimed::Granted(grant)) => {
                    match self.lease_start(&claim, grant, sent).await {
                        Some(claimed_at) => {
                            self.observe_unordered(&arrived, grant, &delivery);
                            let lease = LeaseState::held_from(claimed_at, self.guaranteed_lease());
                            let context =
                                IdempotencyContext::granted(self, delivery, claim.key.clone(), grant, lease);
                            let context = context.in_batch();
                            let (lease, now) = (claim.granted(grant.fence), self.runtime().now());
                            let execution = Execution::new(self.clone(), lease, context, now);
                            batch.granted.push(Granted { index, execution });
                            undo.into_iter().for_each(UndoOnDrop::disarm);
                            self.observe_decision(&arrived, Some(grant), Event::Granted);
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
                    self.observe_decision(&arrived, None, Event::Outage(&error));
                    batch.others.push(other(ItemResult::Unavailable));
                    continue;
                }
            };
            self.observe_decision(&arrived, None, event);
            batch.others.push(other(result));
        }
        for (index, claim, delivery) in mismatches {
            let arrived = Arrived { key: &claim.key, path: delivery.path(), at };
            self.observe_decision(&arrived, None, Event::Mismatch);
            batch.others.push(Other { index, key: claim.key, result: ItemResult::Mismatch });
        }
        batch.granted.sort_by_key(|granted| granted.index);
        let new = |granted: &Granted| BatchItem::new(granted.index, granted.execution.context().clone());
        batch.context = BatchContext::new(len, batch.granted.iter().map(new).collect());
        Ok(batch)
    }

    /// Returns one claim for each key, and the later deliveries that reuse a key for another request.
    ///
    /// The claim is that of the key's first delivery.
    fn distinct(&self, deliveries: Vec<Delivery>) -> (Vec<Item>, Vec<Item>) {
        let mut fingerprints = HashMap::new();
        let (mut items, mut mismatches) = (Vec::with_capacity(deliveries.len()), Vec::new());
        for (index, delivery) in deliveries.into_iter().enumerate() {
            let claim = self.claim_for(&delivery);
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

    /// Returns the clock reading from which a granted lease counts.
    ///
    /// `None` if another claim has, or may have, taken over.
    async fn lease_start(&self, claim: &Claim, grant: Grant, sent: ClockReading) -> Option<ClockReading> {
        if self.outlasts_first_renewal(sent) {
            return Some(sent);
        }
        self.renew_late_grant(claim, grant).await.ok().flatten()
    }

    /// Decides about a batch for which the store answered no key. Returns `None` if it answered any.
    ///
    /// Without claims there is no mismatch either: each request runs as it would alone.
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
            let arrived = Arrived { key: &claim.key, path: delivery.path(), at: batch.arrived };
            self.observe_decision(&arrived, None, event);
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
