//! JSON values that compare as their canonical forms do.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::digest::FieldDigest;
use crate::provider::json::NUMBER_FIELD;

/// A JSON value in which numbers are doubles and members are sorted.
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Self>),
    /// Sorted by name, without duplicates.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Removes the member at a path, or sets the list item there to null.
    pub(super) fn leave_out(&mut self, steps: &[String]) {
        let [step, rest @ ..] = steps else { return };
        match self {
            Self::Object(fields) => {
                let Ok(at) = fields.binary_search_by(|(name, _)| name.cmp(step)) else { return };
                if rest.is_empty() {
                    fields.remove(at);
                } else {
                    fields[at].1.leave_out(rest);
                }
            }
            Self::List(items) => {
                let Some(at) = step.parse().ok().filter(|at: &usize| at.to_string() == *step) else { return };
                match items.get_mut(at) {
                    // Not removed: the other items keep their indices.
                    Some(item) if rest.is_empty() => *item = Self::Null,
                    Some(item) => item.leave_out(rest),
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// Adds this value to a digest. Each kind has a letter and each list its length, so that different values never have the
    /// same digest.
    pub(super) fn put_into(&self, digest: FieldDigest) -> FieldDigest {
        match self {
            Self::Null => digest.field(b"n"),
            Self::Bool(value) => digest.field(if *value { b"t" } else { b"f" }),
            // `-0` becomes `0` (RFC 8785, section 3.2.2.3).
            Self::Number(value) => digest.field(b"d").field(&(value + 0.0).to_bits().to_be_bytes()),
            Self::Text(text) => digest.field(b"s").field(text.as_bytes()),
            Self::List(items) => {
                let digest = digest.field(b"l").field(&(items.len() as u64).to_be_bytes());
                items.iter().fold(digest, |digest, item| item.put_into(digest))
            }
            Self::Object(fields) => {
                let digest = digest.field(b"o").field(&(fields.len() as u64).to_be_bytes());
                fields
                    .iter()
                    .fold(digest, |digest, (name, value)| value.put_into(digest.field(name.as_bytes())))
            }
        }
    }

    /// A number as a double. Numbers from 2^53 to 10^21 are refused: a reader with exact integers tells them from their
    /// neighbours, and a double does not.
    fn number<E: Error>(value: f64) -> Result<Self, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.abs() >= EXACT && value.abs() < 1e21 {
            return Err(E::custom("the whole number is not exact as a double"));
        }
        Ok(Self::Number(value))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

#[expect(clippy::cast_precision_loss, reason = "a number that a double does not hold is refused")]
impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Json::number(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Json::number(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Json::number(value)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    /// An object, or a number if some dependency enables serde_json's `arbitrary_precision`, which passes numbers as
    /// objects with one member.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == NUMBER_FIELD {
                let digits: String = map.next_value()?;
                let number: f64 = digits.parse().map_err(A::Error::custom)?;
                return if number.is_finite() {
                    Json::number(number)
                } else {
                    Err(A::Error::custom("the number is too large"))
                };
            }
            fields.push((name, map.next_value()?));
        }
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom("a member is repeated"));
        }
        Ok(Json::Object(fields))
    }
}
