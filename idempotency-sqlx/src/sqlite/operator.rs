//! Operations for operators: looking at records, deleting them, and cleaning up.

use idempotency_core::store::{Cursor, Filter, Listing, Page, RecordView, ResourceDigest};
use idempotency_core::{KeyDigest, StoreError, StoreErrorKind, Version};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Shared;
use super::connections::before;
use super::fault::Fault;
use super::found::Mark;
use crate::row::{Row, duration};

/// The maximum number of rows that one page reads.
const MAX_ROWS: usize = 1000;

impl Shared {
    pub(super) async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let deadline = self.deadline();
        self.prepare(deadline).await?;
        let mut found = self.read(key, deadline).await?;
        loop {
            let now = self.now();
            // If the row is unchanged now, it was so when the clock was read.
            let again = self.read(key, deadline).await?;
            if again.is_same_row(&found) {
                return Ok(found.live(now).map(|row| row.view(key, now)));
            }
            found = again;
        }
    }

    pub(super) async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let mut transaction = self.begin(self.deadline()).await?;
        let now = self.now();
        let was_live = transaction.locked().find(key, None).await?.live(now).is_some();
        transaction.locked().forget(key).await?;
        transaction.commit().await?;
        self.waiters.wake(key);
        Ok(was_live)
    }

    pub(super) async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        let deadline = self.deadline();
        self.prepare(deadline).await?;
        let mut lent = self.readers.lend(deadline).await?;
        let statement = sqlx::query(self.statements.mark()).bind(resource.as_bytes().to_vec());
        let row = before(deadline, statement.fetch_optional(&mut lent.connection)).await?;
        lent.give_back();
        let mark = match row {
            Some(row) => Mark::read(&row)?,
            None => None,
        };
        Ok(mark.map_or(Ok(None), |mark| mark.newest(self.now()))?)
    }

    pub(super) async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let after = match &page.after {
            Some(cursor) => read_cursor(cursor)?.as_bytes().to_vec(),
            None => Vec::new(),
        };
        let limit = page.limit.clamp(1, MAX_ROWS);
        let deadline = self.deadline();
        self.prepare(deadline).await?;
        let now = self.now();
        let mut lent = self.readers.lend(deadline).await?;
        let statement = sqlx::query(self.statements.page())
            .bind(after)
            .bind(now)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(self.namespace.as_str());
        let rows = before(deadline, statement.fetch_all(&mut lent.connection)).await?;
        lent.give_back();
        let rows = rows.iter().map(|row| view(row, now)).collect::<Result<Vec<_>, _>>()?;
        let next = rows.last().filter(|_| rows.len() == limit);
        let next = next.map(|(digest, _)| Cursor::new(digest.to_string()));
        let views = rows.into_iter().filter_map(|(_, view)| view);
        let records = views.filter(|view| filter.includes(view, duration(now))).collect();
        Ok(Listing::new(records, next))
    }

    pub(super) async fn purge_expired(&self, max: u32) -> Result<u64, StoreError> {
        let mut transaction = self.begin(self.deadline()).await?;
        let now = self.now();
        let deleted = transaction.locked().purge(now, max).await?;
        transaction.commit().await?;
        Ok(deleted)
    }
}

fn read_cursor(cursor: &Cursor) -> Result<KeyDigest, Fault> {
    cursor.as_str().parse().map_err(|cause| Fault::new(StoreErrorKind::Refused, Box::new(cause) as Box<_>))
}

/// A row of a page: its digest and, unless another namespace has it, its view.
fn view(row: &SqliteRow, now: i64) -> Result<(KeyDigest, Option<RecordView>), Fault> {
    let digest: Vec<u8> = row.try_get("passed").map_err(Fault::of_statement)?;
    let Ok(digest) = digest.try_into().map(KeyDigest::from_bytes) else {
        return Err(Fault::new(StoreErrorKind::Refused, "the table of records has a foreign row"));
    };
    let row = Row::read(row).map_err(Fault::of_statement)?;
    Ok((digest, row.map(|row| row.view(digest, now))))
}
