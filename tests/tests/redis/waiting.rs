//! Waiting for a key to settle: one subscription, one wake-up for each waiter, no polling, and always an end.

use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Hold, Release, Store as _};
use idempotency_core::{Outcome, StoreError};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{claim, completion, grant, key, outcome_of, record_name, store};
use idempotency_tests::redis_cluster::until;
use idempotency_tests::redis_server::RedisServer;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longer than any test here takes: a waiter that returns sooner was woken.
const LONG: Duration = Duration::from_secs(600);
const SOON: Duration = Duration::from_secs(60);

fn wait(store: &RedisStore, name: &str) -> JoinHandle<Result<(), StoreError>> {
    let (store, key) = (store.clone(), key(name));
    tokio::spawn(async move { store.wait_for_change(key.digest(), LONG).await })
}

async fn woken(waiter: JoinHandle<Result<(), StoreError>>) {
    tokio::time::timeout(SOON, waiter).await.expect("the waiter is woken").unwrap().unwrap();
}

/// Waits until all clients together have called a command this many times.
async fn called(server: &RedisServer, command: &str, count: u64) {
    let called = async {
        while server.calls().await.get(command).copied().unwrap_or(0) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, called)
        .await
        .unwrap_or_else(|_| panic!("{command} must be called {count} times"));
}

async fn channels(server: &RedisServer) -> Vec<String> {
    server.query(&["PUBSUB", "CHANNELS", "*"]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_waiters_share_one_subscription_and_are_woken_once_without_polling() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let waiters: Vec<_> = (0..1000).map(|_| wait(&store, "k")).collect();
    // Each reads the record once after the subscription and then sleeps.
    called(&server, "getrange", 1000).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    for waiter in waiters {
        woken(waiter).await;
    }
    let calls = server.calls().await;
    assert_eq!((calls["subscribe"], calls["publish"], calls["getrange"]), (1, 1, 1000));
}

#[tokio::test]
async fn each_way_of_settling_wakes_a_waiter() {
    let server = RedisServer::start().await;
    let (holder, waiter) = (store(&server.url()), store(&server.url()));
    for (number, name) in ["completed", "released", "forgotten"].into_iter().enumerate() {
        let (lease, _) = grant(&holder, &claim(name, 1)).await;
        let waiting = wait(&waiter, name);
        called(&server, "getrange", number as u64 + 1).await;
        match name {
            "completed" => drop(holder.complete(&completion(&lease, &Outcome::default())).await.unwrap()),
            "released" => drop(holder.release(&lease, Release::Failed).await.unwrap()),
            _ => drop(holder.forget(key(name).digest()).await.unwrap()),
        }
        woken(waiting).await;
    }
}

#[tokio::test]
async fn a_key_that_settled_before_the_subscription_is_not_waited_for() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    store.wait_for_change(key("nothing").digest(), LONG).await.unwrap();
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    let start = Instant::now();
    store.wait_for_change(key("k").digest(), LONG).await.unwrap();
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn the_end_of_a_lease_wakes_a_waiter_without_a_notification() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let mut dying = claim("k", 1);
    dying.lease = Duration::from_millis(300);
    grant(&store, &dying).await;
    woken(wait(&store, "k")).await;
    assert_eq!(grant(&store, &claim("k", 2)).await.1, 2);
}

/// A failover to a replica that lags can lose the flag by which a waiter asks for a message.
#[tokio::test]
async fn a_waiter_whose_flag_is_lost_asks_again() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let granted: Vec<u8> = server.query(&["GET", &record_name("k")]).await;
    let waiter = wait(&store, "k");
    until(async || server.query::<Vec<u8>>(&["GET", &record_name("k")]).await != granted).await;
    let without_flag = "return redis.call('SETRANGE', KEYS[1], 1, string.char(ARGV[1]))";
    let flags = granted[1].to_string();
    let _: u64 = server.query(&["EVAL", without_flag, "1", &record_name("k"), &flags]).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    woken(waiter).await;
}

#[tokio::test]
async fn no_ended_record_says_that_it_is_awaited() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    for name in ["completed", "released"] {
        let (lease, _) = grant(&store, &claim(name, 1)).await;
        // The lower two bits are the state.
        let flags = async || server.query::<Vec<u8>>(&["GET", &record_name(name)]).await[1] & !3;
        let before = flags().await;
        let waiter = wait(&store, name);
        until(async || flags().await == before | 128).await;
        match name {
            "completed" => drop(store.complete(&completion(&lease, &Outcome::default())).await.unwrap()),
            _ => drop(store.release(&lease, Release::Failed).await.unwrap()),
        }
        woken(waiter).await;
        assert_eq!(flags().await, before, "{name}");
    }
}

#[tokio::test]
async fn a_wait_ends_with_its_timeout_and_touches_nothing() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("k", 1)).await;
    store.wait_for_change(key("k").digest(), Duration::from_millis(50)).await.unwrap();
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
}

