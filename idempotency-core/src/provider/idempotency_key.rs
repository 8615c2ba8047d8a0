//! API clients that send an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method};

use super::{Equality, Incoming, Methods, Provider, Received, Rejection};
use crate::{Delivery, Key, Policy, Scope, Verified};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The headers that are always compared. A retry repeats them, and a request that differs in one of them asks for something
/// else. `Accept-Language` is not among them: the answer in another language is still the answer.
const COMPARED: [HeaderName; 9] = [
    header::ACCEPT,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
    header::IF_RANGE,
];

type Principal = dyn for<'a> Fn(&Incoming<'a>) -> Option<String> + Send + Sync;

/// The `Idempotency-Key` header of API clients.
///
/// Clients choose the keys, and two clients may choose the same one, so each principal has its own keys.
///
/// The fingerprint covers the method, original path, query, content type, body and some headers. Reusing a key for a
/// different request is a mismatch. To change what is compared, use [`with_equality`](Self::with_equality) and
/// [`comparing_headers`](Self::comparing_headers).
///
/// The RFC 9651 string `"k"` and the bare value `k` are the same key.
///
/// ```
/// use idempotency_core::provider::IdempotencyKey;
/// // The authentication layer in front of this one attached a `User` to the request.
/// # #[derive(Clone)] struct User { id: String }
/// let keys = IdempotencyKey::per_principal(|incoming| {
///     incoming.extensions.get::<User>().map(|user| user.id.clone())
/// });
/// ```
#[derive(Clone)]
pub struct IdempotencyKey {
    header: HeaderName,
    principal: Option<Arc<Principal>>,
    challenge: Arc<str>,
    required_on: Arc<[Method]>,
    equality: Equality,
    compared: Arc<[HeaderName]>,
    scoping: Arc<[HeaderName]>,
}

impl IdempotencyKey {
    /// Gives each authenticated principal its own keys. If the closure returns `None` or an empty name, the request is
    /// answered 401.
    pub fn per_principal<F>(principal: F) -> Self
    where
        F: for<'a> Fn(&Incoming<'a>) -> Option<String> + Send + Sync + 'static,
    {
        Self { principal: Some(Arc::new(principal)), ..Self::global_across_principals() }
    }

    /// Gives each value of a header, such as `authorization`, its own keys. A request without the header, or with several
    /// lines of it, is answered 401. Only a digest of the value is kept.
    ///
    /// The name may be a string or a header name from either version of the `http` crate.
    ///
    /// **The value is not checked: authenticate in front of this layer.** With authentication behind it, any client could
    /// fill the store with records of refused requests, which are kept for the whole retention, and a revoked token would
    /// still get the recorded answers.
    ///
    /// A client with a renewed token is a new principal, and its earlier keys are unknown.
    #[must_use]
    pub fn per_header_principal(name: impl AsRef<str>) -> Self {
        let name = name.as_ref().to_owned();
        Self::per_principal(move |incoming| {
            let value = incoming.single_header(&name).ok()??;
            (!value.trim().is_empty()).then(|| value.to_owned())
        })
    }

    /// Shares one set of keys among all clients. **A client that guesses or repeats another client's key gets that client's
    /// answer.** Use it only if there is a single client.
    #[must_use]
    pub fn global_across_principals() -> Self {
        Self {
            header: HEADER,
            principal: None,
            challenge: Arc::from("Bearer realm=\"api\""),
            required_on: Arc::new([Method::POST, Method::PATCH]),
            equality: Equality::whole_request(),
            compared: Arc::new(COMPARED),
            scoping: Arc::new([]),
        }
    }

    /// Reads the key from another header, such as `x-request-id`. Default: `idempotency-key`.
    ///
    /// The name may be a string or a header name from either version of the `http` crate.
    ///
    /// # Panics
    /// When the text is not a valid header name.
    #[must_use]
    pub fn with_header(mut self, name: impl AsRef<str>) -> Self {
        self.header = header_name(name.as_ref());
        self
    }

    /// Sets how two requests under one key are compared. Default: [`Equality::whole_request`], since a client's retry
    /// repeats the request byte for byte.
    #[must_use]
    pub fn with_equality(mut self, equality: Equality) -> Self {
        self.equality = equality;
        self
    }

    /// Also compares these headers: a request under a used key that differs in one of them is a mismatch. For headers that
    /// decide the answer, such as an API version.
    ///
    /// Default: `Accept`, `Content-Encoding`, `Content-Range`, `If-Match`, `If-None-Match`, `If-Modified-Since`,
    /// `If-Unmodified-Since`, `Range` and `If-Range`, which are always compared. `Accept-Language` and `Prefer` are not: a
    /// client that retries in another language wants the outcome of its first request.
    ///
    /// # Panics
    /// When a text is not a valid header name.
    #[must_use]
    pub fn comparing_headers(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let added = names.into_iter().map(|name| header_name(name.as_ref()));
        self.compared = self.compared.iter().cloned().chain(added).collect();
        self
    }

    /// Gives each value of a header, such as a tenant id, its own keys: the same key with another value is another
    /// operation. Requests without the header share a scope of their own. Call it once per header.
    ///
    /// Default: none. The principal separates clients; this separates the accounts of one client.
    ///
    /// # Panics
    /// When the text is not a valid header name.
    #[must_use]
    pub fn scoped_by_header(mut self, name: impl AsRef<str>) -> Self {
        let added = header_name(name.as_ref());
        self.scoping = self.scoping.iter().cloned().chain([added]).collect();
        self
    }

    /// Sets the challenge to a request without a principal: the value of `WWW-Authenticate` in a 401 (RFC 9110, section
    /// 11.6.1). Default: `Bearer realm="api"`, which most APIs use. Name your own scheme if it differs.
    #[must_use]
    pub fn with_challenge(mut self, challenge: impl Into<Arc<str>>) -> Self {
        self.challenge = challenge.into();
        self
    }

    /// Requires a key on requests with these methods; on others it is optional. Default: POST and PATCH, which are not
    /// idempotent in HTTP.
    #[must_use]
    pub fn requiring_on(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.required_on = methods.into_iter().collect();
        self
    }

    /// Makes the key optional: a request without one runs unprotected. Default: required on POST and PATCH.
    #[must_use]
    pub fn optional(self) -> Self {
        self.requiring_on([])
    }

    fn scope(&self, incoming: &Incoming<'_>) -> Result<Scope, Rejection> {
        let mut scope = incoming.scope.clone();
        for name in self.scoping.iter() {
            let value = incoming.single_header(name.as_str())?;
            if value.is_none() && incoming.headers.contains_key(name) {
                return Err(Rejection::malformed("a header that scopes keys is not ascii")
                    .about_header(name.as_str().to_owned()));
            }
            // An absent header adds an empty level, so that the value of one header never counts as another's.
            scope = scope.with_account(&value.map_or_else(String::new, |value| format!("{name}={value}")));
        }
        let Some(principal) = &self.principal else { return Ok(scope) };
        let principal = principal(incoming)
            .filter(|principal| !principal.is_empty())
            .ok_or(Rejection::unauthenticated("the request has no principal"))?;
        Ok(scope.with_principal(principal))
    }
}

