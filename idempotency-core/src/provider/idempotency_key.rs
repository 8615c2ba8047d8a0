//! Clients of an API that send an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::{Incoming, Provider, Received, Rejection};
use crate::{Delivery, Fingerprint, Key, Policy, Scope, Verified, path};

const HEADER: &str = "idempotency-key";

type Principal = dyn for<'a> Fn(&Incoming<'a>) -> Option<String> + Send + Sync;

/// The `Idempotency-Key` header of API clients.
///
/// Keys are made by clients, so two of them may choose the same one: each principal has keys of its own. The
/// fingerprint covers method, original path, query, content type and body, so that a key that is used again for another
/// request is a mismatch.
///
/// `"k"`, a string of RFC 8941, and a bare `k` are one key.
///
/// ```
/// use idempotency_core::provider::IdempotencyKey;
/// // What an authenticating layer in front of this one has attached to the request.
/// # #[derive(Clone)] struct User { id: String }
/// let keys = IdempotencyKey::per_principal(|incoming| {
///     incoming.extensions.get::<User>().map(|user| user.id.clone())
/// });
/// ```
#[derive(Clone)]
pub struct IdempotencyKey {
    principal: Option<Arc<Principal>>,
    required_on: Arc<[Method]>,
}

impl IdempotencyKey {
    /// Gives each authenticated principal keys of its own. Where the closure answers `None` or nothing but an empty name,
    /// the request is unauthenticated.
    pub fn per_principal<F>(principal: F) -> Self
    where
        F: for<'a> Fn(&Incoming<'a>) -> Option<String> + Send + Sync + 'static,
    {
        Self { principal: Some(Arc::new(principal)), ..Self::global_across_principals() }
    }

    /// Gives each value of a header keys of its own, such as `authorization`: a name, or a header name of either
    /// version of the `http` crate. A request without that header, or with several lines of it, is unauthenticated.
    /// Only a digest of the value is kept.
    ///
    /// **The value is not checked: authenticate in front of this layer.** Behind it, anybody can fill the store with
    /// records of refused requests, which are kept for the whole retention, and a token that was revoked still gets the
    /// recorded answers.
    ///
    /// A client whose token was renewed is another principal, and its earlier keys are unknown.
    #[must_use]
    pub fn per_header_principal(name: impl AsRef<str>) -> Self {
        let name = name.as_ref().to_owned();
        Self::per_principal(move |incoming| {
            let value = incoming.single_header(&name).ok()??;
            (!value.trim().is_empty()).then(|| value.to_owned())
        })
    }

    /// Gives all clients the same keys. **A client that guesses or repeats the key of another one gets the other one's
    /// answer**; right only where there is one client.
    #[must_use]
    pub fn global_across_principals() -> Self {
        Self { principal: None, required_on: Arc::new([Method::POST, Method::PATCH]) }
    }

    /// Requires a key on requests of these methods. Default: POST and PATCH, the ones that HTTP does not make
    /// idempotent by itself; others may have a key.
    #[must_use]
    pub fn requiring_on(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.required_on = methods.into_iter().collect();
        self
    }

    /// Requires a key nowhere: a request without one runs unprotected. Default: required on POST and PATCH.
    #[must_use]
    pub fn optional(self) -> Self {
        self.requiring_on([])
    }

    fn scope(&self, incoming: &Incoming<'_>) -> Result<Scope, Rejection> {
        let Some(principal) = &self.principal else { return Ok(incoming.scope.clone()) };
        let principal = principal(incoming)
            .filter(|principal| !principal.is_empty())
            .ok_or(Rejection::unauthenticated("there is no principal"))?;
        Ok(incoming.scope.clone().with_principal(principal))
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

    fn needs_body(&self, _method: &Method, headers: &HeaderMap) -> bool {
        headers.contains_key(HEADER)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let has_key = incoming.headers.contains_key(HEADER);
        if !has_key && !self.required_on.contains(incoming.method) {
            return Ok(Received::Bypass);
        }
        // Who it is comes before what is wrong with the request.
        let scope = self.scope(incoming)?;
        if !has_key {
            return Err(Rejection::key_missing("there is no Idempotency-Key"));
        }
        let value = incoming.single_header(HEADER)?.ok_or(Rejection::malformed("the key is not ascii"))?;
        let key = Key::new(unquoted(value)?)?;
        let proof = Verified::by_other_means(incoming.body);
        let delivery = Delivery::new(&proof, scope, key).with_fingerprint(fingerprint(incoming));
        Ok(Received::Delivery(delivery))
    }
}

/// The key itself: the content of a string (RFC 8941, section 3.3.3), or the value as it stands.
fn unquoted(value: &str) -> Result<Cow<'_, str>, Rejection> {
    let value = value.trim();
    let Some(rest) = value.strip_prefix('"') else { return Ok(value.into()) };
    let malformed = || Rejection::malformed("the key is not a string by RFC 8941");
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

fn fingerprint(incoming: &Incoming<'_>) -> Fingerprint {
    let content_type = incoming.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    Fingerprint::of_fields([
        incoming.method.as_str().as_bytes(),
        path::normalized(incoming.uri.path()).as_bytes(),
        incoming.uri.query().unwrap_or_default().as_bytes(),
        content_type,
        incoming.body,
    ])
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotencyKey")
            .field("per_principal", &self.principal.is_some())
            .field("required_on", &self.required_on)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::unquoted;

    #[test]
    fn a_string_and_a_bare_value_are_one_key() {
        for (value, key) in
            [("k", "k"), ("\"k\"", "k"), (r#""a\"b\\c""#, r#"a"b\c"#), (" k ", "k"), ("\"\"", "")]
        {
            assert_eq!(unquoted(value).unwrap(), key, "{value}");
        }
    }

    #[test]
    fn a_string_that_is_cut_short_or_goes_on_is_malformed() {
        for value in ["\"", "\"k", "\"k\\\"", "\"a\", \"b\"", "\"k\";a=1", r#""a\n""#] {
            assert!(unquoted(value).is_err(), "{value}");
        }
    }
}
