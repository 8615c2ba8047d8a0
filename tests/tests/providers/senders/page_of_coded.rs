//! The rows of the page for the senders whose provider is code.

use idempotency_core::Policy;
use idempotency_core::provider::{
    Adyen, Braintree, CloudEvents, Cloudinary, Contentful, Facts, Figma, Mailgun, Mandrill, MicrosoftGraph,
    Provider as _,
};

/// What the page says of a sender.
pub(super) struct Row {
    pub(super) facts: Facts,
    pub(super) provider: &'static str,
    pub(super) key: &'static str,
    pub(super) is_signed: &'static str,
    pub(super) age: &'static str,
    pub(super) policy: fn() -> Policy,
    pub(super) proof: &'static str,
    pub(super) place: &'static str,
    pub(super) text: &'static str,
    pub(super) handshake: &'static str,
}

pub(super) const ROWS: &[Row] = &[
    Row {
        facts: Adyen::FACTS,
        provider: "Adyen",
        key: "in each of `/notificationItems/*`: `/pspReference` + `/eventCode` + `/success`",
        is_signed: "yes, and five other fields, **no more**",
        age: "none",
        policy: || Adyen::new("00ff").unwrap().policy(),
        proof: "HMAC-SHA256 in base64",
        place: "`/additionalData/hmacSignature` in each item, or `hmacsignature`",
        text: "eight fields of the item, or the body",
        handshake: "–",
    },
    Row {
        facts: Braintree::FACTS,
        provider: "Braintree",
        key: "SHA-256 of `bt_payload`",
        is_signed: "yes",
        age: "none",
        policy: || Braintree::new("public|private").unwrap().policy(),
        proof: "HMAC-SHA1 in hex",
        place: "`bt_signature` in the form",
        text: "`bt_payload` in the form",
        handshake: "GET with `bt_challenge` is answered with its signature",
    },
    Row {
        facts: CloudEvents::FACTS,
        provider: "CloudEvents",
        key: "`source` + `id`, in headers or in the body",
        is_signed: "**nothing is signed**",
        age: "none",
        policy: || CloudEvents::new("token").unwrap().policy(),
        proof: "bearer token",
        place: "`authorization`",
        text: "–",
        handshake: "OPTIONS with an allowed `webhook-request-origin` is answered with that origin",
    },
    Row {
        facts: Cloudinary::FACTS,
        provider: "Cloudinary",
        key: "SHA-256 of the body",
        is_signed: "yes",
        age: "2 hours",
        policy: || Cloudinary::new("secret").unwrap().policy(),
        proof: "SHA-256 with the secret at the end, in hex",
        place: "`x-cld-signature`",
        text: "the body, `x-cld-timestamp` and the secret",
        handshake: "–",
    },
    Row {
        facts: Contentful::FACTS,
        provider: "Contentful",
        key: "header `x-contentful-idempotency-key`",
        is_signed: "if the sender lists it as signed",
        age: "30 seconds",
        policy: || Contentful::new("x".repeat(64)).unwrap().policy(),
        proof: "HMAC-SHA256 in hex",
        place: "`x-contentful-signature`",
        text: "method, path, listed headers and body",
        handshake: "–",
    },
    Row {
        facts: Figma::FACTS,
        provider: "Figma",
        key: "SHA-256 of the body's values, without `/passcode` and `/retries`",
        is_signed: "**nothing is signed**",
        age: "none",
        policy: || Figma::new("passcode").unwrap().policy(),
        proof: "token",
        place: "`/passcode`",
        text: "–",
        handshake: "–",
    },
    Row {
        facts: Mailgun::FACTS,
        provider: "Mailgun",
        key: "`/event-data/id`",
        is_signed: "**no, and neither is the event**",
        age: "any age",
        policy: || Mailgun::new("secret").unwrap().policy(),
        proof: "HMAC-SHA256 in hex",
        place: "`/signature` in the body",
        text: "the time and the token in `/signature`",
        handshake: "–",
    },
    Row {
        facts: Mandrill::FACTS,
        provider: "Mandrill",
        key: "in each of `mandrill_events`: SHA-256 of the event",
        is_signed: "yes",
        age: "none",
        policy: || Mandrill::new("https://example.com", "key").unwrap().policy(),
        proof: "HMAC-SHA1 in base64",
        place: "`x-mandrill-signature`",
        text: "the URL, then the form's names and values, sorted by name",
        handshake: "HEAD is answered",
    },
    Row {
        facts: MicrosoftGraph::FACTS,
        provider: "MicrosoftGraph",
        key: "in each of `/value/*`: `/id`",
        is_signed: "**nothing is signed**",
        age: "none",
        policy: || MicrosoftGraph::new("state").unwrap().policy(),
        proof: "token",
        place: "`/clientState` in each notification",
        text: "–",
        handshake: "POST with `validationToken` and no body is answered with its value",
    },
];

#[test]
fn every_sender_whose_provider_is_code_is_on_the_page() {
    let titles = |facts: Facts| facts.title;
    let cases: Vec<_> = super::coded_cases::cases().iter().map(|case| titles(case.facts)).collect();
    assert_eq!(cases, ROWS.iter().map(|row| titles(row.facts)).collect::<Vec<_>>());
}
