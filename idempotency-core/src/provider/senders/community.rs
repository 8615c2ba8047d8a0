//! Senders of forums, chats and messages.

use super::{Confirmed, Place, Scheme, TimeUnit, hours, minutes, seconds};

/// Crisp. It sends no id, so the key is the body's digest. A time is signed, but its SDK accepts any age, and so does this
/// scheme.
///
/// See [its page](crate::docs::providers::senders::crisp).
pub const CRISP: Scheme = Scheme::hmac_sha256("crisp")
    .titled("Crisp")
    .described_by("https://github.com/crisp-im/node-crisp-api", Confirmed)
    .signature_header("x-crisp-signature")
    .timestamp_header("x-crisp-request-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .any_age()
    .signing("[{timestamp};{body}]")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting("A time is signed, but its SDK accepts any age, and so does this scheme.");

/// Discourse. Its id may change from attempt to attempt, and the body does not name the event. So the key is the event's name,
/// in a header that the signature does not cover, and the body's digest.
///
/// See [its page](crate::docs::providers::senders::discourse).
pub const DISCOURSE: Scheme = Scheme::hmac_sha256("discourse")
    .titled("Discourse")
    .described_by("https://github.com/discourse/discourse", Confirmed)
    .signature_header("x-discourse-event-signature")
    .prefix("sha256=")
    .key_in(Place::Joined(&[Place::Header("x-discourse-event"), Place::Digest]))
    .retries_for(minutes(156), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_answers("A 404 or 410 is not retried, and disables the webhook in the end.")
    .noting_setup("It retries only if `retry_web_hook_events` is set.")
    .noting("It retries four times.");

/// Help Scout. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::help_scout).
pub const HELP_SCOUT: Scheme = Scheme::hmac_sha1("help-scout")
    .titled("Help Scout")
    .described_by("https://github.com/helpscout/helpscout-api-php", Confirmed)
    .signature_header("x-helpscout-signature")
    .base64()
    .key_in(Place::Digest);

/// Knock, outbound webhooks. They have no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::knock).
pub const KNOCK: Scheme = Scheme::hmac_sha256("knock")
    .titled("Knock")
    .described_by("https://github.com/knocklabs/docs", Confirmed)
    .signature_header("x-knock-signature")
    .items(',')
    .timestamp_item("t=")
    .time_unit(TimeUnit::Milliseconds)
    .prefix("s=")
    .base64()
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .retries_after_4xx(true, Confirmed)
    .noting_answers("It retries after a redirect.");

/// Mastodon, webhooks of its administrators. They have no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::mastodon).
pub const MASTODON: Scheme = Scheme::hmac_sha256("mastodon")
    .titled("Mastodon")
    .described_by("https://github.com/mastodon/mastodon", Confirmed)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .retries_for(hours(51), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .noting_answers("It retries after 401, 408 and 429.")
    .noting("It retries 16 times, at growing intervals.");

/// Microsoft Teams, outgoing webhooks. The key is the message's id. The answer's body is the reply, so a duplicate gets the
/// same one.
///
/// See [its page](crate::docs::providers::senders::microsoft_teams).
pub const MICROSOFT_TEAMS: Scheme = Scheme::hmac_sha256("microsoft-teams")
    .titled("Microsoft Teams (outgoing webhooks)")
    .described_by("https://github.com/MicrosoftDocs/msteams-docs", Confirmed)
    .signature_header("authorization")
    .prefix("HMAC ")
    .base64()
    .secret_in_base64("")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .waits_for(seconds(5), Confirmed);

/// Sinch, its conversation API. The callbacks have no id, so the key is the body's digest. A time is signed, but its SDK
/// accepts any age, and so does this scheme.
///
/// See [its page](crate::docs::providers::senders::sinch).
pub const SINCH: Scheme = Scheme::hmac_sha256("sinch")
    .titled("Sinch (Conversation)")
    .described_by("https://github.com/sinch/sinch-sdk-node", Confirmed)
    .signature_header("x-sinch-webhook-signature")
    .base64()
    .timestamp_header("x-sinch-webhook-signature-timestamp")
    .any_age()
    .signing("{body}.{header:x-sinch-webhook-signature-nonce}.{timestamp}")
    .key_in(Place::Digest)
    .noting("A time is signed, but its SDK accepts any age, and so does this scheme.");

/// TikTok for Developers. It sends no id, so the key is the body's digest. The secret is the app's client secret. TikTok Shop and
/// TikTok's ads send other webhooks, which are refused.
///
/// See [its page](crate::docs::providers::senders::tiktok).
pub const TIKTOK: Scheme = Scheme::hmac_sha256("tiktok")
    .titled("TikTok")
    .described_by("https://developers.tiktok.com/doc/webhooks-verification", Confirmed)
    .signature_header("tiktok-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("s=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .retries_for(hours(72), Confirmed)
    .noting_answers("It expects the status 200.")
    .noting_setup("The secret is the app's client secret.")
    .noting("It names no allowed age: the tolerance is the default, 300 s. Webhooks of TikTok Shop and of TikTok's ads are signed in another way, and are refused.");
