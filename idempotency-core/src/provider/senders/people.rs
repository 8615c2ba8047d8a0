//! Senders of identities, employees, applicants and answers.

use super::{Confirmed, Handshake, Place, Reported, Scheme, days, minutes, seconds, standard_webhooks};

/// BoldSign. The key is the event's id. While a secret is replaced, BoldSign sends two signatures, of which the first is tried.
///
/// See [its page](crate::docs::providers::senders::boldsign).
pub const BOLDSIGN: Scheme = Scheme::hmac_sha256("boldsign")
    .titled("BoldSign")
    .described_by("https://github.com/boldsign/boldsign-python-sdk", Confirmed)
    .signature_header("x-boldsign-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("s0=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/event/id"))
    .type_in(Place::Json("/event/eventType"))
    .waits_for(seconds(10), Confirmed)
    .noting_answers("It expects the status 200.")
    .noting("While a secret is replaced, it sends two signatures, of which this scheme tries the first: accept both secrets.");

/// Castle. It sends no id that is known, so the key is the body's digest. The secret is the API's secret.
///
/// See [its page](crate::docs::providers::senders::castle).
pub const CASTLE: Scheme = Scheme::hmac_sha256("castle")
    .titled("Castle")
    .described_by("https://github.com/castle/castle-python", Confirmed)
    .signature_header("x-castle-signature")
    .base64()
    .key_in(Place::Digest)
    .noting_setup("The secret is the API secret.");

/// Finch. It signs as Standard Webhooks say, with headers of its own names.
///
/// See [its page](crate::docs::providers::senders::finch).
pub const FINCH: Scheme = Scheme::hmac_sha256("finch")
    .titled("Finch")
    .described_by("https://github.com/Finch-API/finch-api-node", Confirmed)
    .signature_header("finch-signature")
    .items(' ')
    .prefix("v1,")
    .base64()
    .timestamp_header("finch-timestamp")
    .signing("{id}.{timestamp}.{body}")
    .secret_in_base64("")
    .key_in(Place::Header("finch-event-id"))
    .type_in(Place::Json("/event_type"))
    .account_in(Place::Json("/company_id"));

/// Formbricks.
///
/// See [its page](crate::docs::providers::senders::formbricks).
pub const FORMBRICKS: Scheme = standard_webhooks("formbricks")
    .titled("Formbricks")
    .described_by("https://github.com/formbricks/formbricks", Confirmed)
    .type_in(Place::Json("/event"))
    .noting_setup("A webhook without a secret is not signed, and is refused.");

/// Greenhouse. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::greenhouse).
pub const GREENHOUSE: Scheme = Scheme::hmac_sha256("greenhouse")
    .titled("Greenhouse")
    .described_by("https://github.com/grnhse/greenhouse-api-docs", Confirmed)
    .signature_header("signature")
    .prefix("sha256 ")
    .key_in(Place::Header("greenhouse-event-id"))
    .type_in(Place::Json("/action"))
    .retries_for(minutes(916), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It expects the status 200.")
    .noting_setup("Deploy the route first: a failed ping disables the webhook.");

/// Gusto. The key is the event's id, and in versions without one the body's digest: the time of the event is in the body.
///
/// See [its page](crate::docs::providers::senders::gusto).
pub const GUSTO: Scheme = Scheme::hmac_sha256("gusto")
    .titled("Gusto")
    .described_by("https://docs.gusto.com/embedded-payroll/docs/webhooks", Confirmed)
    .signature_header("x-gusto-signature")
    .key_in(Place::FirstOf(&[Place::Json("/uuid"), Place::Digest]))
    .type_in(Place::Json("/event_type"))
    .retries_after_4xx(true, Confirmed)
    .noting_setup("The secret is the token in the first request to a new subscription. No provider can verify that request yet, so receive it on a separate route.")
    .noting("It retries up to 16 times, at growing intervals.");

/// Logto. It sends no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::logto).
pub const LOGTO: Scheme = Scheme::hmac_sha256("logto")
    .titled("Logto")
    .described_by("https://github.com/logto-io/logto", Confirmed)
    .signature_header("logto-signature-sha-256")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .waits_for(seconds(10), Confirmed);

/// Nylas, version 3. The key is the notification's id.
///
/// See [its page](crate::docs::providers::senders::nylas).
pub const NYLAS: Scheme = Scheme::hmac_sha256("nylas")
    .titled("Nylas")
    .described_by("https://developer.nylas.com/docs/v3/notifications/", Reported)
    .signature_header("x-nylas-signature")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .handshake(Handshake::EchoQuery("challenge"))
    .noting_setup("It waits 10 s for the answer to the challenge, which the layer gives.");

/// Persona. The key is the event's id.
///
/// See [its page](crate::docs::providers::senders::persona).
pub const PERSONA: Scheme = Scheme::hmac_sha256("persona")
    .titled("Persona")
    .described_by("https://docs.withpersona.com/webhooks", Reported)
    .signature_header("persona-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/data/id"))
    .type_in(Place::Json("/data/attributes/name"))
    .waits_for(seconds(5), Confirmed)
    .noting("The signature is confirmed, the place of the id is reported. While a secret is replaced, the header reportedly has two times, and the request is refused: replace it when few events come.");

/// Sumsub. It sends no id, so the key is the body's digest: the time of the event is in the body.
///
/// See [its page](crate::docs::providers::senders::sumsub).
pub const SUMSUB: Scheme = Scheme::hmac_sha256("sumsub")
    .titled("Sumsub")
    .described_by("https://docs.sumsub.com/docs/webhooks", Reported)
    .signature_header("x-payload-digest")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .retries_for(minutes(1_445), Confirmed)
    .waits_for(seconds(5), Confirmed)
    .noting_setup("The algorithm must be the default, SHA-256.")
    .noting("It retries after 5 minutes, 1 hour, 5 hours and 18 hours. It retries `applicantActionReviewed`, `applicantActionOnHold` and `applicantActionPending` for 7 minutes only.");

/// Tally. The key is the event's id.
///
/// See [its page](crate::docs::providers::senders::tally).
pub const TALLY: Scheme = Scheme::hmac_sha256("tally")
    .titled("Tally")
    .described_by("https://tally.so/help/webhooks", Reported)
    .signature_header("tally-signature")
    .base64()
    .key_in(Place::Json("/eventId"))
    .type_in(Place::Json("/eventType"))
    .retries_for(minutes(1_896), Confirmed)
    .waits_for(seconds(10), Confirmed)
    .noting_setup("Without a signing secret it does not sign, and is refused.")
    .noting("It retries after 5 minutes, 30 minutes, 1 hour, 6 hours and 24 hours.");

/// Terra, the health data API. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::terra).
pub const TERRA: Scheme = Scheme::hmac_sha256("terra")
    .titled("Terra")
    .described_by("https://github.com/tryterra/terra-client-js", Confirmed)
    .signature_header("terra-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest);

/// Ashby. The key is the action and the event's id, and in messages without an id the body's digest.
///
/// See [its page](crate::docs::providers::senders::ashby).
pub const ASHBY: Scheme = Scheme::hmac_sha256("ashby")
    .titled("Ashby")
    .described_by("https://developers.ashbyhq.com/docs/authenticating-webhooks", Reported)
    .signature_header("ashby-signature")
    .prefix("sha256=")
    .key_in(Place::FirstOf(&[
        Place::Joined(&[Place::Json("/action"), Place::Json("/webhookActionId")]),
        Place::Digest,
    ]))
    .type_in(Place::Json("/action"))
    .retries_for(minutes(169), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_answers("A 401, 403, 404, 405 or 410 ends its retries.")
    .noting("It tries at most 10 times. Two webhooks report one event under the same id.");

/// Attio. The id is in a header that the signature does not cover.
///
/// See [its page](crate::docs::providers::senders::attio).
pub const ATTIO: Scheme = Scheme::hmac_sha256("attio")
    .titled("Attio")
    .described_by("https://docs.attio.com/rest-api/guides/webhooks", Confirmed)
    .signature_header("attio-signature")
    .key_in(Place::Header("idempotency-key"))
    .type_in(Place::Json("/events/0/event_type"))
    .retries_for(days(3), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting_answers("It expects the status 200 or 202.")
    .noting("A message has a list of events: it is one delivery, with the type of its first event.");

/// Customer.io's reporting webhooks.
///
/// See [its page](crate::docs::providers::senders::customer_io).
pub const CUSTOMER_IO: Scheme = Scheme::hmac_sha256("customer-io")
    .titled("Customer.io (reporting)")
    .described_by("https://docs.customer.io/integrations/api/webhooks", Confirmed)
    .signature_header("x-cio-signature")
    .timestamp_header("x-cio-timestamp")
    .any_age()
    .signing("v0:{timestamp}:{body}")
    .key_in(Place::Json("/event_id"))
    .type_in(Place::Joined(&[Place::Json("/object_type"), Place::Json("/metric")]))
    .retries_for(days(7), Confirmed)
    .waits_for(seconds(4), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting("A delivery that fails holds back all later ones. A time is signed, but no allowed age is published, so any is accepted.");

/// Pipedrive, webhooks of version 2 with basic authentication. **Nothing is signed.** Version 1 has another body, and is refused.
///
/// The key joins the webhook, the event's id, the object and the action. Two webhooks may report one event, and a merge sends two
/// messages, which may have one id.
///
/// See [its page](crate::docs::providers::senders::pipedrive).
pub const PIPEDRIVE: Scheme = Scheme::basic_auth("pipedrive")
    .titled("Pipedrive (version 2)")
    .described_by("https://pipedrive.readme.io/docs/guide-for-webhooks-v2", Confirmed)
    .key_in(Place::Joined(&[
        Place::Json("/meta/webhook_id"),
        Place::Json("/meta/id"),
        Place::Json("/meta/entity_id"),
        Place::Json("/meta/action"),
    ]))
    .type_in(Place::Joined(&[Place::Json("/meta/entity"), Place::Json("/meta/action")]))
    .account_in(Place::Json("/meta/company_id"))
    .differing_between_attempts(&["/meta/attempt"])
    .retries_for(seconds(183), Confirmed)
    .waits_for(seconds(10), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting(
        "After 10 failed first attempts it bans the webhook for 30 minutes, and the events of that time are lost. Webhooks of version 1 are refused.",
    );
