//! Fuzz targets for the records and replies of a Redis server.

use std::time::Duration;

use redis::Value;

use super::claim;
use super::holder;
use super::mark;
use super::operator;
use super::record::codec::{DIGEST_END, HAS_PARTS, IS_AWAITED, Packed, STATE_AND_FLAGS, digest_end};
use crate::store::State;
use crate::{Claim, Claimed, Key, Namespace, Owner, Scope, ScopedKey};

const OWNER: Owner = Owner::from_bytes([7; 16]);

fn key() -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("fuzz"), Key::new("k").expect("it is a key"))
}

/// Reads bytes as a record, as they are and with the key's own digest put in. Returns whether the bytes with that digest are a record.
pub(crate) fn record(bytes: &[u8]) -> bool {
    read(bytes);
    if bytes.len() < DIGEST_END.end {
        return false;
    }
    let mut own = bytes.to_vec();
    own[DIGEST_END].copy_from_slice(&digest_end(key().digest()));
    read(&own)
}

fn read(bytes: &[u8]) -> bool {
    let packed = Packed::decode(bytes.to_vec(), key().digest());
    let claim = Claim::new(key(), OWNER, Duration::from_secs(30), Duration::from_secs(3600));
    let answer = claim::answer_without_clock(&claim, bytes.to_vec());
    let Some(packed) = packed else {
        assert_eq!(answer, Some(Claimed::InDoubt), "an unreadable record must be in doubt");
        return false;
    };
    let again = packed.encode(key().digest());
    // Parts may come in any order, and more than once. A record is the same with a waiter.
    let has_one_form = bytes[STATE_AND_FLAGS] & (HAS_PARTS | IS_AWAITED) == 0;
    assert!(!has_one_form || again == bytes, "a record without parts has two encodings");
    assert_eq!(
        Packed::decode(again, key().digest()).as_ref(),
        Some(&packed),
        "a record changed when it was encoded again"
    );
    assert_eq!(bytes[0], 3, "another format was read as a record");
    match (&packed.record.state, answer) {
        (State::Completed { outcome, at, until }, Some(Claimed::Completed(answer))) => {
            assert_eq!((outcome, *at, *until), (&answer.outcome, answer.completed_at, answer.kept_until));
        }
        (State::Completed { .. }, answer) => panic!("completed, but answered {answer:?}"),
        (State::InFlight { .. }, Some(Claimed::Granted(grant))) => {
            assert_eq!((packed.record.owner, packed.record.grant()), (OWNER, grant));
        }
        (_, Some(Claimed::Granted(_) | Claimed::Completed(_))) => {
            panic!("granted or completed from a record in another state")
        }
        _ => {}
    }
    for ttl in [None, Some(0), Some(packed.retention), Some(u64::MAX)] {
        let lease = packed.lease;
        match packed.clone().at_ttl(ttl).state {
            State::InFlight { deadline } => assert!(deadline <= Duration::from_millis(2 * lease)),
            state => assert_eq!(state, packed.record.state),
        }
    }
    true
}

/// Reads bytes as the reply to each script and command.
pub(crate) fn reply(bytes: &[u8]) {
    let Ok(reply) = redis::parse_redis_value(bytes) else { return };
    let (claimed, held) =
        (claim::parse_script_reply(reply.clone(), key().digest()), holder::parse_hold(reply.clone()));
    assert_eq!(held.is_ok(), matches!(reply, Value::Int(0 | 1)));
    assert!(claimed.is_none() || matches!(reply, Value::Array(_)));
    drop(mark::parse_reply(Ok(reply.clone())));
    drop(operator::parse_bool(reply.clone()));
    drop(operator::parse_loaded(reply).map(|loaded| loaded.map(|loaded| loaded.view(key().digest()))));
}
