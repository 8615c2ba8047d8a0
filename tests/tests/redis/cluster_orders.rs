//! Records and marks in a cluster. Each has its own name, and they are on different masters.

use std::collections::HashSet;
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{
    Claim, Claimed, Completion, Filter, Hold, Page, Release, Resolution, StateView, Store as _,
};
use idempotency_core::{Delivery, Idempotency, Key, Order, Outcome, Policy, Verified, Version};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    LEASE, NAMESPACE, RETENTION, claim, completion, grant, key, namespace, ordered, outcome_of, owner,
    patient, record_name, resource_of, scope,
};
use idempotency_tests::redis_cluster::{RedisCluster, until};

fn store(cluster: &RedisCluster) -> RedisStore {
    patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap())
}

fn stale(newest: u64) -> Claimed {
    Claimed::Stale { newest: Version::new(newest) }
}

/// A record's address depended on the resource, and GitHub's resource on an unsigned header. One captured request ran
/// again with each change of that header.
#[tokio::test]
async fn a_delivery_of_any_order_finds_the_record_of_its_key() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let (lease, _) = grant(&store, &ordered("k", 1, "issue", 7)).await;
    for other in [ordered("k", 2, "issue_comment", 7), ordered("k", 2, "star", 9), claim("k", 2)] {
        assert!(matches!(store.claim(&other).await.unwrap(), Claimed::InFlight { .. }));
    }
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    for other in [ordered("k", 2, "issue_comment", 7), ordered("k", 2, "issue", 1), claim("k", 2)] {
        assert_eq!(outcome_of(store.claim(&other).await.unwrap()), Outcome::new("done"));
    }
}

