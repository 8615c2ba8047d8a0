//! The checks of a scheme: settings that contradict each other, prove too little, or have no effect.

use http::Method;

use super::compile::{Compiled, Source};
use super::secret_form::SecretForm;
use super::settings::{Age, Headers, Time};
use super::template::Part;
use super::{BODY, Encoding, Handshake, Place, Proof, Scheme, SchemeError, TimeUnit};
use crate::provider::endpoint_url::EndpointUrl;

use std::time::Duration;

pub(super) fn settings(scheme: &Scheme) -> Result<(), SchemeError> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if scheme.name.is_empty() || !scheme.name.bytes().all(is_name) {
        return Err(SchemeError::Name(scheme.name));
    }
    if scheme.headers.names().is_empty() {
        return Err(SchemeError::NoSignatureHeader);
    }
    if matches!(scheme.time, Time::None)
        && (scheme.unit.is_some() || scheme.age != Age::Default || scheme.is_past_only)
    {
        return Err(SchemeError::Setting(
            "a unit or an age is set, but the scheme says nowhere where the time is",
        ));
    }
    if !scheme.handshake.is_well_formed() {
        return Err(SchemeError::Setting(
            "the handshake has an invalid header name, a status that is no success, or content that is not JSON or \
             not allowed by its status",
        ));
    }
    if matches!(scheme.handshake, Handshake::SignQuery { .. }) && scheme.proof != Proof::HmacSha256 {
        return Err(SchemeError::Setting(
            "the answer to the handshake is an HMAC-SHA256, and the sender signs otherwise",
        ));
    }
    let has_places = scheme.key.is_some()
        || scheme.event_type.is_some()
        || scheme.account.is_some()
        || scheme.order.is_some()
        || scheme.events.is_some()
        || !scheme.differing.is_empty();
    if scheme.is_keyless && (has_places || matches!(scheme.handshake, Handshake::Answer { .. })) {
        return Err(SchemeError::Setting(
            "a sender without a key has no deliveries: remove the places, the events and the fixed answer",
        ));
    }
    let is_decoded = !matches!(scheme.secret_form, SecretForm::Text);
    if scheme.proof.key_pair().is_some() {
        if is_decoded {
            return Err(SchemeError::Setting(
                "a public key is read in each of its forms: leave out the secret's form",
            ));
        }
        if matches!(scheme.handshake, Handshake::SignJson { .. }) {
            return Err(SchemeError::Setting(
                "the answer to the handshake is signed with a secret, and the sender has a key pair",
            ));
        }
    }
    if scheme.proof.is_signature() {
        return Ok(());
    }
    let is_list = scheme.separator.is_some() || !matches!(scheme.time, Time::None);
    if scheme.signed_text != BODY || is_list || is_decoded || scheme.encoding != Encoding::Hex {
        return Err(SchemeError::Setting(
            "a token and basic authentication sign nothing: remove the template, items, time, encoding and the \
             secret's form",
        ));
    }
    let is_plain = matches!(scheme.headers, Headers::One("authorization")) && scheme.prefix.is_empty();
    if scheme.proof == Proof::BasicAuth && !is_plain {
        return Err(SchemeError::Setting(
            "basic authentication always uses the authorization header: remove `signature_header` and `prefix`",
        ));
    }
    Ok(())
}

/// A time that the signature does not cover proves nothing.
pub(super) fn time(scheme: &Scheme, signed_text: &[Part]) -> Result<(), SchemeError> {
    let wrong = |reason| SchemeError::Template { template: scheme.signed_text, reason };
    let is_in_text = signed_text.contains(&Part::Timestamp);
    let is_ageless = scheme.age.tolerance().is_none_or(|tolerance| tolerance == Duration::MAX);
    match scheme.time {
        Time::None if is_in_text => Err(wrong(
            "has `{timestamp}`, but no time is configured: call `timestamp_header` or `timestamp_item`",
        )),
        Time::Header(_) | Time::Item(_) if !is_in_text => {
            Err(wrong("leaves out `{timestamp}`, so any time would pass"))
        }
        Time::Json(_) if is_in_text => Err(wrong("has `{timestamp}`, but the time is in the body")),
        Time::Header(_) | Time::Item(_)
            if is_ageless && scheme.unit() != TimeUnit::Rfc3339 && is_time_beside_header(signed_text) =>
        {
            Err(wrong("has a header next to the timestamp, which is ambiguous at any age: set a tolerance"))
        }
        Time::Item(_) if scheme.separator.is_none() => {
            Err(SchemeError::Setting("`timestamp_item` needs a list in the signature header: call `items`"))
        }
        _ => Ok(()),
    }
}

