//! Remembers which malformed secrets have been logged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Incoming, Secret, SecretError};
use crate::digest::FieldDigest;

/// The most tenants that are remembered. With more, all are forgotten, and a secret may be logged again.
const MAX_TENANTS: usize = 10_000;

/// The malformed secrets that the latest request of each provider and tenant left out.
///
/// They are logged only when they change. A line for every request would fill the log.
#[derive(Default)]
pub(super) struct MalformedSecrets {
    /// Whether any is known. While all secrets are usable, a request takes no lock.
    has_any: AtomicBool,
    known: Mutex<HashMap<Address, [u8; 32]>>,
}

/// The provider's name and the tenant.
type Address = (Option<Box<str>>, Option<Box<str>>);

impl MalformedSecrets {
    /// Logs the secrets that a request left out, if they differ from those that the previous request of the same provider and
    /// tenant left out. `error` says what is wrong with one of them, and is `None` if there are none.
    pub(super) fn log<'s>(
        &self,
        incoming: &Incoming<'_>,
        left_out: impl Iterator<Item = &'s Secret>,
        error: Option<&SecretError>,
    ) {
        if error.is_none() && !self.has_any.load(Ordering::Relaxed) {
            return;
        }
        let (provider, tenant) = (incoming.provider, incoming.tenant);
        let address = (provider.map(Into::into), tenant.map(Into::into));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(error) = error else {
            known.remove(&address);
            self.has_any.store(!known.is_empty(), Ordering::Relaxed);
            return;
        };
        // In an order of their own, since a source need not return its secrets in the same order each time.
        let mut left_out: Vec<&[u8]> = left_out.map(Secret::expose).collect();
        left_out.sort_unstable();
        let digest = FieldDigest::new("malformed secrets");
        let digest = left_out.into_iter().fold(digest, |digest, secret| digest.field(secret)).finish();
        if known.len() >= MAX_TENANTS && !known.contains_key(&address) {
            known.clear();
        }
        self.has_any.store(true, Ordering::Relaxed);
        if known.insert(address, digest) != Some(digest) {
            drop(known);
            tracing::warn!(
                target: "idempotency",
                provider,
                tenant,
                cause = %error,
                "ignoring a malformed secret; the valid ones are used"
            );
        }
    }
}
