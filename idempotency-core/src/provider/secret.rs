//! Secrets: never empty, never printed, several at once for rotation.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::malformed_secrets::MalformedSecrets;
use super::{Incoming, Rejection};

/// A shared secret or a public key. Never empty; `Debug` prints `[REDACTED]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    bytes: Arc<[u8]>,
    is_raw: bool,
}

impl Secret {
    /// A secret as the sender's console shows it: one line of text. Leading and trailing white space is ignored.
    ///
    /// # Errors
    /// When it is blank, because a verifier with a blank secret accepts any client. When it is quoted, has a control
    /// character such as a line break, or is not UTF-8, which happens if it is misread from a configuration file: no
    /// signature would match it.
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

    /// A secret of exactly these bytes, for a key that is not text. A provider that decodes its secrets, such as
    /// [`StandardWebhooks`](super::StandardWebhooks), uses this one undecoded.
    ///
    /// # Errors
    /// [`SecretError::Blank`] if it is empty or only white space.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let bytes = bytes.as_ref();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(SecretError::Blank);
        }
        Ok(Self { bytes: bytes.into(), is_raw: true })
    }

    /// Reads a secret as [`new`](Self::new) does, and refuses one with the prefix of another of the sender's credentials.
    pub(super) fn without_prefixes(
        text: impl AsRef<[u8]>,
        refused: &[&str],
        expected: &'static str,
    ) -> Result<Self, SecretError> {
        let secret = Self::new(text)?;
        match refused.iter().any(|prefix| secret.bytes.starts_with(prefix.as_bytes())) {
            true => Err(SecretError::Malformed(expected)),
            false => Ok(secret),
        }
    }

    /// Checks a secret with the function by which a provider reads its text. A raw one is not text, and passes.
    pub(super) fn check_text(
        &self,
        read: impl FnOnce(Arc<[u8]>) -> Result<Self, SecretError>,
    ) -> Result<(), SecretError> {
        match self.is_raw {
            true => Ok(()),
            false => read(self.bytes.clone()).map(drop),
        }
    }

    /// The bytes, for a signature check.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the bytes must not be decoded.
    pub(super) fn is_raw(&self) -> bool {
        self.is_raw
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}

/// Why a text is not a [`Secret`]. The message never shows the text.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// It is empty or blank.
    #[error("the secret is blank")]
    Blank,
    /// It has a line break or another control character, or is not UTF-8.
    #[error(
        "the secret is not one line of text: pass a single secret, or use `Secret::raw` for a binary one"
    )]
    NotOneLine,
    /// It is in quotes.
    #[error("the secret is in quotes: remove them")]
    Quoted,
    /// It does not have the form of the provider's secrets.
    #[error("the secret is not {0}")]
    Malformed(&'static str),
}

/// As `Display`, since `main` prints it.
impl fmt::Debug for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Rejection {
    /// Adds what is wrong with a secret that was left out: it may be the one that would have matched.
    pub(super) fn about_secret(self, malformed: Option<SecretError>) -> Self {
        match malformed {
            Some(error) => self.with_source(error),
            None => self,
        }
    }
}

/// A provider's secrets: a fixed list, a source that is asked on each request, or both.
#[derive(Clone)]
pub struct Secrets {
    fixed: Arc<[Secret]>,
    source: Option<Arc<dyn SecretSource>>,
    /// Shared by all clones, so that a clone for each worker does not log the same secret again.
    malformed: Arc<MalformedSecrets>,
}

impl Secrets {
    fn new(fixed: impl Into<Arc<[Secret]>>, source: Option<Arc<dyn SecretSource>>) -> Self {
        Self { fixed: fixed.into(), source, malformed: Arc::default() }
    }

    /// One secret.
    #[must_use]
    pub fn one(secret: Secret) -> Self {
        Self::new([secret], None)
    }

    /// A source that is asked on each request: for one secret per tenant, or for rotation without a restart.
    #[must_use]
    pub fn from_source(source: impl SecretSource) -> Self {
        Self::new([], Some(Arc::new(source)))
    }

    /// Several secrets, all of which are tried: for use during a rotation.
    ///
    /// # Errors
    /// [`SecretError::Blank`] if there are none.
    pub fn any_of(secrets: impl IntoIterator<Item = Secret>) -> Result<Self, SecretError> {
        let fixed: Arc<[Secret]> = secrets.into_iter().collect();
        if fixed.is_empty() {
            return Err(SecretError::Blank);
        }
        Ok(Self::new(fixed, None))
    }

