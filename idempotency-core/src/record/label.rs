//! The label: what a record says of itself to operators.

use std::sync::Arc;

use crate::{Key, ScopedKey};

/// What a record is of, for operators who list records: the endpoint, and the key as its sender wrote it.
///
/// Nothing is decided by it. [`Policy::hiding_keys`](crate::Policy::hiding_keys) leaves the key out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Label {
    /// The name of the scope's endpoint. One of more than 256 bytes is cut to at most that, and ends in `…`: a sender may
    /// choose the path, and with it the length.
    pub endpoint: Option<Arc<str>>,
    /// The key.
    pub key: Option<Key>,
}

impl Label {
    /// The label of a key.
    #[must_use]
    pub fn of(key: &ScopedKey) -> Self {
        Self { endpoint: Some(cut(key.scope().shared_endpoint())), key: Some(key.key().clone()) }
    }

    /// The same label without the key.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.key = None;
        self
    }
}

/// The name of an endpoint as a label shows it.
pub(crate) fn cut(endpoint: Arc<str>) -> Arc<str> {
    const MAX_LEN: usize = 256;
    const CUT: &str = "…";
    if endpoint.len() <= MAX_LEN {
        return endpoint;
    }
    let kept = (0..=MAX_LEN - CUT.len()).rev().find_map(|end| endpoint.get(..end));
    [kept.unwrap_or_default(), CUT].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, Scope};

    /// A sender chooses the path, and with it how much each record keeps.
    #[test]
    fn a_long_endpoint_is_cut_in_the_label_and_not_in_the_address() {
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
