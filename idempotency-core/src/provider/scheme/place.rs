//! The places in a request where a key, a type or an account may be.

use std::borrow::Cow;
use std::fmt;

use data_encoding::HEXLOWER;

use crate::Key;
use crate::digest::FieldDigest;

/// Where in a request a value is.
///
/// JSON places are pointers (RFC 6901) into the body, such as `/data/id`. The value there must be a string or an integer. In a
/// scheme with [several events in one request](super::Scheme::events_in), they are pointers into the event.
///
/// ```
/// use idempotency_core::provider::Place;
/// const KEY: Place = Place::FirstOf(&[
///     Place::When("/schema_version", &Place::Json("/id")),
///     Place::Joined(&[Place::Json("/type"), Place::Json("/object/id"), Place::Json("/object/version")]),
/// ]);
/// # assert_eq!(KEY.to_string(), "`/id` if there is a `/schema_version`, else `/type` + `/object/id` + `/object/version`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A header.
    Header(&'static str),
    /// A field of the JSON body, or of the event.
    Json(&'static str),
    /// A field of the JSON body outside the [events](super::Scheme::events_in).
    Envelope(&'static str),
    /// The number of an event: the whole number at a pointer outside the [events](super::Scheme::events_in), plus the number
    /// of events before this one. For a sender that numbers its events and writes only the first number.
    Sequence(&'static str),
    /// Several places, all of which must have a value. The parts keep their borders: `ab` with `c` is another key than `a`
    /// with `bc`.
    ///
    /// The parts must tell any two events apart. If they may not, use [`Digest`](Self::Digest): a key with too few parts
    /// drops events.
    Joined(&'static [Self]),
    /// The first of several places that has a value. For a sender with several kinds of messages.
    ///
    /// Each place has keys of its own: an id from a header never equals the same id from the body. No unsigned place may come before a signed one: an
    /// attacker could add the unsigned value.
    FirstOf(&'static [Self]),
    /// Another place, if the JSON body has a value at a pointer. For a field whose meaning depends on the kind of message.
    When(&'static str, &'static Self),
    /// The SHA-256 of the body, or of the event's JSON text, without the fields that [differ between
    /// attempts](super::Scheme::differing_between_attempts). For a sender without ids. Two events with equal bodies count as
    /// one.
    Digest,
}

impl Place {
    /// A name that is part of scopes, and so of the addresses of records: it must never change.
    pub(super) fn scope_name(&self) -> String {
        let list = |places: &[Self]| places.iter().map(Self::scope_name).collect::<Vec<_>>().join("+");
        match self {
            Self::Header(name) => format!("header:{}", name.to_ascii_lowercase()),
            Self::Json(pointer) => format!("json:{pointer}"),
            Self::Envelope(pointer) => format!("envelope:{pointer}"),
            Self::Sequence(pointer) => format!("sequence:{pointer}"),
            Self::Joined(places) | Self::FirstOf(places) => list(places),
            Self::When(pointer, place) => format!("{}?{pointer}", place.scope_name()),
            Self::Digest => "digest".to_owned(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Json(pointer) => write!(f, "`{pointer}`"),
            Self::Envelope(pointer) => write!(f, "the body's `{pointer}`"),
            Self::Sequence(pointer) => write!(f, "its number from `{pointer}` on"),
            Self::Joined(places) => list(f, places, " + "),
            Self::FirstOf(places) => list(f, places, ", else "),
            Self::When(pointer, place) => write!(f, "{place} if there is a `{pointer}`"),
            Self::Digest => f.write_str("SHA-256 of the body"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, places: &[Place], separator: &str) -> fmt::Result {
    for (at, place) in places.iter().enumerate() {
        write!(f, "{}{place}", if at == 0 { "" } else { separator })?;
    }
    Ok(())
}

/// Joins parts with `;` into one text, which no other list of parts gives. A text that is too long for a key becomes a digest.
pub(in crate::provider) fn joined(parts: &[Cow<'_, str>]) -> String {
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            text.push(';');
        }
        for byte in part.bytes() {
            match byte {
                b';' | b'%' => text.push_str(&format!("%{byte:02X}")),
                b' '..=b'~' => text.push(char::from(byte)),
                _ => text.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    if text.len() <= Key::MAX_LEN {
        return text;
    }
    let digest = FieldDigest::new("joined key");
    let digest = parts.iter().fold(digest, |digest, part| digest.field(part.as_bytes()));
    // No escaped text has a `%` before an `s`.
    format!("%sha256;{}", HEXLOWER.encode(&digest.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&str]) -> String {
        joined(&parts.iter().map(|part| Cow::Borrowed(*part)).collect::<Vec<_>>())
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let lists: [&[&str]; 9] = [
            &["ab", "c"],
            &["a", "bc"],
            &["a;b", "c"],
            &["a", "b;c"],
            &["a%3Bb", "c"],
            &["a", "b", "c"],
            &["abc"],
            &["", "abc"],
            &["abc", ""],
        ];
        let keys: Vec<_> = lists.iter().map(|parts| of(parts)).collect();
        for (at, key) in keys.iter().enumerate() {
            assert!(!keys[at + 1..].contains(key), "{key}");
            assert!(Key::new(key).is_ok());
        }
        assert_eq!(of(&["order.paid", "2024-06-01T10:00:00", "ü"]), "order.paid;2024-06-01T10:00:00;%C3%BC");
    }

    #[test]
    fn a_long_list_becomes_a_digest_that_no_short_list_gives() {
        let (a, b) = (of(&[&"a".repeat(255), "b"]), of(&[&"a".repeat(255), "c"]));
        assert!(a.starts_with("%sha256;") && a != b && Key::new(&a).is_ok());
        assert_ne!(of(&["%sha256", &a["%sha256;".len()..]]), a);
    }
}
