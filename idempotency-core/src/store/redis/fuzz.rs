//! Fuzz targets on what a Redis server may hold and reply.

use std::time::Duration;

use redis::Value;

use super::codec::{Packed, digest_end};
use super::{claim, hold, inspect};
use crate::{Claim, Claimed, Key, Owner, Scope, ScopedKey, State};

const OWNER: Owner = Owner::from_bytes([7; 16]);

fn key() -> ScopedKey {
    ScopedKey::new(Scope::endpoint("fuzz"), Key::new("k").expect("it is a key"))
}

/// Where a record has the end of its key's digest.
const DIGEST: std::ops::Range<usize> = 43..59;

/// Bytes where a record should be, as they are and with the key's own digest in its place.
pub(crate) fn record(bytes: &[u8]) {
    read(bytes);
    if bytes.len() >= DIGEST.end {
        let mut own = bytes.to_vec();
        own[DIGEST].copy_from_slice(&digest_end(key().digest()));
        read(&own);
    }
}

fn read(bytes: &[u8]) {
    let packed = Packed::decode(bytes.to_vec(), key().digest());
    let claim = Claim::new(key(), OWNER, Duration::from_secs(30), Duration::from_secs(3600));
    let answer = claim::answer_without_clock(&claim, bytes.to_vec());
    let Some(packed) = packed else {
        assert_eq!(answer, Some(Claimed::InDoubt), "what cannot be read is free");
        return;
    };
    assert_eq!(packed.encode(key().digest()), bytes, "a record has two forms");
    assert_eq!(bytes[0], 1, "a later format is misread");
    match (&packed.record.state, answer) {
        (State::Completed(outcome), Some(Claimed::Completed(answer))) => assert_eq!(outcome, &answer),
        (State::Completed(_), answer) => panic!("completed, but answered {answer:?}"),
        (State::InFlight { .. }, Some(Claimed::Granted { fence, attempt })) => {
            assert_eq!((packed.record.owner, packed.record.fence), (OWNER, fence));
            assert_eq!(packed.record.attempts, attempt);
        }
        (_, Some(Claimed::Granted { .. } | Claimed::Completed(_))) => panic!("granted without the clock"),
        _ => {}
    }
    for ttl in [None, Some(0), Some(packed.retention), Some(u64::MAX)] {
        let lease = packed.lease;
        match packed.clone().at_ttl(ttl).state {
            State::InFlight { deadline } => assert!(deadline <= Duration::from_millis(2 * lease)),
            state => assert_eq!(state, packed.record.state),
        }
    }
}

/// Bytes that a server sends, read as every kind of reply that a script or command has.
pub(crate) fn reply(bytes: &[u8]) {
    let Ok(reply) = redis::parse_redis_value(bytes) else { return };
    let (claimed, held) = (claim::answer(reply.clone(), key().digest()), hold::hold(reply.clone()));
    assert_eq!(held.is_ok(), matches!(reply, Value::Int(0 | 1)));
    assert!(claimed.is_none() || matches!(reply, Value::Array(_)));
    drop(inspect::done(reply.clone()));
    drop(inspect::view(reply, key().digest()));
}
