//! An unreadable record is in doubt: never free, never taken over, never overwritten.

use std::time::Duration;

use idempotency_core::store::{Adopted, Claimed, Hold, Lease, Release, Resolution, StateView, Store as _};
use idempotency_core::{Fence, OnExpired, Outcome, StoreErrorKind};
use idempotency_tests::redis_case::{
    LEASE, RETENTION, claim, completion, grant, key, ordered, outcome_of, owner, record_name, store,
};
use idempotency_tests::redis_server::RedisServer;
use redis::AsyncTypedCommands as _;

/// The bytes of a record in flight, as the store wrote them.
async fn genuine(server: &RedisServer) -> Vec<u8> {
    grant(&store(&server.url()), &claim("genuine", 9)).await;
    server.query(&["GET", &record_name("genuine")]).await
}

/// The length of a record before its parts.
const HEAD: usize = 48;

/// The same record with one more part, of two bytes.
fn with_part(record: &[u8], tag: u8) -> Vec<u8> {
    let (head, rest) = record.split_at(HEAD);
    let len = u16::from_be_bytes([rest[0], rest[1]]) + 5;
    [head, &len.to_be_bytes(), &rest[2..], &[tag, 0, 2, 7, 8]].concat()
}

/// The same record in the format before, which had a byte of flags, 4 bytes of attempts, and 16 bytes of digest.
fn in_format_2(record: &[u8]) -> Vec<u8> {
    let (state, flags) = (record[1] & 3, record[1] >> 2);
    let digest = *key("k").digest().as_bytes();
    [&[2, state, flags], &record[2..26], &[0, 0], &record[26..40], &digest[16..], &record[HEAD..]].concat()
}

/// A part that a later version wrote survives every operation of this version.
#[tokio::test]
async fn an_ignorable_part_of_a_later_version_is_kept_by_every_script() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let name = record_name("k");
    grant(&store, &claim("k", 9)).await;
    let own: Vec<u8> = server.query(&["GET", &name]).await;
    let newer = with_part(&own, 127);
    server.connection().await.set(&name, &newer).await.unwrap();
    let _: i64 = server.query(&["PEXPIRE", &name, "1000"]).await;
    let parts = &newer[HEAD..];
    let kept = async |what: &str| {
        let bytes: Vec<u8> = server.query(&["GET", &name]).await;
        assert_eq!(&bytes[HEAD..HEAD + parts.len()], parts, "{what}");
    };
    let (first, _) = grant(&store, &claim("k", 1)).await;
    kept("a takeover").await;
    assert_eq!(store.renew(&first, LEASE * 2).await.unwrap(), Hold::Held);
    kept("a renewal").await;
    let Adopted::Granted(adopted) = store.adopt(&first, owner(2), LEASE).await.unwrap() else {
        panic!("lost")
    };
    kept("an adoption").await;
    let second = Lease::new(key("k"), None, owner(2), adopted.fence);
    assert_eq!(store.release(&second, Release::Unstarted).await.unwrap(), Hold::Held);
    kept("a release").await;
    let (third, _) = grant(&store, &ordered("k", 3, "r", 1)).await;
    assert_eq!(store.complete(&completion(&third, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    // The order is written before them.
    let bytes: Vec<u8> = server.query(&["GET", &name]).await;
    assert_eq!(&bytes[HEAD + 40..], [parts, b"done"].concat());
    assert_eq!(outcome_of(store.claim(&claim("k", 4)).await.unwrap()), Outcome::new("done"));
    let label = store.load(key("k").digest()).await.unwrap().unwrap().label;
    assert_eq!(label, claim("k", 1).label);
}

#[tokio::test]
async fn garbage_truncated_foreign_and_borrowed_records_are_in_doubt() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let genuine = genuine(&server).await;
    // A record holds the end of its key's digest.
    let (lease, _) = grant(&store, &claim("k", 9)).await;
    let own: Vec<u8> = server.query(&["GET", &record_name("k")]).await;
    let spoiled = |at: usize, byte: u8| {
        let mut bytes = own.clone();
        bytes[at] = byte;
        bytes
    };
    let in_the_head = [
        ("nothing", Vec::new()),
        ("garbage", b"hello".to_vec()),
        ("a record of the format before", in_format_2(&own)),
        ("the number of the format before", spoiled(0, 2)),
        ("a later format", spoiled(0, 4)),
        ("no state", spoiled(1, 16)),
        ("a binding part that is announced", spoiled(1, 1 | 16 | 32)),
        ("an unknown flag", spoiled(1, 1 | 16 | 64)),
        ("another key's record", genuine),
    ];
    let after_the_head = [
        ("truncated", own[..own.len() - 1].to_vec()),
        ("trailing bytes", [&own[..], b"x"].concat()),
        ("a fingerprint that is not there", spoiled(1, 1 | 16 | 4)),
        ("an order that is not there", spoiled(1, 1 | 16 | 8)),
        ("a binding part", with_part(&own, 128)),
    ];
    // A waiter reads the head alone, and waits for the lease of a record with a good one. So those have no TTL.
    let ttl = (LEASE + RETENTION).as_millis() as i64;
    let with_a_lease = in_the_head.into_iter().map(|(what, bytes)| (what, bytes, Some(ttl)));
    let cases = with_a_lease.chain(after_the_head.map(|(what, bytes)| (what, bytes, None)));
    for (what, bytes, ttl) in cases {
        let mut connection = server.connection().await;
        connection.set(record_name("k"), &bytes).await.unwrap();
        if let Some(ttl) = ttl {
            assert!(connection.pexpire(record_name("k"), ttl).await.unwrap());
        }
        assert_in_doubt(&server, &lease, what).await;
        let after: Vec<u8> = server.query(&["GET", &record_name("k")]).await;
        assert_eq!(after, bytes, "{what} must stay as it is");
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_in_doubt() {
    let server = RedisServer::start().await;
    let _: i64 = server.query(&["HSET", &record_name("k"), "field", "value"]).await;
    let lease = claim("k", 9).granted(Fence::new(1));
    assert_in_doubt(&server, &lease, "a hash").await;
    let kind: String = server.query(&["TYPE", &record_name("k")]).await;
    assert_eq!(kind, "hash");
}

/// Asserts that the key `k` is in doubt to all, and that a holder with this lease has lost it.
async fn assert_in_doubt(server: &RedisServer, lease: &Lease, what: &str) {
    let store = store(&server.url());
    let mut rerun = claim("k", 2);
    rerun.on_expired = OnExpired::Rerun;
    assert_eq!(store.claim(&rerun).await.unwrap(), Claimed::InDoubt, "{what}");
    assert_eq!(store.claim(&ordered("k", 2, "r", 1)).await.unwrap(), Claimed::InDoubt, "{what}, by script");
    assert_eq!(store.renew(lease, LEASE).await.unwrap(), Hold::Lost, "{what}");
    assert_eq!(store.adopt(lease, owner(3), LEASE).await.unwrap(), Adopted::Lost, "{what}");
    assert_eq!(store.complete(&completion(lease, &Outcome::default())).await.unwrap(), Hold::Lost, "{what}");
    assert_eq!(store.release(lease, Release::Failed).await.unwrap(), Hold::Lost, "{what}");
    assert!(!store.resolve(key("k").digest(), &Resolution::Released).await.unwrap(), "{what}");
    let view = store.load(key("k").digest()).await.unwrap().unwrap();
    assert_eq!(view.state, StateView::Unreadable, "{what}");
    // A waiter returns at once, since the key will not settle.
    store.wait_for_change(key("k").digest(), Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn an_operator_can_forget_an_unreadable_record() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let _: i64 = server.query(&["HSET", &record_name("k"), "field", "value"]).await;
    assert!(store.forget(key("k").digest()).await.unwrap());
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
}

#[tokio::test]
async fn a_mark_that_cannot_be_read_stops_claims_and_not_completions() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &ordered("a", 1, "r", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    let (lease, _) = grant(&store, &ordered("b", 1, "r", 2)).await;
    let names: Vec<String> = server.query(&["KEYS", "idem:mark:*"]).await;
    let _: String = server.query(&["SET", &names[0], "garbage"]).await;
    assert_eq!(store.claim(&ordered("c", 1, "r", 3)).await.unwrap(), Claimed::InDoubt);
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("b"))).await.unwrap(), Hold::Held);
    let mark: String = server.query(&["GET", &names[0]]).await;
    assert_eq!(mark, "garbage");
}

#[tokio::test]
async fn a_record_in_flight_without_a_ttl_is_in_doubt_until_it_is_settled() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let _: i64 = server.query(&["PERSIST", &record_name("k")]).await;
    assert_eq!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InDoubt);
    let view = store.load(key("k").digest()).await.unwrap().unwrap();
    assert_eq!((view.state, view.expires_in), (StateView::Abandoned, Duration::MAX));
    // A living holder repairs it with a renewal. Otherwise an operator does.
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    let _: i64 = server.query(&["PERSIST", &record_name("k")]).await;
    assert!(store.resolve(key("k").digest(), &Resolution::Released).await.unwrap());
    assert_eq!(grant(&store, &claim("k", 2)).await.1, 2);
}

