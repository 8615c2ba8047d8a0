//! Senders of chats, calls and streams.

use super::{
    Confirmed, Handshake, Place, Scheme, TimeUnit, Unconfirmed, minutes, seconds, standard_webhooks,
};

/// Twitch EventSub. The id and the time are signed without a text between them, so an id may only have letters, digits, `_`
/// and `-`.
///
/// The kind of message is in a header that is not signed, so the type is that of the subscription with its status:
/// `channel.follow;enabled` is an event, `channel.follow;authorization_revoked` is the end of the subscription.
///
/// See [its page](crate::docs::providers::senders::twitch).
pub const TWITCH: Scheme = Scheme::hmac_sha256("twitch")
    .titled("Twitch EventSub")
    .described_by("https://dev.twitch.tv/docs/eventsub/handling-webhook-events", Confirmed)
    .signature_header("twitch-eventsub-message-signature")
    .prefix("sha256=")
    .timestamp_header("twitch-eventsub-message-timestamp")
    .time_unit(TimeUnit::Rfc3339)
    .tolerance(minutes(10))
    .signing("{id}{timestamp}{body}")
    .key_in(Place::Header("twitch-eventsub-message-id"))
    .type_in(Place::Joined(&[Place::Json("/subscription/type"), Place::Json("/subscription/status")]))
    // The header that says so is not signed.
    .handshake(Handshake::EchoJson {
        pointer: "/challenge",
        when: ("/subscription/status", "webhook_callback_verification_pending"),
    })
    .retry_repeats_key(true, Confirmed)
    .noting(
        "The allowed age of 10 min is not confirmed. After too many failures it revokes the subscription.",
    );

/// X. The secret is the app's consumer secret, which X's API calls the API secret key. A request has lists of events of several
/// kinds, and no id of its own, so the key is the body's digest.
///
/// X checks the endpoint every hour: it sends a token and expects its HMAC under the secret that also signs bodies. So a token
/// that could be a body is not signed.
///
/// See [its page](crate::docs::providers::senders::twitter_x).
pub const TWITTER_X: Scheme = Scheme::hmac_sha256("twitter-x")
    .titled("X (Twitter)")
    .described_by("https://docs.x.com/x-api/webhooks/quickstart", Confirmed)
    .signature_header("x-twitter-webhooks-signature")
    .prefix("sha256=")
    .base64()
    .key_in(Place::Digest)
    .account_in(Place::Json("/for_user_id"))
    .handshake(Handshake::SignQuery { parameter: "crc_token", json: "response_token" })
    .waits_for(seconds(10), Confirmed)
    .noting_answers("It expects the status 200.")
    .noting_setup("The secret is the app's consumer secret, which X's API calls the API secret key.")
    .noting("A body may list several events of different kinds, such as `tweet_create_events`: it is one delivery.");

