//! Senders of documents, forms, tickets, calendars and mail.

use super::{Confirmed, Handshake, Place, Reported, Scheme, TimeUnit, Unconfirmed, hours, minutes, seconds};

/// Typeform.
pub const TYPEFORM: Scheme = Scheme::hmac_sha256("typeform")
    .titled("Typeform")
    .described_by("", Reported)
    .signature_header("typeform-signature")
    .prefix("sha256=")
    .base64()
    .key_in(Place::Json("/event_id"))
    .type_in(Place::Json("/event_type"))
    .retries_for(hours(10), Unconfirmed)
    .noting("An answer 404 or 410 may disable the webhook (not confirmed).");

/// Trello. The signature covers the callback URL, so call [`with_url`](Scheme::with_url) with exactly the URL of the webhook.
pub const TRELLO: Scheme = Scheme::hmac_sha1("trello")
    .titled("Trello")
    .described_by("", Reported)
    .signature_header("x-trello-webhook")
    .base64()
    .signing("{body}{url}")
    .key_in(Place::Json("/action/id"))
    .type_in(Place::Json("/action/type"))
    .handshake(Handshake::Head)
    .retries_for(seconds(210), Unconfirmed)
    .noting("An answer 410 may delete the webhook (not confirmed).");

/// Intercom. The body counts the attempts.
pub const INTERCOM: Scheme = Scheme::hmac_sha1("intercom")
    .titled("Intercom")
    .described_by("https://developers.intercom.com", Reported)
    .signature_header("x-hub-signature")
    .prefix("sha1=")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/topic"))
    .account_in(Place::Json("/app_id"))
    .differing_between_attempts(&["/delivery_attempts"])
    .retries_for(minutes(1), Unconfirmed)
    .waits_for(seconds(5), Unconfirmed)
    .noting("More than 1,000 errors in 15 min pause the webhook for 15 min.");

/// Zendesk. An event has a signed id. The body of a trigger or an automation is written by its author, so its key is the
/// invocation's id, in a header that the signature does not cover.
pub const ZENDESK: Scheme = Scheme::hmac_sha256("zendesk")
    .titled("Zendesk")
    .described_by("", Unconfirmed)
    .signature_header("x-zendesk-webhook-signature")
    .base64()
    .timestamp_header("x-zendesk-webhook-signature-timestamp")
    .time_unit(TimeUnit::Rfc3339)
    .any_age()
    .signing("{timestamp}{body}")
    .key_in(Place::FirstOf(&[
        Place::When("/zendesk_event_version", &Place::Json("/id")),
        Place::Header("x-zendesk-webhook-invocation-id"),
    ]))
    .type_in(Place::When("/zendesk_event_version", &Place::Json("/type")))
    .account_in(Place::When("/zendesk_event_version", &Place::Json("/account_id")))
    .noting("A time is signed, but no allowed age is published, so any is accepted.");

/// WorkOS.
pub const WORKOS: Scheme = Scheme::hmac_sha256("workos")
    .titled("WorkOS")
    .described_by("https://github.com/workos/workos-node", Confirmed)
    .signature_header("workos-signature")
    .items(',')
    .timestamp_item("t=")
    .time_unit(TimeUnit::Milliseconds)
    .tolerance(seconds(180))
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event"));

/// Calendly. It sends no id, so the key is the body's digest.
pub const CALENDLY: Scheme = Scheme::hmac_sha256("calendly")
    .titled("Calendly")
    .described_by("", Unconfirmed)
    .signature_header("calendly-webhook-signature")
    .items(',')
    .timestamp_item("t=")
    .tolerance(seconds(180))
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"));

/// Box. `BOX-DELIVERY-ID` changes from attempt to attempt, so the key is the `id` in the body. Use both signature keys of the
/// app, the primary and the secondary.
pub const BOX: Scheme = Scheme::hmac_sha256("box")
    .titled("Box")
    .described_by("https://developer.box.com/guides/webhooks/v2", Confirmed)
    .signature_headers(&["box-signature-primary", "box-signature-secondary"])
    .base64()
    .timestamp_header("box-delivery-timestamp")
    .time_unit(TimeUnit::Rfc3339)
    .tolerance(minutes(10))
    .signing("{body}{timestamp}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/trigger"))
    .waits_for(seconds(30), Confirmed);

/// DocuSign Connect. It sends no id, so the key is made of the event, the envelope, the recipient if there is one, and the time.
/// The body counts the attempts.
pub const DOCUSIGN: Scheme = Scheme::hmac_sha256("docusign")
    .titled("DocuSign Connect")
    .described_by("", Reported)
    .signature_headers(&[
        "x-docusign-signature-1",
        "x-docusign-signature-2",
        "x-docusign-signature-3",
        "x-docusign-signature-4",
        "x-docusign-signature-5",
        "x-docusign-signature-6",
        "x-docusign-signature-7",
        "x-docusign-signature-8",
        "x-docusign-signature-9",
        "x-docusign-signature-10",
    ])
    .base64()
    .key_in(Place::FirstOf(&[
        Place::Joined(&[
            Place::Json("/event"),
            Place::Json("/data/envelopeId"),
            Place::Json("/data/recipientId"),
            Place::Json("/generatedDateTime"),
        ]),
        Place::Joined(&[
            Place::Json("/event"),
            Place::Json("/data/envelopeId"),
            Place::Json("/generatedDateTime"),
        ]),
    ]))
    .type_in(Place::Json("/event"))
    .account_in(Place::Json("/data/accountId"))
    .differing_between_attempts(&["/retryCount"])
    .noting("Up to ten signatures are tried. Aggregated messages may merge events.");

/// Postmark, with basic authentication in the webhook's URL. **Nothing is signed**. It sends no id that all messages have, so
/// the key is the body's digest.
pub const POSTMARK: Scheme = Scheme::basic_auth("postmark")
    .titled("Postmark")
    .described_by("", Reported)
    .key_in(Place::Digest)
    .type_in(Place::Json("/RecordType"))
    .retries_for(hours(10), Unconfirmed)
    .noting("An answer 403 may stop its retries (not confirmed).");
