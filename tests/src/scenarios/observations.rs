//! Observations: every answer made by this workspace is observed with its endpoint and path.

use bytes::Bytes;
use idempotency_core::Policy;
use idempotency_core::provider::{GitHub, IdempotencyKey, Stripe};

use super::{api, done, patient, webhook};
use crate::http::{Request, Served, Site, TestSender, get, post};

/// Sends a request and returns the names of its observations. Checks the endpoint and path of each.
async fn observed(served: &Served, request: Request, status: u16) -> Vec<&'static str> {
    let answer = served.send(request).await;
    assert_eq!(answer.status, status, "{answer:?}");
    let seen = served.observed.take();
    for one in &seen {
        assert_eq!((one.endpoint.as_str(), one.path.as_deref()), ("test /hook", Some("/hook")), "{one:?}");
    }
    if let Some(instance) = seen.iter().find_map(|one| one.instance.as_deref()) {
        assert!(answer.text().contains(&format!("\"instance\":\"{instance}\"")), "{answer:?}");
    } else {
        assert!(!answer.text().contains("urn:uuid:"), "{answer:?}");
    }
    seen.iter().map(|one| one.event).collect()
}

/// 413, 405, a handshake and each rejection.
pub async fn every_refusal_before_the_claim_is_observed(site: &Site) {
    let served = site.serve(TestSender::new(Policy::webhook().with_body_limit(1000)), done()).await;
    let long = vec![b'x'; 1001];
    let pieces = vec![Bytes::from(vec![b'x'; 600]), Bytes::from(vec![b'y'; 401])];
    for (request, status, event) in [
        (get("/hook?secret").key("k"), 405, "method_not_allowed"),
        (get("/hook?challenge=c"), 200, "handshake"),
        (post("/hook").key("k").body(long), 413, "body_too_large"),
        (post("/hook").key("k").chunks(pieces), 413, "body_too_large"),
        (post("/hook").key("k").header("x-signature", "wrong"), 401, "rejected"),
        (post("/hook").key("k").header("x-signature", "unknowable"), 503, "rejected"),
        (post("/hook"), 400, "rejected"),
        (post("/hook").key(""), 400, "rejected"),
    ] {
        assert_eq!(observed(&served, request, status).await, [event]);
    }
    assert_eq!(served.executions(), 0);
}

/// A request without a key, and a GET.
pub async fn a_bypass_is_observed(site: &Site) {
    let served = site.serve(api().optional(), done()).await;
    assert_eq!(observed(&served, post("/hook").body("{}"), 200).await, ["bypassed"]);
    assert_eq!(observed(&served, get("/hook").key("k"), 200).await, ["bypassed"]);
}

/// Decisions of the engine have the endpoint and path of the request as well.
pub async fn every_decision_is_observed_with_its_endpoint_and_path(site: &Site) {
    let served = site.serve(webhook().binding_body(), done()).await;
    let one = || post("/hook?a=1").key("k").body("one");
    let events = observed(&served, one(), 200).await;
    assert_eq!(events, ["granted", "completed"]);
    assert_eq!(observed(&served, one(), 200).await, ["replayed"]);
    assert_eq!(observed(&served, post("/hook").key("k").body("two"), 422).await, ["mismatch"]);
}

/// The log names the missing or repeated header. The answer to the sender does not.
pub async fn a_rejection_names_the_header_that_it_is_about(site: &Site) {
    let secret = "whsec_a_secret_of_these_tests";
    let stripe = site.serve(Stripe::new(secret).expect("it is a secret"), done()).await;
    let github = site.serve(GitHub::new(secret).expect("it is a secret"), done()).await;
    let named =
        site.serve(IdempotencyKey::global_across_principals().with_header("x-request-id"), done()).await;
    let tests = site.serve(TestSender::new(patient(Policy::webhook())), done()).await;
    for (served, request, status, header) in [
        (&stripe, post("/hook").body("{}"), 401, "stripe-signature"),
        (&github, post("/hook").body("{}"), 401, "x-hub-signature-256"),
        (&named, post("/hook").header("idempotency-key", "k"), 400, "x-request-id"),
        (&tests, post("/hook").key("a").key("b"), 400, "x-key"),
    ] {
        let answer = served.send(request).await.is(status, "");
        assert!(!answer.text().contains(header), "{answer:?}");
        let seen = served.observed.take();
        assert!(seen.len() == 1 && seen[0].cause.contains(header), "{header}: {seen:?}");
        assert_eq!(seen[0].path.as_deref(), Some("/hook"));
    }
}
