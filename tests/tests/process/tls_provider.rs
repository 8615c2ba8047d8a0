//! The program chooses the cryptography provider of its process.

use idempotency_core::StoreErrorKind;
use idempotency_core::store::Store as _;
use idempotency_core::store::redis::RedisStore;
use idempotency_tests::redis_case::{NAMESPACE, claim};
use rustls::crypto::{CryptoProvider, ring};

#[tokio::test]
async fn a_provider_that_is_chosen_before_the_first_connection_stays() {
    let address = "rediss://127.0.0.1:1/";
    let store = RedisStore::new(address, NAMESPACE).unwrap();
    let others = [
        RedisStore::cluster([address], NAMESPACE).unwrap(),
        RedisStore::sentinel([address], "master", NAMESPACE).unwrap(),
    ];
    assert!(CryptoProvider::get_default().is_none(), "nothing has connected");

    let mut chosen = ring::default_provider();
    chosen.cipher_suites.truncate(1);
    chosen.install_default().unwrap();
    for store in others.iter().chain([&store]) {
        let error = store.claim(&claim("k", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    assert_eq!(CryptoProvider::get_default().unwrap().cipher_suites.len(), 1);
}
