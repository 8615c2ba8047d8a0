//! The rows of the page for the senders whose provider is code.

use idempotency_core::Policy;
use idempotency_core::provider::{Facts, Mailgun, Provider as _};

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

pub(super) const ROWS: &[Row] = &[Row {
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
}];

#[test]
fn every_sender_whose_provider_is_code_is_on_the_page() {
    let titles = |facts: Facts| facts.title;
    let cases: Vec<_> = super::coded_cases::cases().iter().map(|case| titles(case.facts)).collect();
    assert_eq!(cases, ROWS.iter().map(|row| titles(row.facts)).collect::<Vec<_>>());
}
