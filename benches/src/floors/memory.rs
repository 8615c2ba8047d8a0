//! A `DashMap` of outcomes.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

use super::{Attempt, Found, HandWritten};

/// A baseline in memory. A key without an outcome is in flight. It drops nothing, ever.
#[derive(Clone, Default)]
pub struct PlainMap(Arc<DashMap<Vec<u8>, Option<Bytes>>>);

impl HandWritten for PlainMap {
    async fn claim(&self, attempt: Attempt<'_>) -> Found {
        match self.0.entry(attempt.key.to_vec()) {
            Entry::Vacant(entry) => {
                entry.insert(None);
                Found::Nothing
            }
            Entry::Occupied(entry) => match entry.get() {
                Some(outcome) => Found::Completed(outcome.clone()),
                None => Found::InFlight,
            },
        }
    }

    async fn complete(&self, attempt: Attempt<'_>, outcome: &Bytes) {
        if let Some(mut value) = self.0.get_mut(attempt.key) {
            *value = Some(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_free_then_in_flight_then_completed() {
        let (map, attempt) = (PlainMap::default(), Attempt { key: b"k", text: "k", owner: b"" });
        assert_eq!(map.claim(attempt).await, Found::Nothing);
        assert_eq!(map.claim(attempt).await, Found::InFlight);
        map.complete(attempt, &Bytes::from_static(b"ok")).await;
        assert_eq!(map.claim(attempt).await, Found::Completed(Bytes::from_static(b"ok")));
    }
}