#[tokio::test]
async fn a_takeover_fences_the_first_owner() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (first, _) = grant(&store, &claim("k", 1)).await;
    server.advance(LEASE).await;
    let (second, attempt) = grant(&store, &claim("k", 2)).await;
    assert!(second.fence() > first.fence());
    assert_eq!(attempt, 2);
    assert_eq!(store.renew(&first, LEASE).await.unwrap(), Hold::Lost);
    assert_eq!(store.complete(&completion(&first, &Outcome::new("first"))).await.unwrap(), Hold::Lost);
    assert_eq!(store.release(&first, Release::Failed).await.unwrap(), Hold::Lost);
    assert_eq!(store.complete(&completion(&second, &Outcome::new("second"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("k", 3)).await.unwrap()), Outcome::new("second"));
}

#[tokio::test]
async fn a_user_who_may_not_read_is_refused_and_not_told_that_its_lease_is_lost() {
    let server = RedisServer::start().await;
    let (lease, _) = grant(&store(&server.url()), &claim("k", 1)).await;
    let rules = ["ACL", "SETUSER", "app", "on", ">pw", "~idem:*", "&*", "+@all", "-get", "-getrange"];
    let _: String = server.query(&rules).await;
    let store = store(&server.url().replace("redis://", "redis://app:pw@"));
    let refused = StoreErrorKind::Refused;
    assert_eq!(store.renew(&lease, LEASE).await.unwrap_err().kind(), refused);
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap_err().kind(), refused);
    assert_eq!(store.claim(&ordered("k", 2, "r", 1)).await.unwrap_err().kind(), refused);
    assert_eq!(store.load(key("k").digest()).await.unwrap_err().kind(), refused);
}