/// Discord's interactions. The secret is the application's public key. The time is signed, but no allowed age is published, so
/// any is accepted.
///
/// Discord's webhook events are [`DISCORD_EVENTS`]. They have another URL.
///
/// See [its page](crate::docs::providers::senders::discord).
pub const DISCORD: Scheme = discord("discord")
    .titled("Discord (interactions)")
    .key_in(Place::Json("/id"))
    .account_in(Place::Json("/application_id"))
    .handshake(Handshake::Answer { when: ("/type", "1"), status: 200, json: r#"{"type":1}"# })
    .retries_for(seconds(0), Confirmed)
    .waits_for(seconds(3), Confirmed)
    .noting_setup("It also sends bad signatures, to see them answered 401.")
    .noting("A time is signed, but no allowed age is published, so any is accepted.");

/// Discord's webhook events. The secret is the application's public key. They have no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::discord_events).
pub const DISCORD_EVENTS: Scheme = discord("discord-events")
    .titled("Discord (webhook events)")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event/type"))
    .account_in(Place::Json("/application_id"))
    .handshake(Handshake::Answer { when: ("/type", "0"), status: 204, json: "" })
    .retries_for(minutes(10), Confirmed)
    .waits_for(seconds(3), Confirmed)
    .noting_setup("It also sends bad signatures, to see them answered 401.")
    .noting("Events may arrive out of order.");

const fn discord(name: &'static str) -> Scheme {
    Scheme::ed25519(name)
        .described_by("https://github.com/discord/discord-api-docs", Confirmed)
        .signature_header("x-signature-ed25519")
        .timestamp_header("x-signature-timestamp")
        .any_age()
        .signing("{timestamp}{body}")
}

/// Telnyx. The secret is the account's public key. The body counts the attempts.
///
/// See [its page](crate::docs::providers::senders::telnyx).
pub const TELNYX: Scheme = Scheme::ed25519("telnyx")
    .titled("Telnyx")
    .described_by("https://github.com/team-telnyx/telnyx-node", Confirmed)
    .signature_header("telnyx-signature-ed25519")
    .base64()
    .timestamp_header("telnyx-timestamp")
    .signing("{timestamp}|{body}")
    .key_in(Place::Json("/data/id"))
    .type_in(Place::Json("/data/event_type"))
    .differing_between_attempts(&["/meta"])
    .waits_for(seconds(2), Confirmed)
    .noting("It waits 2 s in its messaging product. Other products may wait longer.");

/// Zoom. It sends no id, so the key is the body's digest. Every 72 hours it checks the endpoint.
///
/// See [its page](crate::docs::providers::senders::zoom).
pub const ZOOM: Scheme = Scheme::hmac_sha256("zoom")
    .titled("Zoom")
    .described_by("https://developers.zoom.us/blog/webhook-delays", Confirmed)
    .signature_header("x-zm-signature")
    .prefix("v0=")
    .timestamp_header("x-zm-request-timestamp")
    .signing("v0:{timestamp}:{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .account_in(Place::Json("/payload/account_id"))
    .handshake(Handshake::SignJson {
        pointer: "/payload/plainToken",
        when: ("/event", "endpoint.url_validation"),
        plain: "plainToken",
        signed: "encryptedToken",
    })
    .retries_for(minutes(85), Confirmed)
    .waits_for(seconds(3), Confirmed)
    .noting("It retries 5, 25 and 85 min after the first attempt.");

/// Telegram bots. **Nothing is signed**: a client that sees a request can forge any other. Updates are numbered for each bot, so give
/// each bot an endpoint of its own.
///
/// See [its page](crate::docs::providers::senders::telegram).
pub const TELEGRAM: Scheme = Scheme::token("telegram")
    .titled("Telegram")
    .described_by("", Unconfirmed)
    .signature_header("x-telegram-bot-api-secret-token")
    .key_in(Place::Json("/update_id"))
    .noting_setup("Updates are numbered for each bot, so give each bot its own endpoint.");

/// Liveblocks.
///
/// See [its page](crate::docs::providers::senders::liveblocks).
pub const LIVEBLOCKS: Scheme = standard_webhooks("liveblocks")
    .titled("Liveblocks")
    .described_by("https://github.com/liveblocks/liveblocks", Confirmed)
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/data/projectId"));

/// Mux. The body lists the attempts.
///
/// See [its page](crate::docs::providers::senders::mux).
pub const MUX: Scheme = Scheme::hmac_sha256("mux")
    .titled("Mux")
    .described_by("https://github.com/muxinc/mux-ts", Confirmed)
    .signature_header("mux-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/environment/id"))
    .differing_between_attempts(&["/attempts"]);

/// Stream Chat. It sends no id in the body, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::stream).
pub const STREAM: Scheme = Scheme::hmac_sha256("stream")
    .titled("Stream Chat")
    .described_by("https://github.com/GetStream/stream-chat-js", Confirmed)
    .signature_header("x-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .noting_setup(
        "It signs the body before compression: leave compression off, or decompress before the layer.",
    );
