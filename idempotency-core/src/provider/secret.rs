//! Secrets: never empty, never printed, several at once for rotation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Incoming, Rejection};

/// A shared secret or a public key. Never empty; `Debug` prints `[REDACTED]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    bytes: Arc<[u8]>,
    is_raw: bool,
}

impl Secret {
    /// A secret as its sender gives it out: one line of text. Blanks at its ends do not count.
    ///
    /// # Errors
    /// When it is blank: a verifier with a blank secret accepts any client. And when it is in quotes or has line breaks, as
    /// from a configuration file: no request would ever be signed with it.
    pub fn new(text: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let text = text.as_ref().trim_ascii();
        if text.iter().any(u8::is_ascii_control) || std::str::from_utf8(text).is_err() {
            return Err(SecretError::NotOneLine);
        }
        if let [first @ (b'"' | b'\'' | b'`'), .., last] = text
            && first == last
        {
            return Err(SecretError::Quoted);
        }
        Ok(Self { is_raw: false, ..Self::raw(text)? })
    }

    /// A secret of exactly these bytes, for a key that is not text. Where a provider decodes secrets, as
    /// [`StandardWebhooks`](super::StandardWebhooks) does, this one is taken as it is.
    ///
    /// # Errors
    /// [`SecretError::Blank`] where there are no bytes, or nothing but white space.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let bytes = bytes.as_ref();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(SecretError::Blank);
        }
        Ok(Self { bytes: bytes.into(), is_raw: true })
    }

    /// A secret as [`new`](Self::new) reads it, unless it begins as another of the sender's credentials does.
    pub(super) fn unlike(
        text: impl AsRef<[u8]>,
        others: &[&str],
        expected: &'static str,
    ) -> Result<Self, SecretError> {
        let secret = Self::new(text)?;
        match others.iter().any(|prefix| secret.bytes.starts_with(prefix.as_bytes())) {
            true => Err(SecretError::Malformed(expected)),
            false => Ok(secret),
        }
    }

    /// The bytes, for a signature check.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the bytes are taken as they are.
    pub(super) fn is_raw(&self) -> bool {
        self.is_raw
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
    /// It has a line break, another control character or a byte outside UTF-8 inside.
    #[error(
        "the secret is not one line of text: pass one secret, or take a binary one as it is with `Secret::raw`"
    )]
    NotOneLine,
    /// It stands in quotes.
    #[error("the secret stands in quotes: leave them out")]
    Quoted,
    /// It is not in the form that its provider gives out.
    #[error("the secret is not {0}")]
    Malformed(&'static str),
}

/// Where a provider's secrets come from: a fixed list, a source that is asked per request, or both.
#[derive(Clone)]
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

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.as_ref().map(|_| format_args!("[SecretSource]"));
        f.debug_struct("Secrets").field("fixed", &self.fixed).field("source", &source).finish()
    }
}

/// Finds the secrets for a request: one per tenant, or from a vault.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// The secrets of the tenant that the request names. What it says is not authenticated yet.
    ///
    /// # Errors
    /// [`Rejection::unauthenticated`] for an unknown tenant, [`Rejection::unavailable`] where it cannot tell now,
    /// [with the cause](Rejection::with_source), which is logged.
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection>;
}
