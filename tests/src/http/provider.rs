//! A sender for tests: its requests state everything in headers.

use async_trait::async_trait;
use http::{HeaderMap, Method};
use idempotency_core::provider::{Incoming, Methods, Provider, Received, Rejection};
use idempotency_core::{
    Delivery, Fingerprint, Key, Order, Policy, RecordedResponse, Resource, Verified, Version,
};

/// A sender whose requests state everything in headers.
///
/// `x-key` is the key, `x-order: resource=version` is the order, and `x-tenant` narrows the scope. `x-signature: wrong`
/// is refused, and `x-signature: unknowable` cannot be checked now. `?challenge=c` on a GET is a handshake. A request
/// without a key is refused, or passes if the key is [`optional`](Self::optional).
#[derive(Clone, Debug)]
pub struct TestSender {
    policy: Policy,
    binds_body: bool,
    is_optional: bool,
    methods: Methods,
}

impl TestSender {
    /// A sender under a policy, without a fingerprint.
    pub fn new(policy: Policy) -> Self {
        Self { policy, binds_body: false, is_optional: false, methods: Methods::default() }
    }

    /// Accepts any method; safe methods pass.
    pub fn by_any_method(mut self) -> Self {
        self.methods = Methods::all_but_safe();
        self
    }

    /// The fingerprint covers method, path, query and body.
    pub fn binding_body(mut self) -> Self {
        self.binds_body = true;
        self
    }

    /// Requests without a key pass.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }
}

#[async_trait]
impl Provider for TestSender {
    fn name(&self) -> &str {
        "test"
    }

    fn policy(&self) -> Policy {
        self.policy.clone()
    }

    fn methods(&self) -> Methods {
        self.methods.clone()
    }

    fn needs_body(&self, _method: &Method, headers: &HeaderMap) -> bool {
        !self.is_optional || headers.contains_key("x-key")
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        if let Some(challenge) = incoming.uri.query().and_then(|query| query.strip_prefix("challenge=")) {
            let answer = RecordedResponse::new(http::StatusCode::OK, challenge.to_owned());
            return Ok(Received::Handshake(answer));
        }
        match incoming.single_header("x-signature")? {
            Some("wrong") => return Err(Rejection::unauthenticated("the signature is wrong")),
            Some("unknowable") => return Err(Rejection::unavailable("the secret cannot be read")),
            _ => {}
        }
        let Some(text) = incoming.single_header("x-key")? else {
            if incoming.headers.contains_key("x-key") {
                return Err(Rejection::malformed("the key is not text"));
            }
            return if self.is_optional {
                Ok(Received::Bypass)
            } else {
                Err(Rejection::key_missing("there is no x-key"))
            };
        };
        let key = Key::new(text)?;
        let mut scope = incoming.scope.clone();
        if let Some(tenant) = incoming.single_header("x-tenant")? {
            scope = scope.with_tenant(tenant);
        }
        let mut delivery = Delivery::new(&Verified::by_other_means(incoming.body), scope.clone(), key);
        if self.binds_body {
            delivery = delivery.with_fingerprint(Fingerprint::of_fields([
                incoming.method.as_str().as_bytes(),
                incoming.uri.path().as_bytes(),
                incoming.uri.query().unwrap_or_default().as_bytes(),
                incoming.body,
            ]));
        }
        if let Some((resource, version)) =
            incoming.single_header("x-order")?.and_then(|order| order.split_once('='))
        {
            let version = version.parse().map_err(|_| Rejection::malformed("the version is no number"))?;
            delivery = delivery
                .with_order(Order::new(Resource::new(&scope, "thing", resource), Version::new(version)));
        }
        Ok(Received::Delivery(delivery))
    }
}
