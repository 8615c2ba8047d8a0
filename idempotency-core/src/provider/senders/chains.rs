//! Senders of blockchains.

use super::{Confirmed, Place, Scheme, hours, minutes};

/// Alchemy. The key is the event's id.
///
/// See [its page](crate::docs::providers::senders::alchemy).
pub const ALCHEMY: Scheme = Scheme::hmac_sha256("alchemy")
    .titled("Alchemy")
    .described_by("https://github.com/alchemyplatform/docs", Confirmed)
    .signature_header("x-alchemy-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .retries_for(hours(1), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It expects the status 200.")
    .noting("It retries for 10 min, or for 1 h on an enterprise plan.");

/// Blockfrost. The key is the request's id, which a retry keeps.
///
/// See [its page](crate::docs::providers::senders::blockfrost).
pub const BLOCKFROST: Scheme = Scheme::hmac_sha256("blockfrost")
    .titled("Blockfrost")
    .described_by("https://github.com/blockfrost/blockfrost-js", Confirmed)
    .signature_header("blockfrost-signature")
    .items(',')
    .timestamp_item("t=")
    .tolerance(minutes(10))
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .retry_repeats_key(true, Confirmed)
    .noting("After a rollback of the chain, it sends an event again under another id.");

/// BTCPay Server. Each attempt has a delivery id of its own, so the key is that of the first attempt, which all of them name.
///
/// See [its page](crate::docs::providers::senders::btcpay).
pub const BTCPAY: Scheme = Scheme::hmac_sha256("btcpay")
    .titled("BTCPay Server")
    .described_by("https://github.com/btcpayserver/btcpayserver", Confirmed)
    .signature_header("btcpay-sig")
    .prefix("sha256=")
    .key_in(Place::Json("/originalDeliveryId"))
    .type_in(Place::Json("/type"))
    .differing_between_attempts(&["/deliveryId", "/isRedelivery"])
    .retries_for(minutes(62), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting_answers("It retries after 408 and 429.")
    .noting_setup("Switch automatic redelivery on: without it, nothing is retried.");
