//! Providers: each knows one sender, verifies what it sends, and picks the key.
//!
//! | Provider | Key | Covered by the signature |
//! |---|---|---|
//! | [`Stripe`] | the event's `id` | yes |
//! | [`Shopify`] | `X-Shopify-Event-Id` | no: the body's digest is its fingerprint |
//! | [`Twilio`] | the Sid with its status, or a digest of the signed text | yes |
//! | [`GitHub`] | `X-GitHub-Delivery` | no: the body's digest is its fingerprint |
//! | [`Slack`] | `event_id`, `trigger_id` | yes |
//! | [`StandardWebhooks`] | `webhook-id`, `svix-id` | yes |
//! | [`IdempotencyKey`] | `Idempotency-Key` | nothing is signed: the principal narrows the scope |
//! | [`ContentKey`] | the body's SHA-256 | as it is verified |
//! | [`from_fn`] | yours | as you verify it |

mod canonical;
mod content_key;
mod equality;
pub(crate) mod form;
mod from_fn;
mod github;
mod idempotency_key;
mod incoming;
mod json;
mod methods;
mod multipart;
mod secret;
mod shopify;
pub mod signature;
mod slack;
mod snapshots;
pub(crate) mod standard_webhooks;
mod stripe;
mod twilio;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};

use crate::{Delivery, Policy, RecordedResponse};

pub use crate::rejection::{Rejection, RejectionKind};
pub use content_key::ContentKey;
pub use equality::{Equality, PointerError};
pub use from_fn::{FromFn, from_fn};
pub use github::GitHub;
pub use idempotency_key::IdempotencyKey;
pub use incoming::Incoming;
pub use methods::Methods;
pub(crate) use methods::Treatment;
pub use secret::{Secret, SecretError, SecretSource, Secrets};
pub use shopify::Shopify;
pub use slack::Slack;
pub use snapshots::OrderError;
pub use standard_webhooks::StandardWebhooks;
pub use stripe::Stripe;
pub use twilio::Twilio;

/// Knows one sender: how it signs, where key and order are, how it retries.
///
/// Verification is part of [`receive`](Provider::receive): a [`Delivery`] cannot be made without a
/// [`Verified`](crate::Verified), so a key is never read from unauthenticated bytes.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// The sender's name in lower case, such as `stripe`. Part of the default scope, and of every observation.
    fn name(&self) -> &str;

    /// The policy that fits this sender: retention, wait, answers. Default: [`Policy::webhook`].
    fn policy(&self) -> Policy {
        Policy::webhook()
    }

    /// The methods by which this sender delivers, and the treatment of requests by other methods. Read once, when the route is
    /// made. Default: POST alone, and 405 for any other request that is no handshake.
    fn methods(&self) -> Methods {
        Methods::default()
    }

    /// The challenge to a refused request: the value of `WWW-Authenticate` in a 401 (RFC 9110, section
    /// 11.6.1). Read once, when the route is made; a text that is no header value is replaced by the default.
    ///
    /// Default: `Webhook-Signature realm="<name>"`. Senders sign by rules of their own, which no registered scheme
    /// describes, and a scheme that a client knows would make it send credentials.
    fn challenge(&self) -> String {
        format!("Webhook-Signature realm=\"{}\"", self.name())
    }

    /// The allowed clock skew of a signed time, in either direction. Records are kept at least twice as long, also if the
    /// policy's retention is shorter: a captured request that is still fresh is then a duplicate.
    ///
    /// Default: none, for senders that sign no time.
    fn signature_window(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether [`receive`](Provider::receive) needs the body of a request with this head. If it does not, the body
    /// is passed on unbuffered and `receive` sees an empty one. Default: yes.
    fn needs_body(&self, _method: &Method, _headers: &HeaderMap) -> bool {
        true
    }

    /// Verifies a request and says what it is.
    ///
    /// Also called for GET, HEAD and OPTIONS requests outside the sender's [`methods`](Provider::methods), with an empty body:
    /// these may be handshakes. If it returns anything but [`Received::Handshake`], the methods decide: 405, or passing to the
    /// handler.
    ///
    /// # Errors
    /// When the request is not an authentic delivery with a key. The reason and its causes are
    /// logged; the sender is told only the kind.
    ///
    /// # Cancel safety
    /// Nothing is changed by it, so it may be dropped at any time.
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

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        (**self).receive(incoming).await
    }
}

/// What a request turned out to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A verified delivery.
    Delivery(Delivery),
    /// Several verified deliveries in one request, in the order in which they stand in it, each with a key of its own.
    Batch(Vec<Delivery>),
    /// A handshake, answered without the handler: Slack's challenge and the like.
    Handshake(RecordedResponse),
    /// Not a delivery: the handler runs without a claim.
    Bypass,
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}
