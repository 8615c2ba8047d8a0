//! The classification of failures: what is known of the operation, and what becomes of the connection.

use redis::{ErrorKind, RedisError};

use crate::{StoreError, StoreErrorKind};

/// What an operation's end says about the connection it ran on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Verdict {
    /// It answered, if only with an error.
    Alive,
    /// It did not answer in time. Several in a row mean that it never will.
    Silent,
    /// It is broken, out of step, or leads to a server that is not the master any more.
    Lost,
}

/// The error of this kind.
pub(super) fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new("Redis", kind)
}

/// The error of an operation that was sent.
pub(super) fn sent(cause: RedisError) -> StoreError {
    let error = error(kind(&cause));
    // It takes no writes until an operator repairs it, or its replicas.
    let error =
        if is_any_of(&cause, &["NOREPLICAS", "MISCONF"]) { error.of_a_store_in_reach() } else { error };
    error.with_source(cause)
}

/// The error of an operation that was not sent, because there was no connection to send it on.
pub(super) fn not_sent(cause: RedisError) -> StoreError {
    let kind = match kind(&cause) {
        StoreErrorKind::Unknown => StoreErrorKind::Unavailable,
        kind => kind,
    };
    error(kind).with_source(cause)
}

/// The error of a reply that makes no sense: it may answer another request.
pub(super) fn senseless() -> StoreError {
    error(StoreErrorKind::Unknown).with_source("the reply has an unexpected form")
}

/// What the end of an operation says about its connection.
pub(super) fn verdict(cause: &RedisError) -> Verdict {
    match cause.kind() {
        ErrorKind::Io if cause.is_timeout() => Verdict::Silent,
        ErrorKind::Server(_) | ErrorKind::Extension if !is_demoted(cause) => Verdict::Alive,
        ErrorKind::InvalidClientConfig | ErrorKind::Client => Verdict::Alive,
        _ => Verdict::Lost,
    }
}

fn kind(cause: &RedisError) -> StoreErrorKind {
    match cause.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => match code(cause) {
            "LOADING" | "BUSY" | "CLUSTERDOWN" | "MASTERDOWN" | "NOREPLICAS" | "MISCONF" | "READONLY"
            | "TRYAGAIN" => StoreErrorKind::Unavailable,
            "OOM" => StoreErrorKind::Full,
            // The master becomes a replica and ends the wait; the write itself was carried out.
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

/// The error code of a reply. Redis 6.2 wraps the code of what a script ran into by that of the script.
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

/// Whether the server says that it is not the master any more.
fn is_demoted(cause: &RedisError) -> bool {
    is_any_of(cause, &["READONLY", "UNBLOCKED", "MASTERDOWN"])
}

/// Whether the server does not know `SET` with `NX` and `GET`, which came with Redis 7.0.
pub(super) fn is_syntax_error(cause: &RedisError) -> bool {
    code(cause) == "ERR" && says(cause, "syntax error")
}

/// Whether the key holds something that is not a string.
pub(super) fn is_wrong_type(cause: &RedisError) -> bool {
    code(cause) == "WRONGTYPE"
}

/// Whether the server's memory is full.
pub(super) fn is_full(cause: &RedisError) -> bool {
    code(cause) == "OOM"
}

/// Whether the server does not have the script yet, or any more.
pub(super) fn is_unknown_script(cause: &RedisError) -> bool {
    code(cause) == "NOSCRIPT"
}

/// Whether the user may not do this.
#[cfg(feature = "redis-sentinel")]
pub(super) fn is_forbidden(cause: &RedisError) -> bool {
    code(cause) == "NOPERM"
}

/// Whether the slot or the whole cluster is without a master.
#[cfg(feature = "redis-cluster")]
pub(super) fn is_cluster_down(cause: &RedisError) -> bool {
    code(cause) == "CLUSTERDOWN"
}

fn says(cause: &RedisError, words: &str) -> bool {
    cause.detail().is_some_and(|detail| detail.contains(words))
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
