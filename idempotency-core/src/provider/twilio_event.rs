//! What a Twilio callback is about: a Sid, a status, a sequence number, each of Twilio's form or refused.

use serde::Deserialize;

use super::json::{self, Scalar};
use super::{Rejection, form, signature};

/// A verified callback.
pub(super) struct Event {
    pub(super) sid: String,
    pub(super) status: Option<String>,
    sequence: Option<String>,
    /// What tells apart several events about one Sid that have no status; it narrows the scope.
    pub(super) subtype: Option<String>,
}

/// Which Sid names a callback, and which parameter its status: the most specific first, since a recording's callback
/// also has the Sid of its call.
const NAMES: [(&str, &str); 5] = [
    ("MessageSid", "MessageStatus"),
    ("RecordingSid", "RecordingStatus"),
    ("ConferenceSid", "StatusCallbackEvent"),
    ("CallSid", "CallStatus"),
    ("SmsSid", "SmsStatus"),
];

/// The known statuses of messages and calls, in the order in which they are gone through.
const STATUSES: [(&str, u64); 21] = [
    ("accepted", 1),
    ("scheduled", 1),
    ("queued", 1),
    ("initiated", 1),
    ("sending", 2),
    ("receiving", 2),
    ("ringing", 2),
    ("sent", 3),
    ("in-progress", 3),
    ("answered", 3),
    ("partially_delivered", 4),
    ("delivered", 5),
    ("undelivered", 5),
    ("received", 5),
    ("failed", 5),
    ("completed", 5),
    ("busy", 5),
    ("no-answer", 5),
    ("canceled", 5),
    ("absent", 5),
    ("read", 6),
];

impl Event {
    /// Reads the signed parameters of a form.
    pub(super) fn from_form(parameters: &[form::Field<'_>]) -> Result<Self, Rejection> {
        let single = |name: &str| -> Result<Option<&str>, Rejection> {
            let mut values = parameters.iter().filter(|(candidate, _)| candidate.as_ref() == name.as_bytes());
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some((_, value)), None) => std::str::from_utf8(value)
                    .map(Some)
                    .map_err(|_| Rejection::malformed("a parameter of the key is not text")),
                _ => Err(Rejection::malformed("a parameter of the key is given twice")),
            }
        };
        for (sid, status) in NAMES {
            let Some(sid) = single(sid)? else { continue };
            let status = single(status)?;
            // A status that is not known may be new, or the head of one that was cut in two: its tail would then be
            // the head of a parameter's name, and Twilio's own names begin with a capital.
            let is_known = status.is_none_or(|status| STATUSES.iter().any(|(known, _)| *known == status));
            if !is_known
                && !parameters.iter().all(|(name, _)| name.first().is_some_and(u8::is_ascii_uppercase))
            {
                return Err(Rejection::malformed("the status is not known"));
            }
            let sequence = if status.is_some() { single("SequenceNumber")? } else { None };
            return Self::checked(sid, status, sequence, single("EventType")?, single("DateUpdated")?);
        }
        Err(Rejection::key_missing("the callback has no sid"))
    }

    /// Reads a JSON body whose hash was signed.
    pub(super) fn from_json(body: &[u8]) -> Result<Self, Rejection> {
        let read: Json<'_> =
            json::fields(body).ok_or(Rejection::malformed("the body is not a json object"))?;
        let sid = [&read.message, &read.recording, &read.conference, &read.call, &read.sms]
            .into_iter()
            .find_map(Scalar::text)
            .ok_or(Rejection::key_missing("the callback has no sid"))?;
        Self::checked(sid, None, None, read.event_type.text(), read.date_updated.text())
    }

    fn checked(
        sid: &str,
        status: Option<&str>,
        sequence: Option<&str>,
        event_type: Option<&str>,
        updated: Option<&str>,
    ) -> Result<Self, Rejection> {
        if !is_sid(sid) {
            return Err(Rejection::malformed("the sid is not of twilio's form"));
        }
        if status.is_some_and(|status| !is_status(status)) {
            return Err(Rejection::malformed("the status is not of twilio's form"));
        }
        if sequence.is_some_and(|sequence| sequence.len() > 10 || signature::digits(sequence).is_none()) {
            return Err(Rejection::malformed("the sequence number is not a number"));
        }
        Ok(Self {
            sid: sid.to_owned(),
            status: status.map(ToOwned::to_owned),
            sequence: sequence.map(ToOwned::to_owned),
            subtype: event_type.map(|kind| format!("{kind}/{}", updated.unwrap_or_default())),
        })
    }

    /// The Sid, its status, and the number of the event, as far as there are any.
    pub(super) fn key(&self) -> String {
        let parts = [Some(&self.sid), self.status.as_ref(), self.sequence.as_ref()];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(":")
    }

    /// How far along its status is.
    pub(super) fn rank(&self) -> Option<u64> {
        let status = self.status.as_deref()?;
        STATUSES.iter().find(|(known, _)| *known == status).map(|(_, rank)| *rank)
    }
}

/// Two capitals and 32 lower-case hexadecimal digits. Samples in documentation have upper-case ones and may have fewer;
/// a shortened real Sid never reads like that, since it would need a capital digit.
fn is_sid(text: &str) -> bool {
    let Some((prefix, digits)) = text.split_at_checked(2) else { return false };
    let is_real =
        digits.len() == 32 && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    let is_sample = digits.len() <= 32
        && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
        && digits.bytes().any(|digit| digit.is_ascii_uppercase());
    prefix.bytes().all(|byte| byte.is_ascii_uppercase()) && (is_real || is_sample)
}

/// Lower-case letters, and dashes or underscores between them.
fn is_status(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, default, rename = "MessageSid")]
    message: Scalar<'a>,
    #[serde(borrow, default, rename = "RecordingSid")]
    recording: Scalar<'a>,
    #[serde(borrow, default, rename = "ConferenceSid")]
    conference: Scalar<'a>,
    #[serde(borrow, default, rename = "CallSid")]
    call: Scalar<'a>,
    #[serde(borrow, default, rename = "SmsSid")]
    sms: Scalar<'a>,
    #[serde(borrow, default, rename = "EventType")]
    event_type: Scalar<'a>,
    #[serde(borrow, default, rename = "DateUpdated")]
    date_updated: Scalar<'a>,
}

#[cfg(test)]
mod tests {
    use super::is_sid;

    #[test]
    fn a_sid_is_two_capitals_and_32_digits_or_a_documented_sample() {
        let sid = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";
        assert!(is_sid(sid));
        assert!(is_sid("CA1234567890ABCDE"));
        assert!((0..sid.len()).all(|len| !is_sid(&sid[..len])), "a shortened sid is not one");
        for text in [
            "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09MessageStatusdelivered",
            "CA1",
            "CA",
            "",
            "é1",
            "sm2A",
            "S-2A",
        ] {
            assert!(!is_sid(text), "{text}");
        }
    }
}
