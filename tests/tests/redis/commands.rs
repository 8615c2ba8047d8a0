//! The cost of each operation at the server: commands, round trips and bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use idempotency_core::Outcome;
use idempotency_core::clock::ManualClock;
use idempotency_core::store::cached::CachedStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Completion, Filter, Hold, Page, Release, Resolution, Store as _};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    LEASE, RETENTION, claim, completion, grant, key, ordered, outcome_of, patient, record_name, store,
};
use idempotency_tests::redis_cluster::RedisCluster;
use idempotency_tests::redis_server::RedisServer;

/// The commands that clients sent, without connection setup and commands inside scripts.
async fn sent(server: &RedisServer) -> BTreeMap<String, u64> {
    let setup = ["client", "config", "hello", "info", "ping", "select"];
    let mut calls = server.calls().await;
    calls.retain(|name, _| !setup.iter().any(|command| name.split('|').next() == Some(command)));
    if calls.contains_key("evalsha") || calls.contains_key("eval") {
        calls.retain(|name, _| name.starts_with("eval"));
    }
    calls
}

async fn assert_sends(server: &RedisServer, expected: &[(&str, u64)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(sent(server).await, expected);
    server.reset_calls().await;
}

/// A store with a connection, cached scripts, and a finished health check.
async fn warm(server: &RedisServer) -> RedisStore {
    let store = store(&server.url());
    let (lease, _) = grant(&store, &ordered("warm", 1, "r", 1)).await;
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    let (lease, _) = grant(&store, &claim("warm", 2)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    assert!(!store.resolve(key("warm").digest(), &Resolution::Released).await.unwrap());
    store.load(key("warm").digest()).await.unwrap();
    store.wait_for_change(key("warm").digest(), Duration::from_secs(60)).await.unwrap();
    assert!(store.forget(key("warm").digest()).await.unwrap());
    // The store learns whether the server has `SET IFEQ`.
    let (lease, _) = grant(&store, &claim("warm too", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    server.reset_calls().await;
    store
}

/// The command that completes a record that has not changed since its first grant.
async fn completing(server: &RedisServer) -> &'static str {
    if server.has_set_ifeq().await { "set" } else { "evalsha" }
}

#[tokio::test]
async fn each_operation_is_one_round_trip() {
    let server = RedisServer::start().await;
    let completing = completing(&server).await;
    let store = warm(&server).await;

    let (lease, _) = grant(&store, &claim("k", 1)).await;
    assert_sends(&server, &[("set", 1)]).await;
    // A repeat of the claim is one as well.
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
    assert_sends(&server, &[("set", 1)]).await;
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    assert_sends(&server, &[("evalsha", 1)]).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_sends(&server, &[(completing, 1)]).await;
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
    assert_sends(&server, &[("set", 1)]).await;

    let (lease, _) = grant(&store, &ordered("o", 1, "r", 7)).await;
    assert_sends(&server, &[("evalsha", 1)]).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_sends(&server, &[("evalsha", 1)]).await;

    let (lease, _) = grant(&store, &claim("r", 1)).await;
    server.reset_calls().await;
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    assert_sends(&server, &[("evalsha", 1)]).await;
    store.load(key("r").digest()).await.unwrap();
    assert_sends(&server, &[("evalsha", 1)]).await;
    assert!(store.forget(key("r").digest()).await.unwrap());
    assert_sends(&server, &[("evalsha", 1)]).await;
}

#[tokio::test]
async fn only_the_first_duplicate_of_a_cached_key_sends_a_command() {
    let server = RedisServer::start().await;
    let store = CachedStore::new(warm(&server).await).with_clock(ManualClock::new());
    let (lease, _) = grant(store.inner(), &claim("k", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    server.reset_calls().await;
    let first = store.claim(&claim("k", 2)).await.unwrap();
    assert_sends(&server, &[("set", 1)]).await;
    for _ in 0..10 {
        assert_eq!(store.claim(&claim("k", 3)).await.unwrap(), first);
    }
    assert_sends(&server, &[]).await;
}

#[tokio::test]
async fn only_a_claim_that_the_lease_decides_takes_a_second_round_trip() {
    let server = RedisServer::start().await;
    let store = warm(&server).await;
    grant(&store, &claim("k", 1)).await;
    server.reset_calls().await;
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    let calls = server.calls().await;
    assert_eq!((calls["set"], calls["evalsha"]), (1, 1));
}

#[tokio::test]
async fn scripts_survive_a_flush_of_the_script_cache() {
    let server = RedisServer::start().await;
    let store = warm(&server).await;
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 1)).await;
    let _: String = server.query(&["SCRIPT", "FLUSH"]).await;
    server.reset_calls().await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_sends(&server, &[("eval", 1), ("evalsha", 1)]).await;
}

#[tokio::test]
async fn a_server_without_set_nx_get_gets_scripts_from_then_on() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    proxy.replace("\r\nNX\r\n$3\r\nGET\r\n", &["SET", "k", "v", "NX", "FROM", "LATER"]);
    let store = store(&proxy.url());
    let (lease, attempt) = grant(&store, &claim("k", 1)).await;
    assert_eq!(attempt, 1);
    let mut other = claim("k", 2);
    assert!(matches!(store.claim(&other).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&other).await.unwrap()), Outcome::new("done"));
    server.reset_calls().await;
    other.key = key("l");
    grant(&store, &other).await;
    assert_sends(&server, &[("evalsha", 1)]).await;
}

/// The bytes that a server needs for a name and a value of these lengths with a TTL.
async fn cost_of_a_string(name: usize, value: usize, count: u64) -> u64 {
    let server = RedisServer::start().await;
    let before = server.info("used_memory").await;
    let mut all = redis::pipe();
    for number in 0..count {
        all.cmd("SET")
            .arg(format!("{number:0name$}"))
            .arg("v".repeat(value))
            .arg("PX")
            .arg(3_600_000)
            .ignore();
    }
    all.query_async::<()>(&mut server.connection().await).await.expect("the server takes them");
    (server.info("used_memory").await - before) / count
}

#[tokio::test]
async fn a_tombstone_costs_no_more_memory_than_any_string_of_its_length() {
    const COUNT: u64 = 20_000;
    let server = RedisServer::start().await;
    let store = warm(&server).await;
    let before = server.info("used_memory").await;
    let mut names = Vec::new();
    for number in 0..COUNT {
        let mut claim = claim(&format!("evt_{number}"), 1);
        claim.label = Default::default();
        let (lease, _) = grant(&store, &claim).await;
        assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
        names.push(claim.key);
    }
    let each = (server.info("used_memory").await - before) / COUNT;
    let length: u64 = server.query(&["STRLEN", &record_name("evt_0")]).await;
    assert_eq!(length, 48);
    let least = cost_of_a_string(record_name("evt_0").len(), 48, COUNT).await;
    // Memory that the server allocates once, such as for scripts, is shared by all of them.
    assert!(each <= least + 16, "a tombstone costs {each} bytes, and a string {least}");
    println!("a tombstone costs {each} bytes, and a string {least}");
}

/// The commands that clients sent to all nodes, without connection setup and commands inside scripts.
async fn sent_to(cluster: &RedisCluster) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for node in &cluster.nodes {
        let calls = node.calls().await;
        let scripts = calls.keys().any(|name| name.starts_with("eval"));
        // Of the commands inside these scripts, only these are also sent directly.
        let inside = |name: &str| scripts && ["get", "set", "pttl", "time", "pexpire"].contains(&name);
        for (name, count) in calls {
            let own = ["set", "get", "evalsha", "eval"].contains(&name.as_str());
            if own && !inside(&name) {
                *all.entry(name).or_default() += count;
            }
        }
        node.reset_calls().await;
    }
    all
}

