//! The table of answers, case by case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Owner, Store as _};
use idempotency_core::{Completing, OnExpired, Outcome, Policy};

use super::{PATIENCE, api, done, patient, webhook};
use crate::http::{Handler, Operation, Reply, Served, Site, TestSender, get, handler, head, post, request};

/// GET, HEAD, OPTIONS and TRACE of an API run the handler each time, without a store access.
pub async fn safe_methods_of_an_api_bypass(site: &Site) {
    let served = site.serve(api(), done()).await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::GET] {
        served.send(request(method, "/hook").key("k")).await.is(200, "bypassed");
    }
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (4, 0));
}

/// A webhook's handler is never reached by a GET with a body, or by any method that its sender does not use.
pub async fn a_method_that_is_not_the_webhook_senders_is_405(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    for method in [Method::GET, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = served.send(request(method, "/hook").key("k").body(r#"{"id":"forged"}"#)).await;
        let answer = answer.is(405, "").is_problem("method-not-allowed").is_retryable(false);
        assert_eq!(answer.all("allow"), ["POST"]);
    }
    let answer = served.send(head("/hook").key("k")).await.is(405, "").says("");
    assert_eq!(answer.all("allow"), ["POST"]);
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    served.send(post("/hook").key("k").body("{}")).await.is(200, "executed");
}

/// A handshake is answered without the handler, with and without a body.
pub async fn a_handshake_is_answered_without_the_handler(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    served.send(get("/hook?challenge=c-1")).await.is(200, "").says("c-1");
    served.send(head("/hook?challenge=c-1")).await.is(200, "").says("");
    served.send(post("/hook?challenge=c-2").body("{}")).await.is(200, "").says("c-2");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
}

/// 401, without a store access.
pub async fn a_wrong_signature_is_refused_before_any_store_access(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    for _ in 0..3 {
        let answer = served.send(post("/hook").key("k").header("x-signature", "wrong").body("{}")).await;
        answer.is(401, "").is_problem("unauthenticated");
    }
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    served.send(post("/hook").key("k").body("{}")).await.is(200, "executed");
}

/// 503 with `Retry-After`, and nothing is claimed.
pub async fn a_signature_that_cannot_be_checked_now_is_503(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    let answer = served.send(post("/hook").key("k").header("x-signature", "unknowable")).await;
    answer.is(503, "").is_problem("unavailable").retries_later();
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
}

/// 400 under both policies, with a link if one is configured.
pub async fn a_missing_key_is_400_with_a_link_to_the_documentation(site: &Site) {
    for (policy, links) in [
        (Policy::webhook(), vec![]),
        (Policy::api(), vec![]),
        (
            Policy::api().with_documentation("https://example.com/keys"),
            vec!["<https://example.com/keys>; rel=\"describedby\""],
        ),
    ] {
        let served = site.serve(TestSender::new(policy), done()).await;
        let answer = served.send(post("/hook").body("{}")).await.is(400, "").is_problem("key-missing");
        assert_eq!(answer.all("link"), links);
        assert_eq!(served.executions(), 0);
    }
}

/// Both problems link to the documentation that tells a client how to proceed.
pub async fn a_conflict_and_a_mismatch_link_to_the_documentation(site: &Site) {
    let link = "<https://example.com/keys>; rel=\"describedby\"";
    let policy = patient(Policy::api()).with_documentation("https://example.com/keys");
    let gate = super::gate();
    let served = site.serve(TestSender::new(policy).binding_body(), super::gated(&gate)).await;
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k").body("one")), async {
        served.executed(1).await;
        let conflict = served.send(post("/hook").key("k").body("one")).await;
        let conflict = conflict.is(409, "conflict").is_problem("in-flight").is_retryable(true);
        let mismatch = served.send(post("/hook").key("k").body("two")).await;
        let mismatch = mismatch.is(422, "mismatch").is_problem("mismatch").is_retryable(false);
        assert_eq!([conflict.all("link"), mismatch.all("link")], [[link], [link]]);
        gate.add_permits(1);
    });
    served.note(first.is(200, "executed"));
}

/// The handler runs each time, and the answer is marked as bypassed.
pub async fn a_request_without_a_key_passes_where_none_is_required(site: &Site) {
    let served = site.serve(api().optional(), done()).await;
    for _ in 0..2 {
        served.send(post("/hook").body("{}")).await.is(200, "bypassed").says("done");
    }
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (2, 0));
}

