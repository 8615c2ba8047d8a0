//! Looking at rows, and the operations for operators.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::store::{
    Cursor, Filter, Listing, Page, Record, RecordView, Resolution, ResourceDigest, State,
};
use idempotency_core::{KeyDigest, StoreError, StoreErrorKind, Version};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Shared;
use super::call::Call;
use super::{PostgresStore, fault};
use crate::PurgeTask;
use crate::row::{Row, duration, read_version};

/// How often a resolution is tried on a row that keeps changing.
const TRIES: usize = 3;
/// The maximum number of rows that one page reads.
const MAX_ROWS: usize = 1000;

/// A look at the row of a key and at the mark of a resource.
pub(super) struct Seen {
    /// The server's time.
    pub(super) now: i64,
    /// The row, even if it has expired.
    pub(super) row: Option<Row>,
    pub(super) mark: Mark,
}

/// The mark of a resource.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Absent,
    Newest(Version),
    /// It decides nothing, so it allows no grant.
    Unreadable,
}

impl Mark {
    fn read(column: Option<Vec<u8>>) -> Self {
        match column {
            None => Self::Absent,
            Some(version) => read_version(&version).map_or(Self::Unreadable, Self::Newest),
        }
    }
}

impl Seen {
    pub(super) fn read(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self {
            now: row.try_get("now").map_err(fault::of_statement)?,
            row: Row::read(row).map_err(fault::of_statement)?,
            mark: Mark::read(row.try_get("newest").map_err(fault::of_statement)?),
        })
    }

    /// The row, unless it has expired.
    pub(super) fn live(&self) -> Option<&Row> {
        self.row.as_ref().filter(|row| row.expires_at > self.now)
    }
}

impl PostgresStore {
    /// Deletes at most `max` expired records and marks. Returns how many it deleted; if that is `max`, there may be more.
    ///
    /// Rows that another statement has locked are left for the next call.
    ///
    /// # Errors
    /// When the database does not answer, or refuses. Call it again later.
    ///
    /// # Cancel safety
    /// Safe to drop: some of the rows may be deleted.
    pub async fn purge_expired(&self, max: u32) -> Result<u64, StoreError> {
        let (statements, max) = (&self.shared.statements, u64::from(max));
        let mut deleted = 0;
        for statement in [&statements.purge_records, &statements.purge_marks] {
            let left = i64::try_from(max - deleted).unwrap_or(i64::MAX);
            let rows = self.shared.rows(Call::new(statement).bind(left)).await?;
            deleted = max.min(deleted + rows.len() as u64);
        }
        Ok(deleted)
    }

    /// Purges in the background: at once, then whenever `interval` has passed, in batches of 1,000 rows. Dropping the task
    /// ends it. A minute is a good interval. Several processes may purge at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn purge_in_background(&self, interval: Duration) -> PurgeTask {
        let store = self.clone();
        PurgeTask::start(interval, move |max| {
            let store = store.clone();
            async move { store.purge_expired(max).await }
        })
    }

    /// Creates the tables if they are missing, as the first operation does.
    ///
    /// # Errors
    /// When the database cannot be reached, or refuses to create them.
    ///
    /// # Cancel safety
    /// Safe to drop: all tables are created, or none.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.shared.migrate().await
    }
}

impl Shared {
    pub(super) async fn look(
        &self,
        key: KeyDigest,
        resource: Option<ResourceDigest>,
    ) -> Result<Seen, StoreError> {
        let call = Call::new(&self.statements.read)
            .bind(key.as_bytes().as_slice())
            .bind(resource.as_ref().map(|resource| resource.as_bytes().as_slice()));
        let rows = self.rows(call).await?;
        Seen::read(rows.first().ok_or_else(fault::unexpected_reply)?)
    }

    /// Replaces the row if it has this revision and is not locked. Returns whether it did.
    pub(super) async fn replace(&self, key: KeyDigest, revision: i64, row: &Row) -> Result<bool, StoreError> {
        let call = Call::new(&self.statements.replace)
            .bind(key.as_bytes().as_slice())
            .bind(revision)
            .bind(row.state)
            .bind(row.owner.as_slice())
            .bind(row.fence)
            .bind(row.attempts)
            .bind(row.deadline)
            .bind(row.retention)
            .bind(row.expires_at)
            .bind(row.fingerprint.as_deref())
            .bind(row.resource.as_deref())
            .bind(row.version.as_deref())
            .bind(row.parts.as_deref())
            .bind(row.outcome.as_deref())
            .bind(row.completed_at);
        Ok(!self.rows(call).await?.is_empty())
    }

