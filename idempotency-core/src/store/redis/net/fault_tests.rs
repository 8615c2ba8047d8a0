//! The classification of each error reply.

use std::io;

use super::*;

fn reply(line: &str) -> RedisError {
    let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
    value.extract_error().unwrap_err()
}

#[test]
fn each_error_reply_has_its_kind() {
    use StoreErrorKind::{Full, Refused, Unavailable};
    let cases = [
        ("LOADING Redis is loading the dataset in memory", Unavailable),
        ("BUSY Redis is busy running a script.", Unavailable),
        ("CLUSTERDOWN The cluster is down", Unavailable),
        ("MASTERDOWN Link with MASTER is down", Unavailable),
        ("NOREPLICAS Not enough good replicas to write.", Unavailable),
        ("MISCONF Redis is configured to save RDB snapshots", Unavailable),
        ("READONLY You can't write against a read only replica.", Unavailable),
        ("ERR max number of clients reached", Unavailable),
        ("ERR unknown command", Refused),
        ("OOM command not allowed when used memory > 'maxmemory'.", Full),
        (
            "ERR Error running script (call to f_a): @user_script:1: @user_script: 1: -OOM command not allowed when \
             used memory > 'maxmemory'.",
            Full,
        ),
        ("NOAUTH Authentication required.", Refused),
        ("WRONGPASS invalid username-password pair", Refused),
        ("NOPERM this user has no permissions", Refused),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Refused),
        ("MOVED 3999 127.0.0.1:6381", Refused),
        ("CROSSSLOT Keys in request don't hash to the same slot", Refused),
        ("UNDOCUMENTED error code", Refused),
        ("UNBLOCKED force unblock from blocking operation", StoreErrorKind::Unknown),
    ];
    for (line, kind) in cases {
        assert_eq!(sent(reply(line)).kind(), kind, "{line}");
    }
}

#[test]
fn a_server_that_takes_no_writes_until_repaired_is_in_reach() {
    for (line, expected) in [
        ("NOREPLICAS Not enough good replicas to write.", true),
        ("MISCONF Redis is configured to save RDB snapshots", true),
        ("OOM command not allowed when used memory > 'maxmemory'.", true),
        ("NOAUTH Authentication required.", true),
        ("LOADING Redis is loading the dataset in memory", false),
        ("CLUSTERDOWN The cluster is down", false),
        ("READONLY You can't write against a read only replica.", false),
    ] {
        assert_eq!(sent(reply(line)).is_store_in_reach(), expected, "{line}");
    }
    assert!(!sent(RedisError::from(io::Error::from(io::ErrorKind::TimedOut))).is_store_in_reach());
}

#[test]
fn a_command_without_a_reply_is_unknown_and_an_unsent_one_is_unavailable() {
    let broken = || RedisError::from(io::Error::from(io::ErrorKind::BrokenPipe));
    assert_eq!(sent(broken()).kind(), StoreErrorKind::Unknown);
    assert_eq!(not_sent(broken()).kind(), StoreErrorKind::Unavailable);
    assert_eq!(not_sent(reply("WRONGPASS no")).kind(), StoreErrorKind::Refused);
}

#[test]
fn a_connection_that_breaks_or_leads_to_a_replica_is_unusable() {
    let io = |kind| RedisError::from(io::Error::from(kind));
    assert_eq!(connection_state(&io(io::ErrorKind::TimedOut)), ConnectionState::TimedOut);
    assert_eq!(connection_state(&io(io::ErrorKind::ConnectionReset)), ConnectionState::Unusable);
    assert_eq!(connection_state(&io(io::ErrorKind::UnexpectedEof)), ConnectionState::Unusable);
    assert_eq!(connection_state(&RedisError::from((ErrorKind::Parse, "no"))), ConnectionState::Unusable);
    assert_eq!(connection_state(&reply("READONLY You can't write")), ConnectionState::Unusable);
    assert_eq!(connection_state(&reply("MASTERDOWN Link with MASTER is down")), ConnectionState::Unusable);
    assert_eq!(connection_state(&reply("OOM command not allowed")), ConnectionState::Alive);
    assert_eq!(connection_state(&reply("LOADING")), ConnectionState::Alive);
    assert_eq!(connection_state(&RedisError::from((ErrorKind::Client, "no"))), ConnectionState::Alive);
}

#[test]
fn each_recognized_error_is_distinct_from_all_others() {
    type Is = fn(&RedisError) -> bool;
    let cases: &[(Is, &str)] = &[
        (is_syntax_error, "ERR syntax error"),
        (is_wrong_type, "WRONGTYPE Operation against a key holding the wrong kind of value"),
        (is_full, "OOM command not allowed when used memory > 'maxmemory'."),
        (is_unknown_script, "NOSCRIPT No matching script. Please use EVAL."),
        #[cfg(feature = "redis-sentinel")]
        (is_forbidden, "NOPERM this user has no permissions"),
        #[cfg(feature = "redis-cluster")]
        (is_cluster_down, "CLUSTERDOWN The cluster is down"),
    ];
    for (at, (is, line)) in cases.iter().enumerate() {
        for (other, (_, reply_line)) in cases.iter().enumerate() {
            assert_eq!(is(&reply(reply_line)), other == at, "{line}: {reply_line}");
        }
    }
    // Other errors have the same code or the same words, so both are checked.
    assert!(!is_syntax_error(&reply("ERR unknown command")));
    assert!(!is_syntax_error(&reply("NOPERM syntax error")));
}
