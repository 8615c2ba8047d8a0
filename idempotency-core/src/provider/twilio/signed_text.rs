//! The text that Twilio signs: names and values without separators, read the same way for every possible split.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::provider::signature;

/// A parameter's decoded name and value.
pub(super) type Parameter<'a> = (&'a [u8], &'a [u8]);

/// The signed text after the URL's path, and the positions of this request's parameters in it.
///
/// An attacker who captures a request can split the signed text differently, into another query and other parameters, under
/// the same signature. All splits share one text, so the text alone decides an event's identity. The parameters of a request
/// are only used to refuse it.
pub(super) struct SignedText<'a> {
    text: Vec<u8>,
    /// Each with its offset in the text.
    parameters: Vec<(usize, Parameter<'a>)>,
}

/// The format of a value, which tells where the value ends.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// One of these two-letter prefixes, then 32 lower-case hexadecimal digits.
    Sid(&'static [&'static str]),
    /// Up to 40 lower-case letters, dashes and underscores.
    Word,
    /// Up to ten digits.
    Number,
}

/// The occurrences of a name in the signed text that are followed by a value of its format.
pub(super) enum Occurrences<'t> {
    None,
    One(Occurrence<'t>),
    Several,
}

/// The position of a name in the signed text, and the value that follows it.
#[derive(Clone, Copy)]
pub(super) struct Occurrence<'t> {
    name: &'static str,
    at: usize,
    pub(super) value: &'t str,
}

/// The prefixes of longer Twilio parameters that end with a name that is searched for, such as `ParentCallSid`.
const NAME_PREFIXES: [&str; 6] = ["Channel", "Child", "Dial", "OriginalReplied", "Parent", "Sms"];

impl<'a> SignedText<'a> {
    /// Joins parameters in the order in which they were signed.
    pub(super) fn new(parameters: Vec<Parameter<'a>>) -> Self {
        let mut text =
            Vec::with_capacity(parameters.iter().map(|(name, value)| name.len() + value.len()).sum());
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| {
                let at = text.len();
                text.extend_from_slice(name);
                text.extend_from_slice(value);
                (at, (name, value))
            })
            .collect();
        Self { text, parameters }
    }

    /// Puts a query, including its `?`, before the parameters.
    pub(super) fn with_query(mut self, query: &str) -> Self {
        self.text.splice(..0, query.bytes());
        self.parameters.iter_mut().for_each(|(at, _)| *at += query.len());
        self
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// Whether the request has no parameters outside the query.
    pub(super) fn is_query_only(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The hash of the body, which Twilio appends to the query of a request whose body is not a form.
    pub(super) fn body_hash(&self) -> Option<[u8; 32]> {
        let (rest, hash) = self.text.split_last_chunk::<64>()?;
        let before = rest.strip_suffix(b"bodySHA256=")?.last()?;
        let hash = std::str::from_utf8(hash).ok().and_then(signature::hex::<32>)?;
        matches!(before, b'?' | b'&').then_some(hash)
    }

    /// Finds a name in the text, however the text is split.
    pub(super) fn find(&self, name: &'static str, format: Format) -> Occurrences<'_> {
        let mut occurrences = positions(&self.text, name).filter_map(|at| {
            let is_suffix = NAME_PREFIXES.iter().any(|prefix| self.text[..at].ends_with(prefix.as_bytes()));
            let value = format.value(&self.text[at + name.len()..])?;
            (!is_suffix).then_some(Occurrence { name, at, value })
        });
        match (occurrences.next(), occurrences.next()) {
            (None, _) => Occurrences::None,
            (Some(occurrence), None) => Occurrences::One(occurrence),
            (Some(_), Some(_)) => Occurrences::Several,
        }
    }

    /// Whether the request has this name as a parameter once, at this position and with this value.
    pub(super) fn has_parameter(&self, Occurrence { name, at, value }: Occurrence<'_>) -> bool {
        let mut named = self.parameters.iter().filter(|(_, (candidate, _))| *candidate == name.as_bytes());
        let is_there =
            named.next().is_some_and(|(start, (_, text))| *start == at && *text == value.as_bytes());
        is_there && named.next().is_none()
    }

    /// SHA-256 of the text without the attempt number, in hexadecimal.
    pub(super) fn digest(&self) -> String {
        let attempt = attempt_number(&self.text).unwrap_or_default();
        let digest = Sha256::new()
            .chain_update(&self.text[..attempt.start])
            .chain_update(&self.text[attempt.end..])
            .finalize();
        data_encoding::HEXLOWER.encode(&digest)
    }
}

impl Format {
    /// The value of this format at the start of a text.
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

/// The range of `RetryCount` and its digits in an event of Conversations or Chat, which number their attempts.
///
/// The last occurrence counts: users' texts (`Attributes`, `Body`, `FriendlyName`, …) are signed before it.
fn attempt_number(text: &[u8]) -> Option<Range<usize>> {
    positions(text, "EventTypeon").next()?;
    positions(text, "RetryCount")
        .filter_map(|at| {
            let digits = Format::Number.value(&text[at + "RetryCount".len()..])?;
            Some(at..at + "RetryCount".len() + digits.len())
        })
        .last()
}

/// The start of a name is nowhere else in it, so that no two occurrences overlap.
fn positions(text: &[u8], name: &'static str) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(text, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";

    fn text(text: &str) -> SignedText<'_> {
        SignedText::new(Vec::new()).with_query(text)
    }

    #[test]
    fn a_value_ends_as_its_format_says() {
        let sid = Format::Sid(&["SM", "MM"]);
        assert_eq!(sid.value(format!("{SID}MessageStatus").as_bytes()), Some(SID));
        assert!((0..SID.len()).all(|len| sid.value(&SID.as_bytes()[..len]).is_none()));
        assert_eq!(sid.value(SID.replace("SM", "IM").as_bytes()), None);
        assert_eq!(sid.value(SID.to_uppercase().as_bytes()), None);
        assert_eq!(Format::Word.value(b"in-progressTo"), Some("in-progress"));
        assert_eq!(Format::Word.value("a".repeat(41).as_bytes()), None);
        assert_eq!(Format::Word.value(b"READ"), None);
        assert_eq!(Format::Number.value(b"12Timestamp"), Some("12"));
        assert_eq!(Format::Number.value(b"12345678901"), None);
        assert_eq!(Format::Number.value(b"+1"), None);
    }

    #[test]
    fn a_name_that_ends_a_longer_one_is_not_found() {
        let find = |text: &SignedText<'_>| match text.find("MessageSid", Format::Sid(&["SM"])) {
            Occurrences::None => 0,
            Occurrences::One(_) => 1,
            Occurrences::Several => 2,
        };
        assert_eq!(find(&text(&format!("SmsMessageSid{SID}"))), 0);
        assert_eq!(find(&text(&format!("MessageSid{SID}SmsMessageSid{SID}"))), 1);
        assert_eq!(find(&text(&format!("BodyMessageSid{SID}MessageSid{SID}"))), 2);
    }

    #[test]
    fn only_the_attempt_number_is_left_out_of_the_digest() {
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
