//! GitHub: signed by `X-Hub-Signature-256`. The key is a header that the signature does not cover.

mod body;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use super::snapshots::{OrderError, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, form, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};
use body::Body;

/// GitHub's webhooks of repositories, organizations and apps, as JSON or as forms.
///
/// The key is `X-GitHub-Delivery`. An event has the same id at every webhook that subscribes to it, so the scope is narrowed
/// by the app's installation, which the body names, and by `X-GitHub-Hook-ID`.
///
/// The signature covers only the body, so the body's digest is the fingerprint: the same id with another body is a mismatch.
///
/// **A captured request can be sent again under another id.** This works at any time, because no signed part says when the
/// request was sent. To prevent it, use the body itself as the key: [`ContentKey::over`](super::ContentKey::over).
///
/// `X-GitHub-Event` is not signed either. It becomes the delivery's type unless the body contradicts it. A handler that must
/// be certain checks the body. The old SHA-1 signature is never accepted.
///
/// ```
/// use idempotency_core::provider::GitHub;
/// let github = GitHub::new("the webhook's secret")?.discarding_stale(["pull_request", "issues"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// When it is blank, an API token, or a private key.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(webhook_secret(secret)?)))
    }

    /// Verifies with any of several webhook secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Adds a webhook secret: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank, an API token, or a private key.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(webhook_secret(secret)?);
        Ok(self)
    }

    /// Discards a delivery of one of these types if a newer delivery of these types about the same object was processed.
    ///
    /// Deliveries are compared by the object's `updated_at`. A `push` is compared with others to the same ref, by the
    /// repository's `pushed_at`.
    ///
    /// Each call adds a group, and types of different groups are never compared. Default: none. Right for snapshots such as
    /// `pull_request`, wrong for facts such as a new comment.
    ///
    /// # Errors
    /// When events of a type have no object with an `updated_at`, such as `check_run` and `workflow_job`. When the type is
    /// unknown, empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        let ordered = |event_type: &str| match body::is_ordered(event_type) {
            true => Ok(()),
            false => Err("the type is unknown, or its object has no updated_at"),
        };
        self.snapshots = self.snapshots.and(types, ordered)?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let id = incoming.single_header("x-github-delivery")?;
        let id = id.ok_or(Rejection::key_missing("the x-github-delivery header is missing"))?;
        let key = Key::new(id)?;
        let event_type = incoming.single_header("x-github-event")?.unwrap_or_default();
        let json = json(proof.bytes());
        let body = Body::read(&json, event_type);
        let installation = body.as_ref().and_then(Body::installation);
        let installation_scope = incoming.scope_for(installation.as_deref());
        let mut delivery = Delivery::new(proof, installation_scope.clone(), key)
            .with_fingerprint(Fingerprint::of(proof.bytes()));
        if let Some(hook) = incoming.single_header("x-github-hook-id")?.filter(|id| !id.is_empty()) {
            delivery = delivery.narrowed_by_unsigned(hook);
        }
        let Some(body) = body else { return Ok(delivery) };
        if body.may_be_of_type {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event_type);
        }
        delivery = delivery.with_optional_attribute("action", body.action.text());
        // The order is not in the webhook's scope: there, a captured request with another hook id would find no mark.
        Ok(self.snapshots.order(
            delivery,
            event_type,
            || installation_scope,
            incoming.now,
            || body.position(),
        ))
    }
}

#[async_trait]
impl Provider for GitHub {
    fn name(&self) -> &str {
        "github"
    }

    /// Retention is 7 days: GitHub never retries by itself, but you can redeliver by hand or through its API for 3 days. A
    /// duplicate waits 5 s, since GitHub waits 10 s for an answer. The body limit is 25 MiB, GitHub's own.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(7))
            .with_wait(Duration::from_secs(5))
            .with_body_limit(25 * 1024 * 1024)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(webhook_secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "x-hub-signature-256")?;
        let candidate = header.strip_prefix("sha256=").and_then(signature::hex::<32>);
        let secrets = self.secrets.for_request(incoming).await?;
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, candidate)?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

fn webhook_secret(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let tokens = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "-----BEGIN"];
    Secret::without_prefixes(secret, &tokens, "the webhook's secret: it is an API token or a private key")
}

/// The JSON in the body: the whole body, or the `payload` of a form. The body's start decides, since no header is signed.
fn json(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.starts_with(b"payload=") {
        return Cow::Borrowed(body);
    }
    form::single(body, "payload").map_or(Cow::Borrowed(body), |json| Cow::Owned(json.into_bytes()))
}
