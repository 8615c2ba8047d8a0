//! Senders of identities, employees, applicants and answers.

use super::{Confirmed, Place, Reported, Scheme, minutes, seconds, standard_webhooks};

/// BoldSign. The key is the event's id. While a secret is replaced, BoldSign sends two signatures, of which the first is tried.
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
    .noting("While a secret is replaced, it sends two signatures, of which this scheme tries the first: accept both secrets.");

/// Castle. It sends no id that is known, so the key is the body's digest. The secret is the API's secret.
pub const CASTLE: Scheme = Scheme::hmac_sha256("castle")
    .titled("Castle")
    .described_by("https://github.com/castle/castle-python", Confirmed)
    .signature_header("x-castle-signature")
    .base64()
    .key_in(Place::Digest);

/// Finch. It signs as Standard Webhooks say, with headers of its own names.
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
pub const FORMBRICKS: Scheme = standard_webhooks("formbricks")
    .titled("Formbricks")
    .described_by("https://github.com/formbricks/formbricks", Confirmed)
    .type_in(Place::Json("/event"))
    .noting("A webhook without a secret is not signed, and is refused.");

/// Greenhouse. The id is in a header that the signature does not cover.
pub const GREENHOUSE: Scheme = Scheme::hmac_sha256("greenhouse")
    .titled("Greenhouse")
    .described_by("https://github.com/grnhse/greenhouse-api-docs", Confirmed)
    .signature_header("signature")
    .prefix("sha256 ")
    .key_in(Place::Header("greenhouse-event-id"))
    .type_in(Place::Json("/action"))
    .retries_for(minutes(916), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting("It expects the status 200. Whether a retry keeps the id is unknown. A failed ping disables the webhook.");

/// Logto. It sends no id, so the key is the body's digest, which has the event's time.
pub const LOGTO: Scheme = Scheme::hmac_sha256("logto")
    .titled("Logto")
    .described_by("https://github.com/logto-io/logto", Confirmed)
    .signature_header("logto-signature-sha-256")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .waits_for(seconds(10), Confirmed);

/// Persona. The key is the event's id.
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
    .noting("The signature is confirmed, the place of the id is reported. While a secret is replaced, it reportedly sends two times, and is refused.");

/// Terra, the health data API. It sends no id, so the key is the body's digest.
pub const TERRA: Scheme = Scheme::hmac_sha256("terra")
    .titled("Terra")
    .described_by("https://github.com/tryterra/terra-client-js", Confirmed)
    .signature_header("terra-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest);
