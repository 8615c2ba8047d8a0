//! The `Idempotency-Key` of API clients, after draft-ietf-httpapi-idempotency-key-header-07.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use idempotency_core::provider::{
    Equality, IdempotencyKey, Incoming, Provider, Received, Rejection, RejectionKind,
};
use idempotency_core::{Delivery, Fingerprint, KeyDigest, Namespace, Policy, Scope, ScopedKey};

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

fn digest(delivery: &Delivery) -> KeyDigest {
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
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
        assert_eq!(Call::new(method).with_key(b"k").delivery(&global()).key().as_str(), "k");
    }
    let on_put = global().requiring_on([Method::PUT]);
    assert_eq!(Call::new(Method::PUT).refusal(&on_put), RejectionKind::KeyMissing);
    assert!(matches!(Call::new(Method::POST).received_by(&on_put), Ok(Received::Bypass)));
}

#[test]
fn a_string_and_a_bare_value_are_one_key() {
    let bare = Call::new(Method::POST).with_key(b"8e03978e-40d5").delivery(&global());
    let string = Call::new(Method::POST).with_key(b"\"8e03978e-40d5\"").delivery(&global());
    assert_eq!(digest(&bare), digest(&string));
}

#[test]
fn another_key_with_the_same_body_is_another_intent() {
    let [a, b] = [&b"a"[..], b"b"].map(|key| Call::new(Method::POST).with_key(key).delivery(&global()));
    assert_ne!(digest(&a), digest(&b));
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
fn two_principals_with_one_key_do_not_collide() {
    let provider = IdempotencyKey::per_header_principal(AUTHORIZATION);
    let alice = Call::new(Method::POST).with_key(b"k");
    let mut bob = Call::new(Method::POST).with_key(b"k");
    bob.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer bob"));
    let digests = [&alice, &bob].map(|call| digest(&call.delivery(&provider)));
    assert_ne!(digests[0], digests[1]);
    assert_eq!(digests[0], digest(&alice.delivery(&provider)));
    let digests = [&alice, &bob].map(|call| digest(&call.delivery(&global())));
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
    assert_eq!(call.refusal(&provider), RejectionKind::Unauthenticated, "the principal is checked first");
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
    let alice = digest(&call.delivery(&provider));
    call.extensions.insert(User("bob"));
    assert_ne!(alice, digest(&call.delivery(&provider)));
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
        // The same sequence of bytes, split into other fields.
        print(&|call| call.uri = Uri::from_static("/payments?a=1{}")),
    ];
    for (at, one) in prints.iter().enumerate() {
        assert!(!prints[at + 1..].contains(one), "{at}");
    }
    assert_eq!(prints[0], print(&|call| drop(call.headers.insert("x-other", HeaderValue::from_static("1")))));
}

/// The fingerprint of a POST with this content type and body.
fn print_of(
    provider: &IdempotencyKey,
    content_type: &'static str,
    body: &'static str,
) -> Option<Fingerprint> {
    let mut call = Call::new(Method::POST).with_key(b"k");
    call.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    call.body = Bytes::from_static(body.as_bytes());
    call.delivery(provider).fingerprint()
}

#[test]
fn conditional_headers_and_the_representation_are_compared_by_default() {
    let print = |name: &'static str| {
        let mut call = Call::new(Method::POST).with_key(b"k");
        call.headers.append(name, HeaderValue::from_static("x"));
        call.delivery(&global()).fingerprint().unwrap()
    };
    let plain = print("x-other");
    for name in [
        "accept",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "if-unmodified-since",
        "range",
        "if-range",
        "content-range",
        "content-encoding",
    ] {
        assert_ne!(print(name), plain, "{name}");
    }
    for name in ["accept-language", "prefer", "user-agent", "traceparent"] {
        assert_eq!(print(name), plain, "{name}");
    }
}

