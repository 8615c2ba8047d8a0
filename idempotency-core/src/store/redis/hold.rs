//! What a holder does with its lease: renew, complete, release.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::codec::{be48, digest_end, identity, millis};
use super::{fault, script};
use crate::{Hold, Lease, Outcome, StoreError, StoreErrorKind};

impl Shared {
    pub(super) async fn renew(
        self: &Arc<Self>,
        lease: &Lease,
        duration: Duration,
    ) -> Result<Hold, StoreError> {
        let name = Names::of(self, lease);
        let duration = be48(millis(duration));
        let mut calls = self.calls(&name.record);
        let arguments: [&[u8]; 3] = [&name.digest, &name.identity, &duration];
        hold(calls.invoke(&script::RENEW, &[&name.record], &arguments).await?)
    }

    pub(super) async fn complete(
        self: &Arc<Self>,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        let name = Names::of(self, lease);
        let retention = be48(millis(retention));
        let channel = name.channel.as_bytes();
        let mut calls = self.durable_calls(&name.record);
        let mark = lease.order().map(|order| self.keys.mark(order.resource().digest()));
        let version = lease.order().map(|order| order.version().get().to_be_bytes());
        let keys: Vec<&str> = iter::once(&*name.record).chain(mark.as_deref()).collect();
        let mut arguments: Vec<&[u8]> =
            vec![&name.digest, &name.identity, outcome.as_bytes(), &retention, channel];
        calls.add_version_and_touch(&mut arguments, version.as_ref());
        let reply = calls.invoke(&script::COMPLETE, &keys, &arguments).await;
        let error = match reply.map_err(StoreError::from) {
            Ok(reply) => {
                let hold = hold(reply)?;
                if hold == Hold::Held {
                    calls.confirm().await?;
                }
                return Ok(hold);
            }
            Err(error) if error.kind() == StoreErrorKind::Full => error,
            Err(error) => return Err(error),
        };
        // The effect has happened, so the key must not become claimable when the lease runs out.
        let pin = calls.invoke(&script::PIN, &[&name.record], &[&name.digest, &name.identity, channel]).await;
        match pin.map_err(StoreError::from).and_then(hold) {
            Ok(Hold::Lost) => Ok(Hold::Lost),
            Ok(Hold::Held) => Err(error),
            Err(pin_error) => {
                tracing::error!(?pin_error, "Redis is full, and the record could not be put in doubt either");
                Err(error)
            }
        }
    }

    pub(super) async fn release(self: &Arc<Self>, lease: &Lease) -> Result<Hold, StoreError> {
        let name = Names::of(self, lease);
        let arguments: [&[u8]; 3] = [&name.digest, &name.identity, name.channel.as_bytes()];
        hold(self.calls(&name.record).invoke(&script::RELEASE, &[&name.record], &arguments).await?)
    }
}

/// What a script is told of a lease.
struct Names {
    record: String,
    channel: String,
    digest: [u8; 16],
    identity: [u8; 24],
}

impl Names {
    fn of(shared: &Shared, lease: &Lease) -> Self {
        let digest = lease.key().digest();
        Self {
            record: shared.keys.record(lease.key(), lease.order()),
            channel: shared.keys.channel(digest),
            digest: digest_end(digest),
            identity: identity(lease.owner(), lease.fence()),
        }
    }
}

pub(super) fn hold(reply: Value) -> Result<Hold, StoreError> {
    match reply {
        Value::Int(1) => Ok(Hold::Held),
        Value::Int(0) => Ok(Hold::Lost),
        _ => Err(fault::senseless()),
    }
}
