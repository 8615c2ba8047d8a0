//! Real senders, end to end.

use http::{HeaderMap, Method, StatusCode};
use idempotency_core::clock::system_unix_time;
use idempotency_core::provider::{
    Equality, GitHub, IdempotencyKey, Incoming, Methods, Provider, Received, Rejection, Slack, Stripe,
};
use idempotency_core::{Policy, testing};

use super::{done, patient};
use crate::http::{Operation, Request, Site, get, post, request};

const SECRET: &str = "whsec_a_secret_of_these_tests";

fn stripe(path: &str, body: &'static str) -> Request {
    let headers = testing::stripe(SECRET, body.as_bytes(), system_unix_time());
    post(path).headers(&headers).body(body)
}

/// Its `pending_webhooks` changes and its id does not.
pub async fn a_retry_that_stripe_has_rewritten_and_signed_again_replays(site: &Site) {
    let served = site.serve(Stripe::new(SECRET).expect("it is a secret"), done()).await;
    let first = r#"{"id":"evt_1","object":"event","type":"charge.succeeded","pending_webhooks":2}"#;
    let retry = r#"{"id":"evt_1","object":"event","type":"charge.succeeded","pending_webhooks":1}"#;
    served.send(stripe("/hook", first)).await.is(200, "executed");
    served.send(stripe("/hook", retry)).await.is(200, "replayed");
    let forged = stripe("/hook", first).body(r#"{"id":"evt_2","object":"event"}"#);
    served.send(forged).await.is(401, "").is_problem("unauthenticated");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (1, 2));
}

/// The scope is the endpoint.
pub async fn two_stripe_endpoints_with_equal_ids_do_not_collide(site: &Site) {
    let served = site.serve(Stripe::new(SECRET).expect("it is a secret"), done()).await;
    let body = r#"{"id":"evt_1","object":"event","type":"charge.succeeded"}"#;
    for status in ["executed", "replayed"] {
        served.send(stripe("/a/hook", body)).await.is(200, status);
        served.send(stripe("/b/hook", body)).await.is(200, status);
    }
    assert_eq!(served.executions(), 2);
}

