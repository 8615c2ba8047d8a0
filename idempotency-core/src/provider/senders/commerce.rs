//! Senders of shops and parcels.

use super::{
    Confirmed, Place, Reported, Scheme, TimeUnit, Unconfirmed, hours, minutes, seconds,
    standard_webhooks_with_text,
};

/// WooCommerce. The key is the shop, the topic, the delivery id and the body's digest, since none of them is enough.
///
/// Its delivery id is the same for all deliveries of a webhook within one second. Bodies may be equal: an order that is
/// deleted is `{"id":727}`, in every shop and each time. WooCommerce never retries, so equal bodies are events of their own.
/// The three headers are not signed.
///
/// See [its page](crate::docs::providers::senders::woocommerce).
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
    .noting_answers("A 2xx, 301 or 302 counts as a success, anything else as a failure. More than 5 failures in a row disable the webhook.")
    .noting_setup("It sends an unsigned ping when a webhook is made, which is answered 401.")
    .noting("Equal bodies of a webhook within one second count as one.");

/// Lemon Squeezy. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::lemonsqueezy).
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
///
/// See [its page](crate::docs::providers::senders::shippo).
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
    .noting_setup("Ask Shippo for the HMAC. A token in the webhook's URL proves nothing here, and such requests are refused.")
    .noting("A time is signed, but no allowed age is published, so any is accepted.");

/// EasyPost. It normalizes the secret to NFKD before it signs.
///
/// See [its page](crate::docs::providers::senders::easypost).
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
///
/// See [its page](crate::docs::providers::senders::bigcommerce).
pub const BIGCOMMERCE: Scheme = standard_webhooks_with_text("bigcommerce")
    .titled("BigCommerce")
    .described_by("https://github.com/bigcommerce/docs", Confirmed)
    .type_in(Place::Json("/scope"))
    .account_in(Place::Json("/store_id"))
    .retries_for(hours(48), Confirmed)
    .noting_setup("The secret is the app's client secret.")
    .noting("It disables a webhook after 48 h of failures.");

/// Whop. The secret is used as it is, without decoding.
///
/// See [its page](crate::docs::providers::senders::whop).
pub const WHOP: Scheme = standard_webhooks_with_text("whop")
    .titled("Whop")
    .described_by("https://github.com/whopio/whopsdk-python", Confirmed);

/// Commerce Layer. The body is the resource, without an id of the event, and the topic is in a header that the signature does not
/// cover. So the key is the topic and the body's digest.
///
/// See [its page](crate::docs::providers::senders::commerce_layer).
pub const COMMERCE_LAYER: Scheme = Scheme::hmac_sha256("commerce-layer")
    .titled("Commerce Layer")
    .described_by("https://docs.commercelayer.io/core/callbacks-security", Confirmed)
    .signature_header("x-commercelayer-signature")
    .base64()
    .key_in(Place::Joined(&[Place::Header("x-commercelayer-topic"), Place::Digest]))
    .waits_for(seconds(5), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting("It retries up to 10 times, and disables the webhook after 30 failures in a row.");

/// Lob. The key is the event's id. Each webhook has its own secret.
///
/// See [its page](crate::docs::providers::senders::lob).
pub const LOB: Scheme = Scheme::hmac_sha256("lob")
    .titled("Lob")
    .described_by("https://help.lob.com/print-and-mail/getting-data-and-results/using-webhooks", Reported)
    .signature_header("lob-signature")
    .timestamp_header("lob-signature-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event_type/id"))
    .retries_after_4xx(true, Confirmed)
    .noting_setup("Each webhook has its own secret.");

/// Shopware's app system. The key is the id of the event, which a retry keeps. The secret is the shop's, which the app chose when the
/// shop registered it.
///
/// See [its page](crate::docs::providers::senders::shopware).
pub const SHOPWARE: Scheme = Scheme::hmac_sha256("shopware")
    .titled("Shopware (apps)")
    .described_by("https://developer.shopware.com/docs/guides/plugins/apps/webhook.html", Confirmed)
    .signature_header("shopware-shop-signature")
    .key_in(Place::Json("/source/eventId"))
    .type_in(Place::Json("/data/event"))
    .account_in(Place::Json("/source/shopId"))
    .retries_for(minutes(270), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_setup("Each shop has its own secret, which your app chose when the shop registered it: use a source of secrets.")
    .noting("Shops before version 6.4.11 send no id, and are refused.");

/// Squarespace. The secret is hexadecimal.
///
/// See [its page](crate::docs::providers::senders::squarespace).
pub const SQUARESPACE: Scheme = Scheme::hmac_sha256("squarespace")
    .titled("Squarespace")
    .described_by("https://developers.squarespace.com/webhooks/verifying-notifications", Confirmed)
    .signature_header("squarespace-signature")
    .secret_in_hex()
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/topic"))
    .account_in(Place::Json("/websiteId"))
    .retries_for(hours(48), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_setup("Its secret is hexadecimal.")
    .noting("It may delete the subscription after several failures.");
