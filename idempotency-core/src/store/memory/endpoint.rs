//! Endpoints: their names, which the records of a shard share.

use std::collections::HashMap;
use std::sync::Arc;

use super::totals::next_sweep;

/// The name of an endpoint. It is behind a second pointer, because a pointer to a text takes 16 bytes, and one to this
/// takes 8.
#[derive(Clone)]
pub(super) struct Endpoint(Arc<Arc<str>>);

impl Endpoint {
    pub(super) fn name(&self) -> &Arc<str> {
        &self.0
    }
}

/// The endpoints of a shard's records, and some that had records.
#[derive(Default)]
pub(super) struct Endpoints {
    by_name: HashMap<Arc<str>, Endpoint>,
    sweep_at: usize,
}

impl Endpoints {
    /// The endpoint with this name.
    pub(super) fn share(&mut self, name: &Arc<str>) -> Endpoint {
        if let Some(endpoint) = self.by_name.get(name) {
            return endpoint.clone();
        }
        if self.by_name.len() >= self.sweep_at {
            self.sweep();
        }
        let endpoint = Endpoint(Arc::new(Arc::clone(name)));
        self.by_name.insert(Arc::clone(name), endpoint.clone());
        endpoint
    }

    /// Drops the endpoints that no record has.
    pub(super) fn sweep(&mut self) {
        self.by_name.retain(|_, endpoint| Arc::strong_count(&endpoint.0) > 1);
        self.sweep_at = next_sweep(self.by_name.len());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }
}
