//! Suspending an execution, and adopting it in another process.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::budget::within;
use super::execution::Stage;
use super::lease_state::LeaseState;
use super::{Event, Execution, Idempotency, IdempotencyContext};
use crate::clock::ClockReading;
use crate::{
    Adopted, Delivery, Fence, Hold, Key, KeyError, Lease, Namespace, Order, Owner, Resource, Scope,
    ScopedKey, StoreError, Version,
};

/// A suspended execution. Serialize it with `serde`, for another process to [adopt](Idempotency::adopt) once.
///
/// It holds the key and the delivery's attributes, so it is as confidential as they are. `Debug` prints
/// neither. Later versions add fields and change none.
#[derive(Clone, Serialize, Deserialize)]
pub struct Suspended {
    name: String,
    namespace: Namespace,
    scope: Scope,
    key: String,
    owner: String,
    fence: u64,
    attempt: u32,
    order: Option<SuspendedOrder>,
    attributes: Vec<(String, String)>,
}

#[derive(Clone, Serialize, Deserialize)]
struct SuspendedOrder {
    scope: Scope,
    kind: String,
    name: String,
    version: u64,
}

/// The result of adopting an execution.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "there is one per delivery, and it is moved once")]
pub enum Adoption {
    /// The execution continues here, under a new owner and a larger fence. It is the same attempt.
    Run(Execution),
    /// The execution was adopted before, taken over, or ended.
    Lost,
}

/// An execution could not be suspended. This error hands it back.
#[derive(Debug, thiserror::Error)]
#[error("the execution could not be suspended")]
pub struct SuspendError {
    execution: Box<Execution>,
    source: Option<StoreError>,
}

impl SuspendError {
    /// The execution, which is still held unless it [is over](Self::is_lost).
    pub fn into_execution(self) -> Execution {
        *self.execution
    }

    /// Whether the execution is over: another claim has taken over, or the work was dropped over its recorder's
    /// [limit](super::Recorder::limit).
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.source.is_none()
    }
}

/// A suspended execution cannot be adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The bytes are not an execution's.
    #[error("the bytes are not a suspended execution")]
    Malformed(#[source] Option<KeyError>),
    /// The execution was suspended by an engine in another namespace.
    #[error("the execution was suspended in another namespace")]
    OtherNamespace,
    /// The store did not answer.
    ///
    /// If the operation [may have executed](StoreError::may_have_executed), the lease may be adopted without
    /// a holder. It then runs out, and the key is rerun or in doubt, as the policy says.
    #[error("the store is out of reach")]
    Store(#[source] StoreError),
}

impl Execution {
    /// Suspends the execution, for another process to [adopt](Idempotency::adopt) within `lease`.
    ///
    /// `lease` replaces the policy's lease until then. This consumes the guard, so nothing releases or renews
    /// the lease until it is adopted.
    ///
    /// # Errors
    /// [`SuspendError`] with the execution, if the lease is lost or the store does not answer.
    ///
    /// # Cancel safety
    /// If the future is dropped, the execution is dropped and its lease runs out, after `lease` at the
    /// latest.
    pub async fn suspend(self, lease: Duration) -> Result<Suspended, SuspendError> {
        // Work that was over its recorder's limit has failed.
        if !matches!(self.stage, Stage::Running) {
            return Err(SuspendError { execution: Box::new(self), source: None });
        }
        let engine = &self.engine;
        let renewal = within(engine.runtime(), engine.policy().store_timeout(), || {
            engine.store().renew(self.lease(), lease)
        });
        match renewal.await {
            Ok(Hold::Held) => {}
            Ok(Hold::Lost) => return Err(SuspendError { execution: Box::new(self), source: None }),
            Err(error) => return Err(SuspendError { execution: Box::new(self), source: Some(error) }),
        }
        let suspended = Suspended::of(&self);
        self.observe(Event::Suspended);
        self.disarm();
        Ok(suspended)
    }
}

impl Idempotency {
    /// Adopts an execution that was suspended, here or in another process, once.
    ///
    /// Its lease is then this policy's, and [`Execution::renew_while`] renews it as usual.
    ///
    /// # Errors
    /// [`AdoptError`] if the bytes are not an execution's in this namespace, or the store does not answer.
    ///
    /// # Cancel safety
    /// If the future is dropped, the lease may be adopted without a holder. It then runs out.
    pub async fn adopt(&self, suspended: Suspended) -> Result<Adoption, AdoptError> {
        let namespace = self.store().namespace();
        if suspended.namespace != *namespace {
            return Err(AdoptError::OtherNamespace);
        }
        let (owner, delivery) = suspended.read()?;
        let order = delivery.order().map(|order| order.scoped(namespace));
        let key = ScopedKey::new(namespace, delivery.scope().clone(), delivery.key().clone());
        let lease = Lease::new(key.clone(), order, owner, Fence::new(suspended.fence));
        let (new_owner, mut sent) = (self.runtime().new_owner(), ClockReading::of(self.runtime()));
        let adoption = within(self.runtime(), self.policy().store_timeout(), || {
            self.store().adopt(&lease, new_owner, self.policy().lease())
        });
        let grant = match adoption.await.map_err(AdoptError::Store)? {
            Adopted::Granted(grant) => grant,
            Adopted::Lost => return Ok(Adoption::Lost),
        };
        let lease = Lease::new(key.clone(), order, new_owner, grant.fence);
        if !self.outlasts_first_renewal(sent) {
            let renewal = self.renew_late_lease(&lease, self.policy().lease());
            match renewal.await.map_err(AdoptError::Store)? {
                Some(renewed) => sent = renewed,
                None => return Ok(Adoption::Lost),
            }
        }
        let engine = self.clone().with_name(suspended.name);
        let state = LeaseState::held_from(sent, self.guaranteed_lease());
        let context = IdempotencyContext::granted(&engine, delivery, key, grant, state);
        let now = engine.runtime().now();
        let execution = Execution::new(engine, lease, context, now);
        execution.observe(Event::Adopted);
        Ok(Adoption::Run(execution))
    }
}

impl Suspended {
    fn of(execution: &Execution) -> Self {
        let (delivery, lease) = (execution.context.delivery(), execution.lease());
        let order = delivery.order().map(|order| SuspendedOrder {
            scope: order.resource().scope().clone(),
            kind: order.resource().kind().to_owned(),
            name: order.resource().name().to_owned(),
            version: order.version().get(),
        });
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            name: execution.engine.name().to_owned(),
            namespace: execution.engine.store().namespace().clone(),
            scope: delivery.scope().clone(),
            key: delivery.key().as_str().to_owned(),
            owner: HEXLOWER.encode(lease.owner().as_bytes()),
            fence: lease.fence().get(),
            attempt: execution.context.attempt(),
            order,
            attributes: delivery.attributes().iter().map(owned).collect(),
        }
    }

    /// Reads the owner that suspended the execution, and its delivery, which was verified when it arrived.
    fn read(&self) -> Result<(Owner, Delivery), AdoptError> {
        let owner = HEXLOWER.decode(self.owner.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let owner = Owner::from_bytes(owner.ok_or(AdoptError::Malformed(None))?);
        let key = Key::new(&self.key).map_err(|error| AdoptError::Malformed(Some(error)))?;
        let order = self.order.as_ref().map(|order| {
            let resource = Resource::new(&order.scope, &order.kind, &order.name);
            Order::new(resource, Version::new(order.version))
        });
        Ok((owner, Delivery::suspended(self.scope.clone(), key, order, &self.attributes)))
    }
}

impl fmt::Debug for Suspended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspended")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("fence", &self.fence)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
