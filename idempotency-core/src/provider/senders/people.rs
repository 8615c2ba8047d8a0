//! Senders of identities, employees, applicants and answers.

use super::{Confirmed, Place, Scheme};

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
