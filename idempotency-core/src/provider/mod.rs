//! Providers: each one knows a single sender, verifies its requests and picks the key.
//!
//! | Provider | Key | Covered by the signature |
//! |---|---|---|
//! | [`Stripe`] | the event's `id` | yes |
//! | [`Shopify`] | `X-Shopify-Event-Id` | no: the body's digest is the fingerprint |
//! | [`Twilio`] | the Sid with its status, or a digest of the signed text | yes |
//! | [`GitHub`] | `X-GitHub-Delivery` | no: the body's digest is the fingerprint |
//! | [`Slack`] | `event_id`, `trigger_id` | yes |
//! | [`StandardWebhooks`] | `webhook-id`, `svix-id` | yes |
//! | `AwsSns` (feature `public-keys`) | `MessageId` | yes |
//! | `GooglePubSub` (feature `public-keys`) | `message.messageId` | no: nothing in the body is |
//! | [`LiveKit`] | the event's `id` | yes |
//! | [`Monday`] | `event.triggerUuid` | no: nothing in the body is |
//! | [`Netlify`] | the body's SHA-256 | yes |
//! | `PayPal` (feature `public-keys`) | the event's `id` | only by a CRC-32 |
//! | `Plaid` (feature `public-keys`) | the body's SHA-256 and the token's time | yes |
//! | `Wise` (feature `public-keys`) | the event's digest | yes |
//! | [`Adyen`] | each item's reference, event and success | yes, and only eight fields are |
//! | [`Braintree`] | the payload's SHA-256 | yes |
//! | [`CloudEvents`] | each event's `source` with its `id` | nothing is signed |
//! | [`Cloudinary`] | the body's SHA-256 | yes |
//! | [`Contentful`] | `X-Contentful-Idempotency-Key` | if the sender lists it as signed |
//! | [`Figma`] | the event's digest | nothing is signed |
//! | [`Mandrill`] | each event's SHA-256 | yes |
//! | [`MicrosoftGraph`] | each notification's `id` | nothing is signed |
//! | [`Mailgun`] | the event's `id` | no: only a time and a token are signed |
//! | [`QStash`] | `Upstash-Message-Id` | no: the body's digest is the fingerprint |
//! | [`senders`] | each sender's own, as a table says | as the table says |
//! | [`Scheme`] | where you say | where it is |
//! | [`IdempotencyKey`] | `Idempotency-Key` | nothing is signed: the principal narrows the scope |
//! | [`ContentKey`] | the body's SHA-256 | if the check that you choose covers the body |
//! | [`from_fn`] | your choice | if your check covers it |
//!
//! [`Providers`] puts several of them on one route, and [`RotatingSecrets`] changes their secrets while they run.

mod adyen;
#[cfg(feature = "public-keys")]
mod aws_sns;
mod braintree;
mod cached_secrets;
mod canonical;
mod cloud_events;
mod cloudinary;
mod content_key;
mod contentful;
mod endpoint_url;
mod equality;
mod figma;
pub(crate) mod form;
mod from_fn;
mod github;
#[cfg(feature = "public-keys")]
mod google_pubsub;
mod idempotency_key;
mod incoming;
mod json;
mod jws;
#[cfg(feature = "public-keys")]
mod keys;
mod livekit;
mod mailgun;
mod malformed_secrets;
mod mandrill;
mod methods;
mod microsoft_graph;
mod monday;
mod multipart;
mod name;
mod netlify;
#[cfg(feature = "public-keys")]
mod paypal;
#[cfg(feature = "public-keys")]
mod plaid;
mod plain;
mod qstash;
mod questions;
mod registry;
mod rotating_secrets;
pub(crate) mod scheme;
mod secret;
pub mod senders;
mod setting_error;
mod shopify;
pub mod signature;
mod slack;
mod snapshots;
pub(crate) mod standard_webhooks;
mod stripe;
mod twilio;
#[cfg(feature = "public-keys")]
mod wise;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};

use crate::{Delivery, Policy, RecordedResponse};

pub use crate::rejection::{Rejection, RejectionKind};
pub use adyen::Adyen;
#[cfg(feature = "public-keys")]
pub use aws_sns::AwsSns;
pub use braintree::Braintree;
pub use cached_secrets::CachedSecrets;
pub use cloud_events::CloudEvents;
pub use cloudinary::Cloudinary;
pub use content_key::ContentKey;
pub use contentful::Contentful;
#[cfg(feature = "testing")]
pub(crate) use contentful::canonical_path as contentful_path;
pub use equality::{Equality, PointerError};
pub use figma::Figma;
pub use from_fn::{FromFn, from_fn};
pub use github::GitHub;
#[cfg(feature = "public-keys")]
pub use google_pubsub::GooglePubSub;
pub use idempotency_key::IdempotencyKey;
pub use incoming::Incoming;
#[cfg(feature = "public-keys")]
pub use keys::{CachedKeys, KeySource, PublicKeys};
#[cfg(feature = "http-keys")]
pub use keys::{HttpKeys, HttpKeysError, PlaidKeys};
pub use livekit::LiveKit;
pub use mailgun::Mailgun;
pub use mandrill::Mandrill;
pub use methods::Methods;
pub(crate) use methods::Treatment;
pub use microsoft_graph::MicrosoftGraph;
pub use monday::Monday;
pub use netlify::Netlify;
#[cfg(feature = "public-keys")]
pub use paypal::PayPal;
#[cfg(feature = "public-keys")]
pub use plaid::Plaid;
pub use qstash::QStash;
pub(crate) use registry::Member;
pub use registry::{Providers, ProvidersError, SecretCheckError};
pub use rotating_secrets::RotatingSecrets;
pub use scheme::{
    Certainty, Encoding, Fact, Facts, Handshake, Place, Proof, Scheme, SchemeError, SchemeProvider, TimeUnit,
    VersionForm,
};
pub use secret::{Secret, SecretError, SecretSource, Secrets};
pub use setting_error::SettingError;
pub use shopify::Shopify;
pub use slack::Slack;
pub use snapshots::OrderError;
pub use standard_webhooks::StandardWebhooks;
pub use stripe::Stripe;
pub use twilio::Twilio;
#[cfg(feature = "public-keys")]
pub use wise::Wise;

