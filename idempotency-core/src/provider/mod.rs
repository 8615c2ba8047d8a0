//! Providers: each knows one sender, verifies what it sends, and picks the key.
//!
//! | Provider | Key | Covered by the signature |
//! |---|---|---|
//! | [`Stripe`] | the event's `id` | yes |
//! | [`Shopify`] | `X-Shopify-Event-Id` | no: the body's digest is its fingerprint |
//! | [`Twilio`] | the Sid with its status | yes |
//! | [`GitHub`] | `X-GitHub-Delivery` | no: the body's digest is its fingerprint |
//! | [`Slack`] | `event_id`, `trigger_id` | yes |
//! | [`StandardWebhooks`] | `webhook-id`, `svix-id` | yes |
//! | [`IdempotencyKey`] | `Idempotency-Key` | nothing is signed: the principal narrows the scope |
//! | [`ContentKey`] | the body's SHA-256 | as it is verified |
//! | [`from_fn`] | yours | as you verify it |

mod content_key;
pub(crate) mod form;
mod from_fn;
mod github;
mod github_body;
mod idempotency_key;
mod json;
mod secret;
mod shopify;
pub mod signature;
mod slack;
mod slack_body;
mod snapshots;
pub(crate) mod standard_webhooks;
mod stripe;
mod twilio;
mod twilio_event;
mod twilio_url;

use std::error::Error;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use crate::{Delivery, Policy, RecordedResponse, Scope};

pub use content_key::ContentKey;
pub use from_fn::{FromFn, from_fn};
pub use github::GitHub;
pub use idempotency_key::IdempotencyKey;
pub use secret::{Secret, SecretError, SecretSource, Secrets};
pub use shopify::Shopify;
pub use slack::Slack;
pub use standard_webhooks::StandardWebhooks;
pub use stripe::Stripe;
pub use twilio::Twilio;

/// Knows one sender: how it signs, where key and order are, how it retries.
///
/// Verification is part of [`receive`](Provider::receive): a [`Delivery`] cannot be made without a
/// [`Verified`](crate::Verified), so a key is never read from bytes that nobody authenticated.
#[async_trait]
pub trait Provider: Debug + Send + Sync + 'static {
    /// The sender's name in lower case, such as `stripe`. Part of the default scope, and of every observation.
    fn name(&self) -> &str;

    /// What fits this sender: retention, wait, answers. Default: [`Policy::webhook`].
    fn policy(&self) -> Policy {
        Policy::webhook()
    }

    /// For how long a request stays acceptable after it was signed, before or after ours by the sender's clock. Records
    /// are kept at least twice as long, whatever the policy says: a captured request that is still fresh is a duplicate.
    ///
    /// Default: none, for senders that sign no time.
    fn signature_window(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether [`receive`](Provider::receive) needs the body of a request with this head. Where it does not, the body
    /// is passed on unbuffered and `receive` sees an empty one. Default: yes.
    fn needs_body(&self, _method: &Method, _headers: &HeaderMap) -> bool {
        true
    }

    /// Verifies a request and says what it is.
    ///
    /// Also asked about GET and HEAD requests, which are handshakes or nothing: for those any `Ok` but
    /// [`Received::Handshake`], and any `Err`, lets the request pass to the handler unprotected.
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

/// A request as a provider sees it. `Debug` shows its shape: no header's value, no query, no body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a Method,
    /// The original URI: before nesting, as the client sent it.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body; empty where the provider said that it does not need it.
    pub body: &'a Bytes,
    /// Time since 1970 at which the request is judged.
    pub now: Duration,
    /// The scope that the endpoint gives to its keys; a provider may narrow it.
    pub scope: &'a Scope,
    /// What earlier layers attached to the request, such as the authenticated principal. In actix-web: those
    /// of an `http::Extensions` that an earlier middleware put among the request's own.
    pub extensions: &'a http::Extensions,
}

