//! Senders of documents, forms, tickets, calendars and mail.

use super::{
    Confirmed, Handshake, Place, Reported, Scheme, TimeUnit, Unconfirmed, VersionForm, days, hours, minutes,
    seconds,
};

/// Typeform.
///
/// See [its page](crate::docs::providers::senders::typeform).
pub const TYPEFORM: Scheme = Scheme::hmac_sha256("typeform")
    .titled("Typeform")
    .described_by("", Reported)
    .signature_header("typeform-signature")
    .prefix("sha256=")
    .base64()
    .key_in(Place::Json("/event_id"))
    .type_in(Place::Json("/event_type"))
    .retries_for(hours(10), Unconfirmed)
    .noting_answers(
        "A 404 or 410 answer may disable the webhook, and 408, 423, 429 and 503 are retried (not confirmed).",
    );

/// Dropbox. A notification only lists the accounts in which files changed. It has no id, and the next notification about an
/// account may be equal byte for byte, so **nothing is deduplicated**: the handler runs for every verified request, and must be
/// safe to run twice. Read the changes of an account from the cursor that you stored last.
///
/// See [its page](crate::docs::providers::senders::dropbox).
pub const DROPBOX: Scheme = Scheme::hmac_sha256("dropbox")
    .titled("Dropbox")
    .described_by("https://www.dropbox.com/developers/reference/webhooks", Confirmed)
    .signature_header("x-dropbox-signature")
    .without_key()
    .handshake(Handshake::EchoQuery("challenge"))
    .retries_for(minutes(10), Confirmed)
    .noting_setup("The secret is the app's secret.")
    .noting("A notification lists accounts and has no id, and the next one may be equal. The handler runs for each: read the changes from the cursor that you stored.");

/// Trello. The signature covers the callback URL, so call [`with_url`](Scheme::with_url) with exactly the URL of the webhook.
///
/// See [its page](crate::docs::providers::senders::trello).
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
    .noting_answers("A 410 answer may delete the webhook (not confirmed).");

/// Intercom. The body counts the attempts. It checks the endpoint with a HEAD request.
///
/// See [its page](crate::docs::providers::senders::intercom).
pub const INTERCOM: Scheme = Scheme::hmac_sha1("intercom")
    .titled("Intercom")
    .described_by("https://developers.intercom.com", Reported)
    .signature_header("x-hub-signature")
    .prefix("sha1=")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/topic"))
    .account_in(Place::Json("/app_id"))
    .differing_between_attempts(&["/delivery_attempts"])
    .handshake(Handshake::Head)
    .retries_for(minutes(1), Unconfirmed)
    .waits_for(seconds(5), Unconfirmed)
    .noting_answers("A 410 answer may disable the webhook (not confirmed).")
    .noting("More than 1,000 errors in 15 min pause the webhook for 15 min.");

/// Zendesk. An event has a signed id. The body of a trigger or an automation is written by its author, so its key is the
/// invocation's id, in a header that the signature does not cover.
///
/// An author may copy the form of an event, with a ticket's id as its id. So the type and the time of the event are part of
/// its key, which two changes of a ticket do not share.
///
/// See [its page](crate::docs::providers::senders::zendesk).
pub const ZENDESK: Scheme = Scheme::hmac_sha256("zendesk")
    .titled("Zendesk")
    .described_by("", Unconfirmed)
    .signature_header("x-zendesk-webhook-signature")
    .base64()
    .timestamp_header("x-zendesk-webhook-signature-timestamp")
    .time_unit(TimeUnit::Rfc3339)
    .any_age()
    .signing("{timestamp}{body}")
    .methods(&["PUT", "PATCH"])
    .key_in(Place::FirstOf(&[
        Place::When("/zendesk_event_version", &ZENDESK_EVENT),
        Place::Header("x-zendesk-webhook-invocation-id"),
    ]))
    .type_in(Place::When("/zendesk_event_version", &Place::Json("/type")))
    .account_in(Place::When("/zendesk_event_version", &Place::Json("/account_id")))
    .noting_answers(
        "It retries after a 409, after a timeout, and after a 429 or 503, but only if they have `Retry-After` (not confirmed).",
    )
    .noting_setup("A trigger without a body signs no parameter of its URL: send JSON.")
    .noting("A time is signed, but no allowed age is published, so any is accepted.");

const ZENDESK_EVENT: Place = Place::Joined(&[Place::Json("/type"), Place::Json("/id"), Place::Json("/time")]);