/// Knows one sender: how it signs, where its key and order are, and how it retries.
///
/// Verification is part of [`receive`](Provider::receive): a [`Delivery`] cannot be made without a
/// [`Verified`](crate::Verified), so a key is never read from unauthenticated bytes.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// The sender's name in lower case, such as `stripe`. It is part of the default scope and of every observation.
    fn name(&self) -> &str;

    /// The policy that fits this sender: retention, wait, answers. Default: [`Policy::webhook`].
    fn policy(&self) -> Policy {
        Policy::webhook()
    }

    /// The HTTP methods that this sender uses, and how requests with other methods are treated.
    ///
    /// Read once, when the route is made. Default: POST only. Any other request that is not a handshake gets a 405.
    fn methods(&self) -> Methods {
        Methods::default()
    }

    /// The challenge in a 401: the value of `WWW-Authenticate` (RFC 9110, section 11.6.1).
    ///
    /// Read once, when the route is made. Text that is not a valid header value is replaced by `Webhook-Signature`.
    ///
    /// Default: `Webhook-Signature realm="<name>"`. Senders sign by their own rules, which no registered scheme
    /// describes. A scheme that clients know would make them send credentials.
    fn challenge(&self) -> String {
        format!("Webhook-Signature realm=\"{}\"", self.name())
    }

    /// The allowed clock skew of a signed timestamp, in either direction.
    ///
    /// Records are kept for at least twice this long, even if the policy's retention is shorter. A captured request is
    /// then a duplicate for as long as its timestamp is accepted.
    ///
    /// Default: zero, for senders that do not sign a timestamp.
    fn signature_window(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether [`receive`](Provider::receive) needs the body of a request with this head. If not, the body is passed on
    /// unbuffered and `receive` sees an empty one. Default: yes.
    fn needs_body(&self, _method: &Method, _headers: &HeaderMap) -> bool {
        true
    }

    /// This provider as a registry of others. An endpoint then serves each request by the provider that its path names, under
    /// that provider's own settings. Default: none.
    fn as_registry(&self) -> Option<&Providers> {
        None
    }

    /// Checks that the secrets for a request can be looked up, and that each of them has the form of this sender's.
    ///
    /// [`Providers::check_secrets`] calls it at start-up, with a POST request that has no headers and no body. A provider of your
    /// own with [`Secrets`] should look them up as its [`receive`](Provider::receive) does:
    /// `self.secrets.for_request(incoming).await.map(drop)`.
    ///
    /// Default: nothing is checked, for providers without secrets.
    ///
    /// # Errors
    /// When a secret is missing or malformed, or could not be looked up.
    ///
    /// # Cancel safety
    /// Safe to drop at any time: it changes nothing.
    async fn check_secrets_for(&self, _incoming: &Incoming<'_>) -> Result<(), Rejection> {
        Ok(())
    }

    /// Verifies a request and classifies it.
    ///
    /// Also called, with an empty body, for GET, HEAD and OPTIONS requests outside the sender's
    /// [`methods`](Provider::methods), because they may be handshakes. If one of them is not a
    /// [`Received::Handshake`], `methods` decides whether it gets a 405 or passes to the handler.
    ///
    /// # Errors
    /// When the request is not an authentic delivery with a key. The reason and its causes are logged. The sender sees
    /// only the kind.
    ///
    /// # Cancel safety
    /// Safe to drop at any time: it changes nothing.
    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection>;
}

#[async_trait]
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn policy(&self) -> Policy {
        (**self).policy()
    }

    fn methods(&self) -> Methods {
        (**self).methods()
    }

    fn challenge(&self) -> String {
        (**self).challenge()
    }

    fn signature_window(&self) -> Duration {
        (**self).signature_window()
    }

    fn needs_body(&self, method: &Method, headers: &HeaderMap) -> bool {
        (**self).needs_body(method, headers)
    }

    fn as_registry(&self) -> Option<&Providers> {
        (**self).as_registry()
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        (**self).check_secrets_for(incoming).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        (**self).receive(incoming).await
    }
}

/// The classification of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A verified delivery.
    Delivery(Delivery),
    /// Several verified deliveries in one request, in the request's order, each with its own key.
    Batch(Vec<Delivery>),
    /// A handshake, such as Slack's URL challenge. It is answered without the handler.
    Handshake(RecordedResponse),
    /// Not a delivery: the handler runs without a claim.
    Bypass,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 60 * 60)
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
