//! The context: what a handler is told of its execution.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::select;

use super::Idempotency;
use super::budget::within;
use super::lease_state::LeaseState;
use super::recorder::{Closed, Recorder, RecorderSlot};
use crate::digest::FieldDigest;
use crate::{Attributes, Delivery, Fence, Grant, Key, Order, Scope, ScopedKey, StoreError};

/// What a handler is told of its execution. Cheap to clone.
#[derive(Clone)]
pub struct IdempotencyContext(Arc<Inner>);

struct Inner {
    engine: Idempotency,
    delivery: Delivery,
    key: ScopedKey,
    grant: Grant,
    lease: Option<LeaseState>,
    recorder: Mutex<RecorderSlot>,
}

impl IdempotencyContext {
    pub(super) fn granted(
        engine: &Idempotency,
        delivery: Delivery,
        key: ScopedKey,
        grant: Grant,
        lease: LeaseState,
    ) -> Self {
        let recorder = Mutex::default();
        Self(Arc::new(Inner { engine: engine.clone(), delivery, key, grant, lease: Some(lease), recorder }))
    }

    pub(super) fn unprotected(engine: &Idempotency, delivery: Delivery, key: ScopedKey) -> Self {
        let grant = Grant::new(Fence::NONE, 0);
        let recorder = Mutex::new(RecorderSlot::Closed(Closed::Unprotected));
        Self(Arc::new(Inner { engine: engine.clone(), delivery, key, grant, lease: None, recorder }))
    }

    /// The engine's name: the provider's, over HTTP.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.0.engine.name()
    }

    /// The key, as the sender wrote it.
    #[must_use]
    pub fn key(&self) -> &Key {
        self.0.key.key()
    }

    /// The scope in which the key is unique.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        self.0.key.scope()
    }

    /// Which attempt this is, from 1. From 2 on, an earlier one failed, died and may have had its effect, or was claimed
    /// without running because the store did not answer in time.
    ///
    /// 0 where the handler runs without a claim (see [`is_protected`](Self::is_protected)).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.grant.attempt
    }

    /// The fencing token of this attempt: hand it to systems that can refuse a write with an older one.
    ///
    /// [`Fence::NONE`] where the handler runs without a claim.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.0.grant.fence
    }

    /// Which resource the event is about and how new it is, where the provider was asked for it.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        self.0.delivery.order()
    }

    /// What else the provider knows, such as the event's type.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        self.0.delivery.attributes()
    }

    /// The event's type, such as `customer.updated`, where the provider has one.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.0.delivery.attributes().event_type()
    }

    /// Whether a claim protects this run. False only if the policy says to proceed during an outage.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.0.lease.is_some()
    }

    /// Whether another attempt may have taken over: ask it before an effect that cannot be fenced.
    ///
    /// True from the local end of the lease on, which leaves a margin for the network, and always without a claim. It uses the
    /// monotonic clock and the wall clock, whichever has advanced further since the lease was renewed: the monotonic clock
    /// may stand still while the machine is suspended. If the wall clock jumps forward, a lease that holds may be reported as
    /// lost until the next renewal; that stops neither renewing nor recording.
    #[must_use]
    pub fn is_lease_lost(&self) -> bool {
        self.0.lease.as_ref().is_none_or(|lease| lease.is_lost(self.0.engine.runtime()))
    }

    /// Ends when [`is_lease_lost`](Self::is_lease_lost); never, while the lease holds. For a `select!` beside the work.
    ///
    /// Its timer uses the monotonic clock: after the machine was suspended, it ends when the next renewal finds the lease lost,
    /// within a third of the lease. [`is_lease_lost`](Self::is_lease_lost) is true at once.
    ///
    /// # Cancel safety
    /// Safe to drop.
    pub async fn lease_lost(&self) {
        let Some(lease) = &self.0.lease else { return };
        loop {
            if lease.is_lost(self.0.engine.runtime()) {
                return;
            }
            // At its end it may have been renewed meanwhile.
            let left = lease.end().saturating_sub(self.0.engine.runtime().now());
            select(pin!(lease.lost()), self.0.engine.runtime().sleep(left)).await;
        }
    }

    /// Whether a newer version of the delivery's resource has completed since this execution began: ask it before an
    /// effect that an older version must not have. Always `false` for a delivery without an order.
    ///
    /// This asks the store, with one command. It does not see a version that completes between the answer and the effect: if
    /// that matters too, let the system that you write to compare the versions.
    ///
    /// # Errors
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    /// Nothing is changed by it.
    pub async fn is_superseded(&self) -> Result<bool, StoreError> {
        let Some(order) = self.order() else { return Ok(false) };
        let (engine, resource) = (&self.0.engine, order.resource());
        let digest = resource.digest(engine.store().namespace());
        let newest =
            within(engine.runtime(), engine.policy().store_timeout(), || engine.store().newest(digest));
        Ok(newest.await?.is_some_and(|newest| newest > order.version()))
    }

    /// A key for an outgoing call: equal across the attempts of one delivery, different for each `name`, and in each
    /// namespace and scope.
    ///
    /// Hand it to the other side as its idempotency key. 43 characters of base64url.
    #[must_use]
    pub fn derive_key(&self, name: &str) -> String {
        let digest = FieldDigest::new("derived key")
            .field(self.0.key.digest().as_bytes())
            .field(name.as_bytes())
            .finish();
        data_encoding::BASE64URL_NOPAD.encode(&digest)
    }

    pub(super) fn delivery(&self) -> &Delivery {
        &self.0.delivery
    }

    pub(super) fn recorder_slot(&self) -> MutexGuard<'_, RecorderSlot> {
        self.0.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the recorder out, where the handler has set one; from now on none is taken.
    pub(super) fn close_recorder(&self) -> Option<Box<dyn Recorder>> {
        self.recorder_slot().close()
    }

    /// The same, as one of a batch.
    pub(super) fn in_batch(self) -> Self {
        *self.recorder_slot() = RecorderSlot::Closed(Closed::Batch);
        self
    }

    /// The path of its request, where it came by one.
    pub(super) fn path(&self) -> Option<&str> {
        self.0.delivery.path()
    }

    pub(crate) fn scoped_key(&self) -> &ScopedKey {
        &self.0.key
    }

    pub(super) fn lease_state(&self) -> Option<&LeaseState> {
        self.0.lease.as_ref()
    }
}

impl fmt::Debug for IdempotencyContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyContext")
            .field("provider", &self.provider())
            .field("key", &self.0.key)
            .field("attempt", &self.attempt())
            .field("fence", &self.fence())
            .finish_non_exhaustive()
    }
}
