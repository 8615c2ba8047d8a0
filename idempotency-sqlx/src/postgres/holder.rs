//! The operations of a lease's holder: renew, complete, release, adopt. Each is one statement; if it changed no row, a
//! look at the row tells whether it repeats an earlier one.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use idempotency_core::store::{Adopted, Completion, Grant, Hold, Lease, Owner, Record, Release, Transition};
use idempotency_core::{Fence, StoreError, StoreErrorKind};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Shared;
use super::call::Call;
use super::fault;
use super::statements::Statement;
use crate::row::{IN_FLIGHT, RELEASED, duration, fence_column, micros};

/// How often an operation looks at a row that keeps changing.
const TRIES: usize = 3;

/// How a lease is given up.
#[derive(Clone, Copy)]
pub(super) enum Giving {
    Failed,
    Unstarted,
    Abandoned,
    /// A takeover that was stale: the attempt does not count, and the key is abandoned as before.
    Untaken,
}

impl Giving {
    fn of(release: Release) -> Self {
        match release {
            Release::Failed => Self::Failed,
            Release::Unstarted => Self::Unstarted,
            // A way that this version does not know must not let the key run again at once.
            _ => Self::Abandoned,
        }
    }

    /// The state afterwards.
    fn state(self) -> i16 {
        match self {
            Self::Failed | Self::Unstarted => RELEASED,
            Self::Abandoned | Self::Untaken => IN_FLIGHT,
        }
    }

    /// The number of attempts that do not count.
    fn uncounted(self) -> i32 {
        match self {
            Self::Failed | Self::Abandoned => 0,
            Self::Unstarted | Self::Untaken => 1,
        }
    }

    fn as_release(self) -> Release {
        match self {
            Self::Failed => Release::Failed,
            Self::Unstarted => Release::Unstarted,
            Self::Abandoned | Self::Untaken => Release::Abandoned,
        }
    }
}

impl Shared {
    pub(super) async fn renew(&self, lease: &Lease, length: Duration) -> Result<Hold, StoreError> {
        let call = || held(&self.statements.renew, lease).bind(micros(length));
        let by_table = |record: &Record, now| record.renew(lease, length, now);
        self.change_held(lease, call, |_| Ok(Hold::Held), Hold::Lost, by_table).await
    }

    pub(super) async fn complete(self: &Arc<Self>, completion: &Completion) -> Result<Hold, StoreError> {
        let call = || self.completion(&self.statements.complete, completion);
        let by_table = |record: &Record, now| record.complete(completion, now);
        self.change_held(&completion.lease, call, |_| Ok(self.woken(&completion.lease)), Hold::Lost, by_table)
            .await
    }

    /// A statement that completes a record, and answers a row if it did.
    pub(super) fn completion(&self, statement: &Statement, completion: &Completion) -> Call {
        held(statement, &completion.lease)
            .bind(completion.outcome.as_bytes().to_vec())
            .bind(micros(completion.retention))
    }

    pub(super) async fn release(
        self: &Arc<Self>,
        lease: &Lease,
        release: Release,
    ) -> Result<Hold, StoreError> {
        self.give_up(lease, Giving::of(release)).await
    }

    pub(super) async fn give_up(self: &Arc<Self>, lease: &Lease, giving: Giving) -> Result<Hold, StoreError> {
        let call = || {
            held(&self.statements.release, lease)
                .bind(giving.state())
                .bind(giving.uncounted())
                .bind(micros(Record::KEPT_WITHOUT_ATTEMPT))
        };
        let by_table = |record: &Record, now| record.release(lease, giving.as_release(), now);
        self.change_held(lease, call, |_| Ok(self.woken(lease)), Hold::Lost, by_table).await
    }

    pub(super) async fn adopt(
        &self,
        lease: &Lease,
        owner: Owner,
        length: Duration,
    ) -> Result<Adopted, StoreError> {
        let call =
            || held(&self.statements.adopt, lease).bind(owner.as_bytes().as_slice()).bind(micros(length));
        let by_table = |record: &Record, now: Duration| {
            let micros = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
            record.adopt(lease, owner, length, now, micros)
        };
        self.change_held(lease, call, adopted, Adopted::Lost, by_table).await
    }

    pub(super) async fn renew_many(
        &self,
        leases: &[Lease],
        length: Duration,
    ) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.renew(lease, length))).await
    }

    pub(super) async fn complete_many(
        self: &Arc<Self>,
        completions: &[Completion],
    ) -> Vec<Result<Hold, StoreError>> {
        join_all(completions.iter().map(|completion| self.complete(completion))).await
    }

    pub(super) async fn release_many(
        self: &Arc<Self>,
        leases: &[Lease],
        release: Release,
    ) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.release(lease, release))).await
    }

    /// Sends a statement that changes the row of a lease. If it changed none, the protocol's table tells from the row whether
    /// the statement repeats an earlier one.
    async fn change_held<A: Copy>(
        &self,
        lease: &Lease,
        call: impl Fn() -> Call,
        changed: impl Fn(&PgRow) -> Result<A, StoreError>,
        lost: A,
        by_table: impl Fn(&Record, Duration) -> Transition<A>,
    ) -> Result<A, StoreError> {
        if let Some(row) = self.rows(call()).await?.first() {
            return changed(row);
        }
        // The statement may have been sent twice because its first answer was lost. So whatever fails from here on, it may
        // have changed the row.
        let retried = async {
            for _ in 0..TRIES {
                let seen = self.look(lease.key().digest(), None).await?;
                let Some(record) = seen.live().and_then(|row| row.record()) else { return Ok(lost) };
                let transition = by_table(&record, duration(seen.now));
                if transition.write.is_none() {
                    return Ok(transition.answer);
                }
                // The row would let the statement through by now.
                if let Some(row) = self.rows(call()).await?.first() {
                    return changed(row);
                }
            }
            Err(fault::error(StoreErrorKind::Unavailable).with_source("the record changed too often"))
        };
        retried.await.map_err(fault::may_have_executed)
    }

    /// The answer to a change for which others may wait.
    fn woken(self: &Arc<Self>, lease: &Lease) -> Hold {
        self.changed(lease.key().digest());
        Hold::Held
    }
}

/// A statement on the row of this lease.
fn held(statement: &Statement, lease: &Lease) -> Call {
    Call::new(statement)
        .bind(lease.key().digest().as_bytes().as_slice())
        .bind(lease.owner().as_bytes().as_slice())
        .bind(fence_column(lease.fence()))
}

/// The grant of a lease that was adopted.
fn adopted(row: &PgRow) -> Result<Adopted, StoreError> {
    let fence: i64 = row.try_get("fence").map_err(fault::of_statement)?;
    let attempts: i32 = row.try_get("attempts").map_err(fault::of_statement)?;
    let fence = u64::try_from(fence).map_err(|_| fault::unexpected_reply())?;
    let attempts = u32::try_from(attempts).map_err(|_| fault::unexpected_reply())?;
    Ok(Adopted::Granted(Grant::new(Fence::new(fence), attempts)))
}
