//! A vault that takes longer than the verification timeout, behind the cache that is made for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Method, Uri};
use idempotency_core::clock::TokioClock;
use idempotency_core::endpoint::{Arrival, Endpoint, Head};
use idempotency_core::provider::{CachedSecrets, Incoming, Rejection, Secret, SecretSource, Secrets, Stripe};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::testing;

const NOW: Duration = Duration::from_secs(1_767_225_600);

struct Vault;

#[async_trait::async_trait]
impl SecretSource for Vault {
    async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        Ok(Arc::from([Secret::new("whsec_a").unwrap()]))
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_of_a_vault_serves_a_later_delivery() {
    let cached = CachedSecrets::new(Vault, TokioClock::new());
    let endpoint = Endpoint::new(MemoryStore::new(), Stripe::from_secrets(Secrets::from_source(cached)));
    let endpoint = endpoint.with_insecure_verification_time(NOW).of_path("/hook");
    let body = Bytes::from_static(br#"{"id":"evt_1","type":"customer.updated"}"#);
    let (uri, headers) = (Uri::from_static("/hook"), testing::stripe("whsec_a", &body, NOW));
    let extensions = Extensions::new();
    let head = Head { method: &Method::POST, uri: &uri, headers: &headers, extensions: &extensions };
    let mut statuses = Vec::new();
    for _ in 0..20 {
        match endpoint.receive(&head, &body).await {
            Arrival::Delivery(_) => return,
            Arrival::Answer(answer) => statuses.push(answer.status.as_u16()),
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    panic!("{statuses:?}");
}
