//! A request as a provider sees it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use super::Rejection;
use crate::Scope;

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
            return Err(Rejection::malformed("a header that may stand once has several lines")
                .about_header(name.to_owned()));
        }
        Ok(first.and_then(|value| value.to_str().ok()))
    }
}

impl fmt::Debug for Incoming<'_> {
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
