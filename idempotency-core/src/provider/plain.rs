//! A plain JSON value: a text or a whole number. A signed value may be nothing else.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::value::RawValue;

use super::json::Object;

/// The kind of a JSON value. Used by schemes and by [`Plain`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Null,
    Text(Cow<'a, str>),
    /// A string with a lone surrogate, which is no text.
    Unreadable,
    /// A whole number, as it is written.
    Integer(&'a str),
    /// A flag, a fraction, a list or an object.
    Other,
}

impl<'a> Kind<'a> {
    /// Reads a JSON value, which may be in white space.
    pub(super) fn of(json: &'a str) -> Self {
        let json = json.trim_ascii();
        match json.bytes().next() {
            Some(b'"') => text(json).map_or(Self::Unreadable, Self::Text),
            Some(b'n') => Self::Null,
            _ if json.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()) => Self::Integer(json),
            _ => Self::Other,
        }
    }
}

/// The text of a JSON string. `None` for another value, and for a string with a lone surrogate.
pub(super) fn text(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
    }
}

/// A text, or a whole number as it is written. Unlike with [`Scalar`](super::json::Scalar), an object is none.
#[derive(Debug, Default, Clone)]
pub(super) enum Plain<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    #[default]
    Absent,
}

impl Plain<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a name: an empty text is no name.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(text),
            Self::Number(digits) => Some(digits),
            Self::Absent => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Plain<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Kind::of(<&RawValue>::deserialize(deserializer)?.get()) {
            Kind::Text(text) => Ok(Self::Text(text)),
            Kind::Integer(digits) => Ok(Self::Number(digits)),
            Kind::Unreadable => Err(D::Error::custom("a string has a lone surrogate")),
            Kind::Null | Kind::Other => Ok(Self::Absent),
        }
    }
}

/// A value as it is signed: a text, a whole number as it is written, or an empty text if it is absent or null.
///
/// A value of another kind is an error. It would be signed as an empty text, and could be added to a signed message.
#[derive(Debug, Default, Clone)]
pub(super) struct Signed<'a>(Plain<'a>);

impl Signed<'_> {
    pub(super) fn text(&self) -> &str {
        self.name().unwrap_or_default()
    }

    /// The value as a name: an empty text is no name.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Signed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?;
        match Plain::deserialize(json).map_err(D::Error::custom)? {
            Plain::Absent if json.get() != "null" => {
                Err(D::Error::custom("a signed value is neither a text nor a whole number"))
            }
            value => Ok(Self(value)),
        }
    }
}

/// The fields of an object that is signed, or `None` if it is null or absent. A value of another kind is an error.
#[derive(Debug)]
pub(super) struct SignedObject<T>(pub(super) Option<T>);

impl<T> Default for SignedObject<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for SignedObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // `None` is null only: any other value is read as an object.
        match Option::<Object<T>>::deserialize(deserializer)? {
            Some(Object(None)) => Err(D::Error::custom("a signed value is no object")),
            object => Ok(Self(object.and_then(|object| object.0))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::json::fields;

    #[test]
    fn a_value_is_of_one_kind() {
        for (json, expected) in [
            (r#""a\u0062""#, Kind::Text("ab".into())),
            (" \"a\" ", Kind::Text("a".into())),
            (r#""""#, Kind::Text("".into())),
            (r#""\ud800""#, Kind::Unreadable),
            ("null", Kind::Null),
            ("820982911946154508", Kind::Integer("820982911946154508")),
            ("-7", Kind::Integer("-7")),
            (" 7\n", Kind::Integer("7")),
            ("1.5", Kind::Other),
            ("1e3", Kind::Other),
            ("true", Kind::Other),
            ("[1]", Kind::Other),
            (r#"{"id":"a"}"#, Kind::Other),
        ] {
            assert_eq!(Kind::of(json), expected, "{json}");
        }
        #[derive(Debug, serde::Deserialize)]
        struct Item<'a> {
            #[serde(borrow)]
            _id: Plain<'a>,
        }
        assert!(fields::<Item<'_>>(br#"{"_id":"\ud800"}"#).is_none());
    }

    #[test]
    fn a_plain_value_is_a_text_or_a_number_and_no_object() {
        #[derive(serde::Deserialize)]
        struct Item<'a> {
            #[serde(borrow, default)]
            id: Plain<'a>,
        }
        let name = |value: &str| {
            let body = format!(r#"{{"id":{value}}}"#);
            fields::<Item<'_>>(body.as_bytes()).unwrap().id.name().map(str::to_owned)
        };
        assert_eq!(name(r#""a\u0062""#).as_deref(), Some("ab"));
        assert_eq!(
            [name("820982911946154508"), name("-7")],
            ["820982911946154508", "-7"].map(|n| Some(n.to_owned()))
        );
        for value in ["null", "true", "1.5", "1e3", "[1]", r#"{"id":"a"}"#, "\"\""] {
            assert_eq!(name(value), None, "{value}");
        }
        assert!(fields::<Item<'_>>(br#"{"id":"a","id":"a"}"#).is_none());
        assert!(fields::<Item<'_>>(b"{}").unwrap().id.name().is_none());
    }

    #[test]
    fn a_signed_value_of_another_kind_is_an_error() {
        #[derive(serde::Deserialize)]
        struct Item<'a> {
            #[serde(borrow, default)]
            id: Signed<'a>,
        }
        let text = |body: &str| fields::<Item<'_>>(body.as_bytes()).map(|item| item.id.text().to_owned());
        for (body, expected) in [
            (r#"{"id":"a"}"#, "a"),
            (r#"{"id":12}"#, "12"),
            (r#"{"id":""}"#, ""),
            (r#"{"id":null}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(text(body).as_deref(), Some(expected), "{body}");
        }
        for value in ["true", "1.5", "1e3", "[]", r#"{"id":"a"}"#] {
            assert_eq!(text(&format!(r#"{{"id":{value}}}"#)), None, "{value}");
        }
    }
}
