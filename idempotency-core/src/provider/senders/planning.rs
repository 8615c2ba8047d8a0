//! Senders of calendars, tasks and notes.

use super::{Confirmed, Place, Scheme, TimeUnit, minutes, seconds};

/// Cal.com. It sends no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::cal_com).
pub const CAL_COM: Scheme = Scheme::hmac_sha256("cal-com")
    .titled("Cal.com")
    .described_by("https://github.com/calcom/cal.com", Confirmed)
    .signature_header("x-cal-signature-256")
    .key_in(Place::Digest)
    .type_in(Place::Json("/triggerEvent"))
    .noting_setup("A webhook without a secret is not signed, and is refused. A custom payload template changes the body: keep `createdAt` in it, so that no two events have equal bodies.");

/// ClickUp. It sends no id of an event, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::clickup).
pub const CLICKUP: Scheme = Scheme::hmac_sha256("clickup")
    .titled("ClickUp")
    .described_by("https://developer.clickup.com/docs/webhooksignature", Confirmed)
    .signature_header("x-signature")
    .key_in(Place::Digest)
    .type_in(Place::Json("/event"));

/// Cronofy. It sends no id, so the key is the body's digest. The secret is the application's client secret.
///
/// See [its page](crate::docs::providers::senders::cronofy).
pub const CRONOFY: Scheme = Scheme::hmac_sha256("cronofy")
    .titled("Cronofy")
    .described_by("https://github.com/cronofy/cronofy-node", Confirmed)
    .signature_header("cronofy-hmac-sha256")
    .items(',')
    .base64()
    .key_in(Place::Digest)
    .noting_setup("The secret is the application's client secret.");

/// Outline. The key is the delivery's id. It never retries.
///
/// See [its page](crate::docs::providers::senders::outline).
pub const OUTLINE: Scheme = Scheme::hmac_sha256("outline")
    .titled("Outline")
    .described_by("https://github.com/outline/outline", Confirmed)
    .signature_header("outline-signature")
    .items(',')
    .timestamp_item("t=")
    .time_unit(TimeUnit::Milliseconds)
    .prefix("s=")
    .signing("{timestamp}.{body}")
    .key_in(Place::Json("/id"))
    .type_in(Place::Json("/event"))
    .retries_for(seconds(0), Confirmed)
    .waits_for(seconds(5), Confirmed)
    .noting_setup("A webhook without a secret is not signed, and is refused.");

/// Plane. Its delivery id changes from attempt to attempt, so the key is the body's digest.
///
/// See [its page](crate::docs::providers::senders::plane).
pub const PLANE: Scheme = Scheme::hmac_sha256("plane")
    .titled("Plane")
    .described_by("https://github.com/makeplane/plane", Confirmed)
    .signature_header("x-plane-signature")
    .key_in(Place::Digest)
    .type_in(Place::Joined(&[Place::Json("/event"), Place::Json("/action")]))
    .account_in(Place::Json("/workspace_id"))
    .retries_for(minutes(50), Confirmed)
    .waits_for(seconds(30), Confirmed)
    .retries_after_4xx(false, Confirmed)
    .noting("It retries only if it gets no answer. After the last retry it disables the webhook.");

/// Taiga. It sends no id, so the key is the body's digest, which has the event's time.
///
/// See [its page](crate::docs::providers::senders::taiga).
pub const TAIGA: Scheme = Scheme::hmac_sha1("taiga")
    .titled("Taiga")
    .described_by("https://github.com/taigaio/taiga-back", Confirmed)
    .signature_header("x-taiga-webhook-signature")
    .key_in(Place::Digest)
    .type_in(Place::Joined(&[Place::Json("/type"), Place::Json("/action")]));
