//! The text that Twilio signs: names and values without separators, read so that every way to cut it reads alike.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::provider::{form, signature};

/// The signed text after the URL's path, and where in it this request has its parameters.
///
/// Anyone who captures a request can cut the signed text elsewhere, into another query and other parameters. All cuts
/// share one text, so everything that names an event is decided by the text alone, and a cut is only ever refused.
pub(super) struct SignedText<'a> {
    text: Vec<u8>,
    parameters: Vec<(usize, form::Field<'a>)>,
}

/// The form of a value, by which its end is known.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Two capitals, which are one of these, then 32 lower-case hexadecimal digits.
    Sid(&'static [&'static str]),
    /// Up to 40 lower-case letters, dashes and underscores.
    Word,
    /// Up to ten digits.
    Number,
}

/// How often a name stands in the signed text with a value of its form behind it.
pub(super) enum Found<'t> {
    Nowhere,
    Once(Place<'t>),
    Often,
}

/// Where a name stands in the signed text, and the value behind it.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    name: &'static str,
    at: usize,
    pub(super) value: &'t str,
}

/// What stands before a name in longer names of Twilio's that end with it, such as `ParentCallSid`.
const LONGER: [&str; 6] = ["Channel", "Child", "Dial", "OriginalReplied", "Parent", "Sms"];

