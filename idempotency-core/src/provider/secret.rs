//! Secrets: never empty, never printed, several at once for rotation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Incoming, Rejection};

/// A shared secret or a public key's bytes. Never empty; `Debug` prints `[REDACTED]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// A secret of these bytes.
    ///
    /// # Errors
    /// When there are none, or nothing but white space: a verifier with a blank secret accepts anybody.
    pub fn new(bytes: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let bytes = bytes.as_ref();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(SecretError::Blank);
        }
        Ok(Self(bytes.into()))
    }

    /// The bytes, for a signature check.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Why a text is not a [`Secret`]. Never shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is empty or blank.
    #[error("the secret is blank")]
    Blank,
    /// It is not in the form that its provider gives out.
    #[error("the secret is not {0}")]
    Malformed(&'static str),
}

/// Where a provider's secrets come from: a fixed list, a source that is asked per request, or both.
#[derive(Clone, Debug)]
pub struct Secrets {
    fixed: Arc<[Secret]>,
    source: Option<Arc<dyn SecretSource>>,
}

impl Secrets {
    /// One secret.
    #[must_use]
    pub fn one(secret: Secret) -> Self {
        Self { fixed: Arc::new([secret]), source: None }
    }

    /// A source that is asked per request: one secret per tenant, or rotation without a restart.
    #[must_use]
    pub fn from_source(source: impl SecretSource) -> Self {
        Self { fixed: Arc::new([]), source: Some(Arc::new(source)) }
    }

    /// Several secrets, each of which is tried: for the time of a rotation.
    ///
    /// # Errors
    /// [`SecretError::Blank`] where there are none.
    pub fn any_of(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        let fixed: Arc<[Secret]> = secrets.into_iter().collect();
        if fixed.is_empty() {
            return Err(SecretError::Blank);
        }
        Ok(Self { fixed, source: None })
    }

    /// Adds a secret that is tried as well. Default: none; during a rotation the previous one.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.fixed = self.fixed.iter().cloned().chain([secret]).collect();
        self
    }

    /// The secrets to try for a request.
    ///
    /// # Errors
    /// What the source answers; `Unauthenticated` where it has none.
    ///
    /// # Cancel safety
    /// Nothing is changed by it, so it may be dropped at any time.
    pub async fn for_request(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let secrets = match &self.source {
            None => self.fixed.clone(),
            Some(source) if self.fixed.is_empty() => source.secrets(incoming).await?,
            Some(source) => source.secrets(incoming).await?.iter().chain(&*self.fixed).cloned().collect(),
        };
        if secrets.is_empty() {
            return Err(Rejection::unauthenticated("there is no secret for this endpoint"));
        }
        Ok(secrets)
    }
}

/// Finds the secrets for a request: one per tenant, or from a vault.
#[async_trait]
pub trait SecretSource: fmt::Debug + Send + Sync + 'static {
    /// The secrets of whoever the request says it is for. What it says is not authenticated yet.
    ///
    /// # Errors
    /// [`Rejection::unauthenticated`] for an unknown tenant, [`Rejection::unavailable`] where it cannot tell now,
    /// [with the cause](Rejection::with_source), which is logged.
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection>;
}
