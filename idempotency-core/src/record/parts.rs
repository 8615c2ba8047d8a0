//! The optional parts of a record: tagged bytes that an older reader ignores, or must refuse.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};

use super::Label;
use crate::Key;

/// The tag of the part that holds the endpoint's name.
const ENDPOINT: u8 = 1;
/// The tag of the part that holds the key.
const KEY: u8 = 2;
/// Tags from here on are binding.
const FIRST_BINDING: u8 = 128;

/// The optional parts of a record.
///
/// A part is a tag and bytes. A reader that does not know a tag below 128 ignores the part and keeps it when it writes
/// the record again; one that does not know a tag from 128 on must refuse the record, which is then in doubt.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    label: Label,
    /// Those that this version does not know.
    others: Option<Arc<[Part]>>,
}

/// One optional part of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Part {
    /// What it is. From 128 on it is binding.
    pub tag: u8,
    /// Its content, at most 65,535 bytes.
    pub bytes: Bytes,
}

/// The record has a binding part that this version does not know, or its parts cannot be read: it is in doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record has a part that this version must not ignore")]
#[non_exhaustive]
pub struct UnknownBindingPart;

impl Parts {
    /// Only what the record is of.
    #[must_use]
    pub fn of(label: Label) -> Self {
        Self { label, others: None }
    }

    /// What the record is of.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// The same parts, whose label shares this text as its endpoint.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Arc<str>) -> Self {
        self.label.endpoint = Some(endpoint);
        self
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The parts one after the other: a tag, a length in two bytes, big endian, and as many bytes. A part that is longer than
    /// 65,535 bytes is left out.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        let mut put = |tag, content: &[u8]| {
            if let Ok(len) = u16::try_from(content.len()) {
                bytes.put_u8(tag);
                bytes.put_u16(len);
                bytes.put_slice(content);
            }
        };
        if let Some(endpoint) = &self.label.endpoint {
            put(ENDPOINT, endpoint.as_bytes());
        }
        if let Some(key) = &self.label.key {
            put(KEY, key.as_str().as_bytes());
        }
        for part in self.others.iter().flat_map(|parts| parts.iter()) {
            put(part.tag, &part.bytes);
        }
        bytes.freeze()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) of this or another version wrote.
    ///
    /// # Errors
    /// When a binding part is not known, or the bytes are no parts.
    pub fn from_bytes(mut bytes: Bytes) -> Result<Self, UnknownBindingPart> {
        let (mut label, mut others) = (Label::default(), Vec::new());
        while !bytes.is_empty() {
            let &[tag, high, low] = bytes.first_chunk().ok_or(UnknownBindingPart)?;
            let end = 3 + usize::from(u16::from_be_bytes([high, low]));
            if bytes.len() < end {
                return Err(UnknownBindingPart);
            }
            let content = bytes.split_to(end).slice(3..);
            match (tag, std::str::from_utf8(&content)) {
                (ENDPOINT, Ok(endpoint)) => label.endpoint = Some(endpoint.into()),
                (KEY, Ok(key)) => label.key = Key::new(key).ok(),
                (FIRST_BINDING.., _) => return Err(UnknownBindingPart),
                _ => others.push(Part { tag, bytes: content }),
            }
        }
        Ok(Self { label, others: (!others.is_empty()).then(|| others.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Namespace, Scope, ScopedKey};

    fn label() -> Label {
        Label::of(&ScopedKey::new(&Namespace::default(), Scope::endpoint("e"), Key::new("k").unwrap()))
    }

    #[test]
    fn parts_are_read_back() {
        for label in [Label::default(), label().without_key(), label()] {
            let parts = Parts::of(label.clone());
            assert_eq!(parts.is_empty(), label == Label::default());
            assert_eq!(Parts::from_bytes(parts.to_bytes()), Ok(parts));
        }
    }

    #[test]
    fn an_older_reader_ignores_and_keeps_an_ignorable_part() {
        let mut newer = Parts::of(label()).to_bytes().to_vec();
        newer.extend_from_slice(&[127, 0, 2, 7, 8]);
        let read = Parts::from_bytes(newer.clone().into()).unwrap();
        assert_eq!(read.label(), &label());
        assert_eq!(read.to_bytes(), newer);
    }

    #[test]
    fn an_older_reader_refuses_a_binding_part() {
        let mut newer = Parts::of(label()).to_bytes().to_vec();
        newer.extend_from_slice(&[128, 0, 0]);
        assert_eq!(Parts::from_bytes(newer.into()), Err(UnknownBindingPart));
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = Parts::of(label()).to_bytes();
        let ends = [0, 4, 8];
        for len in 0..whole.len() {
            assert_eq!(Parts::from_bytes(whole.slice(..len)).is_ok(), ends.contains(&len), "{len}");
        }
    }
}