impl<'a> SignedText<'a> {
    /// The parameters in the order in which they were signed, behind this query, `?` included.
    pub(super) fn new(query: &str, parameters: Vec<form::Field<'a>>) -> Self {
        let mut text = query.as_bytes().to_vec();
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| {
                let at = text.len();
                text.extend_from_slice(&name);
                text.extend_from_slice(&value);
                (at, (name, value))
            })
            .collect();
        Self { text, parameters }
    }

    /// Whether this cut of the text leaves nothing for the parameters.
    pub(super) fn is_query_only(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The hash of the body, which Twilio appends to the query of a request whose body is no form.
    pub(super) fn body_hash(&self) -> Option<[u8; 32]> {
        let (rest, hash) = self.text.split_last_chunk::<64>()?;
        let before = rest.strip_suffix(b"bodySHA256=")?.last()?;
        let hash = std::str::from_utf8(hash).ok().and_then(signature::hex::<32>)?;
        matches!(before, b'?' | b'&').then_some(hash)
    }

    /// Where a name stands in the text, however the text is cut.
    pub(super) fn find(&self, name: &'static str, form: Form) -> Found<'_> {
        let mut places = places(&self.text, name).filter_map(|at| {
            let longer = LONGER.iter().any(|prefix| self.text[..at].ends_with(prefix.as_bytes()));
            let value = form.value(&self.text[at + name.len()..])?;
            (!longer).then_some(Place { name, at, value })
        });
        match (places.next(), places.next()) {
            (None, _) => Found::Nowhere,
            (Some(place), None) => Found::Once(place),
            (Some(_), Some(_)) => Found::Often,
        }
    }

    /// Whether this cut has the name as a parameter at that place, with that value, and nowhere else.
    pub(super) fn has(&self, place: Place<'_>) -> bool {
        let mut named =
            self.parameters.iter().filter(|(_, (candidate, _))| *candidate == place.name.as_bytes());
        let is_there =
            named.next().is_some_and(|(at, (_, value))| *at == place.at && *value == place.value.as_bytes());
        is_there && named.next().is_none()
    }

    /// SHA-256 of the text without the number of the attempt, in hexadecimal.
    pub(super) fn digest(&self) -> String {
        let attempt = attempt(&self.text).unwrap_or_default();
        let digest = Sha256::new()
            .chain_update(&self.text[..attempt.start])
            .chain_update(&self.text[attempt.end..])
            .finalize();
        data_encoding::HEXLOWER.encode(&digest)
    }
}

impl Form {
    /// The value of this form that a text begins with.
    fn value(self, text: &[u8]) -> Option<&str> {
        let run = |is_of: fn(&u8) -> bool| text.iter().take_while(|byte| is_of(byte)).count();
        let len = match self {
            Self::Sid(kinds) => {
                let (kind, digits) = text.get(..34)?.split_at(2);
                let is_sid = kinds.iter().any(|known| known.as_bytes() == kind)
                    && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
                is_sid.then_some(34)?
            }
            Self::Word => Some(run(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_')))
                .filter(|len| (1..=40).contains(len))?,
            Self::Number => Some(run(u8::is_ascii_digit)).filter(|len| (1..=10).contains(len))?,
        };
        std::str::from_utf8(&text[..len]).ok()
    }
}

/// Where `RetryCount` and its digits stand in an event of Conversations or Chat, which number their attempts.
///
/// The last place counts: a user's texts (`Attributes`, `Body`, `FriendlyName`, …) are signed before it.
fn attempt(text: &[u8]) -> Option<Range<usize>> {
    places(text, "EventTypeon").next()?;
    places(text, "RetryCount")
        .filter_map(|at| {
            let digits = Form::Number.value(&text[at + "RetryCount".len()..])?;
            Some(at..at + "RetryCount".len() + digits.len())
        })
        .last()
}

fn places(text: &[u8], name: &'static str) -> impl Iterator<Item = usize> {
    let windows = text.windows(name.len()).enumerate();
    windows.filter_map(move |(at, window)| (window == name.as_bytes()).then_some(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";

    fn text(text: &str) -> SignedText<'_> {
        SignedText::new(text, Vec::new())
    }

    #[test]
    fn a_value_ends_where_its_form_does() {
        let sid = Form::Sid(&["SM", "MM"]);
        assert_eq!(sid.value(format!("{SID}MessageStatus").as_bytes()), Some(SID));
        assert!((0..SID.len()).all(|len| sid.value(&SID.as_bytes()[..len]).is_none()));
        assert_eq!(sid.value(SID.replace("SM", "IM").as_bytes()), None);
        assert_eq!(sid.value(SID.to_uppercase().as_bytes()), None);
        assert_eq!(Form::Word.value(b"in-progressTo"), Some("in-progress"));
        assert_eq!(Form::Word.value("a".repeat(41).as_bytes()), None);
        assert_eq!(Form::Word.value(b"READ"), None);
        assert_eq!(Form::Number.value(b"12Timestamp"), Some("12"));
        assert_eq!(Form::Number.value(b"12345678901"), None);
        assert_eq!(Form::Number.value(b"+1"), None);
    }

    #[test]
    fn a_name_that_ends_a_longer_one_is_not_found() {
        let find = |text: &SignedText<'_>| match text.find("MessageSid", Form::Sid(&["SM"])) {
            Found::Nowhere => 0,
            Found::Once(_) => 1,
            Found::Often => 2,
        };
        assert_eq!(find(&text(&format!("SmsMessageSid{SID}"))), 0);
        assert_eq!(find(&text(&format!("MessageSid{SID}SmsMessageSid{SID}"))), 1);
        assert_eq!(find(&text(&format!("BodyMessageSid{SID}MessageSid{SID}"))), 2);
    }

    #[test]
    fn only_the_number_of_the_attempt_is_left_out_of_the_digest() {
        let digest = |form: &str| text(form).digest();
        let event = |body: &str, attempt: &str| {
            digest(&format!("Body{body}EventTypeonMessageAdded{attempt}SourceSDK"))
        };
        assert_eq!(event("hi", "RetryCount0"), event("hi", "RetryCount12"));
        assert_eq!(event("hi", ""), event("hi", "RetryCount1"));
        assert_ne!(event("RetryCount1", "RetryCount1"), event("RetryCount2", "RetryCount1"));
        assert_eq!(event("RetryCount1", "RetryCount1"), event("RetryCount1", "RetryCount2"));
        assert_ne!(digest("SpeechResultRetryCount1"), digest("SpeechResultRetryCount2"));
    }

    #[test]
    fn the_hash_of_a_body_is_the_last_parameter_of_the_signed_text() {
        let hash = "0a".repeat(32);
        let found = |prefix: &str, suffix: &str| text(&format!("{prefix}{hash}{suffix}")).body_hash();
        assert_eq!(found("?bodySHA256=", ""), Some([10; 32]));
        assert_eq!(found("?a=1&bodySHA256=", ""), Some([10; 32]));
        assert_eq!(found("?bodySHA256=", "&a=1"), None);
        assert_eq!(found("?xbodySHA256=", ""), None);
        assert_eq!(found("bodySHA256=", ""), None);
    }
}
