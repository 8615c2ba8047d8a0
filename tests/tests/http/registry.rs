//! A registry of providers over HTTP, in both adapters: routers that cut the path, tenants, and rotation under load.

use std::sync::Arc;

use futures_util::future::join_all;
use http::{HeaderMap, Method};
use idempotency_core::clock::system_unix_time;
use idempotency_core::provider::{
    FromFn, GitHub, Incoming, Providers, Received, RotatingSecrets, Secret, Secrets, Stripe, from_fn,
};
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Key, Policy, Verified, testing};
use idempotency_tests::http::{Handler, Reply, Request, Served, both_adapters, handler, post, request};

async fn store() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

/// Answers with what the context says of the sender.
fn telling() -> Handler {
    handler(|call| async move {
        let context = call.context.unwrap();
        let (provider, tenant, event) = (context.provider(), context.tenant(), context.event_type());
        Reply::new(200, format!("{provider} {tenant:?} {event:?}"))
    })
}

fn body(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"customer.updated"}}"#)
}

fn stripe(secret: &str, id: &str, path: &str) -> Request {
    let body = body(id);
    post(path).headers(&testing::stripe(secret, body.as_bytes(), system_unix_time())).body(body)
}

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

#[tokio::test]
async fn one_route_serves_each_provider_by_its_name_inside_nested_routers() {
    both_adapters(store, async |site| {
        let providers = Providers::new("/{provider}/hook").unwrap();
        let providers = providers.with_named_provider("a", Stripe::new("whsec_a").unwrap()).unwrap();
        let providers = providers.with_named_provider("b", GitHub::new("b").unwrap()).unwrap();
        let served = site.serve(providers, telling()).await;
        for status in ["executed", "replayed"] {
            let answer = served.send(stripe("whsec_a", "evt_1", "/a/hook")).await;
            answer.is(200, status).says(r#"a None Some("customer.updated")"#);
            let headers = testing::github("b", "evt_1", "push", b"{}");
            let answer = served.send(post("/b/hook").headers(&headers).body("{}")).await;
            answer.is(200, status).says("b None None");
        }
        let refused = served.send(stripe("whsec_a", "evt_2", "/b/hook")).await;
        refused.is(401, "").is_problem("unauthenticated");
        assert_eq!(served.executions(), 2);
        let endpoints: Vec<_> = served.observed.take().into_iter().map(|seen| seen.endpoint).collect();
        assert!(endpoints.iter().all(|name| name == "a /a/hook" || name == "b /b/hook"), "{endpoints:?}");
    })
    .await;
}

#[tokio::test]
async fn a_path_that_names_no_provider_gets_a_404_by_any_method() {
    both_adapters(store, async |site| {
        let providers = Providers::new("/{provider}/hook").unwrap();
        let providers = providers.with_named_provider("a", Stripe::new("whsec_a").unwrap()).unwrap();
        let served = site.serve(providers, telling()).await;
        for method in [Method::POST, Method::GET, Method::PUT, Method::OPTIONS] {
            for path in ["/b/hook", "/hook"] {
                let genuine = testing::stripe("whsec_a", body("evt_1").as_bytes(), system_unix_time());
                let sent = request(method.clone(), path).headers(&genuine).body(body("evt_1"));
                served.send(sent).await.is(404, "").is_problem("not-found").is_retryable(false);
            }
        }
        assert_eq!(served.executions(), 0);
        for seen in served.observed.take() {
            assert_eq!((seen.event, &*seen.endpoint), ("rejected", "providers /{provider}/hook"));
            assert!(seen.instance.is_some() && !seen.cause.contains("hook"), "{seen:?}");
        }
    })
    .await;
}

/// The framework decodes the path before it matches it, and so does the registry.
#[tokio::test]
async fn another_spelling_of_a_path_is_the_same_provider_and_the_same_key() {
    both_adapters(store, async |site| {
        let providers = Providers::new("/{provider}/hook").unwrap();
        let providers = providers.with_named_provider("a", Stripe::new("whsec_a").unwrap()).unwrap();
        let served = site.serve(providers, telling()).await;
        served.send(stripe("whsec_a", "evt_1", "/a/hook")).await.is(200, "executed");
        served.send(stripe("whsec_a", "evt_1", "/a/%68ook?x=1")).await.is(200, "replayed");
        assert_eq!(served.executions(), 1);
    })
    .await;
}

/// Accepts every request, under this policy.
fn open(name: &'static str, policy: Policy) -> FromFn {
    let receive = |incoming: &Incoming<'_>| {
        let proof = Verified::by_other_means(incoming.body);
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new("evt_1")?)))
    };
    from_fn(name, receive).with_policy(policy)
}

