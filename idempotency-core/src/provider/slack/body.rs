//! Slack's bodies: events as JSON, commands and interactions as forms.

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::resource::Inner;
use crate::provider::json::{self, Object, Scalar};
use crate::provider::{form, signature};

/// A verified body.
pub(super) enum Body {
    /// A check of the events URL, with the text to answer.
    Challenge(String),
    /// A check of a command's URL, which carries nothing to process.
    SslCheck,
    /// A request of a type without an id, so that its duplicates cannot be recognized.
    WithoutId,
    /// Anything else.
    Event(Event),
}

/// An event, a command or an interaction.
pub(super) struct Event {
    pub(super) id: Option<String>,
    pub(super) event_type: String,
    pub(super) team: Option<String>,
    /// The kind and the name of the resource that it is about.
    pub(super) resource: Option<(&'static str, String)>,
    /// `event_ts` in microseconds.
    pub(super) version: Option<u64>,
}

/// Types without an id: a rate limit notice, a closed view, a menu that asks for its options.
const WITHOUT_ID: [&str; 4] = ["app_rate_limited", "view_closed", "block_suggestion", "dialog_suggestion"];

/// Types of user actions without an id. Their key is a digest of the body, which includes the time of the action.
const KEYED_BY_CONTENT: [&str; 2] = ["dialog_submission", "dialog_cancellation"];

/// Whether a body is a check of a command's URL.
pub(super) fn is_ssl_check(body: &[u8]) -> bool {
    form::single(body, "ssl_check").as_deref() == Some("1")
        && form::single(body, "command").is_none()
        && form::single(body, "payload").is_none()
}

impl Body {
    /// Reads a verified body. `None` if it is neither JSON nor a form.
    ///
    /// The kind is read from the body, because the content type is not signed.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        if body.trim_ascii_start().starts_with(b"{") {
            return Some(json::fields::<Json<'_>>(body)?.read(body));
        }
        if let Some(payload) = form::single(body, "payload") {
            return Some(json::fields::<Json<'_>>(payload.as_bytes())?.read(body));
        }
        if is_ssl_check(body) {
            return Some(Self::SslCheck);
        }
        std::str::from_utf8(body).ok()?;
        Some(Self::Event(Event {
            id: form::single(body, "trigger_id"),
            event_type: form::single(body, "command").unwrap_or_default(),
            team: form::single(body, "team_id"),
            resource: None,
            version: None,
        }))
    }
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Scalar<'a>,
    #[serde(borrow, default)]
    challenge: Scalar<'a>,
    #[serde(borrow, default)]
    event_id: Scalar<'a>,
    #[serde(borrow, default)]
    trigger_id: Scalar<'a>,
    #[serde(borrow, default)]
    team_id: Scalar<'a>,
    #[serde(borrow, default)]
    team: Scalar<'a>,
    #[serde(borrow, default)]
    event: Object<Inner<'a>>,
    /// The time of a user's action, only in interactions.
    #[serde(borrow, default)]
    action_ts: Scalar<'a>,
}

impl Json<'_> {
    fn read(&self, signed: &[u8]) -> Body {
        let kind = self.kind.text().unwrap_or_default();
        if kind == "url_verification" {
            return Body::Challenge(self.challenge.text().unwrap_or_default().to_owned());
        }
        let event = self.event.0.as_ref();
        let id = self.event_id.text().or_else(|| self.trigger_id.text()).map(ToOwned::to_owned);
        // An old-style menu asks for its options in an action without a type.
        let asks_for_options = kind.is_empty() && self.action_ts.text().is_some();
        if id.is_none() && (WITHOUT_ID.contains(&kind) || asks_for_options) {
            return Body::WithoutId;
        }
        let content = || format!("{kind}:{}", HEXLOWER.encode(&Sha256::digest(signed)));
        let id = id.or_else(|| KEYED_BY_CONTENT.contains(&kind).then(content));
        let team = self.team_id.text().or_else(|| self.team.text());
        Body::Event(Event {
            id,
            event_type: event.and_then(|event| event.kind.text()).unwrap_or(kind).to_owned(),
            team: team.map(ToOwned::to_owned),
            resource: event.and_then(Inner::resource),
            version: event.and_then(|event| micros(event.event_ts.text()?)),
        })
    }
}

/// Converts a decimal number of seconds to microseconds. A float has too few digits for it, and texts of different length
/// do not compare as numbers.
fn micros(ts: &str) -> Option<u64> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
    let fraction = format!("{fraction:0<6}");
    if seconds.is_empty() || fraction.len() != 6 {
        return None;
    }
    signature::digits(seconds)?.checked_mul(1_000_000)?.checked_add(signature::digits(&fraction)?)
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn a_timestamp_is_compared_as_a_number() {
        assert_eq!(micros("1735689599.001234"), Some(1_735_689_599_001_234));
        assert_eq!(micros("999999999.9"), Some(999_999_999_900_000));
        assert!(micros("999999999.9") < micros("1735689599.001234"));
        for ts in ["", ".5", "-1.0", "1.0000001", "1.+1", "18446744073709551615.0", "1.2.3"] {
            assert_eq!(micros(ts), None, "{ts}");
        }
    }
}
