//! What an operator does with one record: load, forget, resolve.
//!
//! All take the digest of the key. The first 24 of its bytes are the address; the others tell whose record is there, and
//! forgetting does not ask.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::codec::{self, Packed, digest_end, identity};
use super::command::{Command, argument};
use super::{fault, script};
use crate::{KeyDigest, Outcome, Record, RecordView, Resolution, ScopedOrder, State, StoreError};

impl Shared {
    pub(super) async fn load(self: &Arc<Self>, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let reply = self.carry_out(&loading(self.keys.record(key))).await?;
        Ok(loaded(reply)?.map(|loaded| loaded.view(key)))
    }

    pub(super) async fn forget(self: &Arc<Self>, key: KeyDigest) -> Result<bool, StoreError> {
        let arguments = vec![self.keys.channel(key).into()];
        done(self.carry_out(&Command::script(&script::FORGET, self.keys.record(key), arguments)).await?)
    }

    /// Settles a record, as completed only the very one that was looked at, whose mark is raised before.
    pub(super) async fn resolve(
        self: &Arc<Self>,
        key: KeyDigest,
        resolution: &Resolution,
    ) -> Result<bool, StoreError> {
        let outcome = match resolution {
            Resolution::Completed(outcome) => outcome,
            Resolution::Released => {
                let command = self.settling(key, codec::STATE_RELEASED, &Outcome::default());
                return done(self.carry_out(&command).await?);
            }
        };
        let loaded = loaded(self.carry_out(&loading(self.keys.record(key))).await?)?;
        let Some((record, retention)) = loaded.and_then(|loaded| loaded.abandoned(key)) else {
            return Ok(false);
        };
        if let Some(order) = record.order.filter(|_| self.route.is_sharded()) {
            self.carry_out(&self.raise(order, retention)).await?;
        }
        let order = record.order.filter(|_| !self.route.is_sharded());
        let command = self
            .settling(key, codec::STATE_COMPLETED, outcome)
            .with_argument(argument(identity(record.owner, record.fence)))
            .with_name(order.map(|ScopedOrder { resource, .. }| self.keys.mark(resource)));
        done(self.carry_out(&command).await?)
    }

    fn settling(&self, key: KeyDigest, state: &[u8], outcome: &Outcome) -> Command {
        let arguments = vec![
            argument(digest_end(key)),
            argument(state),
            outcome.as_bytes().clone(),
            self.keys.channel(key).into(),
        ];
        Command::script(&script::RESOLVE, self.keys.record(key), arguments)
    }
}

/// What is under a record's name.
pub(super) struct Loaded {
    pub(super) bytes: Vec<u8>,
    /// In milliseconds. There is none where a stranger persisted it.
    pub(super) ttl: Option<u64>,
}

/// Looks at a record.
pub(super) fn loading(name: String) -> Command {
    Command::script(&script::LOAD, name, Vec::new())
}

/// Reads the reply to [`loading`].
pub(super) fn loaded(reply: Value) -> Result<Option<Loaded>, StoreError> {
    let parts = match reply {
        Value::Nil => return Ok(None),
        Value::Array(parts) => <[Value; 2]>::try_from(parts).map_err(|_| fault::senseless())?,
        _ => return Err(fault::senseless()),
    };
    match parts {
        [Value::BulkString(bytes), Value::Int(ttl)] => {
            Ok(Some(Loaded { bytes, ttl: u64::try_from(ttl).ok() }))
        }
        _ => Err(fault::senseless()),
    }
}

impl Loaded {
    /// What an operator sees of it at this address.
    pub(super) fn view(self, key: KeyDigest) -> RecordView {
        let expires_in = self.ttl.map_or(Duration::MAX, Duration::from_millis);
        match Packed::decode(self.bytes, key) {
            Some(packed) => RecordView::new(key, &packed.at_ttl(self.ttl), Duration::ZERO, expires_in),
            None => RecordView::unreadable(key, expires_in),
        }
    }

    /// The record and its retention in milliseconds, where it is readable and its lease has run out.
    fn abandoned(self, key: KeyDigest) -> Option<(Record, u64)> {
        let packed = Packed::decode(self.bytes, key)?;
        let retention = packed.retention;
        let record = packed.at_ttl(self.ttl);
        (record.state == State::InFlight { deadline: Duration::ZERO }).then_some((record, retention))
    }
}

pub(super) fn done(reply: Value) -> Result<bool, StoreError> {
    match reply {
        Value::Int(number) => Ok(number == 1),
        _ => Err(fault::senseless()),
    }
}
