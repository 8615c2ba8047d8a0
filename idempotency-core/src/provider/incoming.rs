//! A request as a provider sees it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use super::Rejection;
use crate::Scope;

/// A request as a provider sees it. `Debug` shows no header values, no query and no body.
#[derive(Clone)]
#[non_exhaustive]
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a Method,
    /// The original URI as the client sent it, before any router nesting.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body. Empty if [`needs_body`](super::Provider::needs_body) returned false, and for a request that can
    /// only be a handshake.
    pub body: &'a Bytes,
    /// The time since 1970 that signed timestamps are compared with.
    pub now: Duration,
    /// The scope of the endpoint's keys. A provider may narrow it.
    pub scope: &'a Scope,
    /// What earlier layers attached to the request, such as the authenticated principal. In actix-web, these come from an
    /// `http::Extensions` value that an earlier middleware inserted into the request's own extensions.
    pub extensions: &'a http::Extensions,
    /// The name under which the endpoint serves the provider, such as `stripe`. `None` outside an endpoint.
    pub provider: Option<&'a str>,
    /// The tenant that the request's path names, decoded, if [`Providers`](super::Providers) serves tenants. It is not
    /// authenticated until one of the tenant's secrets matches.
    pub tenant: Option<&'a str>,
}

impl<'a> Incoming<'a> {
    /// A request that arrived at `now`, a time since 1970. It has no extensions, no provider's name and no tenant.
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
        Self { method, uri, headers, body, now, scope, extensions: &NONE, provider: None, tenant: None }
    }

    /// Sets the extensions that earlier layers attached. Default: none.
    #[must_use]
    pub fn with_extensions(mut self, extensions: &'a http::Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// Sets the name under which the provider is served. Default: none.
    #[must_use]
    pub fn with_provider(mut self, name: &'a str) -> Self {
        self.provider = Some(name);
        self
    }

    /// Sets the tenant that the path names. It does not narrow the scope. Default: none.
    #[must_use]
    pub fn with_tenant(mut self, tenant: &'a str) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// The endpoint's scope narrowed to an account of the sender, inside any tenants that it already has.
    ///
    /// An account never has the same keys as [a tenant](Scope::with_tenant) that the user sets, even if both have the same name.
    #[must_use]
    pub fn narrowed_scope(&self, account: &str) -> Scope {
        self.scope.clone().with_account(account)
    }

    /// The endpoint's scope, narrowed to an account if there is one.
    pub(super) fn scope_for(&self, account: Option<&str>) -> Scope {
        account.map_or_else(|| self.scope.clone(), |account| self.narrowed_scope(account))
    }

    /// The value of a header that must not be repeated: `Ok(None)` if it is absent or not ASCII text.
    ///
    /// # Errors
    /// [`Rejection::malformed`] if the header has several lines.
    pub fn single_header(&self, name: &str) -> Result<Option<&'a str>, Rejection> {
        let mut lines = self.headers.get_all(name).iter();
        let first = lines.next();
        if lines.next().is_some() {
            return Err(Rejection::malformed("a header is repeated").about_header(name.to_owned()));
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
            .field("provider", &self.provider)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::Verified;

    #[test]
    fn a_narrowed_scope_keeps_the_endpoints_tenants() {
        let (method, uri, headers, body) = (Method::POST, Uri::default(), HeaderMap::new(), Bytes::new());
        let scope = Scope::endpoint("e").with_tenant("outer");
        let incoming = Incoming::new(&method, &uri, &headers, &body, Duration::ZERO, &scope);
        assert!(incoming.narrowed_scope("inner").tenants().eq(["outer", "inner"]));
        assert!(incoming.scope_for(Some("inner")).tenants().eq(["outer", "inner"]));
        assert_eq!(incoming.scope_for(None), scope);
    }

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
