//! Senders of builds, deployments, images and alerts.

use super::{Confirmed, Place, Scheme, standard_webhooks};

/// Buildkite, webhooks with a signature. It sends no id, so the key is the body's digest. The secret is the webhook's token.
pub const BUILDKITE: Scheme = Scheme::hmac_sha256("buildkite")
    .titled("Buildkite")
    .described_by("https://github.com/buildkite/docs", Confirmed)
    .signature_header("x-buildkite-signature")
    .items(',')
    .timestamp_item("timestamp=")
    .prefix("signature=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting(
        "Choose the signature, not the token. A body may show a later state of the build than its event.",
    );

/// Render.
pub const RENDER: Scheme = standard_webhooks("render")
    .titled("Render")
    .described_by("https://github.com/render-examples/webhook-github-action", Confirmed)
    .type_in(Place::Json("/type"));

/// Snyk. The id is in a header that the signature does not cover.
pub const SNYK: Scheme = Scheme::hmac_sha256("snyk")
    .titled("Snyk")
    .described_by("https://docs.snyk.io/snyk-api/using-specific-snyk-apis/webhooks-apis/webhooks", Confirmed)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Header("x-snyk-transport-id"))
    .noting("Whether a retry keeps the id is unknown.");
