//! Beginning: turns a delivery into a decision.

use std::pin::pin;
use std::time::Duration;

use super::budget::{bounded, within};
use super::lease_state::LeaseState;
use super::undo::UndoOnDrop;
use super::{Event, Execution, Idempotency, IdempotencyContext, Observation};
use crate::clock::ClockReading;
use crate::{
    Claim, Claimed, Completed, Delivery, Grant, Hold, KeyDigest, Lease, OnOutage, ScopedKey, StoreError,
    Version,
};

/// Keeps a waiter from spinning on a store whose `wait_for_change` returns at once.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// The most renewals of a grant whose answer arrived late.
///
/// Each further one is needed only if the one before was late too.
const MAX_LATE_RENEWALS: usize = 3;

/// The part of an observation that every decision about a delivery shares.
pub(super) struct Arrived<'a> {
    pub(super) key: &'a ScopedKey,
    pub(super) path: Option<&'a str>,
    pub(super) at: Duration,
}

impl<'a> Arrived<'a> {
    pub(super) fn now(key: &'a ScopedKey, delivery: Option<&'a Delivery>, now: ClockReading) -> Self {
        Self { key, path: delivery.and_then(Delivery::path), at: now.monotonic }
    }
}

/// The decision about a delivery.
#[derive(Debug)]
#[non_exhaustive]
pub enum Begun {
    /// The claim was granted: execute the delivery, then complete or release the guard.
    Run(Execution),
    /// The delivery was executed before: answer with its outcome.
    Replay(Completed),
    /// Another attempt is still executing the delivery, after the wait.
    Conflict {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// Its key was used for another request.
    Mismatch,
    /// A newer version of the delivery's resource has completed.
    Stale {
        /// That version.
        newest: Version,
    },
    /// The store does not know whether the delivery was executed.
    InDoubt,
    /// The store is out of reach, and the policy says to execute without a claim.
    Unprotected(IdempotencyContext),
}

impl Idempotency {
    /// Claims a delivery's key and returns the decision.
    ///
    /// While another attempt holds the key, this waits for as long as the policy allows.
    ///
    /// # Errors
    /// If the store is out of reach and the policy says to refuse. A store that refuses or is full is always
    /// an error.
    ///
    /// # Cancel safety
    /// If the future is dropped, a claim that may have been granted is released in the background.
    pub async fn begin(&self, delivery: Delivery) -> Result<Begun, StoreError> {
        let claim = self.claim_for(&delivery);
        self.begin_claim(&mut Some(delivery), &claim, ClockReading::of(self.runtime())).await
    }

    /// Like [`begin`](Self::begin), for a delivery that arrived just now and whose claim exists already. Leaves the
    /// delivery in place unless it is to be executed.
    pub(super) async fn begin_claim(
        &self,
        delivery: &mut Option<Delivery>,
        claim: &Claim,
        now: ClockReading,
    ) -> Result<Begun, StoreError> {
        let arrived = Arrived::now(&claim.key, delivery.as_ref(), now);
        let (claimed, claimed_at) = match self.claim_or_wait(claim, &arrived, now).await {
            Ok(answer) => answer,
            Err(error) => return self.outage(delivery, claim, now, error),
        };
        let (begun, event) = match claimed {
            Claimed::Granted(grant) => {
                let granted_at = self.runtime().now();
                let delivery = delivery.take().expect("the delivery is taken once");
                let lease = LeaseState::held_from(claimed_at, self.guaranteed_lease());
                let context = IdempotencyContext::granted(self, delivery, claim.key.clone(), grant, lease);
                let execution = Execution::new(self.clone(), claim.granted(grant.fence), context, granted_at);
                let arrived = Arrived::now(&claim.key, Some(execution.context.delivery()), now);
                self.observe_unordered(&arrived, grant, execution.context.delivery());
                self.observe_decision_at(granted_at, &arrived, Some(grant), Event::Granted);
                return Ok(Begun::Run(execution));
            }
            Claimed::Completed(completed) => (Begun::Replay(completed), Event::Replayed),
            Claimed::InFlight { retry_after } => (Begun::Conflict { retry_after }, Event::Conflict),
            Claimed::Mismatch => (Begun::Mismatch, Event::Mismatch),
            Claimed::Stale { newest } => (Begun::Stale { newest }, Event::Stale { newest }),
            Claimed::InDoubt => (Begun::InDoubt, Event::InDoubt),
        };
        self.observe_decision(&arrived, None, event);
        Ok(begun)
    }

