//! The cost of deliveries at Redis, counted on the wire between a server and its Redis.

use std::collections::BTreeMap;

use idempotency_tests::demo::{Client, Delivery, Demo, Framework, Ledger, SENDERS, now};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;
use tokio::task::JoinSet;

/// The header that carries each sender's signature.
const SIGNATURES: [&str; 6] = [
    "stripe-signature",
    "x-shopify-hmac-sha256",
    "x-twilio-signature",
    "x-hub-signature-256",
    "x-slack-signature",
    "webhook-signature",
];

/// A delivery with the signature of another one.
fn forged(sender: &str, number: u128) -> Delivery {
    let mut delivery = Delivery::only(sender, number);
    let another = Delivery::only(sender, number + 1);
    for name in SIGNATURES {
        if let Some(signature) = another.headers.get(name) {
            delivery.headers.insert(name, signature.clone());
        }
    }
    delivery
}

async fn send_all(client: &Client, deliveries: impl Iterator<Item = Delivery>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    let mut senders = JoinSet::new();
    for delivery in deliveries {
        if senders.len() >= 50 {
            let status: u16 = senders.join_next().await.expect("a task is left").expect("no task panics");
            *counts.entry(status).or_default() += 1;
        }
        let client = client.clone();
        senders
            .spawn(async move { client.send(&delivery).await.expect("the server answers").status.as_u16() });
    }
    for status in senders.join_all().await {
        *counts.entry(status).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn forged_deliveries_are_refused_without_any_command() {
    const COUNT: u128 = 10_000;
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let proxy = FaultProxy::start(redis.port()).await;
        let demo = Demo::start(framework, &proxy.url(), &ledger).await;
        let client = demo.pooled_client();

        let start = now();
        let senders = SENDERS.into_iter().cycle();
        let deliveries = (0..COUNT).zip(senders).map(|(number, sender)| forged(sender, number));
        let counts = send_all(&client, deliveries).await;
        println!("{framework:?}: {counts:?} in {:?}", start.elapsed());
        assert_eq!(counts, BTreeMap::from([(401, 10_000)]));
        assert_eq!(proxy.connections(), 0, "nothing connects before the first genuine delivery");

        let genuine = Delivery::of_each_sender(0).into_iter();
        assert_eq!(send_all(&client, genuine).await, BTreeMap::from([(200, 6)]));
        proxy.take_requests();
        redis.reset_calls().await;
        assert_eq!(
            send_all(&client, SENDERS.into_iter().map(|sender| forged(sender, 0))).await,
            BTreeMap::from([(401, 6)])
        );
        assert_eq!(proxy.take_requests(), BTreeMap::new());
        let mut calls = redis.calls().await;
        calls.retain(|name, _| {
            !["client", "config", "hello", "info"].contains(&name.split('|').next().unwrap())
        });
        assert_eq!(calls, BTreeMap::new());
        assert_eq!(ledger.lines().len(), 6);
    }
}

#[tokio::test]
async fn a_fresh_delivery_costs_two_round_trips_and_a_duplicate_one() {
    const COUNT: u64 = 200;
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let proxy = FaultProxy::start(redis.port()).await;
        let demo = Demo::start(framework, &proxy.url(), &ledger).await;
        let client = demo.pooled_client();
        // These connect, check the server's health, and cache the scripts.
        demo.deliver(&Delivery::github("warm")).await.assert_is(200, "executed");
        demo.deliver(&Delivery::user("warm", "user.created", "usr", 1)).await.assert_is(200, "executed");

        let fresh = || (0..COUNT).map(|number| Delivery::github(&format!("delivery-{number}")));
        let ordered = || {
            (0..COUNT).map(|number| {
                Delivery::user(&format!("msg_{number}"), "user.created", &format!("usr_{number}"), 1)
            })
        };
        let all_well = BTreeMap::from([(200, 200)]);
        let count = |name: &str, calls| (name.to_owned(), calls);
        proxy.take_requests();
        redis.reset_calls().await;
        assert_eq!(send_all(&client, fresh()).await, all_well);
        let first = proxy.take_requests();
        let calls = redis.calls().await;
        assert_eq!(send_all(&client, fresh()).await, all_well);
        let again = proxy.take_requests();
        assert_eq!(send_all(&client, ordered()).await, all_well);
        let first_ordered = proxy.take_requests();
        assert_eq!(send_all(&client, ordered()).await, all_well);
        let again_ordered = proxy.take_requests();
        println!(
            "{framework:?}, {COUNT} each: {first:?}, again {again:?}; ordered {first_ordered:?}, again {again_ordered:?}"
        );

        assert_eq!(first, BTreeMap::from([count("set", COUNT), count("evalsha", COUNT)]));
        assert_eq!(again, BTreeMap::from([count("set", COUNT)]));
        assert_eq!(first_ordered, BTreeMap::from([count("evalsha", 2 * COUNT)]));
        assert_eq!(again_ordered, BTreeMap::from([count("evalsha", COUNT)]));
        // The server's own counts. Its `set` includes calls inside scripts.
        assert_eq!((calls["set"], calls["evalsha"]), (2 * COUNT, COUNT));
        assert_eq!(ledger.lines().len() as u64, 2 * COUNT + 2);
    }
}
