//! GitHub: `X-Hub-Signature-256`, deliveries named by a header that the signature does not cover.

mod body;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;

use super::snapshots::{OrderError, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, form, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};
use body::Body;

/// GitHub's webhooks, of repositories, organizations and apps, as JSON or as forms.
///
/// The key is `X-GitHub-Delivery`. One event has one id at all hooks that subscribe to it, so the scope is narrowed by
/// the App's installation, which the body names, and by `X-GitHub-Hook-ID`. The signature covers the body only, so the body's digest is the fingerprint: the
/// same id with another body is a mismatch. Whoever captured one genuine request can still send it again under another
/// id, at any time, since nothing signed says when it was sent. Where that matters,
/// [`ContentKey::over`](super::ContentKey::over) takes the body itself as the key.
///
/// `X-GitHub-Event` is not signed either. It is given as the delivery's type unless the body contradicts it, and a
/// handler that must be sure looks at the body. The old SHA-1 signature is never accepted.
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
    /// When it is blank, or a token for GitHub's API.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(checked(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; during a rotation the previous one.
    ///
    /// # Errors
    /// When it is blank, or a token for GitHub's API.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(checked(secret)?);
        Ok(self)
    }

    /// Discards a delivery of these types when a newer one about the same object was processed. Older and newer is by
    /// the object's `updated_at`, and for `push` by the repository's `pushed_at` on the same ref.
    ///
    /// Each call adds a group, and the types of two groups are never compared. Default: none. It is right for snapshots
    /// such as `pull_request`, and wrong for facts such as a new comment.
    ///
    /// # Errors
    /// When GitHub's events of a type have no object with an `updated_at`, as those of `check_run` and `workflow_job`, or
    /// the type is in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        let ordered = |event_type: &str| match body::is_ordered(event_type) {
            true => Ok(()),
            false => Err("its object has no updated_at, or it is not known here"),
        };
        self.snapshots = self.snapshots.and(types, ordered)?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let id = incoming.single_header("x-github-delivery")?;
        let id = id.ok_or(Rejection::key_missing("there is no X-GitHub-Delivery header"))?;
        let key = Key::new(id)?;
        let event_type = incoming.single_header("x-github-event")?.unwrap_or_default();
        let json = json(proof.bytes());
        let body = Body::read(&json, event_type);
        let installation = body.as_ref().and_then(Body::installation);
        let installed =
            installation.map_or_else(|| incoming.scope.clone(), |id| incoming.narrowed_scope(&id));
        let mut delivery =
            Delivery::new(proof, installed.clone(), key).with_fingerprint(Fingerprint::of(proof.bytes()));
        if let Some(hook) = incoming.single_header("x-github-hook-id")?.filter(|id| !id.is_empty()) {
            delivery = delivery.narrowed_by_unsigned(hook);
        }
        let Some(body) = body else { return Ok(delivery) };
        if body.may_be_of_type {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event_type);
        }
        if let Some(action) = body.action.text() {
            delivery = delivery.with_attribute("action", action);
        }
        // Not in the hook's scope: a captured request with another hook's id would find no mark there.
        Ok(self.snapshots.order(delivery, event_type, &installed, incoming.now, || body.position()))
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

fn checked(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let tokens = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "-----BEGIN"];
    Secret::unlike(secret, &tokens, "the webhook's secret: it is a token or a key for GitHub's API")
}

/// The JSON of the body: all of it, or the form's `payload`. Told apart by the signed body, not by a header.
fn json(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.starts_with(b"payload=") {
        return Cow::Borrowed(body);
    }
    form::single(body, "payload").map_or(Cow::Borrowed(body), |json| Cow::Owned(json.into_bytes()))
}