/// 400 for each, and nothing is claimed.
pub async fn malformed_repeated_and_over_long_keys_are_400(site: &Site) {
    for sender in [webhook(), api()] {
        let served = site.serve(sender, done()).await;
        let long = "k".repeat(256);
        for key in [&b""[..], b"caf\xe9", long.as_bytes(), b"a\tb"] {
            served.send(post("/hook").key(key)).await.is(400, "").is_problem("malformed");
        }
        served.send(post("/hook").key("a").key("a")).await.is(400, "").is_problem("malformed");
        assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
    }
    let served = site.serve(webhook(), done()).await;
    served.send(post("/hook").key("k".repeat(255))).await.is(200, "executed");
}

/// Every duplicate gets the same status, headers and body.
pub async fn a_duplicate_gets_the_recorded_answer(site: &Site) {
    for (key, sender) in [("webhook", webhook()), ("api", api())] {
        let answer = || Reply::new(201, "made").header("x-id", "7").header("content-type", "text/plain");
        let served = site.serve(sender, handler(move |_| std::future::ready(answer()))).await;
        let first = served.send(post("/hook").key(key).body("{}")).await.is(201, "executed").says("made");
        for _ in 0..3 {
            let mut again = served.send(post("/hook").key(key).body("{}")).await.is(201, "replayed");
            again.headers.retain(|(name, _)| name != "idempotent-replayed" && name != "date");
            let mut first = first.clone();
            first.headers.retain(|(name, _)| name != "date");
            let replayed = first.headers.iter_mut().find(|(name, _)| name == "idempotency-status");
            replayed.expect("it is marked").1 = b"replayed".to_vec();
            assert_eq!(again, first);
        }
        assert_eq!(served.executions(), 1);
    }
}

/// Every other answer passes and releases.
pub async fn only_2xx_completes_for_a_webhook(site: &Site) {
    completes(
        site,
        webhook(),
        &[200, 201, 202, 204, 299],
        &[302, 303, 400, 401, 403, 404, 408, 409, 410, 421, 422, 425, 429, 500, 502, 503, 504],
    )
    .await;
}

/// 2xx, 3xx and 4xx, save those that a retry may change.
pub async fn final_answers_complete_for_an_api(site: &Site) {
    completes(
        site,
        api(),
        &[200, 201, 204, 302, 303, 400, 402, 404, 410, 422, 424, 451],
        &[401, 403, 405, 406, 408, 409, 411, 412, 413, 415, 421, 423, 425, 428, 429, 431, 500, 502, 503, 504],
    )
    .await;
}

/// Stripe's v1 rule.
pub async fn every_answer_completes_where_errors_are_stored(site: &Site) {
    let sender = TestSender::new(patient(Policy::api()).recording_errors());
    completes(site, sender, &[200, 302, 401, 409, 429, 500, 503], &[]).await;
}

/// For example 410, for an event that no retry can save.
pub async fn answers_that_the_policy_names_complete_as_well(site: &Site) {
    let policy = Policy::webhook().with_completing(Completing::success().with([StatusCode::GONE]));
    let sender = TestSender::new(policy);
    completes(site, sender, &[200, 204, 410], &[302, 404, 500]).await;
}

async fn completes(site: &Site, sender: TestSender, completing: &[u16], releasing: &[u16]) {
    let (status, answer) = answering();
    let served = site.serve(sender, answer).await;
    for &code in completing {
        status.store(code, Ordering::SeqCst);
        let key = code.to_string();
        served.send(post("/hook").key(&key)).await.is(code, "executed");
        status.store(200, Ordering::SeqCst);
        served.send(post("/hook").key(&key)).await.is(code, "replayed");
    }
    assert_eq!(served.executions(), completing.len());
    for &code in releasing {
        status.store(code, Ordering::SeqCst);
        let key = code.to_string();
        served.send(post("/hook").key(&key)).await.is(code, "executed").says(&key);
        served.send(post("/hook").key(&key)).await.is(code, "executed");
        status.store(200, Ordering::SeqCst);
        served.send(post("/hook").key(&key)).await.is(200, "executed");
        served.send(post("/hook").key(&key)).await.is(200, "replayed");
    }
    assert_eq!(served.executions(), completing.len() + 3 * releasing.len());
}

