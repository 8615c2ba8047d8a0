//! An unreadable record is in doubt over HTTP, on both adapters: it is never executed and never changed.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Owner, Store};
use idempotency_core::{Outcome, Policy, ScopedKey};
use idempotency_tests::http::{Adapter, Handler, Reply, Served, Site, TestSender, handler, post};
use idempotency_tests::redis_case::{record_name_of, store};
use idempotency_tests::redis_server::RedisServer;
use redis::AsyncTypedCommands as _;

const ADAPTERS: [Adapter; 2] = [Adapter::Axum, Adapter::Actix];
const LONG: Duration = Duration::from_secs(3600);

fn done() -> Handler {
    handler(|_| async { Reply::new(200, "done") })
}

/// Both policies, each with its answer to a record in doubt.
fn policies() -> [(Policy, u16); 2] {
    [(Policy::webhook(), 503), (Policy::api(), 409)]
}

async fn assert_in_doubt(served: &Served, status: u16, what: &str) {
    let before = served.executions();
    for _ in 0..2 {
        let answer = served.send(post("/hook").key("k").body("{}")).await;
        let text = answer.text();
        answer.is(status, "in-doubt").is_problem("in-doubt");
        assert!(!text.contains("split"), "{what}: {text}");
    }
    assert_eq!(served.executions(), before, "{what}");
}

async fn complete(store: &dyn Store, key: ScopedKey, outcome: Vec<u8>) {
    let claim = Claim::new(key, Owner::from_bytes([1; 16]), LONG, LONG);
    let Claimed::Granted(grant) = store.claim(&claim).await.unwrap() else { panic!("granted") };
    let held = store
        .complete(&Completion::new(claim.granted(grant.fence), Outcome::new(outcome), LONG))
        .await
        .unwrap();
    assert_eq!(held, Hold::Held);
}

/// An answer in the stored form, with one header.
fn stored(format: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![format, 0, 200, 0, 1, 0, u8::try_from(name.len()).unwrap()];
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&[0, 0, 0, u8::try_from(value.len()).unwrap()]);
    bytes.extend_from_slice(value);
    bytes.extend_from_slice(b"split");
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stored_answer_that_splits_a_header_or_is_malformed_is_in_doubt() {
    let good = stored(1, b"x-a", b"b");
    let outcomes = [
        ("a line break in a value", stored(1, b"x-a", b"b\r\nset-cookie: split=1")),
        ("a carriage return", stored(1, b"x-a", b"b\rc")),
        ("a line feed", stored(1, b"x-a", b"b\nc")),
        ("a nul", stored(1, b"x-a", b"b\0c")),
        ("a line break in a name", stored(1, b"x-a: b\r\nset-cookie", b"split=1")),
        ("a later format", stored(2, b"x-a", b"b")),
        ("no bytes", Vec::new()),
        ("a truncated head", good[..12].to_vec()),
        ("text", b"done".to_vec()),
    ];
    for adapter in ADAPTERS {
        for (policy, status) in policies() {
            for (what, outcome) in &outcomes {
                let site = Site::new(adapter, Arc::new(MemoryStore::new()));
                let served = site.serve(TestSender::new(policy.clone()), done()).await;
                complete(&site.store, served.key("/hook", "k"), outcome.clone()).await;
                assert_in_doubt(&served, status, what).await;
            }
            // A good answer is replayed, so the cases above fail for their defect alone.
            let site = Site::new(adapter, Arc::new(MemoryStore::new()));
            let served = site.serve(TestSender::new(policy), done()).await;
            complete(&site.store, served.key("/hook", "k"), good.clone()).await;
            served.send(post("/hook").key("k").body("{}")).await.is(200, "replayed").says("split");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_in_redis_that_cannot_be_read_is_in_doubt_and_stays_as_it_is() {
    let server = RedisServer::start().await;
    let mut connection = server.connection().await;
    for adapter in ADAPTERS {
        for (policy, status) in policies() {
            let site = Site::new(adapter, Arc::new(store(&server.url())));
            let served = site.serve(TestSender::new(policy).binding_body(), done()).await;
            let name = record_name_of(&served.key("/hook", "k"));
            served.send(post("/hook").key("k").body("{}")).await.is(200, "executed");
            let genuine: Vec<u8> = server.query(&["GET", &name]).await;
            let spoiled = |at: usize, byte: u8| {
                let mut bytes = genuine.clone();
                bytes[at] = byte;
                bytes
            };
            let cases = [
                ("truncated", genuine[..47].to_vec()),
                ("nothing", Vec::new()),
                ("foreign", b"{\"state\":\"done\"}".to_vec()),
                ("a later format", spoiled(0, 4)),
                ("no state", spoiled(1, genuine[1] & !3)),
                ("a later part", spoiled(1, genuine[1] | 32)),
                ("another key's", spoiled(40, !genuine[40])),
            ];
            for (what, bytes) in cases {
                connection.set(&name, &bytes).await.unwrap();
                assert_in_doubt(&served, status, what).await;
                let after: Vec<u8> = server.query(&["GET", &name]).await;
                assert_eq!(after, bytes, "{what}");
            }
            let _: u64 = server.query(&["DEL", &name]).await;
            let _: u64 = server.query(&["LPUSH", &name, "another type"]).await;
            assert_in_doubt(&served, status, "a list").await;
            assert_eq!(server.query::<String>(&["TYPE", &name]).await, "list");
            connection.del(&name).await.unwrap();
            connection.set(&name, &genuine).await.unwrap();
            served.send(post("/hook").key("k").body("{}")).await.is(200, "replayed");
            connection.del(&name).await.unwrap();
        }
    }
}