impl<'a> Incoming<'a> {
    /// A request received at `now` since 1970, in a scope, without extensions.
    #[must_use]
    pub fn new(
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        body: &'a Bytes,
        now: Duration,
        scope: &'a Scope,
    ) -> Self {
        static NONE: std::sync::LazyLock<http::Extensions> = std::sync::LazyLock::new(http::Extensions::new);
        Self { method, uri, headers, body, now, scope, extensions: &NONE }
    }

    /// The same request with what earlier layers attached to it.
    #[must_use]
    pub fn with_extensions(mut self, extensions: &'a http::Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// The endpoint's scope narrowed to a tenant, inside the tenants that it already has.
    #[must_use]
    pub fn narrowed_scope(&self, tenant: &str) -> Scope {
        self.scope.clone().with_tenant(tenant)
    }

    /// A header that may stand once: `Ok(None)` where it is absent or not text.
    ///
    /// # Errors
    /// [`Rejection::malformed`] where the header has several lines.
    pub fn single_header(&self, name: &str) -> Result<Option<&'a str>, Rejection> {
        let mut lines = self.headers.get_all(name).iter();
        let first = lines.next();
        if lines.next().is_some() {
            return Err(Rejection::malformed("a header that may stand once has several lines"));
        }
        Ok(first.and_then(|value| value.to_str().ok()))
    }
}

impl Debug for Incoming<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("now", &self.now)
            .field("scope", self.scope)
            .finish_non_exhaustive()
    }
}

/// What a request turned out to be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Received {
    /// A verified delivery.
    Delivery(Delivery),
    /// A handshake, answered without the handler: Slack's challenge and the like.
    Handshake(RecordedResponse),
    /// Not a delivery, and none of our business: the handler runs unprotected.
    Bypass,
}

/// Why a request is not a delivery. The sender sees the kind; the reason and its causes go to the log.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    source: Option<BoxError>,
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Which kind of rejection it is, and so which status the sender gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The sender is not who it claims to be, or said it too long ago: 401.
    Unauthenticated,
    /// The delivery has no key: 400.
    KeyMissing,
    /// The key or the message cannot be read: 400.
    Malformed,
    /// What verification needs cannot be had now, such as a tenant's secret: 503.
    Unavailable,
}

impl Rejection {
    /// The sender is not who it claims to be, or said it too long ago.
    #[must_use]
    pub const fn unauthenticated(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unauthenticated, reason)
    }

    /// The delivery has no key.
    #[must_use]
    pub const fn key_missing(reason: &'static str) -> Self {
        Self::new(RejectionKind::KeyMissing, reason)
    }

    /// The key or the message cannot be read.
    #[must_use]
    pub const fn malformed(reason: &'static str) -> Self {
        Self::new(RejectionKind::Malformed, reason)
    }

    /// What verification needs cannot be had now.
    #[must_use]
    pub const fn unavailable(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unavailable, reason)
    }

    const fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self { kind, reason, source: None }
    }

    /// The same rejection with its cause. **The `Display` of the cause, and of its own causes, is logged**: it must show no
    /// secret, nor anything else that the log may not have.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }
}

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 24 * 60 * 60)
}

impl From<crate::KeyError> for Rejection {
    fn from(error: crate::KeyError) -> Self {
        Self::malformed(match error {
            crate::KeyError::Empty => "the key is empty",
            crate::KeyError::TooLong { .. } => "the key is longer than 255 bytes",
            crate::KeyError::NotPrintableAscii => "the key has a byte outside printable ascii",
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::Verified;

    #[test]
    fn debug_shows_neither_bodies_nor_credentials() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer s3cret"));
        let (method, uri, scope) = (Method::POST, "/a".parse().unwrap(), Scope::endpoint("e"));
        let body = Bytes::from_static(b"card=4242");
        let incoming = Incoming::new(&method, &uri, &headers, &body, Duration::ZERO, &scope);
        let shown = format!("{incoming:?} {:?}", Verified::by_other_means(&body));
        assert!(!shown.contains("s3cret") && !shown.contains("4242"), "{shown}");
    }
}
