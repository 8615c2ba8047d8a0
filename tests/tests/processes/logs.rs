//! The servers' logs: they tell operators what they must know, and contain no secrets.

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, PATIENCE, SECRETS, Setup, eventually};
use idempotency_tests::redis_server::RedisServer;

const PASSWORD: &str = "tests-redis-password";

/// Sends one delivery of each kind, so that every log statement is reached.
async fn send_everything(demo: &Demo) {
    for delivery in Delivery::of_each_sender(1).into_iter().chain(Delivery::of_each_sender(1)) {
        assert_eq!(demo.deliver(&delivery).await.status, 200);
    }
    let mut forged = Delivery::github("github-1");
    forged.body = "{}".into();
    assert_eq!(demo.deliver(&forged).await.status, 401);
    assert_eq!(demo.deliver(&Delivery::stripe("evt_2").steered("fail_times=1")).await.status, 500);
    assert!(demo.try_deliver(&Delivery::stripe("evt_3").steered("panic_times=1")).await.is_err());
    demo.deliver(&Delivery::payment("Bearer tests-token", "order-1", 471_147))
        .await
        .assert_is(201, "executed");
    demo.deliver(&Delivery::payment("Bearer tests-token", "order-1", 1)).await.assert_is(422, "mismatch");
    demo.deliver(&Delivery::user("msg_2", "user.updated", "usr_1", 2)).await.assert_is(200, "executed");
    demo.deliver(&Delivery::user("msg_3", "user.created", "usr_1", 1)).await.assert_is(200, "stale");
}

#[tokio::test]
async fn no_secret_no_key_and_no_body_is_logged_at_any_level() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let password = format!(">{PASSWORD}");
        let _: String = redis.query(&["ACL", "SETUSER", "tests", "on", &password, "~*", "&*", "+@all"]).await;
        let url = format!("redis://tests:{PASSWORD}@127.0.0.1:{}/", redis.port());
        let setup = Setup::new(framework, &url, &ledger).with_variable("RUST_LOG", "trace");
        let [demo, impatient] = [setup.clone().start().await, setup.with_default_patience().start().await];
        send_everything(&demo).await;
        redis.kill();
        assert_eq!(impatient.deliver(&Delivery::github("github-2")).await.status, 503);

        let log = demo.log() + &impatient.log();
        println!("{framework:?} logged {} lines", log.lines().count());
        for seen in
            ["granted", "replayed", "completed", "rejected", "panicked", "mismatch", "stale", "outage"]
        {
            assert!(log.contains(seen), "{seen} must be logged");
        }
        let secrets = SECRETS.map(|(_, secret)| secret);
        let bodies =
            ["about evt", "about github", "about shopify", "about Ev", "+18005551212", "471147", "usr_1"];
        let keys = ["evt_1", "shopify-1", "github-1", "Ev1", "msg_1", "order-1"];
        let principals = ["tests-token", PASSWORD];
        let mut leaks = Vec::new();
        for secret in secrets.iter().chain(&bodies).chain(&keys).chain(&principals) {
            leaks.extend(log.lines().filter(|line| line.contains(secret)));
        }
        assert!(leaks.is_empty(), "{} lines, such as {:?}", leaks.len(), &leaks[..leaks.len().min(3)]);
    }
}

#[tokio::test]
async fn settings_of_redis_that_weaken_the_promise_are_logged_on_the_first_connection() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let redis =
            RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        assert!(!demo.log().contains("no append-only file is written"));
        demo.deliver(&Delivery::github("delivery-1")).await.assert_is(200, "executed");
        demo.deliver(&Delivery::github("delivery-2")).await.assert_is(200, "executed");
        for finding in ["no append-only file is written", "allkeys-lru evicts records"] {
            eventually(finding, PATIENCE, async || demo.log().contains(finding).then_some(())).await;
            assert_eq!(demo.log().matches(finding).count(), 1);
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why_without_its_secrets() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let setup = Setup::new(framework, "memory", &ledger);
        let log = setup.with_variable("STANDARD_WEBHOOKS_SECRET", "whsec_not~base64").start_and_fail().await;
        println!("{framework:?}: {}", log.trim());
        assert!(!log.contains("not~base64"));
        assert!(log.contains("base64"), "{log}");
        let log = Setup::new(framework, "memory", &ledger)
            .with_variable("GITHUB_WEBHOOK_SECRET", " ")
            .start_and_fail();
        let log = log.await;
        println!("{framework:?}: {}", log.trim());
        assert!(log.to_lowercase().contains("secret"), "{log}");
        for (store, reason) in [
            ("postgres://app:hunter2@db.internal:port/shop", "--store is invalid: "),
            ("mysql://app:hunter2@db.internal/shop", "--store is invalid: expected `memory`, "),
            ("sqlite::memory:", "--store is invalid: the database is in memory"),
        ] {
            let log = Setup::new(framework, store, &ledger).start_and_fail().await;
            println!("{framework:?}: {}", log.trim());
            let line = log.lines().find(|line| line.contains("error: ")).unwrap_or_default();
            assert!(line.contains(reason) && !log.contains("hunter2"), "{log}");
        }
    }
}
