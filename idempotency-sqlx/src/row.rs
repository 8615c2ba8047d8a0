//! A record as a row: the columns that both databases have, and their translation into the protocol's record.

use std::time::Duration;

use idempotency_core::store::{Owner, Parts, Record, RecordView, ResourceDigest, ScopedOrder, State};
use idempotency_core::{Fence, Fingerprint, KeyDigest, Outcome, Version};
use sqlx::{ColumnIndex, Decode, Type};

/// The longest lease and the longest retention that a row can hold: 73,000 years. Two of them and the present fit into a
/// column.
const MAX_SPAN: Duration = Duration::from_micros(u64::MAX / 8);

/// The numbers of the states in the column `state`. Any other number is unreadable.
pub(crate) const IN_FLIGHT: i16 = 1;
pub(crate) const RELEASED: i16 = 2;
pub(crate) const COMPLETED: i16 = 3;

/// The columns of a record. Times are microseconds since 1970 on the database's clock, durations are microseconds.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) state: i16,
    pub(crate) owner: Vec<u8>,
    pub(crate) fence: i64,
    pub(crate) attempts: i32,
    /// The end of the lease, of a record in flight.
    pub(crate) deadline: Option<i64>,
    /// How long the record is kept after its lease.
    pub(crate) retention: i64,
    pub(crate) expires_at: i64,
    pub(crate) fingerprint: Option<Vec<u8>>,
    pub(crate) resource: Option<Vec<u8>>,
    /// Eight bytes, big endian, so that they sort as the versions do.
    pub(crate) version: Option<Vec<u8>>,
    pub(crate) parts: Option<Vec<u8>>,
    pub(crate) outcome: Option<Vec<u8>>,
    pub(crate) completed_at: Option<i64>,
    /// Grows with each change of the row.
    pub(crate) revision: i64,
}

impl Row {
    /// Reads the columns of a record. `None` if an outer join found none.
    pub(crate) fn read<'r, R: sqlx::Row>(row: &'r R) -> Result<Option<Self>, sqlx::Error>
    where
        &'static str: ColumnIndex<R>,
        i16: Decode<'r, R::Database> + Type<R::Database>,
        i32: Decode<'r, R::Database> + Type<R::Database>,
        i64: Decode<'r, R::Database> + Type<R::Database>,
        Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    {
        let Some(state) = row.try_get("state")? else { return Ok(None) };
        Ok(Some(Self {
            state,
            owner: row.try_get("owner")?,
            fence: row.try_get("fence")?,
            attempts: row.try_get("attempts")?,
            deadline: row.try_get("deadline")?,
            retention: row.try_get("retention")?,
            expires_at: row.try_get("expires_at")?,
            fingerprint: row.try_get("fingerprint")?,
            resource: row.try_get("resource")?,
            version: row.try_get("version")?,
            parts: row.try_get("parts")?,
            outcome: row.try_get("outcome")?,
            completed_at: row.try_get("completed_at")?,
            revision: row.try_get("revision")?,
        }))
    }

    /// The row of a record that is kept for `retention` after its lease, or from `now` if it is not in flight.
    pub(crate) fn new(record: &Record, retention: Duration, now: i64) -> Self {
        let retention = micros(retention);
        let mut row = Self {
            state: RELEASED,
            owner: record.owner.as_bytes().to_vec(),
            fence: fence_column(record.fence),
            attempts: i32::try_from(record.attempts).unwrap_or(i32::MAX),
            deadline: None,
            retention,
            expires_at: now + retention,
            fingerprint: record.fingerprint.map(|fingerprint| fingerprint.as_bytes().to_vec()),
            resource: record.order.map(|order| order.resource.as_bytes().to_vec()),
            version: record.order.map(|order| version_column(order.version)),
            parts: (!record.parts.is_empty()).then(|| record.parts.to_bytes().into()),
            outcome: None,
            completed_at: None,
            revision: 0,
        };
        match &record.state {
            State::Released => {}
            State::InFlight { deadline } => {
                // A lease that is too long for the column ends where the column does.
                let lease = deadline.saturating_sub(duration(now));
                let deadline = now + micros(lease);
                row.state = IN_FLIGHT;
                row.deadline = Some(deadline);
                row.expires_at = deadline + retention;
            }
            State::Completed { outcome, at, until } => {
                let (at, kept) = (micros(*at), micros(until.saturating_sub(*at)));
                row.state = COMPLETED;
                row.outcome = Some(outcome.as_bytes().to_vec());
                row.completed_at = Some(at);
                row.expires_at = at + kept;
            }
        }
        row
    }

    /// The record. `None` if this version cannot read it.
    pub(crate) fn record(&self) -> Option<Record> {
        let state = match self.state {
            IN_FLIGHT => State::InFlight { deadline: duration(self.deadline?) },
            RELEASED => State::Released,
            COMPLETED => State::Completed {
                outcome: Outcome::new(self.outcome.clone()?),
                at: duration(self.completed_at?),
                until: duration(self.expires_at),
            },
            _ => return None,
        };
        let owner = Owner::from_bytes(self.owner.as_slice().try_into().ok()?);
        let mut record = Record::new(state, owner, Fence::new(u64::try_from(self.fence).ok()?));
        record.attempts = u32::try_from(self.attempts).ok()?;
        record.fingerprint = match &self.fingerprint {
            Some(bytes) => Some(Fingerprint::from_bytes(bytes.as_slice().try_into().ok()?)),
            None => None,
        };
        record.order = match (&self.resource, &self.version) {
            (Some(resource), Some(version)) => Some(ScopedOrder::new(
                ResourceDigest::from_bytes(resource.as_slice().try_into().ok()?),
                read_version(version)?,
            )),
            (None, None) => None,
            _ => return None,
        };
        if let Some(parts) = &self.parts {
            record.parts = Parts::from_bytes(parts.clone().into()).ok()?;
        }
        Some(record)
    }

    /// The record as an operator sees it.
    pub(crate) fn view(&self, digest: KeyDigest, now: i64) -> RecordView {
        let expires_in = duration(self.expires_at.saturating_sub(now));
        match self.record() {
            Some(record) => RecordView::new(digest, &record, duration(now), expires_in),
            None => RecordView::unreadable(digest, expires_in),
        }
    }
}

