//! What a Twilio callback is: a status of something that has a Sid, or an event that only its whole text tells apart.

use super::form::{Form, Found, Place, SignedText};
use crate::provider::Rejection;

/// A verified callback.
pub(super) enum Event {
    /// A status of a message, a call or a recording. Each comes once.
    Status(Status),
    /// Anything else: its key is a digest of the text that was signed.
    Other(String),
}

/// A status that something with a Sid has reached.
#[derive(PartialEq, Eq)]
pub(super) struct Status {
    pub(super) subject: &'static Subject,
    pub(super) sid: String,
    pub(super) status: String,
    /// The number of the event, for calls.
    sequence: Option<String>,
}

/// What a status is of, and how its statuses follow each other.
#[derive(PartialEq, Eq)]
pub(super) struct Subject {
    /// The kind of the resource.
    pub(super) kind: &'static str,
    sids: &'static [&'static str],
    ranks: &'static [(&'static str, u64)],
}

const MESSAGE: &Subject = &Subject {
    kind: "message",
    sids: &["SM", "MM"],
    ranks: &[
        ("accepted", 1),
        ("scheduled", 1),
        ("queued", 1),
        ("sending", 2),
        ("receiving", 2),
        ("sent", 3),
        ("partially_delivered", 4),
        ("delivered", 5),
        ("undelivered", 5),
        ("received", 5),
        ("failed", 5),
        ("canceled", 5),
        ("read", 6),
    ],
};

const CALL: &Subject = &Subject {
    kind: "call",
    sids: &["CA"],
    ranks: &[
        ("queued", 1),
        ("initiated", 1),
        ("ringing", 2),
        ("in-progress", 3),
        ("answered", 3),
        ("completed", 4),
        ("busy", 4),
        ("no-answer", 4),
        ("canceled", 4),
        ("failed", 4),
    ],
};

const RECORDING: &Subject = &Subject {
    kind: "recording",
    sids: &["RE"],
    ranks: &[("in-progress", 1), ("completed", 2), ("absent", 2)],
};

/// The parameters by which a status is known.
struct Pattern {
    subject: &'static Subject,
    sid: &'static str,
    status: &'static str,
}

/// A message has its status up to twice, under its name of today and under the older one.
const PATTERNS: [Pattern; 5] = [
    Pattern { subject: MESSAGE, sid: "MessageSid", status: "MessageStatus" },
    Pattern { subject: MESSAGE, sid: "MessageSid", status: "SmsStatus" },
    Pattern { subject: MESSAGE, sid: "SmsSid", status: "SmsStatus" },
    Pattern { subject: CALL, sid: "CallSid", status: "CallStatus" },
    Pattern { subject: RECORDING, sid: "RecordingSid", status: "RecordingStatus" },
];

/// How a pattern reads in a signed text.
enum Reading<'t> {
    /// A parameter of it is missing.
    None,
    Status(Status, Vec<Place<'t>>),
    /// A parameter of it stands there several times, as where a user's text spells it.
    Ambiguous,
}

/// The known status of this name, whatever it is of.
pub(super) fn known_status(name: &str) -> Option<&'static str> {
    let ranks = [MESSAGE, CALL, RECORDING].into_iter().flat_map(|subject| subject.ranks);
    ranks.map(|(status, _)| *status).find(|status| *status == name)
}

impl Event {
    /// Reads a signed form.
    ///
    /// Which kind of event it is, and its key, are decided by the text alone. A cut of the text that hides what decides
    /// is refused.
    pub(super) fn from_form(text: &SignedText<'_>) -> Result<Self, Rejection> {
        let other = || Ok(Self::Other(format!("form:{}", text.digest())));
        let (mut event, mut deciding): (Option<Status>, Vec<Place<'_>>) = (None, Vec::new());
        for pattern in &PATTERNS {
            match pattern.read(text) {
                Reading::None => {}
                Reading::Ambiguous => return other(),
                Reading::Status(status, _) if event.as_ref().is_some_and(|event| *event != status) => {
                    return other();
                }
                Reading::Status(status, places) => {
                    event = Some(status);
                    deciding.extend(places);
                }
            }
        }
        let Some(event) = event else { return other() };
        if deciding.into_iter().all(|place| text.has(place)) {
            Ok(Self::Status(event))
        } else {
            Err(Rejection::malformed("the parameters are not cut as the signed text reads"))
        }
    }

    /// The event of a body that is no form, by the hash of it that was signed.
    pub(super) fn from_body(hash: &[u8; 32]) -> Self {
        Self::Other(format!("body:{}", data_encoding::HEXLOWER.encode(hash)))
    }

    /// What tells the event from all others.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Status(Status { sid, status, sequence: Some(sequence), .. }) => {
                format!("{sid}:{status}:{sequence}")
            }
            Self::Status(Status { sid, status, .. }) => format!("{sid}:{status}"),
            Self::Other(key) => key.clone(),
        }
    }
}

impl Status {
    /// How far along the status is; `None` where its place is not known.
    pub(super) fn rank(&self) -> Option<u64> {
        self.subject.ranks.iter().find(|(known, _)| *known == self.status).map(|(_, rank)| *rank)
    }
}

impl Pattern {
    fn read<'t>(&self, text: &'t SignedText<'_>) -> Reading<'t> {
        let mut parameters = vec![(self.sid, Form::Sid(self.subject.sids)), (self.status, Form::Word)];
        // A request for TwiML has a status as well, and so has the progress of a speech, with numbers of its own: only
        // the source tells a status callback from them.
        if self.subject == CALL {
            parameters.extend([("SequenceNumber", Form::Number), ("CallbackSource", Form::Word)]);
        }
        let mut places = Vec::new();
        let mut is_ambiguous = false;
        for (name, form) in parameters {
            match text.find(name, form) {
                Found::Nowhere => return Reading::None,
                Found::Once(place) => places.push(place),
                Found::Often => is_ambiguous = true,
            }
        }
        let (sid, status, sequence) = match *places.as_slice() {
            _ if is_ambiguous => return Reading::Ambiguous,
            [sid, status] => (sid, status, None),
            [sid, status, number, source] if source.value == "call-progress-events" => {
                (sid, status, Some(number.value.to_owned()))
            }
            _ => return Reading::None,
        };
        let status = Status {
            subject: self.subject,
            sid: sid.value.to_owned(),
            status: status.value.to_owned(),
            sequence,
        };
        Reading::Status(status, places)
    }
}
