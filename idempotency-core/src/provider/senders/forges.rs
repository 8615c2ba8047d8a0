//! Senders of repositories that one hosts oneself.

use super::{Confirmed, Place, Reported, Scheme, seconds};

/// Gitea. The id is in a header that the signature does not cover. It signs the JSON, so the content type must be
/// `application/json`.
///
/// See [its page](crate::docs::providers::senders::gitea).
pub const GITEA: Scheme = Scheme::hmac_sha256("gitea")
    .titled("Gitea")
    .described_by("https://github.com/go-gitea/gitea", Confirmed)
    .signature_header("x-gitea-signature")
    .key_in(Place::Header("x-gitea-delivery"))
    .retries_for(seconds(0), Confirmed)
    .redelivery_repeats_key(false, Confirmed)
    .noting_setup("Set the content type to `application/json`: a form is not what it signs.");

/// Gogs. The id is in a header that the signature does not cover. It signs the JSON, so the content type must be
/// `application/json`.
///
/// See [its page](crate::docs::providers::senders::gogs).
pub const GOGS: Scheme = Scheme::hmac_sha256("gogs")
    .titled("Gogs")
    .described_by("https://github.com/gogs/gogs", Confirmed)
    .signature_header("x-gogs-signature")
    .key_in(Place::Header("x-gogs-delivery"))
    .retries_for(seconds(0), Confirmed)
    .waits_for(seconds(15), Confirmed)
    .redelivery_repeats_key(true, Confirmed)
    .noting_setup("Set the content type to `application/json`: a form is not what it signs.");

/// Bitbucket Data Center. It sends no id of an event, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::bitbucket_data_center).
pub const BITBUCKET_DATA_CENTER: Scheme = Scheme::hmac_sha256("bitbucket-data-center")
    .titled("Bitbucket Data Center")
    .described_by("https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html", Reported)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Digest)
    .type_in(Place::Json("/eventKey"))
    .noting_setup("The algorithm must be the default, SHA-256.")
    .noting("`X-Request-Id` names the request, and is not signed.");