/// A duration as a column, at most [`MAX_SPAN`].
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.min(MAX_SPAN).as_micros()).unwrap_or(i64::MAX)
}

/// A column as a duration. A negative one is zero.
pub(crate) fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// A fence as a column. No store grants one that does not fit.
pub(crate) fn fence_column(fence: Fence) -> i64 {
    i64::try_from(fence.get()).unwrap_or(i64::MAX)
}

pub(crate) fn version_column(version: Version) -> Vec<u8> {
    version.get().to_be_bytes().to_vec()
}

/// Reads the column of a version. `None` if it is not one.
pub(crate) fn read_version(column: &[u8]) -> Option<Version> {
    Some(Version::new(u64::from_be_bytes(column.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600_000_000;

    fn record(state: State) -> Record {
        let mut record = Record::new(state, Owner::from_bytes([7; 16]), Fence::new(9));
        record.attempts = 3;
        record.fingerprint = Some(Fingerprint::from_bytes([5; 32]));
        record.order = Some(ScopedOrder::new(ResourceDigest::from_bytes([6; 32]), Version::new(u64::MAX)));
        record
    }

    #[test]
    fn a_record_is_read_back() {
        let hour = Duration::from_secs(3600);
        let at = duration(NOW);
        for state in [
            State::Released,
            State::InFlight { deadline: at + hour },
            State::Completed { outcome: Outcome::new("done"), at, until: at + hour },
        ] {
            let record = record(state);
            assert_eq!(Row::new(&record, hour, NOW).record(), Some(record));
        }
    }

    #[test]
    fn a_row_that_is_not_a_record_is_unreadable() {
        let row = Row::new(&record(State::Released), Duration::ZERO, NOW);
        assert!(row.record().is_some());
        let changes = [
            |row: &mut Row| row.state = 0,
            |row: &mut Row| row.state = 4,
            |row: &mut Row| row.state = IN_FLIGHT,
            |row: &mut Row| row.state = COMPLETED,
            |row: &mut Row| row.owner.truncate(15),
            |row: &mut Row| row.fence = -1,
            |row: &mut Row| row.attempts = -1,
            |row: &mut Row| row.version = None,
            |row: &mut Row| row.version = Some(vec![1; 7]),
            |row: &mut Row| row.resource = Some(vec![1; 33]),
            |row: &mut Row| row.fingerprint = Some(vec![]),
            |row: &mut Row| row.parts = Some(vec![128, 0, 0]),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut row = row.clone();
            change(&mut row);
            assert_eq!(row.record(), None, "change {number}");
        }
    }

    #[test]
    fn the_longest_durations_fit() {
        let forever = Row::new(&record(State::InFlight { deadline: Duration::MAX }), Duration::MAX, NOW);
        assert!(forever.deadline.is_some_and(|deadline| deadline > NOW && forever.expires_at > deadline));
    }
}
