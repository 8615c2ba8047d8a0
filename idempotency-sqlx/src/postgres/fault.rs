//! What an error of the database says about the statement: whether it had an effect, and whether a repeat can help.

use idempotency_core::{StoreError, StoreErrorKind};
use sqlx::Error;

pub(crate) const NAME: &str = "PostgreSQL";

/// An error of this kind.
pub(crate) fn error(kind: StoreErrorKind) -> StoreError {
    StoreError::new(NAME, kind)
}

/// The error of a reply that the store cannot read.
pub(crate) fn unexpected_reply() -> StoreError {
    error(StoreErrorKind::Refused).with_source("the answer is not that of this store's tables")
}

/// An error after an earlier statement of the same operation, which may have changed something.
pub(crate) fn may_have_executed(later: StoreError) -> StoreError {
    later.after(Some(&error(StoreErrorKind::Unknown)))
}

/// The error of a statement that was sent.
pub(crate) fn of_statement(cause: Error) -> StoreError {
    error(kind_of(&cause)).with_source(cause)
}

/// The error of opening a connection. Nothing was sent.
pub(crate) fn of_connection(cause: Error) -> StoreError {
    let kind = match kind_of(&cause) {
        StoreErrorKind::Unknown => StoreErrorKind::Unavailable,
        kind => kind,
    };
    error(kind).with_source(cause)
}

/// Whether the statement may not have reached the server, or its answer was lost.
pub(crate) fn is_connection_lost(cause: &Error) -> bool {
    kind_of(cause) == StoreErrorKind::Unknown
}

fn kind_of(cause: &Error) -> StoreErrorKind {
    match cause {
        Error::Database(cause) => cause.code().map_or(StoreErrorKind::Unknown, |code| kind_of_code(&code)),
        // No connection was free, or the pool is closed: nothing was sent.
        Error::PoolTimedOut | Error::PoolClosed | Error::BeginFailed => StoreErrorKind::Unavailable,
        Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed => StoreErrorKind::Unknown,
        // The address, the certificates, a value that cannot be encoded, or a row that cannot be decoded.
        _ => StoreErrorKind::Refused,
    }
}

/// The kind of an error by its SQLSTATE (PostgreSQL, appendix A). The server has undone the statement, unless it lost the
/// connection or was told to stop while the answer was under way.
fn kind_of_code(code: &str) -> StoreErrorKind {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled, unique_violation (while an index
        // is rebuilt), read_only_sql_transaction (a standby), idle_in_transaction_session_timeout
        "40001" | "40P01" | "55P03" | "57014" | "23505" | "25006" | "25P03" => StoreErrorKind::Unavailable,
        // too_many_connections, cannot_connect_now
        "53300" | "57P03" => StoreErrorKind::Unavailable,
        // insufficient_resources, disk_full, out_of_memory
        "53000" | "53100" | "53200" | "53400" => StoreErrorKind::Full,
        // statement_completion_unknown, transaction_resolution_unknown
        "40003" | "08007" => StoreErrorKind::Unknown,
        // connection exceptions, admin_shutdown, crash_shutdown, other operator interventions, system errors
        _ if ["08", "57", "58", "XX"].iter().any(|class| code.starts_with(class)) => StoreErrorKind::Unknown,
        _ => StoreErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_code() {
        for (code, kind) in [
            ("40001", StoreErrorKind::Unavailable),
            ("40P01", StoreErrorKind::Unavailable),
            ("55P03", StoreErrorKind::Unavailable),
            ("57014", StoreErrorKind::Unavailable),
            ("57P03", StoreErrorKind::Unavailable),
            ("53300", StoreErrorKind::Unavailable),
            ("53100", StoreErrorKind::Full),
            ("57P01", StoreErrorKind::Unknown),
            ("57P02", StoreErrorKind::Unknown),
            ("08006", StoreErrorKind::Unknown),
            ("40003", StoreErrorKind::Unknown),
            ("42P01", StoreErrorKind::Refused),
            ("42501", StoreErrorKind::Refused),
            ("28P01", StoreErrorKind::Refused),
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn a_connection_that_was_not_made_sent_nothing() {
        let refused = || Error::Io(std::io::ErrorKind::ConnectionRefused.into());
        assert_eq!(of_connection(refused()).kind(), StoreErrorKind::Unavailable);
        assert_eq!(of_statement(refused()).kind(), StoreErrorKind::Unknown);
    }
}
