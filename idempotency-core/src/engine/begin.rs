//! Beginning: from a delivery to the decision.

use std::time::Duration;

use http::uri::PathAndQuery;

use super::budget::{bounded, within};
use super::lease_state::{LeaseState, Moment};
use super::undo::UndoOnDrop;
use super::{Event, Execution, Idempotency, IdempotencyContext, Observation};
use crate::{
    Claim, Claimed, Completed, Delivery, Grant, Hold, KeyDigest, Lease, OnOutage, ScopedKey, StoreError,
    Version,
};

/// A store whose `wait_for_change` answers at once must not make a waiter spin.
const SHORTEST_NAP: Duration = Duration::from_millis(10);

/// How often a grant is renewed that is heard of late, each time only where the renewal was late as well.
const RENEWALS_OF_A_GRANT: usize = 3;

/// What is observed of a delivery with each decision.
pub(super) struct Arrived<'a> {
    pub(super) key: &'a ScopedKey,
    pub(super) path: Option<&'a str>,
    pub(super) at: Duration,
}

/// What is to be done with a delivery.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one per delivery, and it is moved once")]
pub enum Begun {
    /// Execute it, and complete or release the guard.
    Run(Execution),
    /// It was executed: answer with its outcome.
    Replay(Completed),
    /// It is being executed elsewhere, still after the wait.
    Conflict {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// Its key was used for another request.
    Mismatch,
    /// A newer version of its resource has completed.
    Stale {
        /// That version.
        newest: Version,
    },
    /// It is not known whether it was executed.
    InDoubt,
    /// The store is out of reach and the policy says to execute all the same, without a claim.
    Unprotected(IdempotencyContext),
}

impl Idempotency {
    /// Claims a delivery's key, waiting for another holder as long as the policy says, and gives the decision.
    ///
    /// # Errors
    /// When the store is out of reach and the policy says to refuse, and whenever the store itself refuses or is full.
    ///
    /// # Cancel safety
    /// A claim that may have been granted when this is dropped is released in the background.
    pub async fn begin(&self, delivery: Delivery) -> Result<Begun, StoreError> {
        self.begin_known(delivery).await.1
    }

    /// The same, with the key for those who answer by it.
    pub(crate) async fn begin_known(&self, delivery: Delivery) -> (ScopedKey, Result<Begun, StoreError>) {
        let claim = self.claim_of(&delivery);
        let key = claim.key.clone();
        (key, self.begin_claim(delivery, claim).await)
    }