#[async_trait]
impl Provider for IdempotencyKey {
    fn name(&self) -> &str {
        "idempotency-key"
    }

    fn policy(&self) -> Policy {
        Policy::api()
    }

    fn methods(&self) -> Methods {
        Methods::all_but_safe()
    }

    fn challenge(&self) -> String {
        self.challenge.to_string()
    }

    fn needs_body(&self, _method: &Method, headers: &HeaderMap) -> bool {
        headers.contains_key(&self.header)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let has_key = incoming.headers.contains_key(&self.header);
        if !has_key && !self.required_on.contains(incoming.method) {
            return Ok(Received::Bypass);
        }
        // An unauthenticated client learns nothing else about its request.
        let scope = self.scope(incoming)?;
        if !has_key {
            return Err(
                Rejection::key_missing("a header is missing").about_header(self.header.as_str().to_owned())
            );
        }
        let value = incoming
            .single_header(self.header.as_str())?
            .ok_or(Rejection::malformed("the key is not ascii"))?;
        let key = Key::new(unquoted(value)?)?;
        let proof = Verified::by_other_means(incoming.body);
        let mut delivery = Delivery::new(&proof, scope, key);
        if let Some(fingerprint) = self.equality.fingerprint(incoming, &self.compared) {
            delivery = delivery.with_fingerprint(fingerprint);
        }
        Ok(Received::Delivery(delivery))
    }
}

/// The key: the content of a string (RFC 9651, section 3.3.3), or else the bare value.
fn unquoted(value: &str) -> Result<Cow<'_, str>, Rejection> {
    let value = value.trim();
    let Some(rest) = value.strip_prefix('"') else { return Ok(value.into()) };
    let malformed = || Rejection::malformed("the key is not an rfc 9651 string");
    let inner = rest.strip_suffix('"').ok_or_else(malformed)?;
    let mut key = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return Err(malformed()),
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => key.push(escaped),
                _ => return Err(malformed()),
            },
            char => key.push(char),
        }
    }
    Ok(key.into())
}

fn header_name(name: &str) -> HeaderName {
    HeaderName::from_bytes(name.as_bytes()).unwrap_or_else(|_| panic!("{name:?} is not a valid header name"))
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey")
            .field("header", &self.header)
            .field("per_principal", &self.principal.is_some())
            .field("required_on", &self.required_on)
            .field("equality", &self.equality)
            .field("compared", &self.compared)
            .field("scoping", &self.scoping)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn a_string_and_a_bare_value_are_the_same_key() {
        for (value, key) in
            [("k", "k"), ("\"k\"", "k"), (r#""a\"b\\c""#, r#"a"b\c"#), (" k ", "k"), ("\"\"", "")]
        {
            assert_eq!(unquoted(value).unwrap(), key, "{value}");
        }
    }

    #[test]
    fn a_string_with_a_missing_quote_or_trailing_text_is_malformed() {
        for value in ["\"", "\"k", "\"k\\\"", "\"a\", \"b\"", "\"k\";a=1", r#""a\n""#] {
            assert!(unquoted(value).is_err(), "{value}");
        }
    }
}