/// Whether a digit at the border of a header could be moved into the time.
pub(super) fn is_time_beside_header(signed_text: &[Part]) -> bool {
    let adjoin = |pair: &[Part]| {
        matches!(pair, [Part::Header(..), Part::Timestamp] | [Part::Timestamp, Part::Header(..)])
    };
    signed_text.windows(2).any(adjoin)
}

pub(super) fn url(scheme: &Scheme, signed_text: &[Part]) -> Result<(), SchemeError> {
    match (signed_text.contains(&Part::Url), &scheme.url) {
        (true, url) if !url.as_ref().is_some_and(EndpointUrl::is_valid) => Err(SchemeError::Url),
        (false, Some(_)) => Err(SchemeError::Setting("a url is set, but the sender does not sign it")),
        _ => Ok(()),
    }
}

/// Of two methods, neither may hide the other in the signed text.
pub(super) fn methods(scheme: &Scheme, methods: &[Method], signed_text: &[Part]) -> Result<(), SchemeError> {
    if scheme.handshake.method().is_some_and(|method| methods.contains(&method)) {
        return Err(SchemeError::Setting("deliveries have the method of the handshake, which is not signed"));
    }
    let hides = |a: &Method, b: &Method| {
        a != b && (a.as_str().starts_with(b.as_str()) || a.as_str().ends_with(b.as_str()))
    };
    let is_hidden = methods.iter().any(|a| methods.iter().any(|b| hides(a, b)));
    if signed_text.contains(&Part::Method) && is_hidden {
        return Err(SchemeError::Setting(
            "one allowed method is a prefix or a suffix of another, and the method is signed",
        ));
    }
    Ok(())
}

/// With an unsigned account, an attacker could send a captured request again under the same signed key.
pub(super) fn account(scheme: &Scheme, compiled: &Compiled) -> Result<(), SchemeError> {
    let is_any_key_signed = compiled.key.iter().any(|place| place.is_signed);
    let is_account_signed = compiled.account.iter().all(|place| place.is_signed);
    match scheme.account {
        Some(place) if compiled.account.len() > 1 => Err(SchemeError::Place {
            place,
            reason: "is a list of places, and the same text at two of them could be two accounts",
        }),
        Some(place) if is_any_key_signed && !is_account_signed => Err(SchemeError::Place {
            place,
            reason: "is not signed, so it cannot be the account of a signed key",
        }),
        _ => Ok(()),
    }
}

/// A key without a part of the event would make all events of a request one.
pub(super) fn events(scheme: &Scheme, compiled: &Compiled) -> Result<(), SchemeError> {
    let Some(key) = scheme.key.filter(|_| compiled.events.is_some()) else {
        return match scheme.max_events {
            Some(_) => Err(SchemeError::Setting(
                "a number of events is set, but a request has one: call `events_in`",
            )),
            None => Ok(()),
        };
    };
    let is_of_event = |source: &Source| !matches!(source, Source::Header(_) | Source::Envelope(_));
    if !compiled.key.iter().all(|place| place.sources.iter().any(is_of_event)) {
        return Err(SchemeError::Place { place: key, reason: "is the same for all events of a request" });
    }
    if scheme.max_events == Some(0) {
        return Err(SchemeError::Setting("no event is allowed in a request"));
    }
    if matches!(scheme.handshake, Handshake::Answer { .. }) {
        return Err(SchemeError::Setting("a handshake with a fixed answer needs a key, and has no event"));
    }
    Ok(())
}

/// A key must not be one that an attacker can choose where it decides anything.
pub(super) fn key(scheme: &Scheme, place: Place, compiled: &Compiled) -> Result<(), SchemeError> {
    let is_signature =
        |source: &Source| matches!(source, Source::Header(name) if compiled.signature_headers.contains(name));
    if compiled.key.iter().any(|place| place.sources.iter().any(is_signature)) {
        return Err(SchemeError::Place {
            place,
            reason: "is in the signature header, and one event may have several signatures",
        });
    }
    let is_fixed = matches!(scheme.handshake, Handshake::Answer { .. });
    if is_fixed && !compiled.key.iter().all(|place| place.is_signed) {
        return Err(SchemeError::Place {
            place,
            reason: "is not signed, and a handshake with a fixed answer needs a key that is",
        });
    }
    Ok(())
}

/// A key that is the text of the handshake would make every delivery one.
pub(super) fn challenge(compiled: &Compiled) -> Result<(), SchemeError> {
    let Some(challenge) = &compiled.challenge else { return Ok(()) };
    let mut sources = compiled.key.iter().flat_map(|place| &place.sources);
    let is_text = |source: &Source| match source {
        Source::Json(number) => compiled.events.is_none() && Some(*number) == challenge.text,
        Source::Envelope(number) => Some(*number) == challenge.text,
        _ => false,
    };
    if sources.any(is_text) {
        return Err(SchemeError::Setting("the key is the text of the handshake"));
    }
    Ok(())
}