    async fn begin_claim(&self, delivery: Delivery, claim: Claim) -> Result<Begun, StoreError> {
        let target = delivery.target().cloned();
        let path = target.as_ref().map(PathAndQuery::path);
        let arrived = Arrived { key: &claim.key, path, at: self.runtime().now() };
        let (claimed, claimed_at) = match self.claim_or_wait(&claim, &arrived).await {
            Ok(answer) => answer,
            Err(error) => return self.outage(delivery, &arrived, error),
        };
        let (begun, event) = match claimed {
            Claimed::Granted(grant) => {
                self.observe_unordered(&arrived, grant, &delivery);
                let lease = LeaseState::held_from(claimed_at, self.lease_lasts());
                let context = IdempotencyContext::granted(self, delivery, claim.key.clone(), grant, lease);
                let execution = Execution::new(self.clone(), claim.granted(grant.fence), context);
                self.observe_decision(&arrived, Some(grant), Event::Granted);
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

    /// Claims until the answer is not "in flight", or the wait is over. Also gives from when on the claim's lease surely
    /// counts.
    async fn claim_or_wait(
        &self,
        claim: &Claim,
        arrived: &Arrived<'_>,
    ) -> Result<(Claimed, Moment), StoreError> {
        let mut place = None;
        let mut holder = None;
        // Also of a grant that is heard of later: any earlier copy of the claim may be the one that was granted.
        let sent = Moment::of(self.runtime());
        loop {
            let retry_after = match (self.claim_once(claim).await, holder) {
                (Ok(Claimed::InFlight { retry_after }), _) => retry_after,
                (Ok(Claimed::Granted(grant)), _) if !self.lasts(sent) => {
                    match self.renew_grant(claim, grant).await {
                        Ok(Some(renewed)) => return Ok((Claimed::Granted(grant), renewed)),
                        Ok(None) => {
                            // Another claim took over, and its owner may be at work still.
                            holder = Some(holder.unwrap_or(claim.lease));
                            self.runtime().sleep(SHORTEST_NAP).await;
                            continue;
                        }
                        // Whose the key is cannot be told, so nothing runs, also where an outage is to be run through.
                        Err(error) => {
                            self.observe_decision(arrived, None, Event::Outage(&error));
                            return Ok((Claimed::InFlight { retry_after: claim.lease }, sent));
                        }
                    }
                }
                (Ok(answer), _) => return Ok((answer, sent)),
                // A holder is known: an outage that begins now is no reason to execute beside it.
                (Err(error), Some(retry_after)) => {
                    self.observe_decision(arrived, None, Event::Outage(&error));
                    return Ok((Claimed::InFlight { retry_after }, sent));
                }
                (Err(error), None) => return Err(error),
            };
            holder = Some(retry_after);
            let left = arrived.at.saturating_add(self.policy().wait()).saturating_sub(self.runtime().now());
            if place.is_none() {
                place = self.waiters().enter(claim.key.digest(), self.policy().waiters_per_key());
            }
            if left.is_zero() || place.is_none() {
                return Ok((Claimed::InFlight { retry_after }, sent));
            }
            self.nap(claim.key.digest(), left.min(retry_after.max(SHORTEST_NAP))).await;
        }
    }

    /// Claims within the store's budget. A claim that may have been granted without an answer is undone.
    async fn claim_once(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let undo = UndoOnDrop::new(self, claim);
        let answer =
            within(self.runtime(), self.policy().store_timeout(), || self.store().claim(claim)).await;
        if !answer.as_ref().is_err_and(StoreError::may_have_executed) {
            undo.disarm();
        }
        answer
    }

    /// Renews a lease that may have run out before its grant was heard of, as when the process was paused or a lost copy
    /// of the claim was granted: another attempt may have taken over, and a handler must not start beside it. Gives when
    /// the renewal was sent, or `None` where the lease is lost.
    pub(super) async fn renew_grant(
        &self,
        claim: &Claim,
        grant: Grant,
    ) -> Result<Option<Moment>, StoreError> {
        let undo = UndoOnDrop::new(self, claim);
        let renewed = self.renew_until_it_lasts(&claim.granted(grant.fence), claim.lease).await?;
        undo.disarm();
        Ok(renewed)
    }

    /// Renews a lease that was granted so late that it may have run out.
    pub(super) async fn renew_until_it_lasts(
        &self,
        lease: &Lease,
        duration: Duration,
    ) -> Result<Option<Moment>, StoreError> {
        let mut sent = Moment::of(self.runtime());
        // A lease as short as a round trip never lasts; the handler is told so.
        for _ in 0..RENEWALS_OF_A_GRANT {
            sent = Moment::of(self.runtime());
            let renewal =
                within(self.runtime(), self.policy().store_timeout(), || self.store().renew(lease, duration));
            if renewal.await? == Hold::Lost {
                return Ok(None);
            }
            if self.lasts(sent) {
                break;
            }
        }
        Ok(Some(sent))
    }

    /// Waits until the record may have changed. A store that cannot tell is asked again after a pause.
    pub(super) async fn nap(&self, key: KeyDigest, limit: Duration) {
        let began = self.runtime().now();
        let changed = self.store().wait_for_change(key, limit);
        let told = bounded(self.runtime(), limit, changed).await;
        let slept = self.runtime().now().saturating_sub(began);
        let least = if matches!(told, Some(Err(_))) { SHORTEST_NAP * 10 } else { SHORTEST_NAP };
        if told.is_some() && slept < least.min(limit) {
            self.runtime().sleep(least.min(limit) - slept).await;
        }
    }

    pub(super) fn claim_of(&self, delivery: &Delivery) -> Claim {
        let (policy, namespace) = (self.policy(), self.store().namespace());
        let key = ScopedKey::new(namespace, delivery.scope().clone(), delivery.key().clone());
        let mut claim = Claim::new(key, self.runtime().new_owner(), policy.lease(), policy.retention());
        claim.fingerprint = delivery.fingerprint();
        claim.order = delivery.order().map(|order| order.scoped(namespace));
        claim.on_expired = policy.on_expired();
        if !policy.shows_keys() {
            claim.label = claim.label.without_key();
        }
        claim
    }

    /// Whether a lease that was asked for at `sent` surely lasts until its first renewal, after a third of it.
    pub(super) fn lasts(&self, sent: Moment) -> bool {
        sent.elapsed(self.runtime()).saturating_add(self.policy().lease() / 2) <= self.lease_lasts()
    }

    /// How long a lease surely holds from when it was asked for: the store's clock may run a little faster.
    pub(super) fn lease_lasts(&self) -> Duration {
        let lease = self.policy().lease();
        lease - lease / 20
    }

    fn outage(
        &self,
        delivery: Delivery,
        arrived: &Arrived<'_>,
        error: StoreError,
    ) -> Result<Begun, StoreError> {
        match self.policy().on_outage() {
            // A store that refuses, being set up wrongly or full, or that lacks replicas, is in reach: to proceed would be
            // to run unprotected until an operator mends it.
            OnOutage::Proceed if !error.is_store_in_reach() => {
                self.observe_decision(arrived, None, Event::Unprotected(&error));
                Ok(Begun::Unprotected(IdempotencyContext::unprotected(self, delivery, arrived.key.clone())))
            }
            OnOutage::Refuse | OnOutage::Proceed => {
                self.observe_decision(arrived, None, Event::Outage(&error));
                Err(error)
            }
        }
    }

    /// Tells that a delivery was to have an order and has none.
    pub(super) fn observe_unordered(&self, arrived: &Arrived<'_>, grant: Grant, delivery: &Delivery) {
        if let Some(reason) = delivery.unordered() {
            self.observe_decision(arrived, Some(grant), Event::Unordered(reason));
        }
    }

    pub(super) fn observe_decision(&self, arrived: &Arrived<'_>, granted: Option<Grant>, event: Event<'_>) {
        self.observe(&Observation {
            provider: self.name(),
            endpoint: arrived.key.scope().as_endpoint(),
            path: arrived.path,
            instance: None,
            key: Some(arrived.key),
            attempt: granted.map(|grant| grant.attempt),
            fence: granted.map(|grant| grant.fence),
            duration: self.runtime().now().saturating_sub(arrived.at),
            event,
        });
    }
}
