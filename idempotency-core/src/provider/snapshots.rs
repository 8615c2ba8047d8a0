//! Which types of event are snapshots, so that an older one may be discarded.

use std::sync::Arc;

/// The types of event that were named by `discarding_stale`. None by default: whether an older event may be dropped is
/// known only to whoever handles it.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots(Arc<[String]>);

impl Snapshots {
    pub(super) fn of(types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(types.into_iter().map(Into::into).collect())
    }

    pub(super) fn include(&self, event_type: &str) -> bool {
        self.0.iter().any(|candidate| candidate == event_type)
    }
}

/// Why events of a type cannot be discarded when they are stale.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Nothing in such an event says how new it is, or what it is about.
    #[error("no order is known for {0}")]
    Unordered(String),
}
