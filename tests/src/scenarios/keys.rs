//! Keys: which requests are one intent, and which are two.

use http::Method;

use super::{api, done, webhook};
use crate::http::{Reply, Site, handler, post, request};

/// The body is no part of the key.
pub async fn another_key_with_the_same_body_is_another_intent(site: &Site) {
    for (prefix, sender) in [("webhook", webhook()), ("api", api().binding_body())] {
        let served = site.serve(sender, done()).await;
        for n in 0..3 {
            let key = format!("{prefix}-{n}");
            served.send(post("/hook").key(key).body("the same")).await.is(200, "executed");
        }
        assert_eq!(served.executions(), 3);
    }
}

/// Two paths are two scopes, and so are two tenants behind one path.
pub async fn equal_ids_of_two_accounts_do_not_collide(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    for _ in 0..2 {
        served.send(post("/hook").key("evt_1")).await;
        served.send(post("/hook").key("evt_1").header("x-tenant", "acct_1")).await;
        served.send(post("/hook").key("evt_1").header("x-tenant", "acct_2")).await;
        served.send(post("/a/hook").key("evt_1")).await;
    }
    assert_eq!(served.executions(), 4);
}

/// The scope uses the original path, not the one that a nested router leaves.
pub async fn nested_routers_do_not_answer_for_each_other(site: &Site) {
    let served = site.serve(webhook().binding_body(), done()).await;
    for path in ["/a/hook", "/b/hook", "/hook"] {
        served.send(post(path).key("k").body("{}")).await.is(200, "executed");
    }
    for path in ["/a/hook", "/b/hook", "/hook"] {
        served.send(post(path).key("k").body("{}")).await.is(200, "replayed");
        let record = served.engine.store().load(served.key(path, "k").digest()).await;
        assert!(record.expect("the store answers").is_some(), "{path}");
    }
    assert_eq!(served.executions(), 3);
}

/// They count if the fingerprint covers them, as it does for an API.
pub async fn method_and_query_count(site: &Site) {
    let served = site.serve(api().binding_body(), done()).await;
    served.send(post("/hook?a=1&a=2").key("k").body("{}")).await.is(200, "executed");
    served.send(post("/hook?a=2&a=1").key("k").body("{}")).await.is(422, "mismatch");
    served.send(post("/hook").key("k").body("{}")).await.is(422, "mismatch");
    served.send(request(Method::PATCH, "/hook?a=1&a=2").key("k").body("{}")).await.is(422, "mismatch");
    served.send(post("/hook?a=1&a=2").key("k").body("{}")).await.is(200, "replayed");
    assert_eq!(served.executions(), 1);
}

/// The attempt and the fence grow, and the keys for outgoing calls stay the same.
pub async fn the_context_gives_the_attempt_and_stable_keys(site: &Site) {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = seen.clone();
    let note = handler(move |call| {
        let context = call.context.expect("a claimed delivery has a context");
        assert_eq!((call.method.as_str(), call.body.as_ref()), ("POST", &b"{}"[..]));
        let mut noted = noted.lock().expect("no handler panics");
        noted.push((context.attempt(), context.fence(), context.derive_key("charge")));
        std::future::ready(Reply::new(
            if noted.len() < 3 { 500 } else { 200 },
            context.key().as_str().to_owned(),
        ))
    });
    let served = site.serve(webhook(), note).await;
    for (status, body) in [(500, "k"), (500, "k"), (200, "k")] {
        served.send(post("/hook").key("k").body("{}")).await.is(status, "executed").says(body);
    }
    let seen = seen.lock().expect("no handler panics");
    assert!(seen.iter().map(|(attempt, ..)| *attempt).eq(1..=3), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1 && pair[0].2 == pair[1].2), "{seen:?}");
}
