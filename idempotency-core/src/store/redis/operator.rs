//! The operations for operators on one record: load, forget, resolve.
//!
//! They take the digest of the key. Its first 24 bytes are the record's address. `load` and `resolve` use the last 8
//! bytes to check that the record belongs to the key; `forget` does not check.

use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::call::command::Command;
use super::mark;
use super::net::fault;
use super::record::codec::{self, Packed, digest_end, identity};
use super::record::script;
use crate::store::{Record, State};
use crate::{KeyDigest, Outcome, RecordView, Resolution, ScopedOrder, StoreError};

impl Shared {
    pub(super) async fn load(self: &Arc<Self>, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let reply = self.execute(&load_command(self.keys.record(key))).await?;
        Ok(parse_loaded(reply)?.map(|loaded| loaded.view(key)))
    }

    pub(super) async fn forget(self: &Arc<Self>, key: KeyDigest) -> Result<bool, StoreError> {
        let command =
            Command::script(&script::FORGET, self.keys.record(key), None).with(self.keys.channel(key));
        parse_bool(self.execute(&command).await?)
    }

    /// Resolves a record. As completed, it first raises the mark, and then resolves the record only if it is still the
    /// one that was loaded.
    pub(super) async fn resolve(
        self: &Arc<Self>,
        key: KeyDigest,
        resolution: &Resolution,
    ) -> Result<bool, StoreError> {
        let outcome = match resolution {
            Resolution::Completed(outcome) => outcome,
            Resolution::Released => {
                let command = self.resolve_command(key, None, codec::STATE_RELEASED, &Outcome::default());
                return parse_bool(self.execute(&command).await?);
            }
        };
        let loaded = parse_loaded(self.execute(&load_command(self.keys.record(key))).await?)?;
        let Some((record, retention)) = loaded.and_then(|loaded| loaded.abandoned(key)) else {
            return Ok(false);
        };
        let separate = record.order.filter(|_| self.route.is_sharded());
        if let Some(order) = separate {
            self.execute(&self.raise_command(order, retention)).await?;
        }
        let order = record.order.filter(|_| !self.route.is_sharded());
        let command = self
            .resolve_command(key, order, codec::STATE_COMPLETED, outcome)
            .with(identity(record.owner, record.fence));
        let resolved = self.execute(&command).await.map_err(StoreError::from).and_then(parse_bool);
        if separate.is_some() { resolved.map_err(mark::after_raise) } else { resolved }
    }

    fn resolve_command(
        &self,
        key: KeyDigest,
        order: Option<ScopedOrder>,
        state: &[u8],
        outcome: &Outcome,
    ) -> Command {
        self.record_script(&script::RESOLVE, key, order)
            .with(digest_end(key))
            .with(state)
            .with(outcome.as_bytes())
            .with(self.keys.channel(key))
    }
}

/// The value under a record's name, and its TTL.
pub(super) struct Loaded {
    pub(super) bytes: Vec<u8>,
    /// In milliseconds. `None` if the key was persisted from outside.
    pub(super) ttl: Option<u64>,
}

/// The command that loads a record.
pub(super) fn load_command(name: String) -> Command {
    Command::script(&script::LOAD, name, None)
}

/// Reads the reply to [`load_command`].
pub(super) fn parse_loaded(reply: Value) -> Result<Option<Loaded>, StoreError> {
    let parts = match reply {
        Value::Nil => return Ok(None),
        Value::Array(parts) => <[Value; 2]>::try_from(parts).map_err(|_| fault::unexpected_reply())?,
        _ => return Err(fault::unexpected_reply()),
    };
    match parts {
        [Value::BulkString(bytes), Value::Int(ttl)] => {
            Ok(Some(Loaded { bytes, ttl: u64::try_from(ttl).ok() }))
        }
        _ => Err(fault::unexpected_reply()),
    }
}

impl Loaded {
    /// The record as an operator sees it.
    pub(super) fn view(self, key: KeyDigest) -> RecordView {
        let expires_in = self.ttl.map_or(Duration::MAX, Duration::from_millis);
        match Packed::decode(self.bytes, key) {
            Some(packed) => RecordView::new(key, &packed.at_ttl(self.ttl), Duration::ZERO, expires_in),
            None => RecordView::unreadable(key, expires_in),
        }
    }

    /// The record and its retention in milliseconds, if it is readable and its lease has run out.
    fn abandoned(self, key: KeyDigest) -> Option<(Record, u64)> {
        let packed = Packed::decode(self.bytes, key)?;
        let retention = packed.retention;
        let record = packed.at_ttl(self.ttl);
        (record.state == State::InFlight { deadline: Duration::ZERO }).then_some((record, retention))
    }
}

pub(super) fn parse_bool(reply: Value) -> Result<bool, StoreError> {
    match reply {
        Value::Int(number) => Ok(number == 1),
        _ => Err(fault::unexpected_reply()),
    }
}