    /// Claims until the answer is not "in flight" or the wait is over.
    ///
    /// Also returns the clock reading from which the lease counts: `sent`, or that of a later renewal.
    async fn claim_or_wait(
        &self,
        claim: &Claim,
        arrived: &Arrived<'_>,
        // This is right for a late grant too: the store may have granted the first copy of the claim.
        sent: ClockReading,
    ) -> Result<(Claimed, ClockReading), StoreError> {
        let mut permit = None;
        let mut holder = None;
        loop {
            let retry_after = match (self.claim_once(claim).await, holder) {
                (Ok(Claimed::InFlight { retry_after }), _) => retry_after,
                (Ok(Claimed::Granted(grant)), _) if !self.outlasts_first_renewal(sent) => {
                    // Boxed: it is rare, and every claim would otherwise reserve space for it.
                    match Box::pin(self.renew_late_grant(claim, grant)).await {
                        Ok(Some(renewed)) => return Ok((Claimed::Granted(grant), renewed)),
                        Ok(None) => {
                            // Another claim took over, and its owner may still be at work.
                            holder = Some(holder.unwrap_or(claim.lease));
                            self.runtime().sleep(MIN_PAUSE).await;
                            continue;
                        }
                        // The holder is unknown, so nothing runs, even if the policy says to proceed during
                        // an outage.
                        Err(error) => {
                            self.observe_decision(arrived, None, Event::Outage(&error));
                            return Ok((Claimed::InFlight { retry_after: claim.lease }, sent));
                        }
                    }
                }
                (Ok(answer), _) => return Ok((answer, sent)),
                // There is a known holder, so an outage that begins now is no reason to execute as well.
                (Err(error), Some(retry_after)) => {
                    self.observe_decision(arrived, None, Event::Outage(&error));
                    return Ok((Claimed::InFlight { retry_after }, sent));
                }
                (Err(error), None) => return Err(error),
            };
            holder = Some(retry_after);
            let left = arrived.at.saturating_add(self.policy().wait()).saturating_sub(self.runtime().now());
            if permit.is_none() {
                permit = self.waiters().enter(claim.key.digest(), self.policy().waiters_per_key());
            }
            if left.is_zero() || permit.is_none() {
                return Ok((Claimed::InFlight { retry_after }, sent));
            }
            self.pause_until_change(claim.key.digest(), left.min(retry_after.max(MIN_PAUSE))).await;
        }
    }

    /// Claims within the store timeout. A claim that may have been granted without an answer is undone.
    async fn claim_once(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let undo = UndoOnDrop::new(self, claim);
        let answer =
            within(self.runtime(), self.policy().store_timeout(), || self.store().claim(claim)).await;
        if !answer.as_ref().is_err_and(StoreError::may_have_executed) {
            undo.disarm();
        }
        answer
    }

    /// Renews a lease that may have run out before its grant arrived.
    ///
    /// Returns when the renewal was sent, or `None` if the lease is lost.
    ///
    /// A grant arrives late if the process was paused, or if the store granted a delayed copy of the claim.
    /// Another attempt may have taken over by then, and the handler must not start at the same time.
    pub(super) async fn renew_late_grant(
        &self,
        claim: &Claim,
        grant: Grant,
    ) -> Result<Option<ClockReading>, StoreError> {
        let undo = UndoOnDrop::new(self, claim);
        let renewed = self.renew_late_lease(&claim.granted(grant.fence), claim.lease).await?;
        undo.disarm();
        Ok(renewed)
    }

    /// Renews a lease that was granted so late that it may have run out.
    pub(super) async fn renew_late_lease(
        &self,
        lease: &Lease,
        duration: Duration,
    ) -> Result<Option<ClockReading>, StoreError> {
        let mut sent = ClockReading::of(self.runtime());
        // A lease no longer than a round trip never lasts. The handler then sees it as lost.
        for _ in 0..MAX_LATE_RENEWALS {
            sent = ClockReading::of(self.runtime());
            let renewal =
                within(self.runtime(), self.policy().store_timeout(), || self.store().renew(lease, duration));
            if renewal.await? == Hold::Lost {
                return Ok(None);
            }
            if self.outlasts_first_renewal(sent) {
                break;
            }
        }
        Ok(Some(sent))
    }

