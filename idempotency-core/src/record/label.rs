//! The label: what a record says of itself to operators.

use std::sync::Arc;

use crate::{Key, ScopedKey};

/// What a record is of, for operators who list records: the endpoint, and the key as its sender wrote it.
///
/// Nothing is decided by it. [`Policy::hiding_keys`](crate::Policy::hiding_keys) leaves the key out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Label {
    /// The name of the scope's endpoint.
    pub endpoint: Option<Arc<str>>,
    /// The key.
    pub key: Option<Key>,
}

impl Label {
    /// The label of a key.
    #[must_use]
    pub fn of(key: &ScopedKey) -> Self {
        Self { endpoint: Some(key.scope().shared_endpoint()), key: Some(key.key().clone()) }
    }

    /// The same label without the key.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }
}
