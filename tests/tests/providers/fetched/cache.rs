//! The cache of public keys: how long it uses them, what it asks, and its answer when it does not know.

use std::error::Error as _;

use futures_util::future::join_all;
use idempotency_core::clock::TokioClock;
use idempotency_core::provider::CachedKeys;
use serde_json::json;

use super::certificates::{PAYPAL_NAME, PAYPAL_URL, WEBHOOK_ID, transmission};
use super::signer::{P256, Rsa, certificate, sha256};
use super::source::{Answer, Source};
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const GOOGLE: &str = "https://www.googleapis.com/oauth2/v3/certs";

/// A request of Plaid that names a key.
fn plaid(key: &P256, id: &str) -> Request {
    let claims = json!({"iat": NOW.as_secs(), "request_body_sha256": sha256(b"{}")});
    Request::new(Default::default(), "{}", NOW).with("plaid-verification", &key.token(id, &claims))
}

/// Plaid's answer to the question for a key.
fn document(key: &P256, id: &str) -> Answer {
    Answer::Document(json!({"key": key.jwk(id), "request_id": "r"}).to_string())
}

/// A request of Google that names a key.
fn google(key: &Rsa, id: &str) -> Request {
    let now = NOW.as_secs();
    let claims = json!({
        "iss": "accounts.google.com", "aud": "a", "email": "e", "email_verified": true, "iat": now, "exp": now + 3600,
    });
    let token = format!("Bearer {}", key.token(id, &claims));
    Request::new(Default::default(), r#"{"message":{"messageId":"1"}}"#, NOW).with("authorization", &token)
}

fn pubsub(keys: CachedKeys) -> GooglePubSub {
    GooglePubSub::new("a", "e", keys).unwrap()
}

#[tokio::test]
async fn a_key_is_fetched_once_until_it_is_too_old() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", document(&key, "a"));
    let (cached, clock) = source.cached();
    let provider = Plaid::new(cached);
    for _ in 0..3 {
        assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    }
    assert_eq!(source.asked(), ["a"]);
    clock.advance(3_600 * SECOND - Duration::from_nanos(1));
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    assert!(source.asked().is_empty());
    clock.advance(Duration::from_nanos(1));
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    assert_eq!(source.asked(), ["a"]);
}

#[tokio::test]
async fn a_key_that_is_withdrawn_at_the_source_is_refused_when_it_is_too_old() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", document(&key, "a"));
    let (cached, clock) = source.cached();
    let provider = Plaid::new(cached.with_max_age(60 * SECOND));
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    source.set("a", document(&P256::new(), "a"));
    clock.advance(60 * SECOND);
    assert_eq!(refused(receive(&provider, &plaid(&key, "a")).await), RejectionKind::Unauthenticated);
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_401_and_is_not_asked_again_within_the_interval() {
    let (key, source) = (P256::new(), Source::new());
    let (cached, clock) = source.cached();
    let provider = Plaid::new(cached);
    for _ in 0..3 {
        assert_eq!(refused(receive(&provider, &plaid(&key, "a")).await), RejectionKind::Unauthenticated);
    }
    assert_eq!(source.asked(), ["a"]);
    clock.advance(10 * SECOND - Duration::from_nanos(1));
    assert_eq!(refused(receive(&provider, &plaid(&key, "a")).await), RejectionKind::Unauthenticated);
    assert!(source.asked().is_empty());
    source.set("a", document(&key, "a"));
    clock.advance(Duration::from_nanos(1));
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    assert_eq!(source.asked(), ["a"]);
}

