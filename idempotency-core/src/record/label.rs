//! The label: the endpoint and key that a record shows to operators.

use std::sync::Arc;

use crate::{Key, ScopedKey};

/// The endpoint of a record and its key as the sender wrote it, for operators who list records.
///
/// No decision depends on the label. [`Policy::without_key_text`](crate::Policy::without_key_text) omits the key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Label {
    /// The name of the scope's endpoint. A name of more than 256 bytes is truncated to at most 256, and ends in `…`,
    /// because a sender may choose the path and so the length.
    pub endpoint: Option<Arc<str>>,
    /// The key.
    pub key: Option<Key>,
}

impl Label {
    /// Creates the label of a key.
    #[must_use]
    pub fn of(key: &ScopedKey) -> Self {
        Self {
            endpoint: Some(truncate_endpoint(key.scope().shared_endpoint())),
            key: Some(key.key().clone()),
        }
    }

    /// Removes the key from the label.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }
}

/// Truncates the name of an endpoint to the length that a label shows.
pub(crate) fn truncate_endpoint(endpoint: Arc<str>) -> Arc<str> {
    const MAX_LEN: usize = 256;
    const ELLIPSIS: &str = "…";
    if endpoint.len() <= MAX_LEN {
        return endpoint;
    }
    let kept = (0..=MAX_LEN - ELLIPSIS.len()).rev().find_map(|end| endpoint.get(..end));
    [kept.unwrap_or_default(), ELLIPSIS].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, Scope};

    /// A sender may choose the path, and so the size of each record.
    #[test]
    fn a_long_endpoint_is_truncated_in_the_label_but_not_in_the_address() {
        let of = |endpoint: String| {
            ScopedKey::new(&Namespace::default(), Scope::endpoint(endpoint), Key::new("k").unwrap())
        };
        let shown = |key: &ScopedKey| Label::of(key).endpoint.unwrap();
        assert_eq!(&*shown(&of("x".repeat(256))), "x".repeat(256));
        for (letter, kept) in [("x", 253), ("\u{20ac}", 252), ("\u{1f600}", 252)] {
            let keys = [100, 20_000].map(|count| of(letter.repeat(count * 3)));
            assert_ne!(keys[0].digest(), keys[1].digest());
            assert_eq!(*shown(&keys[1]), format!("{}\u{2026}", letter.repeat(kept / letter.len())));
        }
    }
}