#[tokio::test]
async fn in_a_cluster_an_ordered_delivery_is_four_commands_and_its_duplicate_one() {
    let cluster = RedisCluster::start(3, false).await;
    let store = patient(RedisStore::cluster(cluster.urls(), "idem").unwrap()).without_health_interval();
    for number in 0..40 {
        let (lease, _) = grant(&store, &ordered(&format!("warm {number}"), 1, &number.to_string(), 1)).await;
        assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    }
    let expect = |expected: &[(&str, u64)]| -> BTreeMap<String, u64> {
        expected.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    sent_to(&cluster).await;
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 7)).await;
    assert_eq!(sent_to(&cluster).await, expect(&[("get", 1), ("set", 1)]));
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    let completing = completing(&RedisServer::start().await).await;
    match completing {
        "set" => assert_eq!(sent_to(&cluster).await, expect(&[("evalsha", 1), ("set", 1)])),
        _ => assert_eq!(sent_to(&cluster).await, expect(&[("evalsha", 2)])),
    }
    assert_eq!(outcome_of(store.claim(&ordered("k", 2, "r", 7)).await.unwrap()), Outcome::new("done"));
    assert_eq!(sent_to(&cluster).await, expect(&[("set", 1)]));
    let (lease, _) = grant(&store, &claim("plain", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("plain", 2)).await.unwrap()), Outcome::new("done"));
    let plain = sent_to(&cluster).await;
    match completing {
        "set" => assert_eq!(plain, expect(&[("set", 3)])),
        _ => assert_eq!(plain["evalsha"], 1, "{plain:?}"),
    }
}

