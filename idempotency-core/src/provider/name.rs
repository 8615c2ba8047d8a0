//! The names of the members of a JSON object.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::BytesDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

/// The name of a member. `None` if the name has a lone surrogate, which is not valid Unicode. Such a name matches no field, and its
/// member is skipped.
pub(super) struct Name<'a>(pub(super) Option<Cow<'a, str>>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match NameBytes::deserialize(deserializer)?.0 {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }))
    }
}

/// The bytes of a name. A lone surrogate makes them invalid UTF-8.
struct NameBytes<'a>(Cow<'a, [u8]>);

impl<'de> Deserialize<'de> for NameBytes<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A parser that is asked for a text refuses the whole body for a lone surrogate.
        deserializer.deserialize_bytes(NameVisitor(PhantomData))
    }
}

struct NameVisitor<'a>(PhantomData<&'a ()>);

impl<'de> Visitor<'de> for NameVisitor<'de> {
    type Value = NameBytes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        // A parser that is asked for bytes accepts raw control characters, which JSON forbids in a string (RFC 8259, section 7).
        // Only names without escapes are checked here.
        if bytes.iter().any(|byte| *byte < b' ') {
            return Err(E::custom("a name has a control character"));
        }
        Ok(NameBytes(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(NameBytes(Cow::Owned(bytes.to_vec())))
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(NameBytes(Cow::Borrowed(name.as_bytes())))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(NameBytes(Cow::Owned(name.as_bytes().to_vec())))
    }
}

/// Reads the members into a struct. Names are compared as bytes, so a name that is not Unicode matches no field.
pub(super) struct Members<A>(pub(super) A);

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(NameBytes(name)) = self.0.next_key()? else { return Ok(None) };
        seed.deserialize(BytesDeserializer::new(&name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.0.next_value_seed(seed)
    }
}
