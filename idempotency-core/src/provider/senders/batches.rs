//! Senders that put several events into one request.

use super::{
    Confirmed, Handshake, Place, Reported, Scheme, TimeUnit, Unconfirmed, days, hours, minutes, seconds,
};

/// Asana. It sends no ids, so the key is the digest of an event, which has its time in milliseconds.
///
/// Each webhook has its own secret, which Asana makes: the `X-Hook-Secret` in the answer to the request that created the
/// webhook, and in the handshake. The handshake is answered and its secret is not kept, because any client could send one.
///
/// See [its page](crate::docs::providers::senders::asana).
pub const ASANA: Scheme = Scheme::hmac_sha256("asana")
    .titled("Asana")
    .described_by("https://developers.asana.com/docs/webhooks-guide", Confirmed)
    .signature_header("x-hook-signature")
    .events_in("/events/*")
    .key_in(Place::Digest)
    .type_in(Place::Joined(&[Place::Json("/resource/resource_type"), Place::Json("/action")]))
    .handshake(Handshake::ReturnHeader("x-hook-secret"))
    .retries_for(hours(24), Confirmed)
    .waits_for(seconds(10), Confirmed)
    .noting_setup("Each webhook has its own secret, in the response to the request that creates it: use a source of secrets. Two webhooks about one resource send the same events: give each its own path.")
    .noting("An empty list is a heartbeat, which is answered 200. Asana may lose events.");

/// Ably, batched webhooks. The items have no id, so the key is the digest of an item. The secret is the part of the API key
/// after the colon.
///
/// See [its page](crate::docs::providers::senders::ably).
pub const ABLY: Scheme = Scheme::hmac_sha256("ably")
    .titled("Ably (batched)")
    .described_by("https://github.com/ably/docs", Confirmed)
    .signature_header("x-ably-signature")
    .base64()
    .events_in("/items/*")
    .key_in(Place::Digest)
    .type_in(Place::Json("/source"))
    .retries_for(minutes(5), Confirmed)
    .noting_setup("The secret is the part of the API key after the colon.")
    .noting("A retry may have further items.");

/// Auth0, custom webhooks of a log stream. **Nothing is signed**: a client that sees a request can forge any other.
///
/// See [its page](crate::docs::providers::senders::auth0).
pub const AUTH0: Scheme = Scheme::token("auth0")
    .titled("Auth0 (log stream)")
    .described_by("", Unconfirmed)
    .signature_header("authorization")
    .events_in("/*")
    .key_in(Place::Json("/log_id"))
    .type_in(Place::Json("/data/type"))
    .noting_setup("The format must be a JSON array.");

/// GoCardless.
///
/// See [its page](crate::docs::providers::senders::gocardless).
pub const GOCARDLESS: Scheme = Scheme::hmac_sha256("gocardless")
    .titled("GoCardless")
    .described_by("https://github.com/gocardless/gocardless-nodejs", Confirmed)
    .signature_header("webhook-signature")
    .events_in("/events/*")
    .key_in(Place::Json("/id"))
    .type_in(Place::Joined(&[Place::Json("/resource_type"), Place::Json("/action")]))
    .waits_for(seconds(10), Confirmed)
    .noting("It retries up to 8 times, at growing intervals.");

