//! Senders of banks, cards and payouts.

use super::{
    Confirmed, Place, Reported, STANDARD_WITH_HEADER_ID, Scheme, TimeUnit, days, seconds, standard_webhooks,
    standard_webhooks_with_text,
};

/// Airwallex. The key is the event's id, which Airwallex documents as stable. A time is signed, but no allowed age was found,
/// so any is accepted.
///
/// See [its page](crate::docs::providers::senders::airwallex).
pub const AIRWALLEX: Scheme = Scheme::hmac_sha256("airwallex")
    .titled("Airwallex")
    .described_by("https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview", Confirmed)
    .signature_header("x-signature")
    .timestamp_header("x-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .any_age()
    .signing("{timestamp}{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/name"))
    .retries_for(days(3), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_answers("It expects the status 200.");

/// Brex. The key is the `webhook-id`, as in Standard Webhooks.
///
/// See [its page](crate::docs::providers::senders::brex).
pub const BREX: Scheme = standard_webhooks("brex")
    .titled("Brex")
    .described_by("https://trigger.dev/apis/brex/examples/brex-http-endpoint", Reported)
    .type_in(Place::Json("/event_type"))
    .noting_setup("Brex's API lists the secrets. Use all of them: it may sign with two.");

/// Dwolla. The key is the event's id.
///
/// See [its page](crate::docs::providers::senders::dwolla).
pub const DWOLLA: Scheme = Scheme::hmac_sha256("dwolla")
    .titled("Dwolla")
    .described_by("https://developers.dwolla.com/docs/api-reference/webhook-subscriptions", Confirmed)
    .signature_header("x-request-signature-sha-256")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/topic"))
    .retries_for(days(3), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .waits_for(seconds(10), Confirmed)
    .noting(
        "It pauses a subscription after 400 failures in a row and 24 hours without a success, and sends nothing while it is paused.",
    );

/// Fintoc. The key is the event's id, which Fintoc names for that purpose.
///
/// See [its page](crate::docs::providers::senders::fintoc).
pub const FINTOC: Scheme = Scheme::hmac_sha256("fintoc")
    .titled("Fintoc")
    .described_by("https://github.com/fintoc-com/fintoc-node", Confirmed)
    .signature_header("fintoc-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .retries_after_4xx(true, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting("It retries up to 17 times, at growing intervals.");

/// Increase. The key is the event's id in the body. The secret is used as it is, without decoding.
///
/// See [its page](crate::docs::providers::senders::increase).
pub const INCREASE: Scheme = standard_webhooks_with_text("increase")
    .titled("Increase")
    .described_by("https://github.com/Increase/increase-python", Confirmed)
    .signing(STANDARD_WITH_HEADER_ID)
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/category"));

/// Revolut. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::revolut).
pub const REVOLUT: Scheme = Scheme::hmac_sha256("revolut")
    .titled("Revolut")
    .described_by(
        "https://developer.revolut.com/docs/guides/merchant/monitor-and-observe/webhooks/verify-the-payload-signature",
        Confirmed,
    )
    .signature_header("revolut-signature")
    .items(',')
    .prefix("v1=")
    .timestamp_header("revolut-request-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .signing("v1.{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting("If an event's body has no time, a later event with the same body counts as the same: read the state from the API.");

/// Mercury. Sources differ on whether the secret is text or base64, so both are tried.
///
/// See [its page](crate::docs::providers::senders::mercury).
pub const MERCURY: Scheme = Scheme::hmac_sha256("mercury")
    .titled("Mercury")
    .described_by("https://docs.mercury.com/reference/webhooks", Reported)
    .signature_header("mercury-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .secret_in_base64_or_text("")
    .key_in(Place::Json("/id"))
    .type_in(Place::Joined(&[Place::Json("/resourceType"), Place::Json("/operationType")]))
    .retries_for(days(1), Reported)
    .waits_for(seconds(5), Reported)
    .retries_after_4xx(false, Reported)
    .noting_answers("A 429 is retried (reported).")
    .noting("It has no webhooks in its sandbox.");