#[test]
fn each_value_of_a_scoping_header_has_its_own_keys() {
    let provider = global().scoped_by_header("x-account").scoped_by_header("x-store");
    let digest = |headers: &[(&'static str, &'static str)]| {
        let mut call = Call::new(Method::POST).with_key(b"k");
        for (name, value) in headers {
            call.headers.append(*name, HeaderValue::from_static(value));
        }
        digest(&call.delivery(&provider))
    };
    let digests = [
        digest(&[]),
        digest(&[("x-account", "a")]),
        digest(&[("x-store", "a")]),
        digest(&[("x-account", "a"), ("x-store", "a")]),
    ];
    for (at, one) in digests.iter().enumerate() {
        assert!(!digests[at + 1..].contains(one), "{at}");
    }
    let mut twice = Call::new(Method::POST).with_key(b"k");
    for value in ["a", "b"] {
        twice.headers.append("x-account", HeaderValue::from_static(value));
    }
    assert_eq!(twice.refusal(&provider), RejectionKind::Malformed);
    twice.headers.insert("x-account", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(twice.refusal(&provider), RejectionKind::Malformed);
}

#[test]
fn json_is_compared_by_meaning_where_it_is_json_and_by_bytes_elsewhere() {
    let provider = global().with_equality(Equality::json());
    let print = |content_type, body| print_of(&provider, content_type, body).unwrap();
    for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
        assert_eq!(print(content_type, r#"{"a":1,"b":2}"#), print(content_type, r#"{ "b": 2.0, "a": 1 }"#));
        assert_ne!(print(content_type, r#"{"a":1}"#), print(content_type, r#"{"a":2}"#));
    }
    assert_eq!(print("application/json", "{}"), print("application/json;charset=utf-8", "{ }"));
    assert_ne!(print("application/json", "{}"), print("application/vnd.api+json", "{}"));
    assert_ne!(print("text/plain", "{}"), print("text/plain", "{ }"));
    for twice in [r#"{"a":1,"a":2}"#, "[9007199254740993]", "no json"] {
        assert_eq!(print("application/json", twice), print("application/json", twice));
        let spaced: &'static str = Box::leak(format!("{twice} ").into_boxed_str());
        assert_ne!(print("application/json", twice), print("application/json", spaced), "{twice}");
    }
    let mut encoded = Call::new(Method::POST).with_key(b"k");
    encoded.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    encoded.headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let one = encoded.delivery(&provider).fingerprint();
    encoded.body = Bytes::from_static(b"{ }");
    assert_ne!(encoded.delivery(&provider).fingerprint(), one);
}

#[test]
fn a_form_is_compared_without_its_boundary() {
    let provider = global().with_equality(Equality::multipart());
    let print = |content_type, body| print_of(&provider, content_type, body).unwrap();
    let one = print("multipart/form-data; boundary=x", "--x\r\nA: 1\r\n\r\nv\r\n--x--\r\n");
    let other = "--y\"\r\nA: 1\r\n\r\nv\r\n--y\"--\r\n";
    assert_eq!(print("multipart/form-data; boundary=yy", &other.replace("y\"", "yy").leak()[..]), one);
    assert_ne!(print("multipart/form-data; boundary=x", "--x\r\nA: 1\r\n\r\nw\r\n--x--\r\n"), one);
    assert_ne!(print("text/plain", "a"), print("text/plain", "b"));
}

#[test]
fn the_fingerprint_may_be_absent_or_made_by_a_closure() {
    let nothing = global().with_equality(Equality::nothing());
    assert_eq!(print_of(&nothing, "text/plain", "a"), None);
    let first_byte = Equality::by(|incoming| Some(Fingerprint::of(incoming.body.get(..1)?)));
    let by = global().with_equality(first_byte);
    assert_eq!(print_of(&by, "text/plain", "ab"), print_of(&by, "text/html", "ac"));
    assert_ne!(print_of(&by, "text/plain", "ab"), print_of(&by, "text/plain", "bb"));
    assert_eq!(print_of(&by, "text/plain", ""), None);
}

#[test]
fn the_key_may_be_in_another_header() {
    let provider = global().with_header("X-Request-Id");
    let mut call = Call::new(Method::POST).with_key(b"k");
    assert_eq!(call.refusal(&provider), RejectionKind::KeyMissing);
    assert!(!provider.needs_body(&call.method, &call.headers));
    call.headers.insert("x-request-id", HeaderValue::from_static("id-1"));
    assert_eq!(call.delivery(&provider).key().as_str(), "id-1");
    assert!(provider.needs_body(&call.method, &call.headers));
}

#[test]
fn the_body_is_needed_only_with_a_key() {
    let call = Call::new(Method::POST);
    assert!(!global().needs_body(&call.method, &call.headers));
    let call = call.with_key(b"k");
    assert!(global().needs_body(&call.method, &call.headers));
    assert_eq!(global().policy(), Policy::api());
}
