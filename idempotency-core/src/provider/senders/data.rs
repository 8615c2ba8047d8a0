//! Senders of records, links and tracked events.

use super::{Confirmed, Place, Scheme, seconds};

/// Appwrite. The signature covers the webhook's URL, so call [`with_url`](Scheme::with_url) with exactly that URL.
///
/// It sends no id, and the body of a document's creation may be that of its deletion. So the key is the events' names, in a
/// header that the signature does not cover, and the body's digest.
pub const APPWRITE: Scheme = Scheme::hmac_sha1("appwrite")
    .titled("Appwrite")
    .described_by("https://github.com/appwrite/appwrite", Confirmed)
    .signature_header("x-appwrite-webhook-signature")
    .base64()
    .signing("{url}{body}")
    .key_in(Place::Joined(&[Place::Header("x-appwrite-webhook-events"), Place::Digest]))
    .waits_for(seconds(15), Confirmed)
    .noting("After 10 failures it disables the webhook.");

/// Dub. The key is the event's id.
pub const DUB: Scheme = Scheme::hmac_sha256("dub")
    .titled("Dub")
    .described_by("https://github.com/dubinc/dub", Confirmed)
    .signature_header("dub-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event"));

/// Nango. It sends no id, so the key is the body's digest.
pub const NANGO: Scheme = Scheme::hmac_sha256("nango")
    .titled("Nango")
    .described_by("https://github.com/NangoHQ/nango", Confirmed)
    .signature_header("x-nango-hmac-sha256")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .waits_for(seconds(20), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting("It retries twice, in quick succession.");

/// Segment's webhook destinations. The key is the message's id.
pub const SEGMENT: Scheme = Scheme::hmac_sha1("segment")
    .titled("Segment (webhook destinations)")
    .described_by("https://github.com/segmentio/segment-docs", Confirmed)
    .signature_header("x-signature")
    .key_in(Place::Json("/messageId"))
    .type_in(Place::Json("/type"))
    .noting("Leave batching off: of a batch, it signs only the first event.");