/// Helius. **Nothing is signed**: a client that sees a request can forge any other. The key is the signature of the
/// transaction, in both of its formats.
///
/// See [its page](crate::docs::providers::senders::helius).
pub const HELIUS: Scheme = Scheme::token("helius")
    .titled("Helius")
    .described_by("https://github.com/helius-labs/docs", Confirmed)
    .signature_header("authorization")
    .events_in("/*")
    .key_in(Place::FirstOf(&[Place::Json("/signature"), Place::Json("/transaction/signatures/0")]))
    .retries_for(minutes(3), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_setup("Give each webhook its own endpoint: two of them may report the same transaction.");

/// HubSpot, signatures of version 3. The signature covers the URL, so call [`with_url`](Scheme::with_url) with the URL of the
/// subscription, with its percent-encoding decoded as HubSpot does.
///
/// An `eventId` may not be unique, so the time of the event is part of the key. Each event counts the attempts.
///
/// See [its page](crate::docs::providers::senders::hubspot).
pub const HUBSPOT: Scheme = Scheme::hmac_sha256("hubspot")
    .titled("HubSpot (v3)")
    .described_by("https://github.com/HubSpot/hubspot-api-nodejs", Confirmed)
    .signature_header("x-hubspot-signature-v3")
    .base64()
    .timestamp_header("x-hubspot-request-timestamp")
    .time_unit(TimeUnit::Milliseconds)
    .signing("{method}{url}{body}{timestamp}")
    .events_in("/*")
    .key_in(Place::Joined(&[
        Place::Json("/portalId"),
        Place::Json("/subscriptionId"),
        Place::Json("/eventId"),
        Place::Json("/occurredAt"),
        // The ids are not unique: a bulk change has one time for many objects.
        Place::Digest,
    ]))
    .type_in(Place::Json("/subscriptionType"))
    .account_in(Place::Json("/portalId"))
    .differing_between_attempts(&["/attemptNumber"])
    .retries_for(hours(24), Unconfirmed)
    .waits_for(seconds(5), Unconfirmed)
    .noting_setup("HubSpot decodes some percent-encoding before it signs the URL. If your URL has any, give `with_url` the decoded text instead.")
    .noting("Signatures of versions 1 and 2 are not HMACs, and are refused.");

/// Kontent.ai. Its notifications have no id, so the key is the digest of a notification.
///
/// See [its page](crate::docs::providers::senders::kontent_ai).
pub const KONTENT_AI: Scheme = Scheme::hmac_sha256("kontent-ai")
    .titled("Kontent.ai")
    .described_by("https://github.com/kontent-ai/webhook-helper-js", Confirmed)
    .signature_header("x-kontent-ai-signature")
    .base64()
    .events_in("/notifications/*")
    .key_in(Place::Digest)
    .type_in(Place::Joined(&[Place::Json("/message/object_type"), Place::Json("/message/action")]))
    .account_in(Place::Json("/message/environment_id"))
    .noting("Legacy webhooks have another header and another body, and are refused.");

/// LINE. A redelivery is marked in the event.
///
/// See [its page](crate::docs::providers::senders::line).
pub const LINE: Scheme = Scheme::hmac_sha256("line")
    .titled("LINE")
    .described_by("https://github.com/line/line-bot-sdk-nodejs", Confirmed)
    .signature_header("x-line-signature")
    .base64()
    .events_in("/events/*")
    .key_in(Place::Json("/webhookEventId"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Envelope("/destination"))
    .differing_between_attempts(&["/deliveryContext"])
    .retry_repeats_key(true, Confirmed)
    .noting_setup("Switch redelivery on for the channel: without it, nothing is retried.")
    .noting("It sends an empty list to check the endpoint, which is answered 200.");

/// Meta: WhatsApp, Messenger, Instagram, pages. The events have no id in common, so the key is the digest of an entry.
///
/// An entry may hold several messages, and its digest changes if Meta regroups them. A handler that must not see a message
/// twice checks the message's id too.
///
/// See [its page](crate::docs::providers::senders::meta).
pub const META: Scheme = Scheme::hmac_sha256("meta")
    .titled("Meta (WhatsApp, Messenger, Instagram)")
    .described_by("", Unconfirmed)
    .signature_header("x-hub-signature-256")
    .prefix("sha256=")
    .events_in("/entry/*")
    .key_in(Place::Digest)
    .type_in(Place::Envelope("/object"))
    .handshake(Handshake::EchoQuery("hub.challenge"))
    .retries_for(days(7), Unconfirmed)
    .noting_setup("Enter any verify token: the handshake is answered whatever it is.")
    .noting("An entry may hold several messages: check their ids too.");

/// Okta event hooks. **Nothing is signed**: a client that sees a request can forge any other.
///
/// See [its page](crate::docs::providers::senders::okta).
pub const OKTA: Scheme = Scheme::token("okta")
    .titled("Okta (event hooks)")
    .described_by("https://github.com/okta/okta-developer-docs", Confirmed)
    .signature_header("authorization")
    .events_in("/data/events/*")
    .key_in(Place::Json("/uuid"))
    .type_in(Place::Json("/eventType"))
    .handshake(Handshake::EchoHeader { header: "x-okta-verification-challenge", json: "verification" })
    .waits_for(seconds(3), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .retry_repeats_key(true, Confirmed)
    .noting("It retries once at most.");

/// Pusher Channels. Its events have no ids. The key is made of the time of the request, the event's place in it and the event's
/// digest: one member may join, leave and join again in one request.
///
/// See [its page](crate::docs::providers::senders::pusher).
pub const PUSHER: Scheme = Scheme::hmac_sha256("pusher")
    .titled("Pusher Channels")
    .described_by("https://github.com/pusher/pusher-http-node", Confirmed)
    .signature_header("x-pusher-signature")
    .events_in("/events/*")
    .key_in(Place::Joined(&[Place::Envelope("/time_ms"), Place::Sequence("/time_ms"), Place::Digest]))
    .type_in(Place::Json("/name"))
    .retries_for(minutes(5), Confirmed)
    .waits_for(seconds(4), Confirmed)
    .retries_after_4xx(true, Confirmed)
    .noting_setup("`X-Pusher-Key` names the app's key and is not signed, so it is not read: give each app its own endpoint.");

const fn quickbooks(name: &'static str) -> Scheme {
    Scheme::hmac_sha256(name)
        .signature_header("intuit-signature")
        .base64()
        .waits_for(seconds(3), Confirmed)
        .noting_answers("It expects the status 200.")
        .noting_setup("The secret is the app's verifier token.")
        .noting("It retries after 10 s, 20 s, 30 s, 5 min, 20 min, 2 h, 4 h and then every 6 h, with no published end, and may hold back later events meanwhile. Events may arrive out of order.")
}

/// QuickBooks Online, in the CloudEvents format. The secret is the app's verifier token. Requests in the older format are
/// refused: [`QUICKBOOKS_LEGACY`].
///
/// See [its page](crate::docs::providers::senders::quickbooks).
pub const QUICKBOOKS: Scheme = quickbooks("quickbooks")
    .titled("QuickBooks Online (CloudEvents)")
    .described_by("https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks", Confirmed)
    .events_in("/*")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/intuitaccountid"));

/// QuickBooks Online, in the format that Intuit ended on 15 May 2026. Its changes have no ids, so the key is the digest of all
/// changes of one company in a request. A retry that groups them anew runs again.
///
/// See [its page](crate::docs::providers::senders::quickbooks_legacy).
pub const QUICKBOOKS_LEGACY: Scheme = quickbooks("quickbooks-legacy")
    .titled("QuickBooks Online (before May 2026)")
    .described_by("https://developer.intuit.com/app/developer/qbo/docs/develop/webhooks", Confirmed)
    .events_in("/eventNotifications/*")
    .key_in(Place::Digest)
    .account_in(Place::Json("/realmId"));

/// SendGrid's event webhook. The secret is its verification key. The time is signed, but no allowed age is published, so any is
/// accepted.
///
/// See [its page](crate::docs::providers::senders::sendgrid).
#[cfg(feature = "p256")]
pub const SENDGRID: Scheme = Scheme::ecdsa_p256("sendgrid")
    .titled("SendGrid (event webhook)")
    .described_by("https://github.com/sendgrid/sendgrid-nodejs", Confirmed)
    .signature_header("x-twilio-email-event-webhook-signature")
    .base64()
    .timestamp_header("x-twilio-email-event-webhook-timestamp")
    .any_age()
    .signing("{timestamp}{body}")
    .events_in("/*")
    .key_in(Place::Json("/sg_event_id"))
    .type_in(Place::Json("/event"))
    .retries_for(hours(24), Unconfirmed)
    .retry_repeats_key(true, Confirmed)
    .noting_setup("SendGrid calls the public key its verification key.")
    .noting(
        "It needs the feature `p256`. A time is signed, but no allowed age is published, so any is accepted.",
    );

/// Tailscale. Its events have no id, so the key is the digest of an event.
///
/// See [its page](crate::docs::providers::senders::tailscale).
pub const TAILSCALE: Scheme = Scheme::hmac_sha256("tailscale")
    .titled("Tailscale")
    .described_by("https://github.com/tailscale/tailscale/blob/main/docs/webhooks/example.go", Confirmed)
    .signature_header("tailscale-webhook-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{timestamp}.{body}")
    .events_in("/*")
    .key_in(Place::Digest)
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/tailnet"))
    .noting_answers("Answer 2xx unless the failure is temporary: its retries hold back later events.");

/// Wistia.
///
/// See [its page](crate::docs::providers::senders::wistia).
pub const WISTIA: Scheme = Scheme::hmac_sha256("wistia")
    .titled("Wistia")
    .described_by("https://docs.wistia.com/docs/webhooks", Confirmed)
    .signature_header("x-wistia-signature")
    .events_in("/events/*")
    .key_in(Place::Json("/uuid"))
    .type_in(Place::Json("/type"))
    .noting_answers("It expects the status 200.")
    .noting_setup("Without a secret key it does not sign, and is refused.");

/// Xero. It numbers its events and writes only the first number. The numbers may begin again when a webhook is made again, so
/// the resource and the time are part of the key.
///
/// See [its page](crate::docs::providers::senders::xero).
pub const XERO: Scheme = Scheme::hmac_sha256("xero")
    .titled("Xero")
    .described_by("", Unconfirmed)
    .signature_header("x-xero-signature")
    .base64()
    .events_in("/events/*")
    .key_in(Place::Joined(&[
        Place::Json("/tenantId"),
        Place::Sequence("/firstEventSequence"),
        Place::Json("/resourceId"),
        Place::Json("/eventDateUtc"),
    ]))
    .type_in(Place::Joined(&[Place::Json("/eventCategory"), Place::Json("/eventType")]))
    .account_in(Place::Json("/tenantId"))
    .retries_for(hours(24), Unconfirmed)
    .waits_for(seconds(5), Reported)
    .noting_setup("To check the endpoint, it sends empty lists. It expects 200 for a good signature and 401 for a bad one, which this library answers.");
