//! The scripts and the decoder read every value alike: a value that one refuses is a record to none.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use idempotency_core::OnExpired;
use idempotency_core::store::{Claim, Claimed, Grant, RecordView, StateView, Store as _};
use idempotency_tests::demo::now;
use idempotency_tests::redis_case::{claim, key, ordered, owner, record_name, store};
use idempotency_tests::redis_server::RedisServer;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{TestCaseError, TestRunner};
use tokio::runtime::Runtime;

/// A record of the key `k`, often with defects.
fn values() -> impl Strategy<Value = Vec<u8>> {
    let head = (
        prop_oneof![9 => Just(3_u8), 1 => any::<u8>()],
        prop_oneof![9 => 1..4_u8, 1 => Just(0)],
        // Four flags, and two bits without a meaning.
        prop_oneof![8 => 0..8_u8, 1 => 32..40_u8, 1 => 0..64_u8],
    );
    let attempts = prop_oneof![9 => any::<u16>(), 1 => Just(u16::MAX)];
    let millis = || prop_oneof![Just(30_000_u64), 0..100_000_u64, 0..1_u64 << 48];
    // As long as the flags say, or not. The outcome is the rest.
    let tail =
        (vec(any::<u8>(), 72), parts(), prop_oneof![3 => Just(None), 1 => (0..100_usize).prop_map(Some)]);
    let change = prop::option::weighted(0.3, (any::<Index>(), any::<u8>()));
    let record = (head, any::<[u8; 16]>(), any::<u64>(), attempts, millis(), millis(), tail).prop_map(
        |((format, state, flags), owner, fence, attempts, lease, retention, (tail, parts, len))| {
            let mut tail = tail[..usize::from(flags % 2) * 32 + usize::from(flags / 2 % 2) * 40].to_vec();
            if flags & 4 != 0 {
                tail.extend(parts);
            }
            let len = len.unwrap_or(tail.len()).min(tail.len());
            let mut bytes = vec![format, flags << 2 | state];
            bytes.extend_from_slice(&owner);
            bytes.extend_from_slice(&fence.to_be_bytes());
            bytes.extend_from_slice(&attempts.to_be_bytes());
            bytes.extend_from_slice(&lease.to_be_bytes()[2..]);
            bytes.extend_from_slice(&retention.to_be_bytes()[2..]);
            bytes.extend_from_slice(&key("k").digest().as_bytes()[24..]);
            bytes.extend_from_slice(&tail[..len]);
            bytes
        },
    );
    let changed = (record, change, any::<bool>()).prop_map(|(mut bytes, change, cut)| {
        if let Some((index, byte)) = change {
            let at = index.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
        }
        bytes
    });
    prop_oneof![9 => changed, 1 => vec(any::<u8>(), 0..120)]
}

/// The lengths and bytes of parts. Some are binding, and some have a wrong length.
fn parts() -> impl Strategy<Value = Vec<u8>> {
    let part = (prop_oneof![9 => 0..128_u8, 1 => any::<u8>()], vec(any::<u8>(), 0..10));
    (vec(part, 0..4), prop_oneof![9 => Just(0_u16), 1 => 0..5_u16]).prop_map(|(parts, off)| {
        let mut bytes = Vec::new();
        for (tag, content) in parts {
            bytes.push(tag);
            bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            bytes.extend(content);
        }
        [&(u16::try_from(bytes.len()).unwrap() + off).to_be_bytes()[..], &bytes].concat()
    })
}

/// Whether the answer to an in-doubt claim fits an operator's view of the record.
fn fits(view: &RecordView, answer: &Claimed, between: Duration) -> bool {
    match (&view.state, answer) {
        (StateView::Unreadable, answer) => *answer == Claimed::InDoubt,
        (StateView::Completed(completed), Claimed::Completed(answer)) => completed == answer,
        (StateView::Released, Claimed::Granted(Grant { fence, attempt, .. })) => {
            let grows = *fence > view.fence || view.fence.get() == u64::MAX;
            grows && *attempt == (view.attempts + 1).min(u32::from(u16::MAX))
        }
        (StateView::InFlight { lease_left }, Claimed::InFlight { retry_after }) => retry_after <= lease_left,
        // The lease ended between the load and the claim.
        (StateView::InFlight { lease_left }, Claimed::InDoubt) => *lease_left <= between,
        (StateView::Abandoned, Claimed::InDoubt) => true,
        _ => false,
    }
}

#[test]
fn the_scripts_and_the_decoder_read_every_value_alike() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(RedisServer::start());
    let (store, connection) = runtime.block_on(async { (store(&server.url()), server.connection().await) });
    let name = record_name("k");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let in_doubt = |mut claim: Claim| {
        claim.on_expired = OnExpired::InDoubt;
        claim.owner = owner(0xA5);
        claim
    };
    let claims = [in_doubt(claim("k", 0)), in_doubt(ordered("k", 0, "r", u64::MAX))];
    let readable = AtomicU32::new(0);
    let tested = TestRunner::new(config).run(&(values(), 1..200_000_u64), |(value, ttl)| {
        let read = runtime.block_on(async {
            let mut read = 0;
            for claim in &claims {
                let mut set = redis::cmd("SET");
                set.arg(&name).arg(&value).arg("PX").arg(ttl + 60_000);
                set.exec_async(&mut connection.clone()).await.expect("the server takes it");
                let start = now();
                let view = store.load(claim.key.digest()).await.expect("it answers").expect("it is there");
                let answer = store.claim(claim).await.expect("it answers");
                prop_assert!(fits(&view, &answer, start.elapsed()), "{:?}, but {:?}", view, answer);
                if view.state == StateView::Unreadable {
                    let after: Vec<u8> = redis::cmd("GET")
                        .arg(&name)
                        .query_async(&mut connection.clone())
                        .await
                        .expect("it is there");
                    prop_assert_eq!(&after, &value);
                } else {
                    read = 1;
                }
            }
            Ok::<u32, TestCaseError>(read)
        })?;
        readable.fetch_add(read, Ordering::Relaxed);
        Ok(())
    });
    tested.unwrap_or_else(|error| panic!("{error}"));
    let readable = readable.into_inner();
    assert!((cases / 5..cases * 9 / 10).contains(&readable), "{readable} of {cases} are records");
}
