//! The API route: an `Idempotency-Key` per principal.

use http::header::AUTHORIZATION;
use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger};
use idempotency_tests::redis_server::RedisServer;

const PROBLEM: Option<&str> = Some("application/problem+json");

#[tokio::test]
async fn a_payment_is_made_once_and_its_answer_is_replayed_by_either_process() {
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let one = Demo::start(first, &redis.url(), &ledger).await;
        let two = Demo::start(second, &redis.url(), &ledger).await;
        let payment = Delivery::payment("Bearer alice", "\"order-42\"", 4200);

        let made = one.deliver(&payment).await;
        made.assert_is(201, "executed");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(made.header("location"), Some(format!("/payments/{id}").as_str()));
        assert_eq!(made.json()["amount"], 4200);
        // A string of RFC 8941 and a bare value are one key.
        let bare = Delivery::payment("Bearer alice", "order-42", 4200);
        for replayed in [one.deliver(&payment).await, two.deliver(&payment).await, two.deliver(&bare).await] {
            replayed.assert_is(201, "replayed");
            assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
            assert_eq!(replayed.recorded(), made.recorded());
        }

        let of_another = two.deliver(&Delivery::payment("Bearer bob", "\"order-42\"", 4200)).await;
        of_another.assert_is(201, "executed");
        assert_ne!(of_another.json()["id"], made.json()["id"]);

        let other_amount = two.deliver(&Delivery::payment("Bearer alice", "\"order-42\"", 4300)).await;
        other_amount.assert_is(422, "mismatch");
        assert_eq!(other_amount.header("content-type"), PROBLEM);
        assert!(!String::from_utf8_lossy(&other_amount.body).contains("4200"));
        assert_eq!(ledger.lines().len(), 2);
    }
}

#[tokio::test]
async fn a_request_without_a_principal_or_without_a_key_is_refused() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        let mut anonymous = Delivery::payment("Bearer alice", "order-42", 4200);
        anonymous.headers.remove(AUTHORIZATION);
        let mut without_key = Delivery::payment("Bearer alice", "order-42", 4200);
        without_key.headers.remove("idempotency-key");
        for (delivery, status) in [(anonymous, 401), (without_key, 400)] {
            let answer = demo.deliver(&delivery).await;
            assert_eq!((answer.status.as_u16(), answer.header("content-type")), (status, PROBLEM));
        }
        assert_eq!(ledger.lines(), []);
    }
}

#[tokio::test]
async fn a_duplicate_of_a_payment_in_flight_is_a_conflict() {
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let one = Demo::start(first, &redis.url(), &ledger).await;
        let two = Demo::start(second, &redis.url(), &ledger).await;
        let payment = Delivery::payment("Bearer alice", "order-42", 4200).steered("gated=1");
        let sending = one.delivering(&payment);
        ledger.gate_is_reached().await;
        let conflict = two.deliver(&payment).await;
        conflict.assert_is(409, "conflict");
        let retry_after: u64 = conflict.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&retry_after));
        assert_eq!(conflict.header("content-type"), PROBLEM);
        ledger.open_gate();
        let made = sending.await.unwrap().unwrap();
        made.assert_is(201, "executed");
        assert_eq!(two.deliver(&payment).await.recorded(), made.recorded());
        assert_eq!(ledger.only_line().provider, "idempotency-key");
    }
}

#[tokio::test]
async fn a_client_error_is_recorded_and_a_server_error_is_not() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        let mut malformed = Delivery::payment("Bearer alice", "order-1", 1);
        malformed.body = "{}".into();
        demo.deliver(&malformed).await.assert_is(400, "executed");
        demo.deliver(&malformed).await.assert_is(400, "replayed");
        let failing = Delivery::payment("Bearer alice", "order-2", 1).steered("fail_times=1");
        demo.deliver(&failing).await.assert_is(500, "executed");
        demo.deliver(&failing).await.assert_is(201, "executed");
        demo.deliver(&failing).await.assert_is(201, "replayed");
        assert_eq!(ledger.only_line().attempt, 2);
    }
}

#[tokio::test]
async fn the_ledger_and_the_health_can_be_queried() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        assert_eq!(demo.deliver(&Delivery::get("/healthz")).await.status, 200);
        assert_eq!(demo.deliver(&Delivery::get("/ledger")).await.json(), serde_json::json!([]));
        demo.deliver(&Delivery::stripe("evt_1")).await.assert_is(200, "executed");
        let entries = demo.deliver(&Delivery::get("/ledger")).await.json();
        assert_eq!(entries.as_array().unwrap().len(), 1);
        let entry = &entries[0];
        assert_eq!((&entry["provider"], &entry["key"]), (&"stripe".into(), &"evt_1".into()));
        assert_eq!((&entry["type"], &entry["attempt"]), (&"invoice.paid".into(), &1.into()));
        let probe = demo.deliver(&Delivery::get("/webhooks/stripe")).await;
        assert_eq!(probe.status, 405);
    }
}
