//! The public keys of senders: fixed, or fetched and kept for a while.

mod cached;
mod certificate;
mod document;
#[cfg(feature = "http-keys")]
mod http;
mod public_key;
mod state;
mod url;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Incoming, Rejection, SecretError};

pub use cached::CachedKeys;
#[cfg(feature = "http-keys")]
pub use http::{HttpKeys, HttpKeysError, PlaidKeys};

pub(super) use certificate::Certificate;
pub(super) use public_key::{Algorithm, PublicKey};
pub(super) use url::CertificateUrls;

/// Fetches the document that holds a public key: a certificate, a JSON Web Key, or a set of them.
///
/// [`CachedKeys`] asks it, once for all requests that wait for the same key. `HttpKeys` is the implementation over HTTPS.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// Fetches the document at an address. `None` if the sender has no document there.
    ///
    /// The address is an `https` URL that the provider has already found to be the sender's. For [`Plaid`](super::Plaid) it is
    /// the id of a key.
    ///
    /// # Errors
    /// Any error is answered 503, because it says nothing about the request. [Its causes](Rejection::with_source) are logged.
    ///
    /// # Cancel safety
    /// Dropped at the [time limit](CachedKeys::with_timeout).
    async fn fetch(&self, address: &str) -> Result<Option<Bytes>, Rejection>;
}

#[async_trait]
impl<S: KeySource + ?Sized> KeySource for Arc<S> {
    async fn fetch(&self, address: &str) -> Result<Option<Bytes>, Rejection> {
        (**self).fetch(address).await
    }
}

/// The public keys that a provider verifies with: fixed ones, or those of a [cached](CachedKeys) source.
///
/// ```
/// use idempotency_core::provider::PublicKeys;
/// let keys = PublicKeys::fixed(r#"{"kty":"EC","crv":"P-256","alg":"ES256","kid":"6c55",
///     "x":"-X-4MHCb8bIHBwcaIzCf76Sph_APrEsw7OL-WHE-HD8","y":"ILIjaRJ6Gy_ZlY7StWcMDRos7erM83xAhDhh_bqAymY"}"#)?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone)]
pub struct PublicKeys(Keys);

#[derive(Clone)]
enum Keys {
    Fixed(Arc<[PublicKey]>),
    Cached(Arc<CachedKeys>),
}

impl PublicKeys {
    /// Verifies with these keys only, and fetches nothing: certificates or public keys in PEM, or a JSON Web Key, or a set of
    /// them. The line breaks of PEM may be written as `\n`.
    ///
    /// **A fixed certificate is trusted as it is.** Its name and its dates are not checked. When the sender changes its key,
    /// every delivery is answered 401 until you change it too.
    ///
    /// # Errors
    /// [`SecretError::Malformed`] if it has no key, or one that is not RSA of 2048 to 8192 bits or P-256.
    pub fn fixed(text: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let malformed = SecretError::Malformed("a certificate or public key in pem, or a json web key");
        let text = text.as_ref().trim_ascii();
        let keys = document::keys(text).ok_or(malformed)?;
        Ok(Self(Keys::Fixed(keys.into())))
    }

    /// The keys to try. `address` is where they are, and `id` the key's id, if the request names one.
    pub(super) async fn find(&self, address: &str, id: Option<&str>) -> Result<Found, Rejection> {
        let (keys, is_fixed) = match &self.0 {
            Keys::Fixed(keys) => (keys.clone(), true),
            Keys::Cached(cached) => (cached.find(address, id).await?, false),
        };
        Ok(Found { keys, is_fixed })
    }
}

/// The keys to try for a request.
pub(super) struct Found {
    keys: Arc<[PublicKey]>,
    /// Whether the user vouches for them.
    pub(super) is_fixed: bool,
}

impl Found {
    /// The keys with an id, or all of them. A fixed key without an id may have any.
    pub(super) fn with_id<'k>(&'k self, id: Option<&'k str>) -> impl Iterator<Item = &'k PublicKey> {
        self.keys.iter().filter(move |key| match (id, key.id()) {
            (Some(id), Some(own)) => id == own,
            (Some(_), None) => self.is_fixed,
            (None, _) => true,
        })
    }
}

/// Refuses a request to a tenant by a provider that has no secret of that tenant.
pub(super) fn refuse_tenant(incoming: &Incoming<'_>) -> Result<(), Rejection> {
    match incoming.tenant {
        None => Ok(()),
        // One captured request would be a delivery of every tenant that an attacker makes up.
        Some(_) => Err(Rejection::unavailable("a public key authenticates no tenant")),
    }
}

impl From<CachedKeys> for PublicKeys {
    fn from(keys: CachedKeys) -> Self {
        Self(Keys::Cached(Arc::new(keys)))
    }
}

impl fmt::Debug for PublicKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Keys::Fixed(keys) => write!(f, "PublicKeys({} fixed)", keys.len()),
            Keys::Cached(cached) => f.debug_tuple("PublicKeys").field(cached).finish(),
        }
    }
}
