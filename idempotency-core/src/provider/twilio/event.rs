//! Twilio's callbacks: a status of a resource with a Sid, or an event that is identified by its whole text.

use super::signed_text::{Format, Occurrence, Occurrences, SignedText};
use crate::provider::Rejection;

/// A verified callback.
pub(super) enum Event {
    /// A status of a message, a call or a recording. Each status occurs once.
    Status(Status),
    /// Anything else. Its key is a digest of the signed text.
    Other(String),
}

/// A status that a resource with a Sid has reached.
#[derive(PartialEq, Eq)]
pub(super) struct Status {
    pub(super) subject: &'static Subject,
    pub(super) sid: String,
    pub(super) status: String,
    /// The sequence number of a call's event.
    sequence: Option<String>,
}

/// A kind of resource, and the order of its statuses.
#[derive(PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: &'static str,
    /// The first two letters of its Sids.
    sids: &'static [&'static str],
    /// Its statuses, each with its place in the order.
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

/// The parameters that a status is read from.
struct Pattern {
    subject: &'static Subject,
    sid: &'static str,
    status: &'static str,
}

/// A message may have its status twice, under the current names and the older ones.
const PATTERNS: [Pattern; 5] = [
    Pattern { subject: MESSAGE, sid: "MessageSid", status: "MessageStatus" },
    Pattern { subject: MESSAGE, sid: "MessageSid", status: "SmsStatus" },
    Pattern { subject: MESSAGE, sid: "SmsSid", status: "SmsStatus" },
    Pattern { subject: CALL, sid: "CallSid", status: "CallStatus" },
    Pattern { subject: RECORDING, sid: "RecordingSid", status: "RecordingStatus" },
];

/// The result of reading a pattern from a signed text.
enum Reading<'t> {
    /// One of its parameters is missing.
    None,
    Status(Status, Vec<Occurrence<'t>>),
    /// One of its parameters occurs several times, for example because a user's text contains it.
    Ambiguous,
}

/// The known status of this name, of any kind of resource.
pub(super) fn known_status(name: &str) -> Option<&'static str> {
    let ranks = [MESSAGE, CALL, RECORDING].into_iter().flat_map(|subject| subject.ranks);
    ranks.map(|(status, _)| *status).find(|status| *status == name)
}

impl Event {
    /// Reads a signed form.
    ///
    /// The text alone decides the kind of event and its key. A request that splits the text so that it lacks the deciding
    /// parameters is refused.
    pub(super) fn from_form(text: &SignedText<'_>) -> Result<Self, Rejection> {
        let other = || Ok(Self::Other(format!("form:{}", text.digest())));
        let (mut event, mut deciding): (Option<Status>, Vec<Occurrence<'_>>) = (None, Vec::new());
        for pattern in &PATTERNS {
            match pattern.read(text) {
                Reading::None => {}
                Reading::Ambiguous => return other(),
                Reading::Status(status, _) if event.as_ref().is_some_and(|event| *event != status) => {
                    return other();
                }
                Reading::Status(status, occurrences) => {
                    event = Some(status);
                    deciding.extend(occurrences);
                }
            }
        }
        let Some(event) = event else { return other() };
        if deciding.into_iter().all(|occurrence| text.has_parameter(occurrence)) {
            Ok(Self::Status(event))
        } else {
            Err(Rejection::malformed("the signed text has a status that the parameters lack"))
        }
    }

    /// The event of a body that is not a form, identified by its signed hash.
    pub(super) fn from_body(hash: &[u8; 32]) -> Self {
        Self::Other(format!("body:{}", data_encoding::HEXLOWER.encode(hash)))
    }

    /// The event's key.
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
    /// The status's place in the order of statuses. `None` if it is unknown.
    pub(super) fn rank(&self) -> Option<u64> {
        self.subject.ranks.iter().find(|(known, _)| *known == self.status).map(|(_, rank)| *rank)
    }
}

impl Pattern {
    fn read<'t>(&self, text: &'t SignedText<'_>) -> Reading<'t> {
        let mut parameters = vec![(self.sid, Format::Sid(self.subject.sids)), (self.status, Format::Word)];
        // Requests for TwiML also have a call status, and so do progress callbacks of speech recognition, which
        // have their own sequence numbers. Only the source distinguishes a status callback from them.
        if self.subject == CALL {
            parameters.extend([("SequenceNumber", Format::Number), ("CallbackSource", Format::Word)]);
        }
        let mut occurrences = Vec::new();
        let mut is_ambiguous = false;
        for (name, format) in parameters {
            match text.find(name, format) {
                Occurrences::None => return Reading::None,
                Occurrences::One(occurrence) => occurrences.push(occurrence),
                Occurrences::Several => is_ambiguous = true,
            }
        }
        let (sid, status, sequence) = match *occurrences.as_slice() {
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
        Reading::Status(status, occurrences)
    }
}
