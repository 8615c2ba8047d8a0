//! The `Idempotency-Key` of API clients, by draft-ietf-httpapi-idempotency-key-header-07.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use idempotency_core::provider::{IdempotencyKey, Incoming, Received, Rejection, RejectionKind};
use idempotency_core::{Delivery, Policy, Provider, Scope};

struct Call {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    extensions: Extensions,
}

impl Call {
    fn new(method: Method) -> Self {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer alice"))]);
        let uri = Uri::from_static("/payments?a=1");
        Self { method, uri, headers, body: Bytes::from_static(b"{}"), extensions: Extensions::new() }
    }

    fn with_key(mut self, key: &'static [u8]) -> Self {
        self.headers.append("idempotency-key", HeaderValue::from_bytes(key).unwrap());
        self
    }

    fn received_by(&self, provider: &IdempotencyKey) -> Result<Received, Rejection> {
        let scope = Scope::endpoint("payments");
        let incoming =
            Incoming::new(&self.method, &self.uri, &self.headers, &self.body, Duration::ZERO, &scope)
                .with_extensions(&self.extensions);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(provider.receive(&incoming))
    }

    fn delivery(&self, provider: &IdempotencyKey) -> Delivery {
        match self.received_by(provider) {
            Ok(Received::Delivery(delivery)) => delivery,
            other => panic!("not a delivery: {other:?}"),
        }
    }

    fn refusal(&self, provider: &IdempotencyKey) -> RejectionKind {
        self.received_by(provider).expect_err("it was accepted").kind()
    }
}

fn global() -> IdempotencyKey {
    IdempotencyKey::global_across_principals()
}

#[test]
fn a_key_is_required_on_post_and_patch_and_welcome_elsewhere() {
    for method in [Method::POST, Method::PATCH] {
        assert_eq!(Call::new(method.clone()).refusal(&global()), RejectionKind::KeyMissing);
        let optional = Call::new(method).received_by(&global().optional());
        assert!(matches!(optional, Ok(Received::Bypass)));
    }
    for method in [Method::PUT, Method::DELETE, Method::GET] {
        assert!(matches!(Call::new(method.clone()).received_by(&global()), Ok(Received::Bypass)));
        assert_eq!(Call::new(method).with_key(b"k").delivery(&global()).key().key().as_str(), "k");
    }
    let on_put = global().requiring_on([Method::PUT]);
    assert_eq!(Call::new(Method::PUT).refusal(&on_put), RejectionKind::KeyMissing);
    assert!(matches!(Call::new(Method::POST).received_by(&on_put), Ok(Received::Bypass)));
}

#[test]
fn a_string_and_a_bare_value_are_one_key() {
    let bare = Call::new(Method::POST).with_key(b"8e03978e-40d5").delivery(&global());
    let string = Call::new(Method::POST).with_key(b"\"8e03978e-40d5\"").delivery(&global());
    assert_eq!(bare.key().digest(), string.key().digest());
}

#[test]
fn another_key_with_the_same_body_is_another_intent() {
    let [a, b] = [&b"a"[..], b"b"].map(|key| Call::new(Method::POST).with_key(key).delivery(&global()));
    assert_ne!(a.key().digest(), b.key().digest());
}

#[test]
fn a_key_that_is_repeated_empty_too_long_or_not_ascii_is_malformed() {
    static LONG: [u8; 256] = [b'k'; 256];
    for key in [&b""[..], b"\"\"", b"\"k", &LONG, b"\xff", b"caf\xc3\xa9", b"a\tb"] {
        let call = Call::new(Method::POST).with_key(key);
        assert_eq!(call.refusal(&global()), RejectionKind::Malformed, "{key:?}");
        let call = Call::new(Method::PUT).with_key(key);
        assert_eq!(call.refusal(&global().optional()), RejectionKind::Malformed, "{key:?} bypassed");
    }
    assert_eq!(
        Call::new(Method::POST).with_key(b"k").with_key(b"k").refusal(&global()),
        RejectionKind::Malformed
    );
    assert!(Call::new(Method::POST).with_key(&LONG[1..]).received_by(&global()).is_ok());
}

#[test]
fn two_principals_with_one_key_do_not_meet() {
    let provider = IdempotencyKey::per_header_principal(AUTHORIZATION);
    let alice = Call::new(Method::POST).with_key(b"k");
    let mut bob = Call::new(Method::POST).with_key(b"k");
    bob.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer bob"));
    let digests = [&alice, &bob].map(|call| call.delivery(&provider).key().digest());
    assert_ne!(digests[0], digests[1]);
    assert_eq!(digests[0], alice.delivery(&provider).key().digest());
    let digests = [&alice, &bob].map(|call| call.delivery(&global()).key().digest());
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_request_without_a_principal_is_unauthenticated() {
    let provider = IdempotencyKey::per_header_principal(AUTHORIZATION);
    let mut call = Call::new(Method::POST).with_key(b"k");
    call.headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer bob"));
    assert_eq!(call.refusal(&provider), RejectionKind::Unauthenticated, "two principals");
    call.headers.remove(AUTHORIZATION);
    assert_eq!(call.refusal(&provider), RejectionKind::Unauthenticated);
    call.headers.remove("idempotency-key");
    assert_eq!(call.refusal(&provider), RejectionKind::Unauthenticated, "who it is comes first");
    call.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer bob"));
    assert_eq!(call.refusal(&provider), RejectionKind::KeyMissing);
}

#[test]
fn a_principal_may_come_from_an_earlier_layer() {
    #[derive(Clone)]
    struct User(&'static str);
    let provider =
        IdempotencyKey::per_principal(|incoming| Some(incoming.extensions.get::<User>()?.0.to_owned()));
    let mut call = Call::new(Method::POST).with_key(b"k");
    assert_eq!(call.refusal(&provider), RejectionKind::Unauthenticated);
    call.extensions.insert(User("alice"));
    let alice = call.delivery(&provider).key().digest();
    call.extensions.insert(User("bob"));
    assert_ne!(alice, call.delivery(&provider).key().digest());
}

#[test]
fn the_fingerprint_covers_method_path_query_content_type_and_body() {
    let call = || Call::new(Method::POST).with_key(b"k");
    let print = |change: &dyn Fn(&mut Call)| {
        let mut call = call();
        change(&mut call);
        call.delivery(&global()).fingerprint().unwrap()
    };
    let prints = [
        print(&|_| {}),
        print(&|call| call.method = Method::PUT),
        print(&|call| call.uri = Uri::from_static("/refunds?a=1")),
        print(&|call| call.uri = Uri::from_static("/payments?a=2")),
        print(&|call| drop(call.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain")))),
        print(&|call| call.body = Bytes::from_static(b"{ }")),
        // Cut elsewhere: the same bytes in a row, in other fields.
        print(&|call| call.uri = Uri::from_static("/payments?a=1{}")),
    ];
    for (at, one) in prints.iter().enumerate() {
        assert!(!prints[at + 1..].contains(one), "{at}");
    }
    assert_eq!(prints[0], print(&|call| drop(call.headers.insert("x-other", HeaderValue::from_static("1")))));
}

#[test]
fn the_body_is_needed_only_where_there_is_a_key() {
    let call = Call::new(Method::POST);
    assert!(!global().needs_body(&call.method, &call.headers));
    let call = call.with_key(b"k");
    assert!(global().needs_body(&call.method, &call.headers));
    assert_eq!(global().policy(), Policy::api());
}
