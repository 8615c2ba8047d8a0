//! The client: sends deliveries over HTTP/1.1 and reads whole answers.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Delivery;

/// The error of a delivery without an answer.
pub type NoAnswer = Box<dyn Error + Send + Sync>;

/// Sends deliveries to one server. Clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    base: String,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client that makes a new connection for each delivery.
    pub(super) fn new(base: String) -> Self {
        Self::keeping(base, 0)
    }

    /// A client that keeps its connections.
    pub(super) fn pooled(&self) -> Self {
        Self::keeping(self.base.clone(), usize::MAX)
    }

    fn keeping(base: String, idle: usize) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // actix-web closes a connection after 5 idle seconds, which may be just when it is used again.
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(idle)
            .pool_idle_timeout(Duration::from_secs(1))
            .build(connector);
        Self { base, http }
    }

    /// Sends a delivery and reads the answer.
    ///
    /// # Errors
    /// If there is no answer: the connection was refused, or closed too early.
    ///
    /// # Cancel safety
    /// Dropping it hangs up.
    pub async fn send(&self, delivery: &Delivery) -> Result<Answer, NoAnswer> {
        let mut request = Request::new(Full::new(delivery.body.clone()));
        *request.method_mut() = delivery.method.clone();
        *request.uri_mut() = format!("{}{}", self.base, delivery.target).parse()?;
        *request.headers_mut() = delivery.headers.clone();
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

impl Answer {
    /// The header `idempotency-status`, or an empty text.
    #[must_use]
    pub fn mark(&self) -> &str {
        self.header("idempotency-status").unwrap_or_default()
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The answer without the headers that differ between an execution and its replay.
    #[must_use]
    pub fn recorded(&self) -> Self {
        let mut answer = self.clone();
        for name in ["idempotency-status", "idempotent-replayed", "date", "content-length", "connection"] {
            answer.headers.remove(name);
        }
        answer
    }

    /// Checks the status and `idempotency-status`.
    ///
    /// # Panics
    /// If they differ.
    #[track_caller]
    pub fn assert_is(&self, status: u16, mark: &str) {
        assert_eq!((self.status.as_u16(), self.mark()), (status, mark), "{self:?}");
    }
}
