//! Writing an execution down, and adopting it in another process.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::budget::within;
use super::lease_state::{LeaseState, Moment};
use super::{Event, Execution, Idempotency, IdempotencyContext};
use crate::{
    Adopted, Delivery, Fence, Hold, Key, KeyError, Lease, Namespace, Order, Owner, Resource, Scope,
    ScopedKey, StoreError, Version,
};

/// An execution that was written down: serializable by `serde`, for another process to [adopt](Idempotency::adopt) once.
///
/// It holds the key and the delivery's attributes, so it is as confidential as those. `Debug` prints neither. Later versions
/// add fields and change none.
#[derive(Clone, Serialize, Deserialize)]
pub struct WrittenDown {
    name: String,
    namespace: Namespace,
    scope: Scope,
    key: String,
    owner: String,
    fence: u64,
    attempt: u32,
    order: Option<WrittenOrder>,
    attributes: Vec<(String, String)>,
}

#[derive(Clone, Serialize, Deserialize)]
struct WrittenOrder {
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
    /// It goes on here, under a new owner and a larger fence: the same attempt.
    Run(Execution),
    /// It was adopted before, taken over, or ended.
    Lost,
}

/// An execution could not be written down; it is given back.
#[derive(Debug, thiserror::Error)]
#[error("the execution could not be written down")]
pub struct NotWrittenDown {
    execution: Box<Execution>,
    source: Option<StoreError>,
}

impl NotWrittenDown {
    /// The execution, which is still held unless its lease is lost.
    pub fn into_execution(self) -> Execution {
        *self.execution
    }

    /// Whether the lease is lost: another claim has taken over.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.source.is_none()
    }
}

/// An execution that was written down cannot be adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptError {
    /// The bytes are not of an execution.
    #[error("what was written down is not an execution")]
    Malformed(#[source] Option<KeyError>),
    /// It was written down by an engine in another namespace.
    #[error("the execution was written down in another namespace")]
    OtherNamespace,
    /// The store cannot tell. If it [may have executed](StoreError::may_have_executed), the lease may have been adopted without a
    /// holder: it runs out, and the key is rerun or in doubt, as the policy says.
    #[error("the store is out of reach")]
    Store(#[source] StoreError),
}

impl Execution {
    /// Writes the execution down, for another process to [adopt](Idempotency::adopt) within `lease`, which replaces the policy's
    /// lease until then. This consumes the guard: nothing releases or renews the lease until it is adopted.
    ///
    /// # Errors
    /// [`NotWrittenDown`], with the execution, where the lease is lost or the store cannot tell.
    ///
    /// # Cancel safety
    /// If it is dropped the execution is dropped, and its lease runs out, after `lease` at the latest.
    pub async fn write_down(self, lease: Duration) -> Result<WrittenDown, NotWrittenDown> {
        let engine = &self.engine;
        let renewal = within(engine.runtime(), engine.policy().store_timeout(), || {
            engine.store().renew(&self.lease, lease)
        });
        match renewal.await {
            Ok(Hold::Held) => {}
            Ok(Hold::Lost) => return Err(NotWrittenDown { execution: Box::new(self), source: None }),
            Err(error) => return Err(NotWrittenDown { execution: Box::new(self), source: Some(error) }),
        }
        let written = WrittenDown::of(&self);
        self.observe(Event::WrittenDown);
        self.disarm();
        Ok(written)
    }
}

impl Idempotency {
    /// Adopts an execution that was written down, here or in another process, once. Its lease is then this policy's, and
    /// [`Execution::drive`] renews it as always.
    ///
    /// # Errors
    /// [`AdoptError`] where the bytes are not of an execution in this namespace, or the store cannot tell.
    ///
    /// # Cancel safety
    /// If it is dropped, the lease may have been adopted; it then runs out.
    pub async fn adopt(&self, written: WrittenDown) -> Result<Adoption, AdoptError> {
        let namespace = self.store().namespace();
        if written.namespace != *namespace {
            return Err(AdoptError::OtherNamespace);
        }
        let (owner, delivery) = written.read()?;
        let order = delivery.order().map(|order| order.scoped(namespace));
        let key = ScopedKey::new(namespace, delivery.scope().clone(), delivery.key().clone());
        let lease = Lease::new(key.clone(), order, owner, Fence::new(written.fence));
        let (new_owner, mut sent) = (self.runtime().new_owner(), Moment::of(self.runtime()));
        let adoption = within(self.runtime(), self.policy().store_timeout(), || {
            self.store().adopt(&lease, new_owner, self.policy().lease())
        });
        let grant = match adoption.await.map_err(AdoptError::Store)? {
            Adopted::Granted(grant) => grant,
            Adopted::Lost => return Ok(Adoption::Lost),
        };
        let lease = Lease::new(key.clone(), order, new_owner, grant.fence);
        if !self.lasts(sent) {
            let renewal = self.renew_until_it_lasts(&lease, self.policy().lease());
            match renewal.await.map_err(AdoptError::Store)? {
                Some(renewed) => sent = renewed,
                None => return Ok(Adoption::Lost),
            }
        }
        let engine = self.clone().with_name(written.name);
        let state = LeaseState::held_from(sent, self.lease_lasts());
        let context = IdempotencyContext::granted(&engine, delivery, key, grant, state);
        let execution = Execution::new(engine, lease, context);
        execution.observe(Event::Adopted);
        Ok(Adoption::Run(execution))
    }
}

impl WrittenDown {
    fn of(execution: &Execution) -> Self {
        let (delivery, lease) = (execution.context.delivery(), &execution.lease);
        let order = delivery.order().map(|order| WrittenOrder {
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

    /// The owner that wrote it down, and the delivery. It was verified when it arrived.
    fn read(&self) -> Result<(Owner, Delivery), AdoptError> {
        let owner = HEXLOWER.decode(self.owner.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let owner = Owner::from_bytes(owner.ok_or(AdoptError::Malformed(None))?);
        let key = Key::new(&self.key).map_err(|error| AdoptError::Malformed(Some(error)))?;
        let order = self.order.as_ref().map(|order| {
            let resource = Resource::new(&order.scope, &order.kind, &order.name);
            Order::new(resource, Version::new(order.version))
        });
        Ok((owner, Delivery::written_down(self.scope.clone(), key, order, &self.attributes)))
    }
}

impl fmt::Debug for WrittenDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrittenDown")
            .field("name", &self.name)
            .field("namespace", &self.namespace)
            .field("fence", &self.fence)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
