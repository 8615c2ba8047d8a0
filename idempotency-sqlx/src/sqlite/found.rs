//! The state of a key in the database: its row, and the mark of its resource.

use idempotency_core::store::{Lease, Record};
use idempotency_core::{StoreErrorKind, Version};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::fault::Fault;
use crate::row::{COMPLETED, IN_FLIGHT, Row, fence_column, read_version};

/// A row and a mark of one state of the database. Either may have expired.
pub(super) struct Found {
    row: Option<Row>,
    mark: Option<Mark>,
}

/// The newest completed version of a resource.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    /// `None` if it cannot be read.
    newest: Option<Version>,
    expires_at: i64,
}

/// The record of a key. An expired one is absent.
pub(super) enum Current {
    Absent,
    Unreadable,
    Readable(Box<Record>),
}

impl Found {
    pub(super) fn read(row: &SqliteRow) -> Result<Self, Fault> {
        Ok(Self { row: Row::read(row).map_err(Fault::of_statement)?, mark: Mark::read(row)? })
    }

    /// The row, unless it has expired.
    pub(super) fn live(&self, now: i64) -> Option<&Row> {
        self.row.as_ref().filter(|row| row.expires_at > now)
    }

    /// The fence of the row, even if it has expired. Zero without a row.
    pub(super) fn fence(&self) -> i64 {
        self.row.as_ref().map_or(0, |row| row.fence)
    }

    pub(super) fn current(&self, now: i64) -> Current {
        match self.live(now) {
            Some(row) => {
                row.record().map_or(Current::Unreadable, |record| Current::Readable(Box::new(record)))
            }
            None => Current::Absent,
        }
    }

    pub(super) fn newest(&self, now: i64) -> Result<Option<Version>, Fault> {
        self.mark.map_or(Ok(None), |mark| mark.newest(now))
    }

    /// Microseconds until the lease runs out. Zero if the key is not held.
    pub(super) fn lease_left(&self, now: i64) -> i64 {
        let held = self.live(now).filter(|row| row.state == IN_FLIGHT);
        held.and_then(|row| row.deadline).map_or(0, |deadline| deadline.saturating_sub(now).max(0))
    }

    /// Whether the attempt with this lease has completed the record, even if the record has expired since.
    pub(super) fn is_completed_by(&self, lease: &Lease) -> bool {
        self.row.as_ref().is_some_and(|row| {
            row.state == COMPLETED
                && row.owner == lease.owner().as_bytes()
                && row.fence == fence_column(lease.fence())
        })
    }

    /// Whether the row has not changed since the other one was read.
    pub(super) fn is_same_row(&self, other: &Self) -> bool {
        let identity = |row: &Row| (row.fence, row.revision, row.expires_at);
        self.row.as_ref().map(identity) == other.row.as_ref().map(identity)
    }
}

impl Mark {
    /// Reads the columns of a mark. `None` if an outer join found none.
    pub(super) fn read(row: &SqliteRow) -> Result<Option<Self>, Fault> {
        let version: Option<Vec<u8>> = row.try_get("mark").map_err(Fault::of_statement)?;
        let Some(version) = version else { return Ok(None) };
        let expires_at = row.try_get("mark_expires_at").map_err(Fault::of_statement)?;
        Ok(Some(Self { newest: read_version(&version), expires_at }))
    }

    /// The version, unless the mark has expired. Fails if it cannot be read.
    pub(super) fn newest(self, now: i64) -> Result<Option<Version>, Fault> {
        if self.expires_at <= now {
            return Ok(None);
        }
        let unreadable =
            || Fault::new(StoreErrorKind::Refused, "the table of marks has an unreadable version");
        self.newest.map(Some).ok_or_else(unreadable)
    }
}
