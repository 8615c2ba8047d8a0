//! Senders of shops and parcels.

use super::{Confirmed, Place, Reported, Scheme, Unconfirmed, hours, seconds, standard_webhooks_with_text};

/// WooCommerce. The key is the shop, the topic, the delivery id and the body's digest, since none of them is enough.
///
/// Its delivery id is the same for all deliveries of a webhook within one second. Bodies may be equal: an order that is
/// deleted is `{"id":727}`, in every shop and each time. WooCommerce never retries, so equal bodies are events of their own.
/// The three headers are not signed.
pub const WOOCOMMERCE: Scheme = Scheme::hmac_sha256("woocommerce")
    .titled("WooCommerce")
    .described_by("https://github.com/woocommerce/woocommerce", Confirmed)
    .signature_header("x-wc-webhook-signature")
    .base64()
    .key_in(Place::Joined(&[
        Place::Header("x-wc-webhook-source"),
        Place::Header("x-wc-webhook-topic"),
        Place::Header("x-wc-webhook-delivery-id"),
        Place::Digest,
    ]))
    .retries_for(seconds(0), Confirmed)
    .waits_for(seconds(60), Confirmed)
    .noting(
        "Equal bodies of a webhook within one second count as one. It disables a webhook after more than 5 failures in a row. Its unsigned ping, when a webhook is made, is answered 401.",
    );

/// Lemon Squeezy. It sends no id, so the key is the body's digest.
pub const LEMON_SQUEEZY: Scheme = Scheme::hmac_sha256("lemonsqueezy")
    .titled("Lemon Squeezy")
    .described_by("", Unconfirmed)
    .signature_header("x-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/meta/event_name"))
    .account_in(Place::Json("/data/attributes/store_id"))
    .retries_for(seconds(155), Unconfirmed);

/// Shippo, with the HMAC that it sets up on request. It sends no id, so the key is the body's digest. A time is signed, but no
/// allowed age is published, so any is accepted.
pub const SHIPPO: Scheme = Scheme::hmac_sha256("shippo")
    .titled("Shippo")
    .described_by("https://docs.goshippo.com/tracking/webhook-security", Reported)
    .signature_header("shippo-auth-signature")
    .items(',')
    .timestamp_item("t=")
    .any_age()
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .waits_for(seconds(3), Reported)
    .noting(
        "Ask Shippo for the HMAC. A token in the webhook's URL proves nothing here, and such requests are refused. A time is signed, but no allowed age is published, so any is accepted.",
    );

/// EasyPost. It normalizes the secret to NFKD before it signs.
pub const EASYPOST: Scheme = Scheme::hmac_sha256("easypost")
    .titled("EasyPost")
    .described_by("https://github.com/EasyPost/easypost-node", Confirmed)
    .signature_header("x-hmac-signature")
    .prefix("hmac-sha256-hex=")
    .secret_in_nfkd()
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/description"))
    .account_in(Place::Json("/user_id"));

/// BigCommerce. The secret is the app's client secret, which is used as it is, without decoding.
pub const BIGCOMMERCE: Scheme = standard_webhooks_with_text("bigcommerce")
    .titled("BigCommerce")
    .described_by("https://github.com/bigcommerce/docs", Confirmed)
    .type_in(Place::Json("/scope"))
    .account_in(Place::Json("/store_id"))
    .retries_for(hours(48), Confirmed)
    .noting("The secret is the app's client secret. It disables a webhook after 48 h of failures.");

/// Whop. The secret is used as it is, without decoding.
pub const WHOP: Scheme = standard_webhooks_with_text("whop")
    .titled("Whop")
    .described_by("https://github.com/whopio/whopsdk-python", Confirmed);