    /// Waits until the record may have changed. If the store cannot notify, this returns after a pause.
    pub(super) async fn pause_until_change(&self, key: KeyDigest, limit: Duration) {
        let began = self.runtime().now();
        let answer = bounded(self.runtime(), limit, pin!(self.store().wait_for_change(key, limit))).await;
        let waited = self.runtime().now().saturating_sub(began);
        let min_pause = if matches!(answer, Some(Err(_))) { MIN_PAUSE * 10 } else { MIN_PAUSE };
        if answer.is_some() && waited < min_pause.min(limit) {
            self.runtime().sleep(min_pause.min(limit) - waited).await;
        }
    }

    pub(super) fn claim_for(&self, delivery: &Delivery) -> Claim {
        let (policy, namespace) = (self.policy(), self.store().namespace());
        let key = ScopedKey::new(namespace, delivery.scope().clone(), delivery.key().clone());
        let mut claim = Claim::new(key, self.runtime().new_owner(), policy.lease(), policy.retention());
        claim.fingerprint = delivery.fingerprint();
        claim.order = delivery.order().map(|order| order.scoped(namespace));
        claim.on_expired = policy.on_expired();
        if !policy.records_key_text() {
            claim.label = claim.label.without_key();
        }
        claim
    }

    /// Whether a lease requested at `sent` is sure to last until its first renewal.
    ///
    /// The first renewal comes after a third of the lease.
    pub(super) fn outlasts_first_renewal(&self, sent: ClockReading) -> bool {
        sent.elapsed(ClockReading::of(self.runtime())).saturating_add(self.policy().lease() / 2)
            <= self.guaranteed_lease()
    }

    /// How long a lease is sure to hold, from when it was requested.
    ///
    /// The margin allows for a store clock that runs fast.
    pub(super) fn guaranteed_lease(&self) -> Duration {
        let lease = self.policy().lease();
        lease - lease / 20
    }

    fn outage(
        &self,
        delivery: &mut Option<Delivery>,
        claim: &Claim,
        now: ClockReading,
        error: StoreError,
    ) -> Result<Begun, StoreError> {
        let arrived = Arrived::now(&claim.key, delivery.as_ref(), now);
        match self.policy().on_outage() {
            // A store that refuses, because it is misconfigured, full or lacks replicas, is in reach.
            // Proceeding would run handlers unprotected until an operator repairs it.
            OnOutage::Proceed if !error.is_store_in_reach() => {
                self.observe_decision(&arrived, None, Event::Unprotected(&error));
                let delivery = delivery.take().expect("the delivery is taken once");
                Ok(Begun::Unprotected(IdempotencyContext::unprotected(self, delivery, claim.key.clone())))
            }
            OnOutage::Refuse | OnOutage::Proceed => {
                self.observe_decision(&arrived, None, Event::Outage(&error));
                Err(error)
            }
        }
    }

    /// Reports a delivery that should have an order and has none.
    pub(super) fn observe_unordered(&self, arrived: &Arrived<'_>, grant: Grant, delivery: &Delivery) {
        if let Some(reason) = delivery.unordered() {
            self.observe_decision(arrived, Some(grant), Event::Unordered(reason));
        }
    }

    pub(super) fn observe_decision(&self, arrived: &Arrived<'_>, granted: Option<Grant>, event: Event<'_>) {
        self.observe_decision_at(self.runtime().now(), arrived, granted, event);
    }

    fn observe_decision_at(
        &self,
        now: Duration,
        arrived: &Arrived<'_>,
        granted: Option<Grant>,
        event: Event<'_>,
    ) {
        self.observe(&Observation {
            provider: self.name(),
            endpoint: arrived.key.scope().endpoint_name(),
            path: arrived.path,
            instance: None,
            key: Some(arrived.key),
            attempt: granted.map(|grant| grant.attempt),
            fence: granted.map(|grant| grant.fence),
            duration: now.saturating_sub(arrived.at),
            event,
        });
    }
}
