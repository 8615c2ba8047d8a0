//! The optional parts of a record: tagged bytes that an older reader either ignores or must refuse.

use std::sync::Arc;

use bytes::{BufMut as _, Bytes};

use super::Label;
use crate::Key;

/// The tag of the part that holds the endpoint's name.
const ENDPOINT: u8 = 1;
/// The tag of the part that holds the key.
const KEY: u8 = 2;
/// This tag and all above it are binding.
const FIRST_BINDING: u8 = 128;

/// The optional parts of a record.
///
/// A part is a tag and bytes. A part with an unknown tag below 128 is ignored, and kept when the record is written
/// again. An unknown tag of 128 or more is binding: the reader must refuse the record, which is then in doubt.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    label: Label,
    /// The parts that this version does not know.
    others: Option<Arc<[Part]>>,
}

/// One optional part of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Part {
    /// The tag. A tag of 128 or more is binding.
    pub tag: u8,
    /// The content, at most 65,535 bytes.
    pub bytes: Bytes,
}

/// The record has an unknown binding part, or its parts cannot be read. It is in doubt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record has a part that this version must not ignore")]
#[non_exhaustive]
pub struct UnknownBindingPart;

impl Parts {
    /// Creates parts that hold only this label.
    #[must_use]
    pub fn of(label: Label) -> Self {
        Self { label, others: None }
    }

    /// Returns the label.
    #[must_use]
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Returns whether there are no parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Encodes the parts in sequence: for each a tag, a length in two bytes (big endian), and the content. Omits a part
    /// of more than 65,535 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut bytes);
        bytes.into()
    }

    /// The length of [`to_bytes`](Self::to_bytes).
    pub(crate) fn encoded_len(&self) -> usize {
        self.tagged().map(|(_, content)| 3 + content.len()).sum()
    }

    /// Appends [`to_bytes`](Self::to_bytes).
    pub(crate) fn encode_into(&self, bytes: &mut Vec<u8>) {
        for (tag, content) in self.tagged() {
            bytes.put_u8(tag);
            bytes.put_u16(u16::try_from(content.len()).expect("longer parts are omitted"));
            bytes.put_slice(content);
        }
    }

    /// The parts with their tags, except those of more than 65,535 bytes.
    fn tagged(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let endpoint = self.label.endpoint.iter().map(|endpoint| (ENDPOINT, endpoint.as_bytes()));
        let key = self.label.key.iter().map(|key| (KEY, key.as_str().as_bytes()));
        let others = self.others.iter().flat_map(|parts| parts.iter()).map(|part| (part.tag, &*part.bytes));
        endpoint.chain(key).chain(others).filter(|(_, content)| u16::try_from(content.len()).is_ok())
    }

    /// Decodes the output of [`to_bytes`](Self::to_bytes) of this or another version.
    ///
    /// # Errors
    /// When a binding part is unknown, or the bytes are not parts.
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
    fn an_unknown_ignorable_part_is_ignored_and_kept() {
        let mut newer = Parts::of(label()).to_bytes().to_vec();
        newer.extend_from_slice(&[127, 0, 2, 7, 8]);
        let read = Parts::from_bytes(newer.clone().into()).unwrap();
        assert_eq!(read.label(), &label());
        assert_eq!(read.to_bytes(), newer);
    }

    #[test]
    fn an_unknown_binding_part_is_refused() {
        let mut newer = Parts::of(label()).to_bytes().to_vec();
        newer.extend_from_slice(&[128, 0, 0]);
        assert_eq!(Parts::from_bytes(newer.into()), Err(UnknownBindingPart));
    }

    #[test]
    fn truncated_parts_are_refused() {
        let whole = Parts::of(label()).to_bytes();
        let ends = [0, 4, 8];
        for len in 0..whole.len() {
            assert_eq!(Parts::from_bytes(whole.slice(..len)).is_ok(), ends.contains(&len), "{len}");
        }
    }
}
