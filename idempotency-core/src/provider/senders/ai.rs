//! Senders of models and agents.

use super::{
    Confirmed, Place, Reported, STANDARD_WITH_HEADER_ID, Scheme, TimeUnit, hours, minutes, standard_webhooks,
};

/// OpenAI.
///
/// See [its page](crate::docs::providers::senders::openai).
pub const OPENAI: Scheme = standard_webhooks("openai")
    .titled("OpenAI")
    .described_by("https://github.com/openai/openai-node", Confirmed)
    .type_in(Place::Json("/type"))
    .retries_for(hours(72), Reported)
    .retries_after_4xx(true, Reported)
    .noting("How long it waits is reported as a few seconds and as 20 s.");

/// Anthropic. The key is the event's id in the body, which Anthropic names for that purpose.
///
/// See [its page](crate::docs::providers::senders::anthropic).
pub const ANTHROPIC: Scheme = standard_webhooks("anthropic")
    .titled("Anthropic")
    .described_by("https://github.com/anthropics/anthropic-sdk-typescript", Confirmed)
    .signing(STANDARD_WITH_HEADER_ID)
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/data/type"))
    .account_in(Place::Json("/data/organization_id"))
    .retry_repeats_key(true, Confirmed);

/// Replicate. The `id` in the body is the prediction's, which all of its events share. The type is the prediction's status.
///
/// See [its page](crate::docs::providers::senders::replicate).
pub const REPLICATE: Scheme = standard_webhooks("replicate")
    .titled("Replicate")
    .described_by("https://replicate.com/docs/topics/webhooks/verify-webhook", Confirmed)
    .type_in(Place::Json("/status"))
    .noting("Its own SDK accepts any age.");

/// Retell. The secret is the API key. It sends no id, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::retell).
pub const RETELL: Scheme = Scheme::hmac_sha256("retell")
    .titled("Retell")
    .described_by("https://github.com/RetellAI/retell-typescript-sdk", Confirmed)
    .signature_header("x-retell-signature")
    .items(',')
    .timestamp_item("v=")
    .time_unit(TimeUnit::Milliseconds)
    .prefix("d=")
    .signing("{body}{timestamp}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"))
    .noting_setup("The secret is the API key.");

/// ElevenLabs. It sends no id, so the key is made of the type, the conversation and the time, or is the body's digest if the
/// event is about no conversation.
///
/// See [its page](crate::docs::providers::senders::elevenlabs).
pub const ELEVENLABS: Scheme = Scheme::hmac_sha256("elevenlabs")
    .titled("ElevenLabs")
    .described_by("https://github.com/elevenlabs/elevenlabs-python", Confirmed)
    .signature_header("elevenlabs-signature")
    .items(',')
    .timestamp_item("t=")
    .tolerance(minutes(30))
    .prefix("v0=")
    .signing("{timestamp}.{body}")
    .key_in(Place::FirstOf(&[
        Place::Joined(&[
            Place::Json("/type"),
            Place::Json("/data/conversation_id"),
            Place::Json("/event_timestamp"),
        ]),
        Place::Digest,
    ]))
    .type_in(Place::Json("/type"));

/// Fireflies.ai, version 2 of its webhooks. They have no id, so the key is the event, the meeting and the time. Version 1 has no time, so
/// its events are refused.
///
/// See [its page](crate::docs::providers::senders::fireflies).
pub const FIREFLIES: Scheme = Scheme::hmac_sha256("fireflies")
    .titled("Fireflies.ai")
    .described_by("https://docs.fireflies.ai/graphql-api/webhooks-v2", Confirmed)
    .signature_header("x-hub-signature")
    .prefix("sha256=")
    .key_in(Place::Joined(&[Place::Json("/event"), Place::Json("/meeting_id"), Place::Json("/timestamp")]))
    .type_in(Place::Json("/event"))
    .noting_setup("Without a signing secret it does not sign, and is refused. Version 1 has no time in the body, and is refused: use version 2.");

/// Hugging Face. **Nothing is signed.** The key is the `webhook-id`, which retries and replays repeat.
///
/// See [its page](crate::docs::providers::senders::hugging_face).
pub const HUGGING_FACE: Scheme = Scheme::token("hugging-face")
    .titled("Hugging Face")
    .described_by("https://huggingface.co/docs/hub/webhooks", Confirmed)
    .signature_header("x-webhook-secret")
    .key_in(Place::Header("webhook-id"))
    .type_in(Place::Joined(&[Place::Json("/event/scope"), Place::Json("/event/action")]))
    .retry_repeats_key(true, Confirmed)
    .redelivery_repeats_key(true, Confirmed);

/// Vapi, a server with HMAC credentials of the default format and the algorithm SHA-256. It sends no id, so the key is the body's
/// digest.
///
/// Each customer chooses the format. If yours has another header, prefix or encoding, change the constant with the methods that differ,
/// such as `VAPI.base64()`.
///
/// See [its page](crate::docs::providers::senders::vapi).
pub const VAPI: Scheme = Scheme::hmac_sha256("vapi")
    .titled("Vapi (HMAC)")
    .described_by("https://github.com/VapiAI/server-sdk-typescript", Confirmed)
    .signature_header("x-signature")
    .signing("{header:x-timestamp}.{body}")
    .key_in(Place::Digest)
    .type_in(Place::Json("/message/type"))
    .noting_setup("Choose credentials of the type HMAC with SHA-256 and the default format.")
    .noting("The unit of the signed `x-timestamp` is not published, so it is not read and any age is accepted. A message that Vapi repeats gets the recorded answer.");
