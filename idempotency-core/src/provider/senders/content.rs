//! Senders of posts, files and videos.

use super::{Confirmed, Place, Scheme, TimeUnit, seconds, standard_webhooks_with_text};

/// Cloudflare Stream, when a video is processed. It sends no id of an event, so the key is the body's digest. Live inputs
/// send another message.
///
/// See [its page](crate::docs::providers::senders::cloudflare_stream).
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

/// Filestack. The key is the body's digest. A time is signed, but its SDK accepts any age, and so does this scheme.
///
/// See [its page](crate::docs::providers::senders::filestack).
pub const FILESTACK: Scheme = Scheme::hmac_sha256("filestack")
    .titled("Filestack")
    .described_by("https://github.com/filestack/filestack-python", Confirmed)
    .signature_header("fs-signature")
    .timestamp_header("fs-timestamp")
    .any_age()
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .noting("A time is signed, but its SDK accepts any age, and so does this scheme.");

/// Ghost. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::ghost).
pub const GHOST: Scheme = Scheme::hmac_sha256("ghost")
    .titled("Ghost")
    .described_by(
        "https://github.com/TryGhost/Ghost/blob/main/ghost/core/core/server/services/webhooks/webhook-trigger.js",
        Confirmed,
    )
    .signature_header("x-ghost-signature")
    .items(',')
    .timestamp_item("t=")
    .time_unit(TimeUnit::Milliseconds)
    .prefix("sha256=")
    .signing("{body}{timestamp}")
    .key_in(Place::Digest)
    .waits_for(seconds(2), Confirmed)
    .noting_answers("A 410 answer deletes the webhook.")
    .noting_setup("A webhook without a secret is not signed, and is refused.");

/// ImageKit. The key is the `webhook-id`. The secret is used as it is, without decoding.
///
/// See [its page](crate::docs::providers::senders::imagekit).
pub const IMAGEKIT: Scheme = standard_webhooks_with_text("imagekit")
    .titled("ImageKit")
    .described_by("https://github.com/imagekit-developer/imagekit-nodejs", Confirmed)
    .type_in(Place::Json("/type"));