    pub(super) async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        let call = Call::new(&self.statements.newest).bind(resource.as_bytes().as_slice());
        let rows = self.rows(call).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        match Mark::read(row.try_get("version").map_err(fault::of_statement)?) {
            Mark::Absent => Ok(None),
            Mark::Newest(newest) => Ok(Some(newest)),
            Mark::Unreadable => {
                Err(fault::error(StoreErrorKind::Refused).with_source("the mark cannot be read"))
            }
        }
    }

    pub(super) async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let seen = self.look(key, None).await?;
        Ok(seen.live().map(|row| row.view(key, seen.now)))
    }

    pub(super) async fn forget(self: &Arc<Self>, key: KeyDigest) -> Result<bool, StoreError> {
        let call = Call::new(&self.statements.forget).bind(key.as_bytes().as_slice());
        let rows = self.rows(call).await?;
        self.changed(key);
        let was_live = rows.first().map(|row| row.try_get("was_live")).transpose();
        Ok(was_live.map_err(fault::of_statement)?.unwrap_or(false))
    }

    pub(super) async fn resolve(
        self: &Arc<Self>,
        key: KeyDigest,
        resolution: &Resolution,
    ) -> Result<bool, StoreError> {
        let mut sent = None;
        for _ in 0..TRIES {
            let step = self.try_to_resolve(key, resolution).await;
            // A step that replaced nothing may have been sent twice because its first answer was lost.
            match step.map_err(|error: StoreError| error.after(sent.as_ref()))? {
                Some(answer) => return Ok(answer),
                None => sent = Some(fault::error(StoreErrorKind::Unknown)),
            }
        }
        let error = fault::error(StoreErrorKind::Unavailable)
            .with_source("the record is locked or changes too often");
        Err(error.after(sent.as_ref()))
    }

    /// Resolves the record as it is now. `None` if it is locked or has just changed.
    async fn try_to_resolve(
        self: &Arc<Self>,
        key: KeyDigest,
        resolution: &Resolution,
    ) -> Result<Option<bool>, StoreError> {
        let seen = self.look(key, None).await?;
        let Some(row) = seen.live() else { return Ok(Some(false)) };
        let Some(record) = row.record() else { return Ok(Some(false)) };
        let (now, retention) = (duration(seen.now), duration(row.retention));
        let transition = record.resolve(resolution, now, now, retention);
        let Some(resolved) = transition.write else { return Ok(Some(transition.answer)) };
        let is_replaced = self.replace(key, row.revision, &resolved_row(&resolved, row, seen.now)).await?;
        if is_replaced {
            self.changed(key);
        }
        Ok(is_replaced.then_some(transition.answer))
    }

    pub(super) async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let refused = |cause| fault::error(StoreErrorKind::Refused).with_source(cause);
        let after = page.after.as_ref().map(|cursor| cursor.as_str().parse::<KeyDigest>());
        let after = after.transpose().map_err(refused)?;
        let after = after.as_ref().map_or(&[][..], |digest| digest.as_bytes());
        let limit = page.limit.clamp(1, MAX_ROWS);
        let call = Call::new(&self.statements.list)
            .bind(after)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(self.namespace.as_str());
        let rows = self.rows(call).await?;
        let mut listing = Listing::new(Vec::new(), None);
        for row in &rows {
            let (digest, view) = view(row)?;
            listing.records.extend(
                view.filter(|(view, now)| filter.includes(view, duration(*now))).map(|(view, _)| view),
            );
            listing.next = Some(Cursor::new(digest.to_string()));
        }
        if rows.len() < limit {
            listing.next = None;
        }
        Ok(listing)
    }
}

/// The row of a record that an operator has resolved. It is kept for the retention from now.
fn resolved_row(resolved: &Record, row: &Row, now: i64) -> Row {
    debug_assert!(!matches!(resolved.state, State::InFlight { .. }), "a resolution ends the lease");
    Row::new(resolved, duration(row.retention), now)
}

/// A row of a listing: its digest and, unless it has expired or another namespace has it, its view with the server's
/// time.
fn view(row: &PgRow) -> Result<(KeyDigest, Option<(RecordView, i64)>), StoreError> {
    let digest: Vec<u8> = row.try_get("digest").map_err(fault::of_statement)?;
    let digest = KeyDigest::from_bytes(digest.try_into().map_err(|_| fault::unexpected_reply())?);
    let now: i64 = row.try_get("now").map_err(fault::of_statement)?;
    let row = Row::read(row).map_err(fault::of_statement)?.filter(|row| row.expires_at > now);
    Ok((digest, row.map(|row| (row.view(digest, now), now))))
}
