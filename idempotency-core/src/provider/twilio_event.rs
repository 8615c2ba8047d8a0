//! What a Twilio callback is about: a Sid, a status, a sequence number, each of Twilio's form or refused.

use serde::Deserialize;

use super::Rejection;
use super::json::{self, Scalar};
use super::twilio_form::{Form, SignedForm, is_sid};

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
    pub(super) fn from_form(form: &SignedForm<'_>) -> Result<Self, Rejection> {
        // Where the type ends cannot be told from the name that follows. That there is one can be, and the whole of what
        // was signed tells two events apart as well as their types and dates do.
        let subtype = form.single("EventType", Form::Word)?.map(|_| form.digest());
        for (sid, status) in NAMES {
            let Some(sid) = form.single(sid, Form::Sid)? else { continue };
            let status = form.single(status, Form::Status)?;
            let sequence = if status.is_some() { form.single("SequenceNumber", Form::Number)? } else { None };
            return Ok(Self {
                sid: sid.to_owned(),
                status: status.map(ToOwned::to_owned),
                sequence: sequence.map(ToOwned::to_owned),
                subtype,
            });
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
        if !is_sid(sid) {
            return Err(Rejection::malformed("the sid is not of twilio's form"));
        }
        let updated = read.date_updated.text().unwrap_or_default();
        let subtype = read.event_type.text().map(|kind| format!("{kind}/{updated}"));
        Ok(Self { sid: sid.to_owned(), status: None, sequence: None, subtype })
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
