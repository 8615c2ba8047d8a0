//! The methods by which a sender delivers, and the treatment of requests by other methods.

use http::{HeaderValue, Method};

/// The methods by which a sender delivers, and the treatment of requests by other methods.
///
/// Independent of the methods, a [`Handshake`](super::Received::Handshake) is answered to a GET, HEAD or OPTIONS.
///
/// ```
/// use http::Method;
/// use idempotency_core::provider::Methods;
/// // A sender that can be told to call back by GET.
/// let methods = Methods::of_sender([Method::POST, Method::GET]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods(Rule);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Deliveries come by these, and nothing else is let in.
    Of(Box<[Method]>),
    /// Any request may be a delivery, save by the methods that HTTP calls safe, which pass to the handler.
    AnyUnsafe,
}

/// What becomes of a request by its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// It may be a delivery: the provider is asked.
    Delivery,
    /// It is a handshake or passes to the handler, unprotected.
    HandshakeOrPass,
    /// It is a handshake or 405.
    HandshakeOrRefuse,
    /// It is 405.
    Refuse,
}

impl Methods {
    /// Deliveries come by these methods alone; a request by another one is answered 405. For senders of webhooks: a
    /// request that no provider has verified never reaches the handler.
    #[must_use]
    pub fn of_sender(methods: impl IntoIterator<Item = Method>) -> Self {
        Self(Rule::Of(methods.into_iter().collect()))
    }

    /// Deliveries come by any method but GET, HEAD, OPTIONS and TRACE, which pass to the handler: they are safe
    /// (RFC 9110, section 9.2.1). For APIs, which have such requests beside the ones that carry keys.
    ///
    /// The four are listed by name: a safe method with a body of its own, such as QUERY, must not carry an unverified body
    /// past the provider.
    #[must_use]
    pub fn any_unsafe() -> Self {
        Self(Rule::AnyUnsafe)
    }

    pub(crate) fn treatment_of(&self, method: &Method) -> Treatment {
        let may_be_handshake = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        match &self.0 {
            Rule::Of(methods) if methods.contains(method) => Treatment::Delivery,
            Rule::Of(_) if may_be_handshake => Treatment::HandshakeOrRefuse,
            Rule::Of(_) => Treatment::Refuse,
            Rule::AnyUnsafe if may_be_handshake || *method == Method::TRACE => Treatment::HandshakeOrPass,
            Rule::AnyUnsafe => Treatment::Delivery,
        }
    }

    /// The value of `Allow` (RFC 9110, section 10.2.1); empty where any method is allowed.
    pub(crate) fn allow(&self) -> HeaderValue {
        let names = match &self.0 {
            Rule::Of(methods) => methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "),
            Rule::AnyUnsafe => String::new(),
        };
        HeaderValue::try_from(names).expect("a method is a token")
    }
}

/// POST alone, as webhooks come.
impl Default for Methods {
    fn default() -> Self {
        Self::of_sender([Method::POST])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_lets_in_the_senders_methods_and_handshakes() {
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
        let methods = Methods::of_sender([Method::POST, Method::GET]);
        assert_eq!(methods.treatment_of(&Method::GET), Treatment::Delivery);
        assert_eq!(methods.treatment_of(&Method::HEAD), Treatment::HandshakeOrRefuse);
        assert_eq!(methods.allow(), "POST, GET");
    }

    #[test]
    fn an_api_passes_what_is_safe_by_name() {
        let methods = Methods::any_unsafe();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
            assert_eq!(methods.treatment_of(&method), Treatment::HandshakeOrPass);
        }
        let query = Method::from_bytes(b"QUERY").unwrap();
        for method in [Method::POST, Method::PUT, Method::DELETE, query] {
            assert_eq!(methods.treatment_of(&method), Treatment::Delivery);
        }
    }
}
