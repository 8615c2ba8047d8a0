//! Schemes: a sender's signature, key and habits as plain data.

mod checks;
mod compile;
mod differing;
mod error;
mod event;
pub(crate) mod events;
mod facts;
mod handshake;
mod order;
pub(crate) mod pick;
mod place;
mod proof;
mod provider;
mod public_key;
mod secret_form;
mod settings;
#[cfg(feature = "testing")]
mod sign;
mod steps;
mod template;
#[cfg(test)]
mod tests;
mod time;
mod view;

use std::time::Duration;

pub(super) use differing::Differing;
pub use error::SchemeError;
pub use facts::{Certainty, Fact, Facts};
pub use handshake::Handshake;
pub use order::VersionForm;
pub use place::Place;
pub(super) use place::joined;
pub use provider::SchemeProvider;
pub use settings::{Encoding, Proof, TimeUnit};

use order::OrderPlaces;
use secret_form::{RefusedSecrets, SecretForm};
use settings::{Age, Headers, Time};

use super::days;
use super::endpoint_url::EndpointUrl;

/// How a sender signs, where its key is, and how it retries, as plain data.
///
/// Most senders differ only in such data. The senders in [`senders`](super::senders) are constants of this type. A sender that
/// is not listed takes about ten lines:
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{Place, Scheme};
///
/// /// Acme signs `<time>.<body>` and sends `acme-signature: t=1767225600,v1=5f54…`.
/// const ACME: Scheme = Scheme::hmac_sha256("acme")
///     .signature_header("acme-signature")
///     .items(',')
///     .timestamp_item("t=")
///     .prefix("v1=")
///     .signing("{timestamp}.{body}")
///     .key_in(Place::Json("/id"))
///     .type_in(Place::Json("/type"))
///     .retention(Duration::from_secs(4 * 86_400));
///
/// let acme = ACME.with_secret("shared with acme")?;
/// # Ok::<(), idempotency_core::provider::SchemeError>(())
/// ```
///
/// A scheme that makes no sense, such as one whose signed text leaves out the body, is an error when the provider is made,
/// never when a request arrives.
///
/// If the signature does not cover the key, the body's digest becomes the fingerprint: the same key with another body is a
/// mismatch. A captured request can still be sent again under another key, as with GitHub and Shopify.
///
/// A sender that needs more than data, such as certificates, implements
/// [`Provider`](super::Provider), or uses [`from_fn`](super::from_fn).
#[derive(Clone, Debug)]
#[must_use]
pub struct Scheme {
    name: &'static str,
    proof: Proof,
    headers: Headers,
    is_repeatable: bool,
    prefix: &'static str,
    separator: Option<char>,
    encoding: Encoding,
    signed_text: &'static str,
    time: Time,
    /// `None`: seconds.
    unit: Option<TimeUnit>,
    age: Age,
    is_past_only: bool,
    secret_form: SecretForm,
    refused_secrets: RefusedSecrets,
    url: Option<EndpointUrl>,
    key: Option<Place>,
    is_keyless: bool,
    event_type: Option<Place>,
    account: Option<Place>,
    differing: &'static [&'static str],
    order: Option<OrderPlaces>,
    events: Option<&'static str>,
    /// `None`: [`MAX_EVENTS`].
    max_events: Option<usize>,
    handshake: Handshake,
    /// Besides POST.
    methods: &'static [&'static str],
    body_limit: Option<usize>,
    retention: Duration,
    facts: Facts,
}

impl Scheme {
    /// A sender that signs with HMAC-SHA256. Its name is part of the default scope.
    pub const fn hmac_sha256(name: &'static str) -> Self {
        Self::new(name, Proof::HmacSha256)
    }

    /// A sender that signs with HMAC-SHA1. It is still safe as an HMAC.
    pub const fn hmac_sha1(name: &'static str) -> Self {
        Self::new(name, Proof::HmacSha1)
    }

    /// A sender that signs with HMAC-SHA512.
    pub const fn hmac_sha512(name: &'static str) -> Self {
        Self::new(name, Proof::HmacSha512)
    }

    /// A sender that signs with an Ed25519 private key (RFC 8032). The secret is then its public key, as the sender shows it:
    /// hexadecimal, base64 or PEM.
    pub const fn ed25519(name: &'static str) -> Self {
        Self::new(name, Proof::Ed25519)
    }

    /// A sender that signs with an ECDSA private key on the curve P-256, with SHA-256. The signature is DER. The secret is then
    /// its public key, as the sender shows it: hexadecimal, base64 or PEM.
    ///
    /// Anyone can make a second signature of a signed text from the first one, so a signature is never a key.
    #[cfg(feature = "p256")]
    pub const fn ecdsa_p256(name: &'static str) -> Self {
        Self::new(name, Proof::EcdsaP256)
    }

    /// A sender that sends its secret in a header.
    ///
    /// **Nothing in the request is signed.** A client that sees one request can forge any other, with any key. Accept such
    /// requests over TLS only, and do not log their headers.
    pub const fn token(name: &'static str) -> Self {
        Self::new(name, Proof::Token)
    }

    /// A sender that sends `Authorization: Basic`. The secret is `user:password`.
    ///
    /// **Nothing in the request is signed**, as with [`token`](Self::token).
    pub const fn basic_auth(name: &'static str) -> Self {
        Self::new(name, Proof::BasicAuth).signature_header("authorization")
    }

    const fn new(name: &'static str, proof: Proof) -> Self {
        Self {
            name,
            proof,
            headers: Headers::None,
            is_repeatable: false,
            prefix: "",
            separator: None,
            encoding: Encoding::Hex,
            signed_text: BODY,
            time: Time::None,
            unit: None,
            age: Age::Default,
            is_past_only: false,
            secret_form: SecretForm::Text,
            refused_secrets: RefusedSecrets::NONE,
            url: None,
            key: None,
            is_keyless: false,
            event_type: None,
            account: None,
            differing: &[],
            order: None,
            events: None,
            max_events: None,
            handshake: Handshake::None,
            methods: &[],
            body_limit: None,
            retention: days(7),
            facts: Facts::UNKNOWN,
        }
    }
}

/// The most events in a request, far above what senders document.
const MAX_EVENTS: usize = 10_000;

/// The template of the least that proves a body.
const BODY: &str = "{body}";
