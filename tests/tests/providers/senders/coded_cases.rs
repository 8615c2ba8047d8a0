//! One case per sender whose provider is code: an event, its retry, other events, and how a request is signed.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::provider::{Facts, Mailgun, Provider, Secret, Secrets};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

use super::cases::{NOW, SECRETS};

/// One sender.
pub(super) struct Coded {
    pub(super) name: &'static str,
    pub(super) facts: Facts,
    pub(super) secrets: [&'static str; 2],
    pub(super) provider: fn(&[&str]) -> Arc<dyn Provider>,
    /// A request with an event, signed with a secret.
    pub(super) signed: fn(&str, &str) -> Request,
    pub(super) event: &'static str,
    /// The same event at its next attempt.
    pub(super) retry: &'static str,
    /// Other events: the next one about the same object, and one of each other kind.
    pub(super) others: &'static [&'static str],
    /// The text of the signature, which is once in a header or in the body.
    pub(super) signature: fn(&Request) -> String,
    /// Texts in a request with other texts for them, all of which the signature covers.
    pub(super) covered: &'static [(&'static str, &'static str)],
    /// Texts that the signature does not cover.
    pub(super) uncovered: &'static [(&'static str, &'static str)],
    /// Whether the key is signed, so that there is no fingerprint.
    pub(super) is_key_signed: bool,
}

impl Coded {
    pub(super) fn genuine(&self) -> Request {
        (self.signed)(self.secrets[0], self.event)
    }

    pub(super) fn by_one_secret(&self) -> Arc<dyn Provider> {
        (self.provider)(&self.secrets[..1])
    }
}

/// A request with another text for a text, in its headers, its target and its body.
pub(super) fn replaced(request: &Request, old: &str, new: &str) -> Option<Request> {
    let mut request = request.clone();
    for value in request.headers.values_mut() {
        if let Ok(text) = value.to_str()
            && text.contains(old)
        {
            *value = text.replace(old, new).parse().ok()?;
        }
    }
    let body = String::from_utf8(request.body.to_vec()).unwrap();
    request.body = body.replace(old, new).into();
    request.uri = request.uri.to_string().replace(old, new).parse().ok()?;
    Some(request)
}

/// The text after a text in the body, up to a quote.
fn after(request: &Request, start: &str) -> String {
    let body = std::str::from_utf8(&request.body).unwrap();
    let (_, rest) = body.split_once(start).unwrap();
    rest.split(['"', '&']).next().unwrap().to_owned()
}

fn all(texts: &[&str]) -> Secrets {
    Secrets::any_of(texts.iter().map(|text| Secret::new(text).unwrap())).unwrap()
}

pub(super) fn cases() -> Vec<Coded> {
    vec![mailgun()]
}

fn mailgun() -> Coded {
    Coded {
        name: "mailgun",
        facts: Mailgun::FACTS,
        secrets: SECRETS,
        provider: |secrets| Arc::new(Mailgun::from_secrets(all(secrets))),
        signed: |secret, event| {
            // Each attempt has a time and a token of its own.
            let (token, event) = event.split_once(' ').unwrap();
            let now = NOW + Duration::from_secs(token.len().try_into().unwrap());
            let (headers, body) = testing::mailgun(secret, token, event, now);
            Request::new(headers, body, now)
        },
        event: r#"a8ce0edb2d {"event":"failed","id":"DACS","severity":"temporary","recipient":"a@example.com"}"#,
        retry: r#"b9 {"event":"failed","id":"DACS","severity":"temporary","recipient":"a@example.com"}"#,
        others: &[
            r#"a8ce0edb2d {"event":"failed","id":"DACT","severity":"temporary","recipient":"a@example.com"}"#,
            r#"a8ce0edb2d {"event":"delivered","id":"DACU","recipient":"a@example.com"}"#,
        ],
        signature: |request| after(request, r#""signature":""#),
        covered: &[("a8ce0edb2d", "a8ce0edb2e"), ("1767225610", "1767225611")],
        uncovered: &[("a@example.com", "b@example.com"), ("DACS", "DACT")],
        is_key_signed: false,
    }
}