/// WorkOS.
///
/// See [its page](crate::docs::providers::senders::workos).
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
    .type_in(Place::Json("/event"))
    .ordered_by(
        Place::Joined(&[Place::Json("/data/object"), Place::Json("/data/id")]),
        Place::Json("/data/updated_at"),
        VersionForm::Time(TimeUnit::Rfc3339),
    );

/// Calendly. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::calendly).
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
    .type_in(Place::Json("/event"))
    .waits_for(seconds(15), Confirmed)
    .retries_for(hours(24), Confirmed)
    .retries_after_4xx(true, Confirmed);

/// Box. `BOX-DELIVERY-ID` changes from attempt to attempt, so the key is the `id` in the body. Use both signature keys of the
/// app, the primary and the secondary.
///
/// See [its page](crate::docs::providers::senders::box_).
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
    .ordered_by(
        Place::Joined(&[Place::Json("/source/type"), Place::Json("/source/id")]),
        Place::Json("/source/sequence_id"),
        VersionForm::Number,
    )
    .waits_for(seconds(30), Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_setup("Use both signature keys of the app, the primary and the secondary.");

/// DocuSign Connect. It sends no id, so the key is made of the event, the envelope, the recipient if there is one, and the time.
/// An event about no envelope, such as a change of a template, has the body's digest. The body counts the attempts.
///
/// See [its page](crate::docs::providers::senders::docusign).
pub const DOCUSIGN: Scheme = Scheme::hmac_sha256("docusign")
    .titled("DocuSign Connect")
    .described_by("", Reported)
    .signature_headers(DOCUSIGN_HEADERS)
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
        Place::Digest,
    ]))
    .type_in(Place::Json("/event"))
    .account_in(Place::Json("/data/accountId"))
    .differing_between_attempts(&["/retryCount"])
    .retries_for(days(10), Confirmed)
    .waits_for(seconds(100), Confirmed)
    .noting("Aggregated messages may merge events.");

macro_rules! docusign_headers {
    ($($number:literal)*) => { &[$(concat!("x-docusign-signature-", $number)),*] };
}

/// One for each key of the account.
const DOCUSIGN_HEADERS: &[&str] = docusign_headers! {
    1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25
    26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50
    51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75
    76 77 78 79 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99 100
};

/// Postmark, with basic authentication in the webhook's URL. **Nothing is signed**. It sends no id that all messages have, so
/// the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::postmark).
pub const POSTMARK: Scheme = Scheme::basic_auth("postmark")
    .titled("Postmark")
    .described_by("", Reported)
    .key_in(Place::Digest)
    .type_in(Place::Json("/RecordType"))
    .retries_for(hours(10), Unconfirmed)
    // Attachments of inbound mail have up to 35 MB, before base64.
    .body_limit(50 * 1024 * 1024)
    .noting_answers("A 403 answer may stop its retries (not confirmed).")
    .noting_setup("Put the user and the password into the webhook's URL, before an `@`.");

/// Notion. The body counts the attempts. The secret is the `verification_token` that Notion sends when a subscription is made.
///
/// See [its page](crate::docs::providers::senders::notion).
pub const NOTION: Scheme = Scheme::hmac_sha256("notion")
    .titled("Notion")
    .described_by("https://developers.notion.com/reference/v2-webhooks", Confirmed)
    .signature_header("x-notion-signature")
    .prefix("sha256=")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/workspace_id"))
    .differing_between_attempts(&["/attempt_number"])
    .noting_setup("The secret is the `verification_token` of its first request. That request cannot be verified, so it is answered 401. Receive it once on a temporary route without this layer.");

/// Onfido. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::onfido).
pub const ONFIDO: Scheme = Scheme::hmac_sha256("onfido")
    .titled("Onfido")
    .described_by("https://github.com/onfido/onfido-node", Confirmed)
    .signature_header("x-sha2-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/payload/action"));

/// Webflow. It sends no id, so the key is the body's digest. A time is signed, but its SDK accepts any age, and so does this
/// scheme: whether a retry has a new time is unknown.
///
/// See [its page](crate::docs::providers::senders::webflow).
pub const WEBFLOW: Scheme = Scheme::hmac_sha256("webflow")
    .titled("Webflow")
    .described_by("https://github.com/webflow/js-webflow-api", Confirmed)
    .signature_header("x-webflow-signature")
    .timestamp_header("x-webflow-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .any_age()
    .signing("{timestamp}:{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/triggerType"))
    .account_in(Place::Json("/payload/siteId"))
    .retries_for(minutes(30), Confirmed)
    .noting_answers("A redirect counts as a failure.")
    .noting("It retries three times, 10 min apart.");