#[tokio::test]
async fn a_source_that_fails_is_503_and_is_not_asked_again_within_the_interval() {
    let key = P256::new();
    let junk = |text: &str| Answer::Document(text.to_owned());
    for failure in [
        Answer::Down,
        Answer::Unauthenticated,
        Answer::Panic,
        junk("<html>Log in to the network</html>"),
        junk(""),
        junk("{}"),
        junk(r#"{"keys":[]}"#),
        junk(r#"{"keys":[{"kty":"oct","k":"AA","kid":"a"}]}"#),
    ] {
        let source = Source::new();
        source.set("a", failure);
        let (cached, clock) = source.cached();
        let provider = Plaid::new(cached.with_min_interval(4 * SECOND));
        for _ in 0..3 {
            assert_eq!(refused(receive(&provider, &plaid(&key, "a")).await), RejectionKind::Unavailable);
        }
        assert_eq!(source.asked(), ["a"]);
        source.set("a", document(&key, "a"));
        clock.advance(4 * SECOND);
        assert!(receive(&provider, &plaid(&key, "a")).await.is_ok(), "it recovers");
        assert_eq!(source.asked(), ["a"]);
    }
}

#[tokio::test]
async fn a_failure_is_logged_with_its_cause() {
    let source = Source::new();
    source.set("a", Answer::Down);
    let provider = Plaid::new(source.cached().0);
    let rejection = receive(&provider, &plaid(&P256::new(), "a")).await.unwrap_err();
    let cause = rejection.source().unwrap().to_string();
    assert_eq!(cause, "the source is out of reach");
}

#[tokio::test]
async fn known_keys_are_used_while_the_source_is_down_and_only_until_they_are_too_old() {
    let (key, source) = (Rsa::new(), Source::new());
    source.set(GOOGLE, Answer::Document(json!({"keys": [key.jwk("a")]}).to_string()));
    let (cached, clock) = source.cached();
    let provider = pubsub(cached);
    assert!(receive(&provider, &google(&key, "a")).await.is_ok());
    source.set(GOOGLE, Answer::Down);
    clock.advance(11 * SECOND);
    assert_eq!(
        refused(receive(&provider, &google(&key, "b")).await),
        RejectionKind::Unavailable,
        "not known"
    );
    assert!(receive(&provider, &google(&key, "a")).await.is_ok());
    clock.advance(3_600 * SECOND);
    assert_eq!(refused(receive(&provider, &google(&key, "a")).await), RejectionKind::Unavailable);
}

#[tokio::test]
async fn forged_key_ids_cause_one_fetch_of_a_set_in_each_interval() {
    let (key, source) = (Rsa::new(), Source::new());
    source.set(GOOGLE, Answer::Document(json!({"keys": [key.jwk("a")]}).to_string()));
    let (cached, clock) = source.cached();
    let provider = pubsub(cached);
    for round in 0..3 {
        for number in 0..50 {
            let forged = google(&key, &format!("forged-{round}-{number}"));
            assert_eq!(refused(receive(&provider, &forged).await), RejectionKind::Unauthenticated);
            assert!(receive(&provider, &google(&key, "a")).await.is_ok());
        }
        assert_eq!(source.asked(), [GOOGLE]);
        clock.advance(10 * SECOND);
    }
    // A new key is known after one interval at the latest.
    source.set(GOOGLE, Answer::Document(json!({"keys": [key.jwk("a"), key.jwk("b")]}).to_string()));
    assert!(receive(&provider, &google(&key, "b")).await.is_ok());
}

#[tokio::test]
async fn forged_addresses_cause_a_few_fetches_and_disturb_no_known_key() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", document(&key, "a"));
    let (cached, clock) = source.cached();
    let provider = Plaid::new(cached);
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    clock.advance(3_600 * SECOND);
    source.asked();
    let mut kinds = Vec::new();
    for number in 0..1_000 {
        kinds.push(refused(receive(&provider, &plaid(&key, &format!("forged-{number}"))).await));
    }
    assert_eq!(source.asked().len(), 16);
    let unknown = kinds.iter().filter(|kind| **kind == RejectionKind::Unauthenticated).count();
    let not_asked = kinds.iter().filter(|kind| **kind == RejectionKind::Unavailable).count();
    assert_eq!((unknown, not_asked), (16, 984), "what was not asked may be genuine, so it comes again");
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok(), "a known address is asked again in a flood");
    assert_eq!(source.asked(), ["a"]);
    clock.advance(10 * SECOND);
    source.set("b", document(&key, "b"));
    assert!(receive(&provider, &plaid(&key, "b")).await.is_ok());
}

#[tokio::test]
async fn requests_for_one_key_wait_for_one_fetch() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", document(&key, "a"));
    let (cached, _) = source.cached();
    let provider = Plaid::new(cached);
    let request = plaid(&key, "a");
    let received = join_all((0..100).map(|_| receive(&provider, &request))).await;
    assert!(received.iter().all(Result::is_ok));
    assert_eq!(source.asked(), ["a"]);
}