#[tokio::test]
async fn a_stale_grant_is_given_back_and_its_attempt_does_not_count() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let (lease, _) = grant(&store, &ordered("newer", 1, "r", 9)).await;
    let (abandoned, _) = grant(&store, &ordered("abandoned", 1, "r", 5)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    assert_eq!(store.newest(resource_of("r").digest(&namespace())).await.unwrap(), Some(Version::new(9)));
    let older = ordered("older", 1, "r", 8);
    // A repeat by the same owner, whose answer was lost after the grant was given back, has the same answer.
    for _ in 0..3 {
        assert_eq!(store.claim(&older).await.unwrap(), stale(9));
    }
    let view = store.load(key("older").digest()).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempts), (StateView::Released, 0));
    cluster.advance(LEASE).await;
    for _ in 0..3 {
        assert_eq!(store.claim(&ordered("abandoned", 2, "r", 5)).await.unwrap(), stale(9));
    }
    let view = store.load(key("abandoned").digest()).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempts), (StateView::Abandoned, 1));
    assert_eq!(store.complete(&completion(&abandoned, &Outcome::default())).await.unwrap(), Hold::Lost);
    let many: Vec<Claim> = (0..20).map(|number| ordered(&format!("m{number}"), 1, "r", number)).collect();
    for (number, answer) in (0..).zip(store.claim_many(&many).await) {
        match answer.unwrap() {
            Claimed::Granted(_) => assert!(number >= 9),
            answer => assert!(number < 9 && answer == stale(9), "{number}: {answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_completion_whose_mark_is_raised_and_whose_reply_is_lost_can_be_repeated() {
    let cluster = RedisCluster::start(1, false).await;
    let proxy = FaultProxy::start(cluster.nodes[0].port()).await;
    let port = proxy.url().trim_start_matches("redis://127.0.0.1:").trim_end_matches('/').to_owned();
    let _: String = cluster.nodes[0].query(&["CONFIG", "SET", "cluster-announce-port", &port]).await;
    let store = patient(RedisStore::cluster([proxy.url()], NAMESPACE).unwrap()).without_health_interval();
    // The server knows the scripts.
    let (warm, _) = grant(&store, &ordered("warm", 1, "r", 1)).await;
    assert_eq!(store.complete(&completion(&warm, &Outcome::default())).await.unwrap(), Hold::Held);
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 7)).await;
    proxy.lose_reply_to("idem:mark:");
    let done = completion(&lease, &Outcome::new("done"));
    assert!(store.complete(&done).await.unwrap_err().may_have_executed());
    // The record is not completed yet, and no older version can start.
    assert!(matches!(store.claim(&ordered("k", 2, "r", 7)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(store.claim(&ordered("older", 2, "r", 6)).await.unwrap(), stale(7));
    assert_eq!(store.complete(&done).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&ordered("k", 2, "r", 7)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn a_resolution_as_completed_raises_the_mark_on_its_own_master() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    for number in 0..6_u64 {
        let (name, resource) = (format!("k{number}"), format!("r{number}"));
        grant(&store, &ordered(&name, 1, &resource, 5)).await;
        let word = Resolution::Completed(Outcome::new("by hand"));
        assert!(!store.resolve(key(&name).digest(), &word).await.unwrap(), "it is held");
        cluster.advance(LEASE).await;
        assert!(store.resolve(key(&name).digest(), &word).await.unwrap());
        assert_eq!(store.claim(&ordered(&format!("o{number}"), 2, &resource, 4)).await.unwrap(), stale(5));
    }
}

#[tokio::test]
async fn many_keys_on_many_masters_are_each_answered_and_listed() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let claims: Vec<Claim> = (0..60)
        .map(|number| ordered(&format!("k{number}"), 1, &format!("r{}", number % 7), number))
        .collect();
    let mut leases = Vec::new();
    for (claim, answer) in claims.iter().zip(store.claim_many(&claims).await) {
        let Claimed::Granted(grant) = answer.unwrap() else { panic!("not granted") };
        leases.push(claim.granted(grant.fence));
    }
    // One slot is migrating: its record is read at the new node.
    let name = record_name("k0");
    let (slot, from) =
        (cluster.nodes[0].query::<u16>(&["CLUSTER", "KEYSLOT", &name]).await, cluster.owner(&name, 0).await);
    let to = (from + 1) % 3;
    cluster.begin_move(slot, from, to).await;
    while cluster.move_names(slot, from, to, 10).await > 0 {}
    let renewed = store.renew_many(&leases, LEASE).await;
    assert!(renewed.into_iter().all(|hold| hold.unwrap() == Hold::Held));
    cluster.end_move(slot, from, to).await;
    let released = store.release_many(&leases[40..], Release::Failed).await;
    assert!(released.into_iter().all(|hold| hold.unwrap() == Hold::Held));
    let completions: Vec<Completion> = leases[..50]
        .iter()
        .map(|lease| Completion::new(lease.clone(), Outcome::new("done"), RETENTION))
        .collect();
    let held = store.complete_many(&completions).await.into_iter().map(Result::unwrap);
    assert_eq!(held.filter(|hold| *hold == Hold::Held).count(), 40);
    let (mut page, mut seen, mut pages) = (Page::first(10), HashSet::new(), 0);
    loop {
        let listing = store.list(&Filter::all(), &page).await.unwrap();
        pages += 1;
        seen.extend(listing.records.into_iter().map(|view| view.digest));
        match listing.next {
            Some(next) => page = Page::first(10).after(next.to_string().parse().unwrap()),
            None => break,
        }
    }
    assert_eq!(seen.len(), 60);
    assert!((6..40).contains(&pages), "{pages} pages");
    assert_eq!(owner(1), leases[0].owner());
}

/// The first name with this prefix that this node serves.
async fn name_on(
    cluster: &RedisCluster,
    node: usize,
    address: impl Fn(&str) -> String,
    prefix: &str,
) -> String {
    let mut number = 0;
    loop {
        let name = format!("{prefix}{number}");
        if cluster.owner(&address(&name), 0).await == node {
            return name;
        }
        number += 1;
    }
}

/// The record was granted on one master while the mark's master was down. The error said that nothing had happened, so the
/// key stayed in flight and was in doubt afterwards.
#[tokio::test]
async fn a_grant_whose_mark_cannot_be_read_is_given_back() {
    let cluster = RedisCluster::start_with(3, false, &["--cluster-require-full-coverage", "no"]).await;
    let store = store(&cluster);
    let mark_name = |resource: &str| {
        let digest = resource_of(resource).digest(&namespace());
        format!("idem:mark:{}", data_encoding::BASE64URL_NOPAD.encode(&digest.as_bytes()[..24]))
    };
    let resource = name_on(&cluster, 1, mark_name, "r").await;
    let [alone, many, run] = [
        name_on(&cluster, 0, record_name, "alone").await,
        name_on(&cluster, 0, record_name, "many").await,
        name_on(&cluster, 0, record_name, "run").await,
    ];
    grant(&store, &ordered("warm", 1, &resource, 1)).await;
    cluster.nodes[1].kill();

    let mut errors = vec![store.claim(&ordered(&alone, 1, &resource, 1)).await];
    errors.extend(store.claim_many(&[ordered(&many, 1, &resource, 1)]).await);
    for (name, answer) in [alone, many].iter().zip(errors) {
        let view = store.load(key(name).digest()).await.unwrap().expect("it was granted");
        assert!(matches!(view.state, StateView::InFlight { .. }), "{view:?}");
        assert!(answer.unwrap_err().may_have_executed(), "{name}");
    }

    let engine = Idempotency::new(store.clone()).with_policy(Policy::webhook().with_wait(Duration::ZERO));
    let order = Order::new(resource_of(&resource), Version::new(1));
    let proof = Verified::by_other_means(b"");
    let delivery = Delivery::new(&proof, scope(), Key::new(&run).unwrap()).with_order(order);
    assert!(engine.begin(delivery).await.unwrap_err().may_have_executed());
    until(async || {
        let view = store.load(key(&run).digest()).await.unwrap().expect("it was granted");
        matches!(view.state, StateView::Released) && view.attempts == 0
    })
    .await;
}

/// Found by random histories around an outage. The mark was raised, the record's master was down, and the error said that
/// nothing had happened.
#[tokio::test]
async fn a_completion_that_raised_its_mark_alone_may_have_executed() {
    let cluster = RedisCluster::start_with(3, false, &["--cluster-require-full-coverage", "no"]).await;
    let store = store(&cluster);
    let mark_name = |resource: &str| {
        let digest = resource_of(resource).digest(&namespace());
        format!("idem:mark:{}", data_encoding::BASE64URL_NOPAD.encode(&digest.as_bytes()[..24]))
    };
    let resource = name_on(&cluster, 1, mark_name, "r").await;
    let [alone, many] =
        [name_on(&cluster, 0, record_name, "alone").await, name_on(&cluster, 0, record_name, "many").await];
    let completion_of = async |name: &str, version| {
        let (lease, _) = grant(&store, &ordered(name, 1, &resource, version)).await;
        completion(&lease, &Outcome::new("done"))
    };
    let completions = [completion_of(&alone, 1).await, completion_of(&many, 2).await];
    cluster.nodes[0].kill();

    let mut ends = vec![store.complete(&completions[0]).await];
    ends.extend(store.complete_many(&completions[1..]).await);
    for end in ends {
        let error = end.unwrap_err();
        assert!(error.may_have_executed(), "{error:?}");
    }
    let newest = store.newest(resource_of(&resource).digest(&namespace())).await.unwrap();
    assert_eq!(newest, Some(Version::new(2)), "the marks were raised");
}
