//! The context: an execution as its handler sees it.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::select;
use futures_util::task::AtomicWaker;

use super::budget::within;
use super::lease_state::LeaseState;
use super::recorder::{Closed, Recorder, RecorderSlot};
use super::{Idempotency, Runtime};
use crate::digest::FieldDigest;
use crate::{Attributes, Delivery, Fence, Grant, Key, Order, Scope, ScopedKey, StoreError};

/// Describes an execution to its handler. Cheap to clone.
#[derive(Clone)]
pub struct IdempotencyContext(Arc<Inner>);

struct Inner {
    engine: Idempotency,
    delivery: Delivery,
    key: ScopedKey,
    grant: Grant,
    lease: Option<LeaseState>,
    recorder: Mutex<RecorderSlot>,
    /// Wakes the engine when a recorder with a limit is set.
    limited: AtomicWaker,
}

impl IdempotencyContext {
    pub(super) fn granted(
        engine: &Idempotency,
        delivery: Delivery,
        key: ScopedKey,
        grant: Grant,
        lease: LeaseState,
    ) -> Self {
        Self::new(engine, delivery, key, grant, Some(lease), RecorderSlot::Empty)
    }

    pub(super) fn unprotected(engine: &Idempotency, delivery: Delivery, key: ScopedKey) -> Self {
        let grant = Grant::new(Fence::NONE, 0);
        let recorder = RecorderSlot::Closed(Closed::Unprotected);
        Self::new(engine, delivery, key, grant, None, recorder)
    }

    fn new(
        engine: &Idempotency,
        delivery: Delivery,
        key: ScopedKey,
        grant: Grant,
        lease: Option<LeaseState>,
        recorder: RecorderSlot,
    ) -> Self {
        let (recorder, limited) = (Mutex::new(recorder), AtomicWaker::new());
        Self(Arc::new(Inner { engine: engine.clone(), delivery, key, grant, lease, recorder, limited }))
    }

    /// The engine's name. Over HTTP, this is the provider's name.
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

    /// The number of this attempt, from 1.
    ///
    /// From 2 on, an earlier attempt failed, or died and may have had its effect, or was claimed without
    /// running because the store did not answer in time. 0 if the handler runs without a claim (see
    /// [`is_protected`](Self::is_protected)).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.0.grant.attempt
    }

    /// The fencing token of this attempt. Pass it to systems that can refuse a write with an older token.
    ///
    /// [`Fence::NONE`] if the handler runs without a claim.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.0.grant.fence
    }

    /// The resource that the event is about and its version, if the provider was asked for an order.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        self.0.delivery.order()
    }

    /// Other facts from the provider, such as the event's type.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        self.0.delivery.attributes()
    }

    /// The event's type, such as `customer.updated`, if the provider has one.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.0.delivery.attributes().event_type()
    }

    /// The tenant that the request's path named, if [`Providers`](crate::provider::Providers) serves tenants.
    ///
    /// One of the tenant's secrets has authenticated the request.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.0.delivery.attributes().tenant()
    }

    /// Whether a claim protects this run. False only if the policy says to proceed during an outage.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.0.lease.is_some()
    }

    /// Whether another attempt may have taken over. Ask before an effect that cannot be fenced.
    ///
    /// This is true from the local end of the lease, which leaves a margin for the network, and always true
    /// without a claim. It measures by the monotonic clock or the wall clock, whichever has advanced further
    /// since the last renewal, because the monotonic clock may stop while the machine is suspended. If the
    /// wall clock jumps forward, a lease that still holds may be reported as lost until the next renewal.
    /// That stops neither renewal nor recording.
    #[must_use]
    pub fn is_lease_lost(&self) -> bool {
        self.0.lease.as_ref().is_none_or(|lease| lease.is_lost(self.0.engine.runtime()))
    }

    /// Completes when the lease is lost. Use it in a `select!` with the work.
    ///
    /// Its timer uses the monotonic clock. After the machine was suspended, it completes when the next
    /// renewal finds the lease lost, within a third of the lease, whereas
    /// [`is_lease_lost`](Self::is_lease_lost) is true at once.
    ///
    /// # Cancel safety
    /// Safe to drop.
    pub async fn lease_lost(&self) {
        let Some(lease) = &self.0.lease else { return };
        loop {
            if lease.is_lost(self.0.engine.runtime()) {
                return;
            }
            // The lease may be renewed during the sleep, so its end is read again each time.
            let left = lease.end().saturating_sub(self.0.engine.runtime().now());
            select(pin!(lease.lost()), self.0.engine.runtime().sleep(left)).await;
        }
    }

    /// Whether a newer version of the delivery's resource has completed since this execution began.
    ///
    /// Ask before an effect that an older version must not have. Always `false` for a delivery without an
    /// order.
    ///
    /// This asks the store, with one command. A version that completes after the answer and before the effect
    /// goes unseen. If that matters too, let the system that you write to compare versions.
    ///
    /// # Errors
    /// If the store does not answer.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is changed.
    pub async fn is_stale(&self) -> Result<bool, StoreError> {
        let Some(order) = self.order() else { return Ok(false) };
        let (engine, resource) = (&self.0.engine, order.resource());
        let digest = resource.digest(engine.store().namespace());
        let newest =
            within(engine.runtime(), engine.policy().store_timeout(), || engine.store().newest(digest));
        Ok(newest.await?.is_some_and(|newest| newest > order.version()))
    }

    /// Derives an idempotency key for an outgoing call.
    ///
    /// The key is equal across the attempts of one delivery, and differs for each `name`, namespace and
    /// scope. It is 43 characters of base64url.
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

    pub(super) fn limited(&self) -> &AtomicWaker {
        &self.0.limited
    }

    pub(super) fn runtime(&self) -> &dyn Runtime {
        self.0.engine.runtime()
    }

    /// Takes the recorder, if the handler has set one. No recorder can be set from now on.
    pub(super) fn close_recorder(&self) -> Option<Box<dyn Recorder>> {
        self.recorder_slot().close()
    }

    /// The same context, as an item of a batch.
    pub(super) fn in_batch(self) -> Self {
        *self.recorder_slot() = RecorderSlot::Closed(Closed::Batch);
        self
    }

    /// The path of the request, if the delivery came in one.
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
