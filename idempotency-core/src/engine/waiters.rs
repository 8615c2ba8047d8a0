//! The waiters: counts the duplicates of a key that wait in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::KeyDigest;

/// Counts waiters per key, which bounds a storm of retries.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<HashMap<KeyDigest, usize>>);

/// A permit to wait for a key. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Waiter {
    waiters: Arc<Waiters>,
    key: KeyDigest,
}

impl Waiters {
    /// Takes a permit to wait for a key. `None` if `limit` waiters have one already.
    pub(super) fn enter(self: &Arc<Self>, key: KeyDigest, limit: usize) -> Option<Waiter> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= limit {
            if *count == 0 {
                counts.remove(&key);
            }
            return None;
        }
        *count += 1;
        Some(Waiter { waiters: self.clone(), key })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut counts = self.waiters.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Key, Namespace, Scope, ScopedKey};

    fn key(name: &str) -> KeyDigest {
        ScopedKey::new(&Namespace::default(), Scope::endpoint("tests"), Key::new(name).unwrap()).digest()
    }

    #[test]
    fn permits_are_counted_per_key_and_given_back() {
        let waiters = Arc::new(Waiters::default());
        let first = waiters.enter(key("a"), 2).unwrap();
        let second = waiters.enter(key("a"), 2).unwrap();
        assert!(waiters.enter(key("a"), 2).is_none());
        assert!(waiters.enter(key("a"), 2).is_none(), "a refusal leaves the count unchanged");
        assert!(waiters.enter(key("b"), 2).is_some());
        drop(first);
        let third = waiters.enter(key("a"), 2).unwrap();
        assert!(waiters.enter(key("a"), 2).is_none());
        drop((second, third));
    }

    #[test]
    fn a_key_without_waiters_is_not_kept() {
        let waiters = Arc::new(Waiters::default());
        assert!(waiters.enter(key("a"), 0).is_none());
        drop(waiters.enter(key("b"), 1).unwrap());
        assert!(waiters.0.lock().unwrap().is_empty());
    }
}
