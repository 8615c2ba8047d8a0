//! Concurrent requests of a tenant whose secrets are not in the cache: they are one question to the source.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use idempotency_core::provider::{CachedSecrets, RejectionKind};
use tokio::sync::Barrier;

use super::cached_secrets::{SECOND, Vault, ask, cached, secret};

type Answer = Result<Vec<String>, RejectionKind>;

/// Requests of one tenant that wait for the source.
fn waiting(cached: &CachedSecrets, count: usize) -> Vec<BoxFuture<'_, Answer>> {
    let mut asking: Vec<_> = (0..count).map(|_| ask(cached, "stripe", "acme").boxed()).collect();
    for request in &mut asking {
        assert_eq!(request.now_or_never(), None, "it waits for the vault");
    }
    asking
}

fn under_way(cached: &CachedSecrets, count: usize) -> bool {
    format!("{cached:?}").contains(&format!("questions: {count}"))
}

/// Waits until no more than `count` questions are under way.
async fn answered(cached: &CachedSecrets, count: usize) {
    while !under_way(cached, count) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn concurrent_requests_of_a_tenant_ask_once() {
    let vault = Vault::knowing(["acme", "globex"]);
    let (cached, _) = cached(&vault);
    let (open, open_other) = (vault.gate(), vault.gate());
    let asking = waiting(&cached, 3);
    let mut other = std::pin::pin!(ask(&cached, "stripe", "globex"));
    assert_eq!(other.as_mut().now_or_never(), None);
    open_other.send(()).unwrap();
    assert_eq!(other.await, secret("whsec_a"));
    open.send(()).unwrap();
    assert_eq!(join_all(asking).await, vec![secret("whsec_a"); 3]);
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/globex"]);
    assert!(under_way(&cached, 0), "{cached:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_on_several_threads_ask_once() {
    for _ in 0..50 {
        let vault = Vault::knowing(["acme"]);
        let cached = Arc::new(cached(&vault).0);
        let start = Arc::new(Barrier::new(8));
        let asking = (0..8).map(|_| {
            let (cached, start) = (cached.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                ask(&cached, "stripe", "acme").await
            })
        });
        for answer in join_all(asking).await {
            assert_eq!(answer.unwrap(), secret("whsec_a"));
        }
        assert_eq!(vault.asked(), ["stripe/acme"]);
    }
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_take_the_others_answer_along() {
    let vault = Vault::knowing(["acme"]);
    let (cached, _) = cached(&vault);
    let open = vault.gate();
    let mut asking = waiting(&cached, 3);
    drop(asking.remove(0));
    open.send(()).unwrap();
    assert_eq!(join_all(asking).await, vec![secret("whsec_a"); 2]);
    assert_eq!(vault.asked(), ["stripe/acme"]);
}

#[tokio::test]
async fn a_question_goes_on_without_the_requests_that_asked_it_and_serves_a_later_one() {
    let vault = Vault::knowing(["acme"]);
    let (cached, _) = cached(&vault);
    let open = vault.gate();
    drop(waiting(&cached, 2));
    assert!(!open.is_closed() && under_way(&cached, 1), "{cached:?}");
    open.send(()).unwrap();
    answered(&cached, 0).await;
    assert_eq!(ask(&cached, "stripe", "acme").now_or_never(), Some(secret("whsec_a")));
    assert_eq!(vault.asked(), ["stripe/acme"]);
}

/// Otherwise a source that takes longer than a second would never be known while requests keep coming.
#[tokio::test]
async fn a_slow_answer_serves_later_requests_while_a_later_question_is_under_way() {
    let vault = Vault::knowing(["acme"]);
    let (cached, clock) = cached(&vault);
    let (first, _second) = (vault.gate(), vault.gate());
    drop(waiting(&cached, 1));
    clock.advance(SECOND);
    drop(waiting(&cached, 1));
    assert!(under_way(&cached, 2), "{cached:?}");
    first.send(()).unwrap();
    answered(&cached, 1).await;
    assert_eq!(ask(&cached, "stripe", "acme").now_or_never(), Some(secret("whsec_a")));
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/acme"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_hangs_is_given_up_after_half_a_minute() {
    let vault = Vault::knowing(["acme"]);
    let (cached, _) = cached(&vault);
    let mut open = vault.gate();
    let asked = tokio::time::Instant::now();
    drop(waiting(&cached, 1));
    open.closed().await;
    assert_eq!(asked.elapsed(), 30 * SECOND);
    assert!(under_way(&cached, 0), "{cached:?}");
}

#[test]
fn without_a_runtime_a_question_ends_with_the_last_request_that_waits_for_it() {
    let vault = Vault::knowing(["acme"]);
    let (cached, _) = cached(&vault);
    let open = vault.gate();
    let asking = waiting(&cached, 2);
    assert!(under_way(&cached, 1), "{cached:?}");
    drop(asking);
    assert!(open.is_closed() && under_way(&cached, 0), "{cached:?}");
}

#[tokio::test]
async fn a_failure_is_told_to_all_who_wait_and_to_no_later_request() {
    for failure in ["down", "panic"] {
        let vault = Vault::knowing(["acme"]);
        let (cached, _) = cached(&vault);
        vault.set("acme", failure);
        let open = vault.gate();
        let asking = waiting(&cached, 3);
        open.send(()).unwrap();
        assert_eq!(join_all(asking).await, vec![Err(RejectionKind::Unavailable); 3]);
        assert_eq!(vault.asked(), ["stripe/acme"]);
        vault.set("acme", "whsec_b");
        assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"), "after {failure}");
    }
}

/// A 401 would make many senders give the delivery up.
#[tokio::test]
async fn a_tenant_that_was_added_before_a_request_is_known_to_it() {
    let vault = Vault::knowing([]);
    let (cached, _) = cached(&vault);
    let open = vault.gate();
    let mut first = std::pin::pin!(ask(&cached, "stripe", "acme"));
    assert_eq!(first.as_mut().now_or_never(), None);
    vault.set("acme", "whsec_a");
    let later = waiting(&cached, 3);
    open.send(()).unwrap();
    assert_eq!(first.await, Err(RejectionKind::Unauthenticated));
    assert_eq!(join_all(later).await, vec![secret("whsec_a"); 3]);
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/acme"]);
}

#[tokio::test]
async fn a_refusal_that_is_asked_for_again_is_one_question_too() {
    let vault = Vault::knowing([]);
    let (cached, _) = cached(&vault);
    let (first, second) = (vault.gate(), vault.gate());
    let mut asking = waiting(&cached, 5);
    first.send(()).unwrap();
    let refused = Err(RejectionKind::Unauthenticated);
    assert_eq!(asking.remove(0).await, refused, "it asked itself");
    for request in &mut asking {
        assert_eq!(request.now_or_never(), None, "it asks again");
    }
    second.send(()).unwrap();
    assert_eq!(join_all(asking).await, vec![refused; 4]);
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/acme"]);
}

#[tokio::test]
async fn a_question_that_hangs_holds_up_no_request_that_comes_a_second_later() {
    let vault = Vault::knowing(["acme"]);
    let (cached, clock) = cached(&vault);
    let _never = vault.gate();
    let _asking = waiting(&cached, 1);
    clock.advance(SECOND - std::time::Duration::from_nanos(1));
    let _joined = waiting(&cached, 1);
    clock.advance(std::time::Duration::from_nanos(1));
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"));
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/acme"]);
}

#[tokio::test]
async fn without_a_maximum_age_each_request_asks() {
    let vault = Vault::knowing(["acme"]);
    let cached = cached(&vault).0.with_max_age(std::time::Duration::ZERO);
    let _gates = [vault.gate(), vault.gate()];
    let _asking = waiting(&cached, 2);
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/acme"]);
}
