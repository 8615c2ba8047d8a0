//! Senders of payments.

use super::{
    Confirmed, Place, Reported, Scheme, TimeUnit, Unconfirmed, VersionForm, days, hours, minutes, seconds,
    standard_webhooks,
};

/// Square. The signature covers the notification URL, so call [`with_url`](Scheme::with_url) with exactly the URL of the
/// subscription.
///
/// See [its page](crate::docs::providers::senders::square).
pub const SQUARE: Scheme = Scheme::hmac_sha256("square")
    .titled("Square")
    .described_by("https://developer.squareup.com/docs/webhooks-overview", Confirmed)
    .signature_header("x-square-hmacsha256-signature")
    .base64()
    .signing("{url}{body}")
    .key_in(Place::Json("/event_id"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/merchant_id"))
    .retries_for(hours(24), Unconfirmed)
    .retry_repeats_key(true, Confirmed);

/// Paddle Billing. A replay from the dashboard has a new `notification_id` and the same `event_id`, so it counts as the same
/// event.
///
/// See [its page](crate::docs::providers::senders::paddle).
pub const PADDLE: Scheme = Scheme::hmac_sha256("paddle")
    .titled("Paddle Billing")
    .described_by("https://github.com/PaddleHQ/paddle-node-sdk", Confirmed)
    .signature_header("paddle-signature")
    .items(';')
    .timestamp_item("ts=")
    .prefix("h1=")
    .signing("{timestamp}:{body}")
    .tolerance(seconds(5))
    .key_in(Place::Json("/event_id"))
    .type_in(Place::Json("/event_type"))
    .ordered_by(Place::Json("/data/id"), Place::Json("/occurred_at"), VersionForm::Time(TimeUnit::Rfc3339))
    .retries_for(days(3), Unconfirmed)
    .waits_for(seconds(5), Unconfirmed)
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting("The tolerance of its own SDK is only 5 s, so keep the clock accurate.");

/// Razorpay. The id is in a header that the signature does not cover. Events can be replayed from the dashboard for 7 days,
/// so the retention is 14 days.
///
/// See [its page](crate::docs::providers::senders::razorpay).
pub const RAZORPAY: Scheme = Scheme::hmac_sha256("razorpay")
    .titled("Razorpay")
    .described_by("https://razorpay.com/docs/webhooks/best-practices", Confirmed)
    .signature_header("x-razorpay-signature")
    .key_in(Place::Header("x-razorpay-event-id"))
    .type_in(Place::Json("/event"))
    .account_in(Place::Json("/account_id"))
    .retries_for(hours(24), Confirmed)
    .waits_for(seconds(5), Confirmed)
    .retention(days(14))
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting("After 24 h of failures it disables the webhook. Its dashboard replays events that were not answered 2xx, for 7 days.");

/// Coinbase Commerce. The envelope's `id` changes from attempt to attempt, so the key is the `id` of the event inside.
///
/// See [its page](crate::docs::providers::senders::coinbase_commerce).
pub const COINBASE_COMMERCE: Scheme = Scheme::hmac_sha256("coinbase-commerce")
    .titled("Coinbase Commerce")
    .described_by("https://github.com/coinbase/coinbase-commerce-node", Confirmed)
    .signature_header("x-cc-webhook-signature")
    .key_in(Place::Json("/event/id"))
    .type_in(Place::Json("/event/type"))
    .differing_between_attempts(&["/id", "/attempt_number", "/scheduled_for"])
    .retries_for(days(3), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_answers("It expects the status 200.");

/// Checkout.com.
///
/// See [its page](crate::docs::providers::senders::checkout).
pub const CHECKOUT: Scheme = Scheme::hmac_sha256("checkout")
    .titled("Checkout.com")
    .described_by("https://www.checkout.com/docs/workflows/set-up-your-webhook-receiver", Confirmed)
    .signature_header("cko-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"));

/// Mollie's next-generation webhooks. The classic ones are not signed and name only a payment, so they are refused.
///
/// See [its page](crate::docs::providers::senders::mollie).
pub const MOLLIE: Scheme = Scheme::hmac_sha256("mollie")
    .titled("Mollie (next-generation)")
    .described_by("https://github.com/mollie/mollie-api-typescript", Confirmed)
    .signature_header("x-mollie-signature")
    .repeatable()
    .items(',')
    .prefix("sha256=")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .noting("Classic webhooks are unsigned and are refused.");

/// Polar. A secret may be of either of two kinds, and some secrets of the older kind begin as the newer ones do, so both kinds
/// of key are tried.
///
/// See [its page](crate::docs::providers::senders::polar).
pub const POLAR: Scheme = standard_webhooks("polar")
    .titled("Polar")
    .described_by("https://github.com/polarsource/polar", Confirmed)
    .secret_in_base64_or_text("whsec_")
    .type_in(Place::Json("/type"))
    .waits_for(seconds(10), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting("It tries 10 times, at intervals from 2 s to 20 min, and holds back later events meanwhile.");

/// Lithic.
///
/// See [its page](crate::docs::providers::senders::lithic).
pub const LITHIC: Scheme = standard_webhooks("lithic")
    .titled("Lithic")
    .described_by("https://github.com/lithic-com/lithic-node", Confirmed)
    .type_in(Place::Json("/event_type"));

/// Dodo Payments.
///
/// See [its page](crate::docs::providers::senders::dodo_payments).
pub const DODO_PAYMENTS: Scheme = standard_webhooks("dodo-payments")
    .titled("Dodo Payments")
    .described_by("https://github.com/dodopayments/dodopayments-typescript", Confirmed)
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/business_id"));

/// Modern Treasury. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::modern_treasury).
pub const MODERN_TREASURY: Scheme = Scheme::hmac_sha256("modern-treasury")
    .titled("Modern Treasury")
    .described_by("https://github.com/Modern-Treasury/modern-treasury-node", Confirmed)
    .signature_header("x-signature")
    .key_in(Place::Digest)
    .type_in(Place::Joined(&[Place::Json("/data/object"), Place::Json("/event")]))
    .noting("`/data/live_mode` in the body tells live events from those of the sandbox.");

/// Orb.
///
/// See [its page](crate::docs::providers::senders::orb).
pub const ORB: Scheme = Scheme::hmac_sha256("orb")
    .titled("Orb")
    .described_by("https://docs.withorb.com/integrations-and-exports/webhooks", Confirmed)
    .signature_header("x-orb-signature")
    .items(' ')
    .prefix("v1=")
    .timestamp_header("x-orb-timestamp")
    .time_unit(TimeUnit::Rfc3339Utc)
    .signing("v1:{timestamp}:{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"));

/// Chargebee, with basic authentication. **Nothing is signed**. The body has the state of its own delivery, which is left out
/// of the fingerprint.
///
/// See [its page](crate::docs::providers::senders::chargebee).
pub const CHARGEBEE: Scheme = Scheme::basic_auth("chargebee")
    .titled("Chargebee")
    .described_by("https://github.com/chargebee/chargebee-node", Confirmed)
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event_type"))
    .differing_between_attempts(&["/webhook_status", "/webhooks"])
    .retries_for(days(3), Confirmed)
    .noting_answers("It expects the status 200.")
    .noting("Events may arrive out of order.");

/// Cashfree Payments. It sends no id, so the key is the body's digest. A time is signed, but its SDK accepts any age, and so
/// does this scheme.
///
/// See [its page](crate::docs::providers::senders::cashfree).
pub const CASHFREE: Scheme = Scheme::hmac_sha256("cashfree")
    .titled("Cashfree Payments")
    .described_by("https://github.com/cashfree/cashfree-pg-sdk-nodejs", Confirmed)
    .signature_header("x-webhook-signature")
    .base64()
    .timestamp_header("x-webhook-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .any_age()
    .signing("{timestamp}{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .noting("A time is signed, but its SDK accepts any age, and so does this scheme.");

/// Creem.
///
/// See [its page](crate::docs::providers::senders::creem).
pub const CREEM: Scheme = Scheme::hmac_sha256("creem")
    .titled("Creem")
    .described_by("https://docs.creem.io/code/webhooks", Confirmed)
    .signature_header("creem-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/eventType"))
    .retries_for(minutes(67), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It expects the status 200.");

/// Lago, endpoints with HMAC signatures. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::lago).
pub const LAGO: Scheme = Scheme::hmac_sha256("lago")
    .titled("Lago (HMAC)")
    .described_by("https://github.com/getlago/lago-api", Confirmed)
    .signature_header("x-lago-signature")
    .base64()
    .key_in(Place::Header("x-lago-unique-key"))
    .type_in(Place::Json("/webhook_type"))
    .retries_for(minutes(2), Confirmed)
    .waits_for(seconds(30), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_setup("Choose `hmac` as the endpoint's algorithm: its default signs with a JWT, and is refused.")
    .noting("It makes 3 attempts, unless it is configured otherwise.");

/// Metronome. It signs a date, in a form that is not read, so any age is accepted. The key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::metronome).
pub const METRONOME: Scheme = Scheme::hmac_sha256("metronome")
    .titled("Metronome")
    .described_by("https://github.com/Metronome-Industries/metronome-node", Confirmed)
    .signature_header("metronome-webhook-signature")
    .signing("{header:x-metronome-date}\n{body}")
    .key_in(Place::Digest)
    .noting("A date is signed, but not read: any age is accepted.");

/// Paystack. It sends no id of an event, so the key is the body's digest. The secret is the API's secret key.
///
/// See [its page](crate::docs::providers::senders::paystack).
pub const PAYSTACK: Scheme = Scheme::hmac_sha512("paystack")
    .titled("Paystack")
    .described_by("https://github.com/PaystackOSS/doc-code-snippets", Confirmed)
    .signature_header("x-paystack-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting_setup("The secret is the API secret key.");

/// RevenueCat, with an `Authorization` value that you choose. **Nothing is signed**: a client that sees a request can forge any
/// other. Prefer [`REVENUECAT_SIGNED`].
///
/// See [its page](crate::docs::providers::senders::revenuecat).
pub const REVENUECAT: Scheme = Scheme::token("revenuecat")
    .titled("RevenueCat (authorization header)")
    .described_by("https://www.revenuecat.com/docs/integrations/webhooks", Confirmed)
    .signature_header("authorization")
    .key_in(Place::Json("/event/id"))
    .type_in(Place::Json("/event/type"))
    .retries_for(minutes(155), Confirmed)
    .waits_for(seconds(60), Reported)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It expects the status 200.")
    .noting_setup("The secret is the whole value of the header, as the dashboard shows it. Prefer signed webhooks, with `senders::REVENUECAT_SIGNED`: they are reportedly an option.");

/// RevenueCat, with a signing secret. Each attempt is signed anew, with its own time.
///
/// See [its page](crate::docs::providers::senders::revenuecat_signed).
pub const REVENUECAT_SIGNED: Scheme = Scheme::hmac_sha256("revenuecat-signed")
    .titled("RevenueCat (signing secret)")
    .described_by("https://www.revenuecat.com/docs/integrations/webhooks", Reported)
    .signature_header("x-revenuecat-webhook-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/event/id"))
    .type_in(Place::Json("/event/type"))
    .retries_for(minutes(155), Confirmed)
    .waits_for(seconds(60), Reported)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It expects the status 200.")
    .noting_setup(
        "It signs only if that is switched on for the webhook, and an unsigned request is refused.",
    );
