//! The headers that a signature covers: none of them can be changed.

use http::HeaderName;
use idempotency_core::provider::RejectionKind;

use super::cases::cases;

/// The senders, and the names of the headers that they sign.
const SIGNED: [(&str, &str); 38] = [
    ("anthropic", "webhook-id"),
    ("anthropic", "webhook-timestamp"),
    ("polar", "webhook-id"),
    ("polar", "webhook-timestamp"),
    ("supabase", "webhook-id"),
    ("supabase", "webhook-timestamp"),
    ("openai", "webhook-id"),
    ("openai", "webhook-timestamp"),
    ("webflow", "x-webflow-timestamp"),
    ("twitch", "twitch-eventsub-message-id"),
    ("twitch", "twitch-eventsub-message-timestamp"),
    ("gitlab-signed", "webhook-id"),
    ("gitlab-signed", "webhook-timestamp"),
    ("zoom", "x-zm-request-timestamp"),
    ("box", "box-delivery-timestamp"),
    ("zendesk", "x-zendesk-webhook-signature-timestamp"),
    ("discord", "x-signature-timestamp"),
    ("telnyx", "telnyx-timestamp"),
    ("orb", "x-orb-timestamp"),
    ("hubspot", "x-hubspot-request-timestamp"),
    ("sendgrid", "x-twilio-email-event-webhook-timestamp"),
    ("airwallex", "x-timestamp"),
    ("bigcommerce", "webhook-id"),
    ("bigcommerce", "webhook-timestamp"),
    ("cashfree", "x-webhook-timestamp"),
    ("crisp", "x-crisp-request-timestamp"),
    ("customer-io", "x-cio-timestamp"),
    ("filestack", "fs-timestamp"),
    ("finch", "finch-event-id"),
    ("finch", "finch-timestamp"),
    ("increase", "webhook-id"),
    ("increase", "webhook-timestamp"),
    ("lob", "lob-signature-timestamp"),
    ("metronome", "x-metronome-date"),
    ("revolut", "revolut-request-timestamp"),
    ("sinch", "x-sinch-webhook-signature-nonce"),
    ("sinch", "x-sinch-webhook-signature-timestamp"),
    ("vapi", "x-timestamp"),
];

#[test]
fn a_changed_header_that_is_signed_is_refused() {
    for case in cases() {
        for (sender, name) in SIGNED.iter().filter(|(sender, _)| *sender == case.scheme.name()) {
            let request = case.genuine();
            let name: HeaderName = name.parse().unwrap();
            let value = request.headers[&name].to_str().unwrap().to_owned();
            // A few seconds later, or another id.
            let other = if value.contains("T") {
                value.replace(":00:00", ":00:03")
            } else {
                format!("{}3", &value[..value.len() - 1])
            };
            assert_ne!(value, other);
            let changed = request.with(name.as_str(), &other).received_by(&case.provider());
            let kind = changed.map_err(|rejection| rejection.kind()).err();
            assert_eq!(kind, Some(RejectionKind::Unauthenticated), "{sender}: {name}");
        }
    }
}
