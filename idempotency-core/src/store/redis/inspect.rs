//! What an operator does: load, forget, resolve.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;

use super::Shared;
use super::codec::{self, Packed, digest_end};
use super::{fault, script};
use crate::{KeyDigest, Outcome, RecordView, Resolution, ScopedKey, StoreError};

impl Shared {
    pub(super) async fn load(self: &Arc<Self>, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        let record = self.keys.record(key, None);
        view(self.calls(&record).invoke(&script::LOAD, &[&record], &[]).await?, key.digest())
    }

    pub(super) async fn forget(self: &Arc<Self>, key: &ScopedKey) -> Result<bool, StoreError> {
        let record = self.keys.record(key, None);
        let channel = self.keys.channel(key.digest());
        done(self.calls(&record).invoke(&script::FORGET, &[&record], &[channel.as_bytes()]).await?)
    }

    pub(super) async fn resolve(
        self: &Arc<Self>,
        key: &ScopedKey,
        resolution: &Resolution,
    ) -> Result<bool, StoreError> {
        let record = self.keys.record(key, None);
        let channel = self.keys.channel(key.digest());
        let (state, outcome, resource) = match resolution {
            Resolution::Completed(outcome) => {
                (codec::STATE_COMPLETED, outcome.clone(), key.resource_digest())
            }
            Resolution::Released => (codec::STATE_RELEASED, Outcome::default(), None),
        };
        let mark = resource.map(|resource| self.keys.mark(resource));
        let names: Vec<&str> = iter::once(&*record).chain(mark.as_deref()).collect();
        let arguments: [&[u8]; 4] =
            [&digest_end(key.digest()), state, outcome.as_bytes(), channel.as_bytes()];
        done(self.calls(&record).invoke(&script::RESOLVE, &names, &arguments).await?)
    }
}

/// Reads the load script's answer.
pub(super) fn view(reply: Value, digest: KeyDigest) -> Result<Option<RecordView>, StoreError> {
    let parts = match reply {
        Value::Nil => return Ok(None),
        Value::Array(parts) => <[Value; 2]>::try_from(parts).map_err(|_| fault::senseless())?,
        _ => return Err(fault::senseless()),
    };
    let [Value::BulkString(bytes), Value::Int(ttl)] = parts else {
        return Err(fault::senseless());
    };
    // No TTL: a stranger persisted it.
    let ttl = u64::try_from(ttl).ok();
    let expires_in = ttl.map_or(Duration::MAX, Duration::from_millis);
    Ok(Some(match Packed::decode(bytes, digest) {
        Some(packed) => RecordView::new(&packed.at_ttl(ttl), Duration::ZERO, expires_in),
        None => RecordView::unreadable(expires_in),
    }))
}

pub(super) fn done(reply: Value) -> Result<bool, StoreError> {
    match reply {
        Value::Int(number) => Ok(number == 1),
        _ => Err(fault::senseless()),
    }
}