/// A handler that answers with this status, which is also the body.
fn answering() -> (Arc<AtomicU16>, Handler) {
    let status = Arc::new(AtomicU16::new(200));
    let read = status.clone();
    let answer = handler(move |_| {
        let status = read.load(Ordering::SeqCst);
        let body = if status == 204 { String::new() } else { status.to_string() };
        std::future::ready(Reply::new(status, body))
    });
    (status, answer)
}

/// The answer is the same in every state, and reveals nothing of the record.
pub async fn another_fingerprint_is_422_and_leaks_nothing(site: &Site) {
    for (key, sender) in [("webhook", webhook()), ("api", api())] {
        let gate = super::gate();
        let served = site.serve(sender.binding_body(), super::gated(&gate)).await;
        let other = || post("/hook").key(key).body("other");
        let (first, in_flight) =
            tokio::join!(served.send_unnoted(post("/hook").key(key).body("one")), async {
                served.executed(1).await;
                let answer = served.send(other()).await;
                gate.add_permits(1);
                answer
            });
        served.note(first.is(200, "executed"));
        let in_flight = in_flight.is(422, "mismatch").is_problem("mismatch");
        let mut completed = served.send(other()).await.is(422, "mismatch").is_problem("mismatch");
        completed.headers.retain(|(name, _)| name != "date");
        let mut expected = in_flight.clone();
        expected.headers.retain(|(name, _)| name != "date");
        assert_eq!(completed.without_instance(), expected.without_instance());
        served.send(post("/hook").key(key).body("one")).await.is(200, "replayed");
        assert_eq!(served.executions(), 1);
    }
}

/// Equal versions are not stale, and other resources are not compared.
pub async fn an_older_order_is_200_and_not_executed(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    let event = |key: &str, order: &str| post("/hook").key(key).header("x-order", order);
    served.send(event("k1", "cus_1=20")).await.is(200, "executed");
    served.send(event("k2", "cus_1=19")).await.is(200, "stale").is_problem("stale");
    served.send(event("k3", "cus_1=20")).await.is(200, "executed");
    served.send(event("k4", "cus_2=1")).await.is(200, "executed");
    served.send(event("k5", "cus_1=21")).await.is(200, "executed");
    served.send(event("k1", "cus_1=20")).await.is(200, "replayed");
    assert_eq!(served.executions(), 4);
}

/// 503 for a webhook, 409 for an API.
pub async fn an_unreadable_outcome_is_in_doubt_and_never_free(site: &Site) {
    for (sender, key, status) in [(webhook(), "webhook", 503), (api(), "api", 409)] {
        let served = site.serve(sender, done()).await;
        let claim = claim_of(&served, key, Duration::from_secs(30));
        let Ok(Claimed::Granted(grant)) = site.store.claim(&claim).await else { panic!("the key is free") };
        let junk = Outcome::new("not a response");
        let hold =
            site.store.complete(&Completion::new(claim.granted(grant.fence), junk, claim.retention)).await;
        assert_eq!(hold.expect("the store answers"), Hold::Held);
        for _ in 0..2 {
            served.send(post("/hook").key(key)).await.is(status, "in-doubt").is_problem("in-doubt");
        }
        assert_eq!(served.executions(), 0);
    }
}

/// The holder died. The key does not run again until an operator has resolved it.
pub async fn an_expired_lease_is_in_doubt_where_the_policy_says_so(site: &Site) {
    for (policy, key, status) in [(Policy::webhook(), "webhook", 503), (Policy::api(), "api", 409)] {
        // The wait outlasts the dead holder's lease.
        let policy = patient(policy).with_on_expired(OnExpired::InDoubt).with_wait(PATIENCE);
        let served = site.serve(TestSender::new(policy), done()).await;
        let mut claim = claim_of(&served, key, Duration::from_millis(20));
        claim.on_expired = OnExpired::InDoubt;
        assert!(matches!(site.store.claim(&claim).await, Ok(Claimed::Granted(_))));
        for _ in 0..2 {
            served.send(post("/hook").key(key)).await.is(status, "in-doubt").is_problem("in-doubt");
        }
        assert_eq!(served.executions(), 0);
        let freed =
            site.store.resolve(claim.key.digest(), &idempotency_core::store::Resolution::Released).await;
        assert!(freed.expect("the store answers"));
        served.send(post("/hook").key(key)).await.is(200, "executed");
    }
}

fn claim_of(served: &Served, key: &str, lease: Duration) -> Claim {
    Claim::new(served.key("/hook", key), Owner::from_bytes([7; 16]), lease, Duration::from_secs(3600))
}