#[tokio::test]
async fn a_sender_that_hangs_up_does_not_end_the_fetch() {
    let (key, mut source) = (P256::new(), Source::new());
    source.permits = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    source.set("a", document(&key, "a"));
    let (cached, _) = source.cached();
    let provider = Plaid::new(cached);
    let request = plaid(&key, "a");
    {
        let mut first = std::pin::pin!(receive(&provider, &request));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        // Dropped here.
    }
    tokio::task::yield_now().await;
    source.permits.add_permits(1);
    assert!(receive(&provider, &request).await.is_ok());
    assert_eq!(source.asked(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_503_at_the_time_limit_for_all_that_wait() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", Answer::Hang);
    let provider = Plaid::new(CachedKeys::new(source.clone(), TokioClock::new()).with_timeout(3 * SECOND));
    let request = plaid(&key, "a");
    let start = tokio::time::Instant::now();
    let received = join_all((0..10).map(|_| receive(&provider, &request))).await;
    assert!(received.into_iter().all(|received| refused(received) == RejectionKind::Unavailable));
    assert_eq!(start.elapsed().as_secs(), 3);
    // Within the interval, a further request does not wait again.
    assert_eq!(refused(receive(&provider, &request).await), RejectionKind::Unavailable);
    assert_eq!((start.elapsed().as_secs(), source.asked().len()), (3, 1));
}

#[tokio::test]
async fn the_oldest_keys_make_room_for_new_ones() {
    let (key, source) = (P256::new(), Source::new());
    for id in ["a", "b", "c"] {
        source.set(id, document(&key, id));
    }
    let (cached, clock) = source.cached();
    let provider = Plaid::new(cached.with_capacity(2));
    for id in ["a", "b", "c", "c", "b"] {
        assert!(receive(&provider, &plaid(&key, id)).await.is_ok());
        clock.advance(SECOND);
    }
    assert_eq!(source.asked(), ["a", "b", "c"]);
    assert!(
        receive(&provider, &plaid(&key, "a")).await.is_ok(),
        "it is fetched again, even within the interval"
    );
    assert_eq!(source.asked(), ["a"]);
    let provider = Plaid::new(source.cached().0.with_capacity(0));
    for _ in 0..2 {
        assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    }
    assert_eq!(source.asked(), ["a", "a"]);
}

#[tokio::test]
async fn debug_shows_settings_and_counts_only() {
    let (key, source) = (P256::new(), Source::new());
    source.set("a", document(&key, "a"));
    let provider = Plaid::new(source.cached().0);
    assert!(receive(&provider, &plaid(&key, "a")).await.is_ok());
    let shown = format!("{provider:?}");
    assert!(shown.contains("addresses: 1") && shown.contains("max_age: 3600s"), "{shown}");
}

#[test]
fn outside_of_a_runtime_a_request_is_503() {
    let source = Source::new();
    let provider = Plaid::new(source.cached().0);
    assert_eq!(refused(plaid(&P256::new(), "a").received_by(&provider)), RejectionKind::Unavailable);
}

/// A client without any secret names sixteen certificates that do not exist in each interval, such as after a restart.
#[tokio::test]
async fn forged_addresses_keep_no_address_out_that_is_known_beforehand() {
    for is_named in [true, false] {
        let source = Source::holding(PAYPAL_URL, certificate(PAYPAL_NAME, None, -1, 1));
        let (mut cached, _) = source.cached();
        if is_named {
            cached = cached.with_known(PAYPAL_URL);
        }
        let paypal = PayPal::new(WEBHOOK_ID, cached).unwrap();
        let genuine = transmission(&Rsa::new(), "t", r#"{"id":"WH-1"}"#);
        for number in 0..16 {
            let forged = genuine.clone().with("paypal-cert-url", &format!("{PAYPAL_URL}-{number}"));
            assert_eq!(refused(receive(&paypal, &forged).await), RejectionKind::Unauthenticated);
        }
        let another = genuine.clone().with("paypal-cert-url", &format!("{PAYPAL_URL}-16"));
        assert_eq!(refused(receive(&paypal, &another).await), RejectionKind::Unavailable);
        match is_named {
            true => assert!(receive(&paypal, &genuine).await.is_ok()),
            false => assert_eq!(refused(receive(&paypal, &genuine).await), RejectionKind::Unavailable),
        }
        assert_eq!(source.asked().len(), 16 + usize::from(is_named));
    }
}
