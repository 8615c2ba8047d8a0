//! The HTTP methods that a sender uses, and how requests with other methods are treated.

use http::{HeaderValue, Method};

/// The HTTP methods that a sender uses, and how requests with other methods are treated.
///
/// A GET, HEAD or OPTIONS that is a [`Handshake`](super::Received::Handshake) is answered under either rule.
///
/// ```
/// use http::Method;
/// use idempotency_core::provider::Methods;
/// // A sender that can be configured to call back with GET.
/// let methods = Methods::only([Method::POST, Method::GET]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Deliveries use these methods; other requests are refused.
    Only(Box<[Method]>),
    /// Any request may be a delivery, except the safe methods, which pass to the handler.
    AllButSafe,
}

/// How a request is treated, by its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It may be a delivery: the provider is asked.
    Delivery,
    /// Unless it is a handshake, it passes to the handler unprotected.
    HandshakeOrPass,
    /// Unless it is a handshake, it gets a 405.
    HandshakeOrRefuse,
    /// It gets a 405.
    Refuse,
}

impl Methods {
    /// Accepts only these methods and answers any other with 405. For webhooks: a request that no provider has verified
    /// never reaches the handler.
    #[must_use]
    pub fn only(methods: impl IntoIterator<Item = Method>) -> Self {
        Self(Rule::Only(methods.into_iter().collect()))
    }

    /// Accepts every method except GET, HEAD, OPTIONS and TRACE, which pass to the handler because they are safe
    /// (RFC 9110, section 9.2.1). For APIs, which serve such requests next to the ones that carry keys.
    ///
    /// Only these four are passed on. A safe method with a body, such as QUERY, must not carry an unverified body past the
    /// provider.
    #[must_use]
    pub fn all_but_safe() -> Self {
        Self(Rule::AllButSafe)
    }

    pub(crate) fn treatment_of(&self, method: &Method) -> Treatment {
        let may_be_handshake = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        match &self.0 {
            Rule::Only(methods) if methods.contains(method) => Treatment::Delivery,
            Rule::Only(_) if may_be_handshake => Treatment::HandshakeOrRefuse,
            Rule::Only(_) => Treatment::Refuse,
            Rule::AllButSafe if may_be_handshake || *method == Method::TRACE => Treatment::HandshakeOrPass,
            Rule::AllButSafe => Treatment::Delivery,
        }
    }

    /// The value of `Allow` (RFC 9110, section 10.2.1), empty if any method is allowed.
    pub(crate) fn allow(&self) -> HeaderValue {
        let names = match &self.0 {
            Rule::Only(methods) => methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "),
            Rule::AllButSafe => String::new(),
        };
        HeaderValue::try_from(names).expect("a method is a token")
    }
}

/// POST only, the method of webhooks.
impl Default for Methods {
    fn default() -> Self {
        Self::only([Method::POST])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_accepts_the_senders_methods_and_handshakes() {
        let methods = Methods::default();
        assert_eq!(methods.treatment_of(&Method::POST), Treatment::Delivery);
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            assert_eq!(methods.treatment_of(&method), Treatment::HandshakeOrRefuse);
        }
        let query = Method::from_bytes(b"QUERY").unwrap();
        for method in [Method::PUT, Method::DELETE, Method::TRACE, Method::CONNECT, query] {
            assert_eq!(methods.treatment_of(&method), Treatment::Refuse);
        }
        assert_eq!(methods.allow(), "POST");
    }

    #[test]
    fn a_sender_may_deliver_by_get() {
        let methods = Methods::only([Method::POST, Method::GET]);
        assert_eq!(methods.treatment_of(&Method::GET), Treatment::Delivery);
        assert_eq!(methods.treatment_of(&Method::HEAD), Treatment::HandshakeOrRefuse);
        assert_eq!(methods.allow(), "POST, GET");
    }

    #[test]
    fn an_api_passes_the_four_safe_methods_to_the_handler() {
        let methods = Methods::all_but_safe();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert_eq!(methods.treatment_of(&method), Treatment::HandshakeOrPass);
        }
        let query = Method::from_bytes(b"QUERY").unwrap();
        for method in [Method::POST, Method::PUT, Method::DELETE, query] {
            assert_eq!(methods.treatment_of(&method), Treatment::Delivery);
        }
    }
}
