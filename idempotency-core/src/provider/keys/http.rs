//! Public keys over HTTPS.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use rustls_platform_verifier::BuilderVerifierExt as _;
use serde::Deserialize;

use super::KeySource;
use crate::provider::json::{self, Scalar};
use crate::provider::{Rejection, Secret, SecretError};

/// The largest document. Google's set of keys has about 2 KB, PayPal's chain of certificates about 8 KB.
const MAX_LEN: usize = 64 * 1024;
/// The last resort, if the source is used without a cache.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches public keys over HTTPS, with the root certificates of the platform.
///
/// It follows no redirect, uses no proxy, and refuses a document of more than 64 KiB. An answer 404 or 410 means that there
/// is no such key. `http` is accepted only for a loopback address, which tests and emulators have.
///
/// ```no_run
/// use idempotency_core::clock::TokioClock;
/// use idempotency_core::provider::{CachedKeys, HttpKeys, PayPal};
/// let paypal = PayPal::new("4JH86294D6297924G", CachedKeys::new(HttpKeys::new()?, TokioClock::new()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpKeys(Client);

/// Why there is no HTTP client: the platform's root certificates cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the http client for public keys cannot be made")]
pub struct HttpKeysError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl HttpKeys {
    /// Makes a client with a pool of its own. Clones share it.
    ///
    /// # Errors
    /// When the root certificates of the platform cannot be loaded.
    pub fn new() -> Result<Self, HttpKeysError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(rustls::ConfigBuilder::with_platform_verifier)
            .map_err(|error| HttpKeysError(error.into()))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls.with_no_client_auth())
            .redirect(Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build();
        Ok(Self(client.map_err(|error| HttpKeysError(error.into()))?))
    }
}

#[async_trait]
impl KeySource for HttpKeys {
    async fn fetch(&self, address: &str) -> Result<Option<Bytes>, Rejection> {
        let answer = answered(self.0.get(url(address)?)).await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(body(answer).await?)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            status => Err(unexpected(status)),
        }
    }
}

/// Fetches Plaid's public keys by their ids, from the endpoint `/webhook_verification_key/get`.
///
/// ```no_run
/// use idempotency_core::clock::TokioClock;
/// use idempotency_core::provider::{CachedKeys, HttpKeys, Plaid, PlaidKeys};
/// let source = PlaidKeys::new(HttpKeys::new()?, "the client id", "the secret")?;
/// let plaid = Plaid::new(CachedKeys::new(source, TokioClock::new()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PlaidKeys {
    http: HttpKeys,
    endpoint: Box<str>,
    client_id: Box<str>,
    secret: Secret,
}

impl PlaidKeys {
    /// Fetches with your client id and the secret of the production environment.
    ///
    /// # Errors
    /// When the secret is blank.
    pub fn new(
        http: HttpKeys,
        client_id: impl AsRef<str>,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, SecretError> {
        let endpoint = "https://production.plaid.com/webhook_verification_key/get".into();
        Ok(Self { http, endpoint, client_id: client_id.as_ref().into(), secret: Secret::new(secret)? })
    }

    /// Sets the endpoint. Default: `https://production.plaid.com/webhook_verification_key/get`. The sandbox has
    /// `https://sandbox.plaid.com/webhook_verification_key/get`, and a secret of its own.
    #[must_use]
    pub fn with_endpoint(mut self, url: impl AsRef<str>) -> Self {
        self.endpoint = url.as_ref().into();
        self
    }
}

#[async_trait]
impl KeySource for PlaidKeys {
    async fn fetch(&self, address: &str) -> Result<Option<Bytes>, Rejection> {
        let question = serde_json::json!({
            "client_id": &*self.client_id,
            "secret": String::from_utf8_lossy(self.secret.expose()),
            "key_id": address,
        });
        let request = self.http.0.post(url(&self.endpoint)?).header("content-type", "application/json");
        let answer = answered(request.body(question.to_string())).await?;
        match answer.status() {
            StatusCode::OK => Ok(Some(body(answer).await?)),
            // Wrong credentials are a 400 too.
            status @ StatusCode::BAD_REQUEST => {
                let body = body(answer).await?;
                let error: Option<PlaidError<'_>> = json::fields(&body);
                let code = error.as_ref().and_then(|error| error.error_code.text());
                match code {
                    Some("INVALID_WEBHOOK_VERIFICATION_KEY_ID") => Ok(None),
                    _ => Err(unexpected(status)),
                }
            }
            status => Err(unexpected(status)),
        }
    }
}

#[derive(Deserialize)]
struct PlaidError<'a> {
    #[serde(borrow, default)]
    error_code: Scalar<'a>,
}

impl fmt::Debug for PlaidKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaidKeys").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn url(address: &str) -> Result<Url, Rejection> {
    let url = Url::parse(address)
        .map_err(|error| Rejection::unavailable("the keys' address is not a url").with_source(error))?;
    let is_loopback = match url.host_str() {
        Some("[::1]") => true,
        host => {
            host.and_then(|host| host.parse().ok()).is_some_and(|ip: std::net::Ipv4Addr| ip.is_loopback())
        }
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback => Ok(url),
        _ => Err(Rejection::unavailable("the keys' address is not an https url")),
    }
}

async fn answered(request: RequestBuilder) -> Result<Response, Rejection> {
    request.send().await.map_err(|error| {
        Rejection::unavailable("the keys' address does not answer").with_source(error.without_url())
    })
}

fn unexpected(status: StatusCode) -> Rejection {
    #[derive(Debug, thiserror::Error)]
    #[error("status {0}")]
    struct Unexpected(StatusCode);
    Rejection::unavailable("the keys' address answered with another status").with_source(Unexpected(status))
}

async fn body(mut answer: Response) -> Result<Bytes, Rejection> {
    let mut body = Vec::new();
    let failed = |error: reqwest::Error| {
        Rejection::unavailable("the keys' answer broke off").with_source(error.without_url())
    };
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_LEN {
            return Err(Rejection::unavailable("the keys' answer is larger than 64 KiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}
