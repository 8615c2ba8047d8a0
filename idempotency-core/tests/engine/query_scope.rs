//! Scopes that contain the query.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, StatusCode, Uri};
use idempotency_core::endpoint::{Arrival, Endpoint, Executed, Head, Reply};
use idempotency_core::engine::{Observation, Observer};
use idempotency_core::provider::{self, Received};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Filter, Page};
use idempotency_core::{Delivery, Idempotency, Key, Policy, Verified};

/// Every observation, as text.
#[derive(Clone, Debug, Default)]
struct Texts(Arc<Mutex<Vec<String>>>);

impl Observer for Texts {
    fn observe(&self, observation: &Observation<'_>) {
        self.0.lock().unwrap().push(format!("{observation:?}"));
    }
}

struct Empty;

impl Reply for Empty {
    fn status(&self) -> StatusCode {
        StatusCode::OK
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        Cow::Owned(HeaderMap::new())
    }

    fn body_size(&self) -> Option<u64> {
        Some(0)
    }

    fn is_marked_unrecorded(&self) -> bool {
        false
    }

    async fn buffer(&mut self, _limit: usize) -> Option<Bytes> {
        Some(Bytes::new())
    }

    async fn peek(&mut self, _limit: usize) -> bool {
        true
    }
}

async fn received(endpoint: &Endpoint, uri: &'static str) -> Delivery {
    let (method, uri) = (Method::POST, Uri::from_static(uri));
    let (headers, extensions) = (HeaderMap::new(), Extensions::new());
    let head = Head { method: &method, uri: &uri, headers: &headers, extensions: &extensions };
    let Arrival::Delivery(delivery) = endpoint.receive(&head, &Bytes::new()).await else {
        panic!("expected a delivery")
    };
    delivery
}

/// An endpoint whose requests all have the same key.
fn endpoint(observer: impl Observer) -> Endpoint {
    let provider = provider::from_fn("tests", |incoming| {
        let proof = Verified::by_other_means(incoming.body);
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new("k")?)))
    });
    let engine = Idempotency::new(MemoryStore::new()).with_observer(observer);
    Endpoint::on_engine(&engine, provider).with_query_in_scope()
}

async fn is_new(endpoint: &Endpoint, uri: &'static str) -> bool {
    let delivery = received(endpoint, uri).await;
    let handler = |(), _| ready(Ok::<_, Infallible>(Empty));
    let executed = endpoint.execute(delivery, ready(Ok(())), handler).await.unwrap();
    matches!(executed, Executed::Passed(..))
}

#[tokio::test]
async fn two_queries_are_two_scopes() {
    let endpoint = endpoint(Texts::default());
    for uri in ["/hook", "/hook?version=1", "/hook?version=2"] {
        assert!(is_new(&endpoint, uri).await, "{uri}");
        assert!(!is_new(&endpoint, uri).await, "{uri} again");
    }
}

#[tokio::test]
async fn a_tenant_named_like_a_querys_digest_has_another_scope() {
    const SHA_256: &str = "8f0ba73c3ff55ba72d45fe07a62681570ffc4bbe4e5a21ad7b2cbb1072173983";
    let endpoint = endpoint(Texts::default());
    let with_query = received(&endpoint, "/hook?version=2").await;
    let without_query = received(&endpoint, "/hook").await;
    assert_ne!(*with_query.scope(), without_query.scope().clone().with_tenant(SHA_256));
}

#[tokio::test]
async fn no_text_contains_the_query() {
    for policy in [Policy::webhook(), Policy::webhook().without_key_text()] {
        let texts = Texts::default();
        let endpoint = endpoint(texts.clone()).with_policy(policy);
        let delivery = received(&endpoint, "/hook?version=2&token=s3cret").await;
        let mut shown = format!("{} {:?} {delivery:?}", delivery.scope(), delivery.scope());
        assert!(is_new(&endpoint, "/hook?version=2&token=s3cret").await);
        let listed = endpoint.engine().store().list(&Filter::all(), &Page::first(10)).await.unwrap();
        assert_eq!(listed.records.len(), 1);
        shown.push_str(&format!("{listed:?} {:?}", texts.0.lock().unwrap()));
        for part in ["version", "token", "s3cret"] {
            assert!(!shown.contains(part), "{part} in {shown}");
        }
        assert!(shown.contains("tests /hook"), "{shown}");
    }
}