    /// Adds a secret to try: during a rotation, the previous one. Default: none.
    #[must_use]
    pub fn with_secret(mut self, secret: Secret) -> Self {
        self.fixed = self.fixed.iter().cloned().chain([secret]).collect();
        self
    }

    /// The secrets that are not from the source.
    pub(super) fn fixed(&self) -> &[Secret] {
        &self.fixed
    }

    /// The secrets to try for a request.
    ///
    /// # Errors
    /// The source's error, or [`Rejection::unauthenticated`] if there are no secrets. [`Rejection::unavailable`] if the path
    /// names a tenant and a secret is fixed, since it would authenticate every tenant.
    ///
    /// # Cancel safety
    /// Safe to drop at any time: it changes nothing.
    pub async fn for_request(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        if incoming.tenant.is_some() && !self.fixed.is_empty() {
            // One captured request would be a delivery of every tenant that an attacker makes up.
            return Err(Rejection::unavailable("a fixed secret authenticates no tenant: use a source alone"));
        }
        let secrets = match &self.source {
            None => self.fixed.clone(),
            Some(source) if self.fixed.is_empty() => source.secrets(incoming).await?,
            Some(source) => source.secrets(incoming).await?.iter().chain(&*self.fixed).cloned().collect(),
        };
        if secrets.is_empty() {
            return Err(Rejection::unauthenticated("the source returned no secret"));
        }
        Ok(secrets)
    }

    /// Looks the secrets up for a request, and checks the form of each, even beside a valid one.
    ///
    /// # Errors
    /// Those of [`for_request`](Self::for_request), and [`Rejection::unavailable`] if a secret is malformed.
    pub(super) async fn check<T>(
        &self,
        incoming: &Incoming<'_>,
        read: impl Fn(&Secret) -> Result<T, SecretError>,
    ) -> Result<(), Rejection> {
        let secrets = self.for_request(incoming).await?;
        match secrets.iter().find_map(|secret| read(secret).err()) {
            Some(error) => Err(Rejection::unavailable("a secret is malformed").with_source(error)),
            None => Ok(()),
        }
    }

    /// Returns the decoded secrets to try for a request, and the error of a malformed one. Malformed secrets are skipped, and logged
    /// when they change.
    ///
    /// # Errors
    /// Those of [`for_request`](Self::for_request), and [`Rejection::unavailable`] if every secret is malformed.
    pub(super) async fn usable<T, F: IntoIterator<Item = T>>(
        &self,
        incoming: &Incoming<'_>,
        decoded: impl Fn(&Secret) -> Result<F, SecretError>,
    ) -> Result<(Vec<T>, Option<SecretError>), Rejection> {
        let secrets = self.for_request(incoming).await?;
        let (mut usable, mut malformed) = (Vec::with_capacity(secrets.len()), None);
        for secret in &*secrets {
            match decoded(secret) {
                Ok(forms) => usable.extend(forms),
                Err(error) => malformed = Some(error),
            }
        }
        match malformed {
            // Not logged here: the observer gets it as the cause of the rejection.
            Some(error) if usable.is_empty() => {
                Err(Rejection::unavailable("no usable secret: every secret is malformed").with_source(error))
            }
            malformed => {
                let left_out = secrets.iter().filter(|secret| decoded(secret).is_err());
                self.malformed.log(incoming, left_out, malformed.as_ref());
                Ok((usable, malformed))
            }
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.source.as_ref().map(|_| format_args!("[SecretSource]"));
        f.debug_struct("Secrets").field("fixed", &self.fixed).field("source", &source).finish()
    }
}

/// Looks up the secrets for a request, for example one per tenant, or in a vault.
#[async_trait]
pub trait SecretSource: Send + Sync + 'static {
    /// The secrets of the tenant that the request names. The request is not authenticated yet.
    ///
    /// # Errors
    /// [`Rejection::unauthenticated`] for an unknown tenant. [`Rejection::unavailable`] if the lookup fails, with
    /// [its cause](Rejection::with_source), which is logged.
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection>;
}

#[async_trait]
impl<S: SecretSource + ?Sized> SecretSource for Arc<S> {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        (**self).secrets(incoming).await
    }
}
