//! Your own provider, made from a closure.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Incoming, Methods, Provider, Received, Rejection};
use crate::Policy;

type Receive = dyn for<'a> Fn(&Incoming<'a>) -> Result<Received, Rejection> + Send + Sync;

/// Makes a provider from a name and a closure that verifies a request and classifies it.
///
/// For an async check, implement [`Provider`] instead.
///
/// ```
/// use idempotency_core::provider::{self, Received, Secret, signature};
/// use idempotency_core::{Delivery, Key};
///
/// let secrets = [Secret::new("shared with acme")?];
/// let acme = provider::from_fn("acme", move |incoming| {
///     let header = signature::header(incoming, "x-acme-signature")?;
///     let proof = signature::hmac_sha256(&secrets, &[], incoming.body, signature::hex::<32>(header))?;
///     let id = std::str::from_utf8(proof.bytes()).unwrap_or_default();
///     Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?)))
/// });
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
pub fn from_fn<F>(name: impl Into<Arc<str>>, receive: F) -> FromFn
where
    F: for<'a> Fn(&Incoming<'a>) -> Result<Received, Rejection> + Send + Sync + 'static,
{
    FromFn {
        name: name.into(),
        policy: Policy::webhook(),
        methods: Methods::default(),
        receive: Arc::new(receive),
    }
}

/// A provider made by [`from_fn`].
#[derive(Clone)]
pub struct FromFn {
    name: Arc<str>,
    policy: Policy,
    methods: Methods,
    receive: Arc<Receive>,
}

impl FromFn {
    /// Sets the policy for this sender. Default: [`Policy::webhook`].
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the HTTP methods that this sender uses. Default: POST only. Any other request that is not a handshake gets a
    /// 405.
    #[must_use]
    pub fn with_methods(mut self, methods: Methods) -> Self {
        self.methods = methods;
        self
    }
}

#[async_trait]
impl Provider for FromFn {
    fn name(&self) -> &str {
        &self.name
    }

    fn policy(&self) -> Policy {
        self.policy.clone()
    }

    fn methods(&self) -> Methods {
        self.methods.clone()
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        (self.receive)(incoming)
    }
}

impl fmt::Debug for FromFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
