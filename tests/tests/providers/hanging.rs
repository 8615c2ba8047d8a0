//! A source of secrets, or a provider, that never answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Method, Uri};
use idempotency_core::endpoint::{Arrival, Endpoint, Head};
use idempotency_core::provider::{
    Incoming, Provider, Providers, Received, Rejection, Secret, SecretSource, Secrets, Stripe,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Policy, RecordedResponse, testing};
use tokio::time::{Instant, timeout};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECOND: Duration = Duration::from_secs(1);

struct Hanging;

#[async_trait::async_trait]
impl SecretSource for Hanging {
    async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        std::future::pending().await
    }
}

/// A sender whose requests are verified by a call that hangs.
#[derive(Debug)]
struct HangingSender;

#[async_trait::async_trait]
impl Provider for HangingSender {
    fn name(&self) -> &str {
        "hanging"
    }

    async fn receive(&self, _: &Incoming<'_>) -> Result<Received, Rejection> {
        std::future::pending().await
    }
}

fn stripe() -> Stripe {
    Stripe::from_secrets(Secrets::from_source(Hanging))
}

/// The answer to a delivery at a path, and how long it took.
async fn answer(endpoint: Endpoint, path: &'static str) -> (RecordedResponse, Duration) {
    let body = Bytes::from_static(br#"{"id":"evt_1","type":"customer.updated"}"#);
    let (uri, headers) = (Uri::from_static(path), testing::stripe("whsec_a", &body, NOW));
    let extensions = Extensions::new();
    let endpoint = endpoint.with_insecure_verification_time(NOW);
    let head = Head { method: &Method::POST, uri: &uri, headers: &headers, extensions: &extensions };
    let began = Instant::now();
    let endpoint = endpoint.of_path(path);
    let received = endpoint.receive(&head, &body);
    match timeout(3600 * SECOND, received).await.expect("the request is held for an hour") {
        Arrival::Answer(answer) => (answer, began.elapsed()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_verification_hangs_comes_again() {
    let registry = || Providers::new("/{provider}/{tenant}").unwrap().with_provider(stripe()).unwrap();
    let patient = |policy: Policy| policy.with_verification_timeout(7 * SECOND);
    let store = MemoryStore::new;
    for (endpoint, path, limit) in [
        (Endpoint::new(store(), stripe()), "/hook", 2 * SECOND),
        (Endpoint::new(store(), HangingSender), "/hook", 2 * SECOND),
        (Endpoint::new(store(), registry()), "/stripe/acme", 2 * SECOND),
        (Endpoint::new(store(), stripe()).map_policy(patient), "/hook", 7 * SECOND),
        (
            Endpoint::new(store(), registry().map_policy_of("stripe", patient).unwrap()),
            "/stripe/acme",
            7 * SECOND,
        ),
    ] {
        let (answer, took) = answer(endpoint, path).await;
        assert_eq!((answer.status.as_u16(), took), (503, limit), "{path}");
        assert_eq!(answer.headers["retry-after"], "5");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem["status"], 503, "{problem}");
    }
}
