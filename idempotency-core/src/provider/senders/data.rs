//! Senders of records, links and tracked events.

use super::{Confirmed, Place, Reported, Scheme, seconds};

/// Appwrite. The signature covers the webhook's URL, so call [`with_url`](Scheme::with_url) with exactly that URL.
///
/// It sends no id, and the body of a document's creation may be that of its deletion. So the key is the events' names, in a
/// header that the signature does not cover, and the body's digest.
///
/// See [its page](crate::docs::providers::senders::appwrite).
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
///
/// See [its page](crate::docs::providers::senders::dub).
pub const DUB: Scheme = Scheme::hmac_sha256("dub")
    .titled("Dub")
    .described_by("https://github.com/dubinc/dub", Confirmed)
    .signature_header("dub-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event"));

/// Nango. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::nango).
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
///
/// See [its page](crate::docs::providers::senders::segment).
pub const SEGMENT: Scheme = Scheme::hmac_sha1("segment")
    .titled("Segment (webhook destinations)")
    .described_by("https://github.com/segmentio/segment-docs", Confirmed)
    .signature_header("x-signature")
    .key_in(Place::Json("/messageId"))
    .type_in(Place::Json("/type"))
    .noting_setup("Leave batching off: of a batch, it signs only the first event.");

/// Airtable. A notification holds no changes, only the base, the webhook and a time. It has no id, so the key is the body's digest.
/// The secret is the `macSecretBase64` in the response that creates the webhook.
///
/// See [its page](crate::docs::providers::senders::airtable).
pub const AIRTABLE: Scheme = Scheme::hmac_sha256("airtable")
    .titled("Airtable")
    .described_by("https://airtable.com/developers/web/api/webhooks-overview", Reported)
    .signature_header("x-airtable-content-mac")
    .prefix("hmac-sha256=")
    .secret_in_base64("")
    .key_in(Place::Digest)
    .noting_answers("Answer 200 or 204 without a body.")
    .noting_setup("The secret is the `macSecretBase64` in the response that creates the webhook.")
    .noting("A notification holds no changes: read them from the cursor that you stored last. Whether a retry has a new time is not published: with one, its body differs, and it runs again.");

/// Hasura's event triggers, with a header of the trigger. **Nothing is signed.**
///
/// See [its page](crate::docs::providers::senders::hasura).
pub const HASURA: Scheme = Scheme::token("hasura")
    .titled("Hasura (event triggers)")
    .described_by("https://hasura.io/docs/2.0/event-triggers/payload/", Confirmed)
    .signature_header("authorization")
    .key_in(Place::Json("/id"))
    .type_in(Place::Joined(&[Place::Json("/trigger/name"), Place::Json("/event/op")]))
    .differing_between_attempts(&["/delivery_info"])
    .noting_setup("Add a header `Authorization` with the secret to the trigger.")
    .noting("The trigger's settings say how it retries.");
