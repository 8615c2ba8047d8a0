//! Senders of models and agents.

use super::{
    Confirmed, Place, Reported, STANDARD_WITH_HEADER_ID, Scheme, TimeUnit, hours, minutes, standard_webhooks,
};

/// OpenAI.
pub const OPENAI: Scheme = standard_webhooks("openai")
    .titled("OpenAI")
    .described_by("https://github.com/openai/openai-node", Confirmed)
    .type_in(Place::Json("/type"))
    .retries_for(hours(72), Reported)
    .retries_after_4xx(true, Reported)
    .noting("How long it waits is reported as a few seconds and as 20 s.");

/// Anthropic. The key is the event's id in the body, which Anthropic names for that purpose.
pub const ANTHROPIC: Scheme = standard_webhooks("anthropic")
    .titled("Anthropic")
    .described_by("https://github.com/anthropics/anthropic-sdk-typescript", Confirmed)
    .signing(STANDARD_WITH_HEADER_ID)
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/data/type"))
    .account_in(Place::Json("/data/organization_id"));

/// Replicate. The `id` in the body is the prediction's, which all of its events share. The type is the prediction's status.
pub const REPLICATE: Scheme = standard_webhooks("replicate")
    .titled("Replicate")
    .described_by("https://replicate.com/docs/topics/webhooks/verify-webhook", Confirmed)
    .type_in(Place::Json("/status"))
    .noting("Its own SDK accepts any age.");

/// Retell. The secret is the API key. It sends no id, so the key is the body's digest.
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
    .type_in(Place::Json("/event"));

/// ElevenLabs. It sends no id, so the key is made of the type, the conversation and the time, or is the body's digest if the
/// event is about no conversation.
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
