//! Events out of order: an older event is not executed once a newer one of its resource has completed, in any process.

use std::collections::BTreeMap;
use std::time::Duration;

use idempotency_core::clock;
use idempotency_tests::demo::{Answer, Delivery, Demo, Framework, Ledger};
use idempotency_tests::redis_server::RedisServer;

async fn pair(pair: [Framework; 2], redis: &RedisServer, ledger: &Ledger) -> [Demo; 2] {
    [Demo::start(pair[0], &redis.url(), ledger).await, Demo::start(pair[1], &redis.url(), ledger).await]
}

/// The ids of the events in the order of their execution.
fn executed(ledger: &Ledger) -> Vec<String> {
    ledger.lines().into_iter().map(|line| line.key).collect()
}

#[tokio::test]
async fn an_older_event_after_a_newer_one_is_acknowledged_and_not_executed() {
    for frameworks in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let [one, two] = pair(frameworks, &redis, &ledger).await;
        let older = Delivery::user("msg_1", "user.created", "usr_1", 1);
        let newer = Delivery::user("msg_2", "user.updated", "usr_1", 2);
        one.deliver(&newer).await.assert_is(200, "executed");
        for demo in [&two, &one] {
            demo.deliver(&older).await.assert_is(200, "stale");
        }
        assert_eq!(executed(&ledger), ["msg_2"]);
        let of_another = Delivery::user("msg_3", "user.created", "usr_2", 1);
        two.deliver(&of_another).await.assert_is(200, "executed");
        let newest = Delivery::user("msg_4", "user.deleted", "usr_1", 3);
        two.deliver(&newest).await.assert_is(200, "executed");
        two.deliver(&newer).await.assert_is(200, "replayed");
        assert_eq!(executed(&ledger), ["msg_2", "msg_3", "msg_4"]);
    }
}

#[tokio::test]
async fn two_events_with_equal_versions_are_both_executed() {
    for frameworks in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let [one, two] = pair(frameworks, &redis, &ledger).await;
        one.deliver(&Delivery::user("msg_1", "user.updated", "usr_1", 5)).await.assert_is(200, "executed");
        two.deliver(&Delivery::user("msg_2", "user.updated", "usr_1", 5)).await.assert_is(200, "executed");
        assert_eq!(executed(&ledger), ["msg_1", "msg_2"]);
    }
}

#[tokio::test]
async fn a_newer_event_that_failed_does_not_make_an_older_one_stale() {
    for frameworks in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let [one, two] = pair(frameworks, &redis, &ledger).await;
        let newer = Delivery::user("msg_2", "user.updated", "usr_1", 2).steered("fail_times=1");
        assert_eq!(one.deliver(&newer).await.status, 500);
        let older = Delivery::user("msg_1", "user.created", "usr_1", 1);
        two.deliver(&older).await.assert_is(200, "executed");
        two.deliver(&newer).await.assert_is(200, "executed");
        assert_eq!(executed(&ledger), ["msg_1", "msg_2"]);
        assert_eq!(ledger.lines()[1].attempt, 2);
    }
}

#[tokio::test]
async fn an_event_of_a_type_that_is_not_named_is_never_stale() {
    for frameworks in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let [one, two] = pair(frameworks, &redis, &ledger).await;
        one.deliver(&Delivery::user("msg_2", "user.updated", "usr_1", 2)).await.assert_is(200, "executed");
        two.deliver(&Delivery::user("msg_1", "invoice.paid", "usr_1", 1)).await.assert_is(200, "executed");
        one.deliver(&Delivery::user("msg_0", "user.created", "usr_1", 0)).await.assert_is(200, "stale");
        assert_eq!(executed(&ledger), ["msg_2", "msg_1"]);
        assert_eq!(ledger.lines()[1].version, None);
    }
}

#[tokio::test]
async fn an_older_event_that_failed_is_stale_when_a_newer_one_has_overtaken_it() {
    let (redis, ledger) = (RedisServer::start().await, Ledger::new());
    let [one, two] = pair([Framework::Axum, Framework::Actix], &redis, &ledger).await;
    let older = Delivery::user("msg_1", "user.created", "usr_1", 1).steered("fail_times=1");
    assert_eq!(one.deliver(&older).await.status, 500);
    two.deliver(&Delivery::user("msg_2", "user.updated", "usr_1", 2)).await.assert_is(200, "executed");
    one.deliver(&older).await.assert_is(200, "stale");
    assert_eq!(executed(&ledger), ["msg_2"]);
}

/// Delivers, and returns the answer with its time in microseconds since 1970.
async fn answered(demo: &Demo, delivery: Delivery, after: Duration) -> (Answer, u64) {
    tokio::time::sleep(after).await;
    let answer = demo.deliver(&delivery).await;
    (answer, u64::try_from(clock::system_unix_time().as_micros()).expect("the microseconds fit in 64 bits"))
}

#[tokio::test]
async fn the_older_of_two_concurrent_events_never_starts_after_the_newer_completed() {
    const ROUNDS: u32 = 60;
    for frameworks in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let [one, two] = pair(frameworks, &redis, &ledger).await;
        let mut counts = BTreeMap::<_, u32>::new();
        // Searches for the end of the newer event on this machine: later after an execution, sooner otherwise.
        let mut later = Duration::from_millis(10);
        for round in 0..ROUNDS {
            let user = format!("usr_{round}");
            let newer =
                Delivery::user(&format!("new_{round}"), "user.updated", &user, 2).steered("delay_ms=10");
            let older = Delivery::user(&format!("old_{round}"), "user.created", &user, 1);
            let (newer, older) =
                tokio::join!(answered(&one, newer, Duration::ZERO), answered(&two, older, later));
            newer.0.assert_is(200, "executed");
            assert_eq!(older.0.status, 200);
            let ran = ledger.lines_of(&format!("old_{round}"));
            *counts.entry(older.0.mark().to_owned()).or_default() += 1;
            match (older.0.mark(), &ran[..]) {
                // Its fence is the moment of its claim by the clock of Redis, which is this machine's.
                ("executed", [line]) => {
                    assert!(line.fence < newer.1, "it started after the end of the newer event");
                    later = later.mul_f64(1.3);
                }
                ("stale", []) => later = later.mul_f64(0.75),
                _ => panic!("{older:?} {ran:?}"),
            }
            // In either case it is over now.
            let again =
                two.deliver(&Delivery::user(&format!("late_{round}"), "user.created", &user, 1)).await;
            again.assert_is(200, "stale");
        }
        println!("{frameworks:?}: the older one of {ROUNDS} was {counts:?}");
        assert!(counts.len() == 2, "both must occur for this to mean anything: {counts:?}");
    }
}