#[tokio::test]
async fn waiters_that_are_gone_leave_no_subscription_behind() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("k", 1)).await;
    grant(&store, &claim("l", 1)).await;
    let (gone, staying) = (wait(&store, "k"), wait(&store, "l"));
    called(&server, "getrange", 2).await;
    assert_eq!(channels(&server).await.len(), 2);
    assert!(format!("{store:?}").contains("Subscriptions { channels: 2 }"), "{store:?}");
    gone.abort();
    called(&server, "unsubscribe", 1).await;
    assert_eq!(channels(&server).await.len(), 1);
    assert!(store.forget(key("l").digest()).await.unwrap());
    woken(staying).await;
    called(&server, "unsubscribe", 2).await;
    // A returning waiter is subscribed again, over the same connection.
    let subscribed = server.calls().await["subscribe"];
    let back = wait(&store, "k");
    called(&server, "subscribe", subscribed + 1).await;
    assert!(store.forget(key("k").digest()).await.unwrap());
    woken(back).await;
    called(&server, "unsubscribe", 3).await;
    // The connection goes with the store.
    let connected = async || server.query::<String>(&["CLIENT", "LIST"]).await.contains("cmd=unsubscribe");
    assert!(connected().await);
    drop(store);
    until(async || !connected().await).await;
}

#[tokio::test]
async fn waiters_whose_subscription_is_lost_still_learn_of_the_outcome() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let (holder, waiter) = (store(&server.url()), store(&proxy.url()));
    let (lease, _) = grant(&holder, &claim("k", 1)).await;
    let waiting = wait(&waiter, "k");
    called(&server, "getrange", 1).await;
    let _: i64 = server.query(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    assert_eq!(holder.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    woken(waiting).await;
    // The next waiter subscribes again.
    let (lease, _) = grant(&holder, &claim("l", 1)).await;
    let seen = server.calls().await["getrange"];
    let waiting = wait(&waiter, "l");
    called(&server, "getrange", seen + 1).await;
    assert_eq!(channels(&server).await.len(), 1);
    assert_eq!(holder.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    woken(waiting).await;
}

#[tokio::test]
async fn a_lost_subscription_wakes_no_waiter() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("k", 1)).await;
    let waiting = wait(&store, "k");
    called(&server, "getrange", 1).await;
    let _: i64 = server.query(&["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    // From now on the waiter polls.
    called(&server, "getrange", 4).await;
    assert!(!waiting.is_finished());
    assert!(store.forget(key("k").digest()).await.unwrap());
    woken(waiting).await;
}

#[tokio::test]
async fn a_late_subscriber_is_not_woken_by_an_earlier_message() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("k", 1)).await;
    // This waiter keeps the channel open.
    let name = key("k");
    let mut keeping = std::pin::pin!(store.wait_for_change(name.digest(), LONG));
    tokio::select! {
        _ = &mut keeping => panic!("nothing has changed"),
        () = called(&server, "getrange", 1) => {}
    }
    let woken_before = wait(&store, "k");
    called(&server, "getrange", 2).await;
    let [channel] = channels(&server).await.try_into().unwrap();
    let _: i64 = server.query(&["PUBLISH", &channel, ""]).await;
    woken(woken_before).await;

    let joining = wait(&store, "k");
    called(&server, "getrange", 3).await;
    // Its answer comes after the reply to the waiter's read, over the same connection.
    store.load(key("k").digest()).await.unwrap();
    assert!(!joining.is_finished());
    assert!(store.forget(key("k").digest()).await.unwrap());
    woken(joining).await;
}

#[tokio::test]
async fn a_user_without_channels_still_completes_and_waits() {
    let server = RedisServer::start().await;
    let rules = ["ACL", "SETUSER", "app", "on", ">pw", "resetchannels", "~idem:*", "+@all"];
    let _: String = server.query(&rules).await;
    let store = store(&server.url().replace("redis://", "redis://app:pw@"));
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let waiting = wait(&store, "k");
    called(&server, "getrange", 1).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
    woken(waiting).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiter_is_woken_after_the_runtime_that_first_listened_has_ended() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    // A worker with its own runtime waits once and ends.
    let worker = store.clone();
    let ended = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (lease, _) = grant(&worker, &claim("first", 1)).await;
            worker.wait_for_change(key("first").digest(), Duration::from_millis(50)).await.unwrap();
            assert_eq!(worker.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
        });
    });
    tokio::task::spawn_blocking(|| ended.join().unwrap()).await.unwrap();
    // The connection for commands ended with that runtime as well. This call notices and reconnects.
    drop(store.load(key("k").digest()).await);

    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let seen = server.calls().await.get("getrange").copied().unwrap_or(0);
    let waiter = wait(&store, "k");
    called(&server, "getrange", seen + 1).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    woken(waiter).await;
}