/// The signature does not cover the id.
pub async fn a_delivery_of_github_under_a_used_id_with_another_body_is_a_mismatch(site: &Site) {
    let served = site.serve(GitHub::new(SECRET).expect("it is a secret"), done()).await;
    let delivery = |body: &'static str| {
        post("/hook").headers(&testing::github(SECRET, "d-1", "push", body.as_bytes())).body(body)
    };
    served.send(delivery(r#"{"ref":"a"}"#)).await.is(200, "executed");
    served.send(delivery(r#"{"ref":"b"}"#)).await.is(422, "mismatch").is_problem("mismatch");
    served.send(delivery(r#"{"ref":"a"}"#)).await.is(200, "replayed");
    assert_eq!(served.executions(), 1);
}

/// The challenge itself is the answer.
pub async fn a_challenge_of_slack_is_answered_without_the_handler(site: &Site) {
    let served = site.serve(Slack::new(SECRET).expect("it is a secret"), done()).await;
    let body = r#"{"type":"url_verification","challenge":"c-1"}"#;
    let headers = testing::slack(SECRET, body.as_bytes(), system_unix_time());
    let answer = served.send(post("/hook").headers(&headers).body(body)).await;
    assert!(answer.status == 200 && answer.text().contains("c-1"), "{answer:?}");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0));
}

fn keyed(method: Method, key: &str) -> Request {
    request(method, "/hook").header("idempotency-key", key).body("{}")
}

/// An RFC 9651 string and its content are equal.
pub async fn a_quoted_and_a_bare_key_are_one_key(site: &Site) {
    let served = site.serve(IdempotencyKey::global_across_principals(), done()).await;
    served.send(keyed(Method::POST, "\"k\"")).await.is(200, "executed");
    served.send(keyed(Method::POST, "k")).await.is(200, "replayed");
    for key in ["\"\"", "\"k", "\"a\", \"b\""] {
        served.send(keyed(Method::POST, key)).await.is(400, "").is_problem("malformed");
    }
    served.send(keyed(Method::POST, "k").header("idempotency-key", "k")).await.is(400, "");
    assert_eq!(served.executions(), 1);
}

/// Other methods may have one.
pub async fn an_api_key_is_required_on_post_and_patch_only(site: &Site) {
    let served = site.serve(IdempotencyKey::global_across_principals(), done()).await;
    for method in [Method::POST, Method::PATCH] {
        served.send(request(method, "/hook").body("{}")).await.is(400, "").is_problem("key-missing");
    }
    for method in [Method::PUT, Method::DELETE] {
        served.send(request(method, "/hook").body("{}")).await.is(200, "bypassed");
    }
    served.send(get("/hook").header("idempotency-key", "k")).await.is(200, "bypassed");
    served.send(keyed(Method::PUT, "k")).await.is(200, "executed");
    served.send(keyed(Method::PUT, "k")).await.is(200, "replayed");
    assert_eq!(served.executions(), 4);
}

/// The same key and body with another tenant, condition or representation is not a retry.
pub async fn headers_that_affect_the_answer_are_compared_or_narrow_the_scope(site: &Site) {
    let keys = IdempotencyKey::global_across_principals();
    let served =
        site.serve(keys.scoped_by_header("x-account").comparing_headers(["x-version"]), done()).await;
    served.send(keyed(Method::POST, "k")).await.is(200, "executed");
    for (name, value) in
        [("if-match", "\"a\""), ("accept", "text/csv"), ("range", "bytes=0-1"), ("x-version", "2")]
    {
        served.send(keyed(Method::POST, "k").header(name, value)).await.is(422, "mismatch");
    }
    served.send(keyed(Method::POST, "k").header("accept-language", "de")).await.is(200, "replayed");
    for status in ["executed", "replayed"] {
        for account in ["a", "b"] {
            served.send(keyed(Method::POST, "k").header("x-account", account)).await.is(200, status);
        }
    }
    assert_eq!(served.executions(), 3);
}

/// White space, the order of names and the `id` of JSON-RPC do not matter; an amount does.
pub async fn json_is_compared_by_meaning_where_the_contract_says_so(site: &Site) {
    let equality = Equality::json_without(["/id"]).expect("it is a pointer");
    let served = site.serve(IdempotencyKey::global_across_principals().with_equality(equality), done()).await;
    let call = |body: &'static str| {
        post("/hook").header("idempotency-key", "k").header("content-type", "application/json").body(body)
    };
    served.send(call(r#"{"id":1,"method":"pay","params":{"amount":10,"to":"a"}}"#)).await.is(200, "executed");
    let retry = r#"{ "params": {"to": "\u0061", "amount": 1e1}, "method": "pay", "id": "2" }"#;
    served.send(call(retry)).await.is(200, "replayed");
    let charset = call(retry).header("x-other", "1");
    served.send(charset).await.is(200, "replayed");
    let other = call(r#"{"id":1,"method":"pay","params":{"amount":11,"to":"a"}}"#);
    served.send(other).await.is(422, "mismatch");
    assert_eq!(served.executions(), 1);
}

/// Header, methods and statuses come from the contract, not from the draft.
pub async fn a_custom_contract_is_data(site: &Site) {
    let keys =
        IdempotencyKey::global_across_principals().with_header("x-request-id").requiring_on([Method::PUT]);
    let served = site.serve(Contract(keys), done()).await;
    let request = |body: &'static str| request(Method::PUT, "/hook").header("X-Request-Id", "k").body(body);
    served.send(request("a")).await.is(200, "executed");
    served.send(request("a")).await.is(200, "replayed");
    served.send(request("b")).await.is(400, "mismatch").is_problem("mismatch");
    served
        .send(crate::http::request(Method::PUT, "/hook").body("a"))
        .await
        .is(400, "")
        .is_problem("key-missing");
    served.send(keyed(Method::POST, "k")).await.is(200, "bypassed");
    assert_eq!(served.executions(), 2);
}

/// Stripe's v1 answers 400 to a mismatch.
#[derive(Debug)]
struct Contract(IdempotencyKey);

#[async_trait::async_trait]
impl Provider for Contract {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn policy(&self) -> Policy {
        patient(Policy::api()).with_mismatch_status(StatusCode::BAD_REQUEST)
    }

    fn methods(&self) -> Methods {
        self.0.methods()
    }

    fn needs_body(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.0.needs_body(method, headers)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        self.0.receive(incoming).await
    }
}

/// The challenge names the sender's signature, or the scheme that the API configured.
pub async fn a_401_says_how_to_authenticate(site: &Site) {
    let served = site.serve(Stripe::new(SECRET).expect("it is a secret"), done()).await;
    let answer = served.send(post("/hook").body("{}")).await.is(401, "").is_problem("unauthenticated");
    assert_eq!(answer.all("www-authenticate"), ["Webhook-Signature realm=\"stripe\""]);
    let keys = || IdempotencyKey::per_header_principal(http::header::AUTHORIZATION);
    for (keys, challenge) in [
        (keys(), "Bearer realm=\"api\""),
        (keys().with_challenge("Basic realm=\"payments\""), "Basic realm=\"payments\""),
    ] {
        let served = site.serve(keys, done()).await;
        let answer = served.send(keyed(Method::POST, "k")).await.is(401, "").is_problem("unauthenticated");
        assert_eq!(answer.all("www-authenticate"), [challenge]);
    }
}

/// Each caller has its own keys, and a request without a caller is refused.
pub async fn two_principals_with_equal_keys_do_not_collide(site: &Site) {
    let keys = IdempotencyKey::per_header_principal(http::header::AUTHORIZATION);
    let served = site.serve(keys, done()).await;
    for status in ["executed", "replayed"] {
        for caller in ["Bearer alice", "Bearer bob"] {
            let request = keyed(Method::POST, "k").header("authorization", caller);
            served.send(request).await.is(200, status);
        }
    }
    served.send(keyed(Method::POST, "k")).await.is(401, "").is_problem("unauthenticated");
    assert_eq!(served.executions(), 2);
}
