//! The completion of a record that its first grant wrote: a plain command where the server has one, and the script after
//! any change.

use std::collections::BTreeMap;
use std::time::Duration;

use idempotency_core::Outcome;
use idempotency_core::store::{Adopted, Claimed, Hold, Release, StateView, Store as _};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    LEASE, claim, completion, grant, key, outcome_of, owner, record_name, store,
};
use idempotency_tests::redis_cluster::until;
use idempotency_tests::redis_server::RedisServer;

fn done() -> Outcome {
    Outcome::new("done")
}

fn scripts(calls: &BTreeMap<String, u64>) -> u64 {
    ["eval", "evalsha"].iter().filter_map(|name| calls.get(*name)).sum()
}

/// A server, and whether a completion at it may be a plain command.
async fn server() -> (RedisServer, bool) {
    let server = RedisServer::start().await;
    let has_set_ifeq = server.has_set_ifeq().await;
    println!("the server {} SET IFEQ", if has_set_ifeq { "has" } else { "lacks" });
    (server, has_set_ifeq)
}

#[tokio::test]
async fn an_undisturbed_completion_runs_no_script_where_the_server_has_set_ifeq() {
    let (server, has_set_ifeq) = server().await;
    let store = store(&server.url());
    for number in 0..3 {
        let (lease, _) = grant(&store, &claim(&format!("k{number}"), 1)).await;
        assert_eq!(store.complete(&completion(&lease, &done())).await.unwrap(), Hold::Held);
    }
    assert_eq!(scripts(&server.calls().await) == 0, has_set_ifeq);
}

#[tokio::test]
async fn a_server_without_set_ifeq_gets_scripts_from_then_on() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    proxy.replace("\r\nIFEQ\r\n", &["SET", "k", "v", "FROM", "LATER"]);
    let store = store(&proxy.url());
    for number in 0..3 {
        let name = format!("k{number}");
        let (lease, _) = grant(&store, &claim(&name, 1)).await;
        server.reset_calls().await;
        assert_eq!(store.complete(&completion(&lease, &done())).await.unwrap(), Hold::Held);
        let calls = server.calls().await;
        // The script itself sets once. Before the first one, a command was refused.
        let expected = if number == 0 { 2 } else { 1 };
        assert_eq!((scripts(&calls) > 0, calls["set"]), (true, expected), "{calls:?}");
        assert_eq!(outcome_of(store.claim(&claim(&name, 2)).await.unwrap()), done());
    }
}

#[tokio::test]
async fn both_ways_of_completing_leave_the_same_record() {
    let (server, _) = server().await;
    let (holder, other) = (store(&server.url()), store(&server.url()));
    let mut views = Vec::new();
    for name in ["plain", "script"] {
        let (lease, _) = grant(&holder, &claim(name, 1)).await;
        // A store that did not grant the lease knows no record, and needs the script.
        let store = if name == "plain" { &holder } else { &other };
        assert_eq!(store.complete(&completion(&lease, &done())).await.unwrap(), Hold::Held);
        let ttl: u64 = server.query(&["PTTL", &record_name(name)]).await;
        let bytes: Vec<u8> = server.query(&["GET", &record_name(name)]).await;
        let view = holder.load(key(name).digest()).await.unwrap().unwrap();
        let StateView::Completed(completed) = &view.state else { panic!("{view:?}") };
        let kept = completed.kept_until - completed.completed_at;
        assert!(u128::from(ttl) <= kept.as_millis());
        views.push((bytes.len(), bytes[..3].to_vec(), kept, view.attempts));
    }
    // The names in the labels differ in length by as much as the keys do.
    assert_eq!(views[0].0 + "script".len() - "plain".len(), views[1].0);
    assert_eq!((&views[0].1, views[0].2, views[0].3), (&views[1].1, views[1].2, views[1].3));
}

#[tokio::test]
async fn a_record_that_changed_is_completed_only_by_its_holder() {
    let (server, _) = server().await;
    let store = store(&server.url());
    let mut dying = claim("taken over", 1);
    dying.lease = Duration::from_millis(1);
    let (old, _) = grant(&store, &dying).await;
    until(async || matches!(store.claim(&claim("taken over", 2)).await.unwrap(), Claimed::Granted(_))).await;
    let (new, _) = grant(&store, &claim("taken over", 2)).await;
    assert_eq!(store.complete(&completion(&old, &done())).await.unwrap(), Hold::Lost);
    assert_eq!(store.complete(&completion(&new, &done())).await.unwrap(), Hold::Held);

    let (adopted, _) = grant(&store, &claim("adopted", 1)).await;
    assert!(matches!(store.adopt(&adopted, owner(2), LEASE).await.unwrap(), Adopted::Granted(_)));
    assert_eq!(store.complete(&completion(&adopted, &done())).await.unwrap(), Hold::Lost);

    let (released, _) = grant(&store, &claim("released", 1)).await;
    assert_eq!(store.release(&released, Release::Failed).await.unwrap(), Hold::Held);
    assert_eq!(store.complete(&completion(&released, &done())).await.unwrap(), Hold::Lost);

    let (forgotten, _) = grant(&store, &claim("forgotten", 1)).await;
    assert!(store.forget(key("forgotten").digest()).await.unwrap());
    assert_eq!(store.complete(&completion(&forgotten, &done())).await.unwrap(), Hold::Lost);

    let (renewed, _) = grant(&store, &claim("renewed", 1)).await;
    assert_eq!(store.renew(&renewed, 2 * LEASE).await.unwrap(), Hold::Held);
    assert_eq!(store.complete(&completion(&renewed, &done())).await.unwrap(), Hold::Held);
    // A repeat, for example after a lost reply.
    assert_eq!(store.complete(&completion(&renewed, &done())).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_waiter_at_a_full_server_looks_again_until_the_key_is_completed() {
    let (server, _) = server().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let waiter = {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for_change(key("k").digest(), Duration::from_secs(600)).await })
    };
    until(async || server.calls().await.get("getrange").is_some_and(|looks| *looks >= 3)).await;
    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(store.complete(&completion(&lease, &done())).await.unwrap(), Hold::Held);
    tokio::time::timeout(Duration::from_secs(60), waiter)
        .await
        .expect("the waiter is woken")
        .unwrap()
        .unwrap();
}
