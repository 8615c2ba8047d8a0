//! Senders of posts, files and videos.

use super::{Confirmed, Place, Scheme};

/// Cloudflare Stream, when a video is processed. It sends no id of an event, so the key is the body's digest. Live inputs
/// send another message.
pub const CLOUDFLARE_STREAM: Scheme = Scheme::hmac_sha256("cloudflare-stream")
    .titled("Cloudflare Stream")
    .described_by(
        "https://github.com/cloudflare/cloudflare-docs/blob/production/src/content/docs/stream/manage-video-library/using-webhooks.mdx",
        Confirmed,
    )
    .signature_header("webhook-signature")
    .items(',')
    .timestamp_item("time=")
    .prefix("sig1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/status/state"))
    .noting("For processed videos. Its messages about live inputs have another form, and are refused.");