#[tokio::test]
async fn many_are_one_round_trip_and_a_page_is_two() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = patient(RedisStore::new(proxy.url(), "idem").unwrap()).without_health_interval();
    grant(&store, &claim("warm", 1)).await;
    store.check_health().await.unwrap();
    let _: String = server.query(&["SCRIPT", "FLUSH"]).await;
    server.reset_calls().await;
    let claims: Vec<_> = (0..50).map(|number| claim(&format!("k{number}"), 1)).collect();
    let answers = store.claim_many(&claims).await;
    let leases: Vec<_> = claims
        .iter()
        .zip(answers)
        .map(|(claim, answer)| match answer.unwrap() {
            Claimed::Granted(grant) => claim.granted(grant.fence),
            answer => panic!("{answer:?}"),
        })
        .collect();
    assert_sends(&server, &[("set", 50)]).await;
    // The server does not know the script yet: all are sent again, and only the first with its text.
    let renewed = store.renew_many(&leases, LEASE).await;
    assert!(renewed.into_iter().all(|hold| hold.unwrap() == Hold::Held));
    assert_sends(&server, &[("eval", 1), ("evalsha", 99)]).await;
    let (given_up, kept) = leases.split_at(10);
    let released = store.release_many(given_up, Release::Failed).await;
    assert!(released.into_iter().all(|hold| hold.unwrap() == Hold::Held));
    server.reset_calls().await;
    // One of the leases was never granted. The others complete.
    let mut completions: Vec<Completion> =
        kept.iter().map(|lease| Completion::new(lease.clone(), Outcome::new("done"), RETENTION)).collect();
    completions.push(Completion::new(
        claim("free", 1).granted(leases[0].fence()),
        Outcome::default(),
        RETENTION,
    ));
    let holds: Vec<_> = store.complete_many(&completions).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(holds.iter().filter(|hold| **hold == Hold::Held).count(), 40);
    assert_eq!(holds.last(), Some(&Hold::Lost));
    server.reset_calls().await;
    let again: Vec<_> = (0..50).map(|number| claim(&format!("k{number}"), 2)).collect();
    let answers: Vec<_> = store.claim_many(&again).await.into_iter().map(Result::unwrap).collect();
    assert!(answers[..10].iter().all(|answer| matches!(answer, Claimed::Granted(_))), "{answers:?}");
    assert!(answers[10..].iter().all(|answer| matches!(answer, Claimed::Completed(_))), "{answers:?}");
    let calls = server.calls().await;
    // Ten needed the script, which the server did not know.
    assert_eq!((calls["evalsha"], calls["eval"]), (10 + 9, 1));
    server.reset_calls().await;
    let listing = store.list(&Filter::all(), &Page::first(1000)).await.unwrap();
    assert_eq!((listing.records.len(), listing.next), (51, None));
    let calls = server.calls().await;
    assert_eq!((calls["scan"], calls.get("keys")), (1, None), "{calls:?}");
}

#[tokio::test]
async fn a_tombstone_is_its_head_and_its_label() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let mut bare = claim("bare", 1);
    bare.label = Default::default();
    for (claim, label) in [(claim("evt_0", 1), 2 + 3 + "test".len() + 3 + "evt_0".len()), (bare, 0)] {
        let (lease, _) = grant(&store, &claim).await;
        assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
        let name = idempotency_tests::redis_case::record_name_of(&claim.key);
        let length: usize = server.query(&["STRLEN", &name]).await;
        assert_eq!(length, 48 + label);
    }
}

#[tokio::test]
async fn two_handles_and_their_clones_share_one_redis() {
    let server = RedisServer::start().await;
    let (one, two) = (store(&server.url()), store(&server.url()));
    let (lease, _) = grant(&one, &claim("k", 1)).await;
    assert!(matches!(two.clone().claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(two.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(one.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn names_in_redis_start_with_the_prefix_and_show_no_key() {
    let server = RedisServer::start().await;
    let store = patient(RedisStore::new(server.url(), "shop").unwrap());
    let (lease, _) = grant(&store, &ordered("evt_secret", 1, "cus_secret", 3)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    let mut names: Vec<String> = server.query(&["KEYS", "*"]).await;
    names.sort();
    assert_eq!(names.len(), 2);
    assert!(names.iter().all(|name| name.starts_with("shop:") && !name.contains("secret")), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("shop:mark:")), "{names:?}");
}

#[tokio::test]
async fn a_mark_lives_at_least_as_long_as_the_longest_retention_that_raised_it() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (long, short) = (Duration::from_secs(1000), Duration::from_secs(10));
    for (name, version, retention) in [("a", 5, long), ("b", 9, short)] {
        let (lease, _) = grant(&store, &ordered(name, 1, "r", version)).await;
        assert_eq!(
            store.complete(&Completion::new(lease, Outcome::default(), retention)).await.unwrap(),
            Hold::Held
        );
    }
    let names: Vec<String> = server.query(&["KEYS", "idem:mark:*"]).await;
    let ttl: u64 = server.query(&["PTTL", &names[0]]).await;
    assert!(ttl > 900_000, "{ttl} ms are left");
    let stale = store.claim(&ordered("c", 1, "r", 8)).await.unwrap();
    assert_eq!(stale, Claimed::Stale { newest: idempotency_core::Version::new(9) });
}