#[tokio::test]
async fn each_request_is_served_under_the_policy_of_its_provider() {
    both_adapters(store, async |site| {
        let large = Policy::webhook().with_body_limit(4 << 20);
        let small = Policy::webhook().with_body_limit(1 << 10);
        let providers = Providers::new("/{provider}/hook").unwrap();
        let providers = providers.with_provider(open("a", large)).unwrap();
        let providers = providers.with_provider(open("b", small)).unwrap();
        let served = site
            .serve(providers, handler(|call| async move { Reply::new(200, call.body.len().to_string()) }))
            .await;
        // Larger than what axum's extractors read by default.
        let body = vec![b'x'; 3 << 20];
        served.send(post("/a/hook").body(body)).await.is(200, "executed").says("3145728");
        served.send(post("/b/hook").body(vec![b'x'; 1025])).await.is(413, "").is_problem("body-too-large");
        served.send(post("/b/hook").body(vec![b'x'; 1024])).await.is(200, "executed").says("1024");
    })
    .await;
}

#[tokio::test]
async fn two_tenants_with_equal_ids_never_share_a_record() {
    both_adapters(store, async |site| {
        let secrets = RotatingSecrets::new();
        secrets.replace("stripe", "a", [secret("whsec_a")]);
        secrets.replace("stripe", "b", [secret("whsec_b")]);
        let providers = Providers::new("/{tenant}/hook").unwrap();
        let providers =
            providers.with_provider(Stripe::from_secrets(Secrets::from_source(secrets.clone()))).unwrap();
        let served = site.serve(providers, telling()).await;
        for status in ["executed", "replayed"] {
            let answer = served.send(stripe("whsec_a", "evt_1", "/a/hook")).await;
            answer.is(200, status).says(r#"stripe Some("a") Some("customer.updated")"#);
            let answer = served.send(stripe("whsec_b", "evt_1", "/b/hook")).await;
            answer.is(200, status).says(r#"stripe Some("b") Some("customer.updated")"#);
        }
        served.send(stripe("whsec_a", "evt_2", "/b/hook")).await.is(401, "").is_problem("unauthenticated");
        secrets.remove_tenant("stripe", "b");
        let unknown = served.send(stripe("whsec_b", "evt_2", "/b/hook")).await;
        unknown.is(401, "").is_problem("unauthenticated");
        assert_eq!(served.executions(), 2);
        for seen in served.observed.take() {
            assert_eq!(seen.endpoint, "stripe /{tenant}/hook", "a tenant is no label");
        }
    })
    .await;
}

/// Delivers ten events at once, and returns the statuses.
async fn ten_at_once(served: &Served, secret: &str, id: String) -> Vec<u16> {
    let send = |n: usize| {
        let request = stripe(secret, &format!("{id}_{n}"), "/a/hook");
        async move { served.send_unnoted(request).await.status }
    };
    join_all((0..10).map(send)).await
}

#[tokio::test]
async fn secrets_are_rotated_while_deliveries_arrive_and_none_is_lost() {
    both_adapters(store, async |site| {
        let secrets = RotatingSecrets::new();
        secrets.replace("a", None, [secret("whsec_0")]);
        let stripe = Stripe::from_secrets(Secrets::from_source(secrets.clone()));
        let providers = Providers::new("/{provider}/hook").unwrap().with_named_provider("a", stripe).unwrap();
        let served = site.serve(providers, telling()).await;
        for round in 0..5 {
            let (old, new) = (format!("whsec_{round}"), format!("whsec_{}", round + 1));
            let rotate = async {
                secrets.add("a", None, secret(&new));
                ten_at_once(&served, &new, format!("new_{round}")).await
            };
            let (with_old, with_new) =
                futures_util::join!(ten_at_once(&served, &old, format!("old_{round}")), rotate);
            assert_eq!((with_old, with_new), (vec![200; 10], vec![200; 10]));
            assert!(secrets.withdraw("a", None, &secret(&old)));
            assert_eq!(ten_at_once(&served, &old, format!("late_{round}")).await, vec![401; 10]);
        }
        assert_eq!(served.executions(), 100);
    })
    .await;
}

#[tokio::test]
async fn a_provider_without_secrets_asks_the_sender_to_try_again_and_nothing_shows_a_secret() {
    both_adapters(store, async |site| {
        let secrets = RotatingSecrets::new();
        let providers = Providers::new("/{provider}/hook").unwrap();
        let stripe_provider = Stripe::from_secrets(Secrets::from_source(secrets.clone()));
        let providers = providers.with_named_provider("a", stripe_provider).unwrap();
        let served = site.serve(providers, telling()).await;
        let early = served.send(stripe("whsec_s3cret", "evt_1", "/a/hook")).await;
        let early = early.is(503, "").is_problem("unavailable").is_retryable(true).retries_later();
        secrets.replace("a", None, [secret("whsec_s3cret")]);
        served.send(stripe("whsec_s3cret", "evt_1", "/a/hook")).await.is(200, "executed");
        secrets.replace("a", None, [secret("whsec_0ther")]);
        let refused = served.send(stripe("whsec_s3cret", "evt_2", "/a/hook")).await.is(401, "");
        let seen = served.observed.take();
        let shown = format!("{early:?} {refused:?} {seen:?} {secrets:?} {:?}", served.engine);
        assert!(!shown.contains("s3cret") && !shown.contains("0ther"), "{shown}");
    })
    .await;
}

mod routes {
    //! The route of the router is the path of the registry.

    use super::*;

    const PATH: &str = "/webhooks/{provider}/{tenant}";

    fn providers() -> Providers {
        let secrets = RotatingSecrets::new();
        secrets.replace("stripe", "caf\u{e9}", [secret("whsec_a")]);
        let stripe = Stripe::from_secrets(Secrets::from_source(secrets));
        Providers::new(PATH).unwrap().with_provider(stripe).unwrap()
    }

    fn genuine() -> (HeaderMap, String) {
        let body = body("evt_1");
        (testing::stripe("whsec_a", body.as_bytes(), system_unix_time()), body)
    }

    #[tokio::test]
    async fn axums_route_and_the_registry_share_one_path() {
        use axum::extract::Path;
        use idempotency_tower::{IdempotencyLayer, Idempotent, testing::deliver};
        let layer = IdempotencyLayer::new(MemoryStore::new(), providers());
        let handle = async |Path(named): Path<(String, String)>, Idempotent(context): Idempotent| {
            assert_eq!((context.provider(), context.tenant()), (&*named.0, Some(&*named.1)));
            named.1
        };
        let app: axum::Router = axum::Router::new().route(PATH, axum::routing::post(handle).layer(layer));
        let (headers, body) = genuine();
        let request = testing::post("/webhooks/stripe/caf%C3%A9", headers, axum::body::Body::from(body));
        let answers = deliver(&app, request, 3).await;
        answers.assert_executed_once();
        assert_eq!(answers[0].body(), "caf\u{e9}".as_bytes());
    }

    #[actix_web::test]
    async fn actix_webs_resource_and_the_registry_share_one_path() {
        use actix_web::{App, test, web};
        use idempotency_actix::{IdempotencyMiddleware, Idempotent, testing::deliver};
        let middleware = IdempotencyMiddleware::new(MemoryStore::new(), providers());
        let handle = async |named: web::Path<(String, String)>, Idempotent(context): Idempotent| {
            assert_eq!((context.provider(), context.tenant()), (&*named.0, Some(&*named.1)));
            named.1.clone()
        };
        let resource = web::resource(PATH).route(web::post().to(handle)).wrap(middleware);
        let app = test::init_service(App::new().service(resource)).await;
        let (headers, body) = genuine();
        let request = testing::post("/webhooks/stripe/caf%C3%A9", headers, bytes::Bytes::from(body));
        let answers = deliver(&app, request, 3).await;
        answers.assert_executed_once();
        assert_eq!(answers[0].body(), "caf\u{e9}".as_bytes());
    }
}
