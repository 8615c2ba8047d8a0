//! GitHub: `X-Hub-Signature-256`, deliveries named by a header that the signature does not cover.

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use super::github_body::Body;
use super::snapshots::Snapshots;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, form, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Order, Policy, Resource, Verified, Version};

/// GitHub's webhooks, of repositories, organizations and apps, as JSON or as forms.
///
/// The key is `X-GitHub-Delivery`. The signature covers the body only, so the body's digest is the fingerprint: the
/// same id with another body is a mismatch. Whoever captured one genuine request can still send it again under another
/// id, at any time, since nothing signed says when it was sent. Where that matters,
/// [`ContentKey::over`](super::ContentKey::over) takes the body itself as the key.
///
/// `X-GitHub-Event` is not signed either. It is given as the delivery's type unless the body contradicts it, and a
/// handler that must be sure looks at the body. The old SHA-1 signature is never accepted.
///
/// ```
/// use idempotency_core::provider::GitHub;
/// let github = GitHub::new("the webhook's secret")?.discarding_stale(["pull_request", "issues"]);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GitHub {
    secrets: Secrets,
    snapshots: Snapshots,
}

impl GitHub {
    /// Verifies with the webhook's secret.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; during a rotation the previous one.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// Discards a delivery of these types when a newer one about the same object was processed. Older and newer is by
    /// the object's `updated_at`, and for `push` by the repository's `pushed_at` on the same ref.
    ///
    /// Default: none. It is right for snapshots such as `pull_request`, and wrong for facts such as a comment.
    #[must_use]
    pub fn discarding_stale(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(types);
        self
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let id = incoming.single_header("x-github-delivery")?;
        let id = id.ok_or(Rejection::key_missing("there is no X-GitHub-Delivery header"))?;
        let mut delivery = Delivery::new(proof, incoming.scope.clone(), Key::new(id)?)
            .with_fingerprint(Fingerprint::of(proof.bytes()));
        let event_type = incoming.single_header("x-github-event")?.unwrap_or_default();
        let json = json(proof.bytes());
        let Some(body) = Body::read(&json, event_type) else { return Ok(delivery) };
        if body.may_be_of_type {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event_type);
        }
        if let Some(action) = body.action.text() {
            delivery = delivery.with_attribute("action", action);
        }
        if self.snapshots.include(event_type)
            && let Some((resource, version)) = body.order()
        {
            let resource = Resource::new(incoming.scope, event_type, resource);
            delivery = delivery.with_order(Order::new(resource, Version::new(version)));
        }
        Ok(delivery)
    }
}

#[async_trait]
impl Provider for GitHub {
    fn name(&self) -> &str {
        "github"
    }

    /// 7 days: GitHub never retries by itself, and lets you redeliver by hand or by its API for 3 days. It waits 10 s
    /// for an answer, so a duplicate waits 5 s. Payloads have up to 25 MiB.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(7))
            .with_wait(Duration::from_secs(5))
            .with_body_limit(25 * 1024 * 1024)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "x-hub-signature-256")?;
        let candidate = header.strip_prefix("sha256=").and_then(signature::hex::<32>);
        let secrets = self.secrets.for_request(incoming).await?;
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, candidate)?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

/// The JSON of the body: all of it, or the form's `payload`. Told apart by the signed body, not by a header.
fn json(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.starts_with(b"payload=") {
        return Cow::Borrowed(body);
    }
    form::single(body, "payload").map_or(Cow::Borrowed(body), |json| Cow::Owned(json.into_bytes()))
}
