//! What an error of SQLite says about the operation: whether it had an effect, and whether a repeat can help.

use std::error::Error as StdError;
use std::sync::Arc;

use idempotency_core::{StoreError, StoreErrorKind};
use sqlx::Error;

const NAME: &str = "SQLite";

/// A failure. A batch reports one failure for each of its keys, so it can be cloned.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    kind: StoreErrorKind,
    cause: Arc<dyn StdError + Send + Sync>,
}

impl Fault {
    /// A failure that the store found itself.
    pub(super) fn new(kind: StoreErrorKind, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, cause: Arc::from(cause.into()) }
    }

    /// The failure of a statement before `COMMIT`. Its connection is closed, which undoes the transaction, so nothing
    /// took effect.
    pub(super) fn of_statement(cause: Error) -> Self {
        let kind = match kind_of(&cause) {
            StoreErrorKind::Unknown => StoreErrorKind::Unavailable,
            kind => kind,
        };
        Self { kind, cause: Arc::new(cause) }
    }

    /// The failure of `COMMIT`.
    pub(super) fn of_commit(cause: Error) -> Self {
        Self { kind: kind_of(&cause), cause: Arc::new(cause) }
    }

    /// The timeout was reached before `COMMIT`.
    pub(super) fn timeout() -> Self {
        Self::new(StoreErrorKind::Unavailable, "the timeout was reached")
    }

    /// The timeout was reached during `COMMIT`, which still ends by itself.
    pub(super) fn commit_timeout() -> Self {
        Self::new(StoreErrorKind::Unknown, "the timeout was reached during the commit")
    }

    /// Whether another connection has a lock, so that trying again soon can help.
    pub(super) fn is_busy(&self) -> bool {
        self.code().is_some_and(|code| matches!(code & 0xff, BUSY | LOCKED))
    }

    /// Whether the gate of a handler's connection has refused a commit.
    pub(super) fn is_refused_commit(&self) -> bool {
        self.code() == Some(CONSTRAINT_COMMITHOOK)
    }

    fn code(&self) -> Option<u32> {
        self.cause.downcast_ref().and_then(result_code)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        Self::new(NAME, fault.kind).with_source(fault.cause)
    }
}

const ABORT: u32 = 4;
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const NOMEM: u32 = 7;
const INTERRUPT: u32 = 9;
const IOERR: u32 = 10;
const FULL: u32 = 13;
const PROTOCOL: u32 = 15;
const SCHEMA: u32 = 17;
const CONSTRAINT_COMMITHOOK: u32 = 19 | 2 << 8;
const IOERR_NOMEM: u32 = IOERR | 12 << 8;

fn result_code(cause: &Error) -> Option<u32> {
    cause.as_database_error()?.code()?.parse().ok()
}

fn kind_of(cause: &Error) -> StoreErrorKind {
    match cause {
        Error::Database(_) => result_code(cause).map_or(StoreErrorKind::Unknown, kind_of_code),
        // The thread that uses the connection ended.
        Error::WorkerCrashed => StoreErrorKind::Unknown,
        // Another handler has the connection.
        Error::PoolTimedOut => StoreErrorKind::Unavailable,
        // The path is not valid, or a row cannot be decoded.
        _ => StoreErrorKind::Refused,
    }
}

/// The kind of an error by its extended result code, whose low byte is the primary one (<https://sqlite.org/rescode.html>).
fn kind_of_code(code: u32) -> StoreErrorKind {
    match code & 0xff {
        _ if code == IOERR_NOMEM => StoreErrorKind::Unavailable,
        // The transaction was undone, or did not begin. `PROTOCOL` is a race for the locks of the write-ahead log.
        ABORT | BUSY | LOCKED | NOMEM | INTERRUPT | PROTOCOL | SCHEMA => StoreErrorKind::Unavailable,
        FULL => StoreErrorKind::Full,
        // The end of the log may have been written although it could not be synchronized.
        IOERR => StoreErrorKind::Unknown,
        // ERROR (no such table), PERM, READONLY, CORRUPT, CANTOPEN, AUTH, NOTADB and the rest
        _ => StoreErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_result_code() {
        for (code, kind) in [
            (1, StoreErrorKind::Refused),               // ERROR
            (3, StoreErrorKind::Refused),               // PERM
            (5, StoreErrorKind::Unavailable),           // BUSY
            (261, StoreErrorKind::Unavailable),         // BUSY_RECOVERY
            (6, StoreErrorKind::Unavailable),           // LOCKED
            (8, StoreErrorKind::Refused),               // READONLY
            (1544, StoreErrorKind::Refused),            // READONLY_DIRECTORY
            (9, StoreErrorKind::Unavailable),           // INTERRUPT
            (10, StoreErrorKind::Unknown),              // IOERR
            (1034, StoreErrorKind::Unknown),            // IOERR_FSYNC
            (IOERR_NOMEM, StoreErrorKind::Unavailable), // IOERR_NOMEM
            (11, StoreErrorKind::Refused),              // CORRUPT
            (13, StoreErrorKind::Full),                 // FULL
            (14, StoreErrorKind::Refused),              // CANTOPEN
            (23, StoreErrorKind::Refused),              // AUTH
            (26, StoreErrorKind::Refused),              // NOTADB
        ] {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn only_a_commit_may_have_taken_effect() {
        assert_eq!(Fault::of_commit(Error::WorkerCrashed).kind, StoreErrorKind::Unknown);
        assert_eq!(Fault::of_statement(Error::WorkerCrashed).kind, StoreErrorKind::Unavailable);
        assert_eq!(Fault::commit_timeout().kind, StoreErrorKind::Unknown);
        assert_eq!(Fault::timeout().kind, StoreErrorKind::Unavailable);
    }
}
