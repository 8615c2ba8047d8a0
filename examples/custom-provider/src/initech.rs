//! Initech, an invented sender that needs no code. The relevant part of its documentation:
//!
//! > `initech-signature: t=<time>,v1=<signature>` is the HMAC-SHA256 of the time (seconds since 1970), a dot and the body,
//! > in base64. Each event is a JSON object with an `id`, which a retry keeps, and a `topic`. We wait 4 seconds for a 2xx
//! > and retry for 2 days.

use std::time::Duration;

use idempotency_tower::core::provider::{Certainty, Place, Scheme};

/// The whole of what Initech's documentation says, as data.
pub(crate) const INITECH: Scheme = Scheme::hmac_sha256("initech")
    .signature_header("initech-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .base64()
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/topic"))
    .retries_for(Duration::from_secs(2 * 24 * 60 * 60), Certainty::Confirmed)
    .waits_for(Duration::from_secs(4), Certainty::Confirmed);
