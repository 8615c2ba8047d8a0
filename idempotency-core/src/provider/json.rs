//! Reads a few fields of a JSON body without building a tree.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::name::{Members, Name};

/// The only member of the object that serde_json makes of a number if some dependency enables `arbitrary_precision`.
pub(super) const NUMBER_FIELD: &str = "$serde_json::private::Number";

/// Reads the fields of a JSON object. `None` if the bytes are not JSON or not an object, or if one of the fields is
/// repeated: a later reader of the body might use the other value.
pub(super) fn fields<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::from_str::<Object<T>>(text).ok()?.0
}

/// The fields of an object, or `None` for any other value.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(Members(map))).map(|fields| Object(Some(fields)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Object(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Object(None))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Object(None))
    }
}

/// A boolean, or `None` for any other value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(Some(flag)))
    }

    fn visit_str<E>(self, _: &str) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_unit<E>(self) -> Result<Flag, E> {
        Ok(Flag(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Flag, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Flag(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flag, A::Error> {
        while map.next_entry::<Name<'_>, IgnoredAny>()?.is_some() {}
        Ok(Flag(None))
    }
}

/// A text that a signature covers, or that is compared. Any other JSON value is an error: a later reader of the body would see
/// another value than the one that was checked.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A text or a whole number. For an object, its `id`, since senders may expand a reference to an object. `Absent` for any
/// other value.
#[derive(Debug, Default, Clone)]
pub(super) enum Scalar<'a> {
    Text(Cow<'a, str>),
    Number(u64),
    #[default]
    Absent,
}

impl Scalar<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The value as a name: a number is written out, an empty text is no name.
    pub(super) fn name(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(Cow::Borrowed(text)),
            Self::Number(number) => Some(number.to_string().into()),
            Self::Absent => None,
        }
    }

    /// The microseconds since 1970 of an RFC 3339 date with any offset.
    pub(super) fn date(&self) -> Option<u64> {
        let date: jiff::Timestamp = self.text()?.parse().ok()?;
        u64::try_from(date.as_microsecond()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor(PhantomData))
    }
}

struct ScalarVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ScalarVisitor<'a> {
    type Value = Scalar<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Absent)
    }

    /// An object, or a number that is passed as one: see [`NUMBER_FIELD`].
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut scalar, mut has_id) = (Scalar::Absent, false);
        while let Some(Name(name)) = map.next_key()? {
            match name.as_deref() {
                Some(NUMBER_FIELD) => {
                    let digits = map.next_value::<String>()?;
                    scalar = digits.parse().map_or(Scalar::Absent, Scalar::Number);
                }
                Some("id") if has_id => return Err(A::Error::custom("an object has two ids")),
                Some("id") => (scalar, has_id) = (map.next_value()?, true),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Event<'a> {
        #[serde(borrow, default)]
        id: Scalar<'a>,
        #[serde(borrow, default)]
        data: Object<Data<'a>>,
    }

    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow, default)]
        at: Scalar<'a>,
    }

    #[test]
    fn a_field_of_another_kind_counts_as_absent() {
        for value in ["null", "true", "-1", "1.5", "[1,[2]]", r#"{"a":{"b":[]}}"#] {
            let body = format!(r#"{{"id":{value},"data":{value}}}"#);
            let event: Event<'_> = fields(body.as_bytes()).unwrap();
            assert!(event.id.name().is_none(), "{value}");
            assert!(event.data.0.is_none_or(|data| data.at.name().is_none()), "{value}");
        }
    }

    #[test]
    fn texts_and_numbers_are_names() {
        let event: Event<'_> = fields(br#"{"id":820982911946154500,"x":1,"data":{"at":"a\u0062"}}"#).unwrap();
        assert_eq!(event.id.name().unwrap(), "820982911946154500");
        assert_eq!(event.data.0.unwrap().at.name().unwrap(), "ab");
        let event: Event<'_> = fields(br#"{"id":{"name":"x","id":"C1"}}"#).unwrap();
        assert_eq!(event.id.name().unwrap(), "C1");
        assert!(fields::<Event<'_>>(br#"{"id":{"id":"C1","\u0069d":"C2"}}"#).is_none());
    }

    #[test]
    fn a_text_is_no_other_value() {
        #[derive(serde::Deserialize)]
        struct Signed<'a> {
            #[serde(borrow, default)]
            text: Option<Text<'a>>,
        }
        let read = |body: &'static str| {
            Some(fields::<Signed<'_>>(body.as_bytes())?.text.as_deref().map(str::to_owned))
        };
        assert_eq!(read(r#"{"text":"a\u0062"}"#), Some(Some("ab".to_owned())));
        assert_eq!([read("{}"), read(r#"{"text":null}"#)], [Some(None), Some(None)]);
        for body in [r#"{"text":1}"#, r#"{"text":{"id":"a"}}"#, r#"{"text":["a"]}"#, r#"{"text":true}"#] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn a_repeated_field_an_array_and_bytes_that_are_not_json_have_no_fields() {
        for body in
            [&br#"{"id":"a","id":"b"}"#[..], br#"["a",{"at":1}]"#, b"", b"{", b"{\"id\":\"\xff\"}", b"{} {}"]
        {
            assert!(fields::<Event<'_>>(body).is_none());
        }
    }

    #[test]
    fn deep_nesting_is_refused_or_read_but_never_overflows_the_stack() {
        let deep = "[".repeat(200_000);
        assert!(fields::<Event<'_>>(format!(r#"{{"id":{deep}"#).as_bytes()).is_none());
        let balanced = format!(r#"{{"x":{deep}{},"id":"a"}}"#, "]".repeat(200_000));
        drop(fields::<Event<'_>>(balanced.as_bytes()));
    }

    #[test]
    fn dates_of_any_offset_are_microseconds_since_1970() {
        let micros = |text: &str| Scalar::Text(text.to_owned().into()).date();
        assert_eq!(micros("1970-01-01T00:00:01.5Z"), Some(1_500_000));
        assert_eq!(micros("2021-12-31T19:00:00-05:00"), micros("2022-01-01T00:00:00Z"));
        assert_eq!(micros("1969-12-31T23:59:59Z"), None);
        assert_eq!(micros("yesterday"), None);
    }
}
