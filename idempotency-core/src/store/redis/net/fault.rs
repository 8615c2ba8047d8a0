//! The classification of failures: whether the operation was executed, and whether the connection can be kept.

use redis::{ErrorKind, RedisError};

use crate::{StoreError, StoreErrorKind};

/// The state of a connection after an operation on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ConnectionState {
    /// The server replied, possibly with an error.
    Alive,
    /// No reply came in time. Several timeouts in a row mean that the connection is dead.
    TimedOut,
    /// The connection is broken or out of sync, or its server is no longer the master.
    Unusable,
}

/// An error of this kind.
pub(crate) fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new("Redis", kind)
}

/// The error of an operation that was sent.
pub(crate) fn sent(cause: RedisError) -> StoreError {
    let error = error(kind(&cause));
    // The server takes no writes until an operator repairs it or its replicas.
    let error =
        if is_any_of(&cause, &["NOREPLICAS", "MISCONF"]) { error.with_store_in_reach() } else { error };
    error.with_source(cause)
}

/// The error of an operation that was not sent, because there was no connection to send it on.
pub(crate) fn not_sent(cause: RedisError) -> StoreError {
    let kind = match kind(&cause) {
        StoreErrorKind::Unknown => StoreErrorKind::Unavailable,
        kind => kind,
    };
    error(kind).with_source(cause)
}

/// The error of a reply with an unexpected form. It may be the reply to another request.
pub(crate) fn unexpected_reply() -> StoreError {
    error(StoreErrorKind::Unknown).with_source("the reply has an unexpected form")
}

/// The state of a connection after this error.
pub(crate) fn connection_state(cause: &RedisError) -> ConnectionState {
    match cause.kind() {
        ErrorKind::Io if cause.is_timeout() => ConnectionState::TimedOut,
        ErrorKind::Server(_) | ErrorKind::Extension if !is_demoted(cause) => ConnectionState::Alive,
        ErrorKind::InvalidClientConfig | ErrorKind::Client => ConnectionState::Alive,
        _ => ConnectionState::Unusable,
    }
}

fn kind(cause: &RedisError) -> StoreErrorKind {
    match cause.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => match code(cause) {
            "LOADING" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "NOREPLICAS" | "MISCONF" | "READONLY"
            | "TRYAGAIN" => StoreErrorKind::Unavailable,
            "OOM" => StoreErrorKind::Full,
            // The master became a replica and ended the wait; the write itself was executed.
            "UNBLOCKED" => StoreErrorKind::Unknown,
            "ERR" if says(cause, "max number of clients") => StoreErrorKind::Unavailable,
            _ => StoreErrorKind::Refused,
        },
        ErrorKind::AuthenticationFailed | ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => {
            StoreErrorKind::Refused
        }
        _ => StoreErrorKind::Unknown,
    }
}

/// The error code of a reply. Redis 6.2 wraps the error inside a script in an error of the script.
fn code(cause: &RedisError) -> &str {
    let code = cause.code().unwrap_or_default();
    let wrapped = cause.detail().filter(|_| code == "ERR").and_then(|detail| {
        let (_, inner) = detail.strip_prefix("Error running script")?.rsplit_once(": -")?;
        inner.split_whitespace().next()
    });
    wrapped.unwrap_or(code)
}

fn is_any_of(cause: &RedisError, codes: &[&str]) -> bool {
    codes.contains(&code(cause))
}

/// Whether the server is no longer the master.
fn is_demoted(cause: &RedisError) -> bool {
    is_any_of(cause, &["READONLY", "UNBLOCKED", "MASTERDOWN"])
}

/// Whether the server does not support `SET` with `NX` and `GET`, which needs Redis 7.0.
pub(crate) fn is_syntax_error(cause: &RedisError) -> bool {
    code(cause) == "ERR" && says(cause, "syntax error")
}

/// Whether the key holds something that is not a string.
pub(crate) fn is_wrong_type(cause: &RedisError) -> bool {
    code(cause) == "WRONGTYPE"
}

/// Whether the server's memory is full.
pub(crate) fn is_full(cause: &RedisError) -> bool {
    code(cause) == "OOM"
}

/// Whether the server has not cached the script.
pub(crate) fn is_unknown_script(cause: &RedisError) -> bool {
    code(cause) == "NOSCRIPT"
}

/// Whether the user lacks the permission.
#[cfg(feature = "redis-sentinel")]
pub(crate) fn is_forbidden(cause: &RedisError) -> bool {
    code(cause) == "NOPERM"
}

/// Whether the slot has no master, or the whole cluster is down.
#[cfg(feature = "redis-cluster")]
pub(crate) fn is_cluster_down(cause: &RedisError) -> bool {
    code(cause) == "CLUSTERDOWN"
}

fn says(cause: &RedisError, words: &str) -> bool {
    cause.detail().is_some_and(|detail| detail.contains(words))
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
