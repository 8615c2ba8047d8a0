//! The claim: one statement that inserts the record of a new key, or reads the one that is there.
//!
//! A statement sees the rows that were committed when it began, so "no row" never means that a key is free: only the insert
//! decides that. And a grant may be decided while a newer version of its resource completes, so a grant with an order
//! looks at the mark once more, and is given back if it is stale.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use idempotency_core::store::{Claim, Claimed, Grant, Owner, Record, Transition};
use idempotency_core::{Fence, KeyDigest, OnExpired, StoreError, StoreErrorKind};
use sqlx::Row as _;

use super::Shared;
use super::call::Call;
use super::fault;
use super::holder::Giving;
use super::operator::{Mark, Seen};
use crate::row::{Row, duration, micros, version_column};

/// How often a claim looks at a row that keeps changing.
const LOOKS: usize = 8;
/// The answer for a locked row: its holder is about to complete it, or a rival is about to take it over.
const LOCKED: Claimed = Claimed::InFlight { retry_after: Duration::from_millis(100) };

/// The fences of the records that an insert made. With the owner, since a batch may have a key twice.
type Inserted = HashMap<(KeyDigest, Owner), Fence>;

/// A grant, and whether it ended the lease of another owner.
struct Granted {
    grant: Grant,
    took_over: bool,
}

impl Granted {
    /// The grant of a record that was just inserted.
    fn first(fence: Fence) -> Self {
        Self { grant: Grant::new(fence, 1), took_over: false }
    }
}

impl Shared {
    pub(super) async fn claim(self: &Arc<Self>, claim: &Claim) -> Result<Claimed, StoreError> {
        let seen = self.insert_or_look(claim).await?;
        // The statement may have been repeated because its first answer was lost, so that a later failure leaves a grant.
        self.decide(claim, seen).await.map_err(fault::may_have_executed)
    }

    /// Claims several keys: the new ones in one statement, in the order of their keys.
    pub(super) async fn claim_many(self: &Arc<Self>, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let all: Vec<&Claim> = claims.iter().collect();
        match self.insert(&all).await {
            Ok(inserted) => {
                join_all(claims.iter().map(|claim| self.claim_one_of_many(claim, &inserted))).await
            }
            Err(earlier) => {
                let one = async |claim| self.claim(claim).await.map_err(|error| error.after(Some(&earlier)));
                join_all(claims.iter().map(one)).await
            }
        }
    }

    /// The answer to a claim of a batch, given the new records of the batch.
    async fn claim_one_of_many(
        self: &Arc<Self>,
        claim: &Claim,
        inserted: &Inserted,
    ) -> Result<Claimed, StoreError> {
        match inserted.get(&(claim.key.digest(), claim.owner)) {
            Some(&fence) => self.check_mark(claim, Granted::first(fence)).await,
            // The insert may have been repeated, as above.
            None => self.claim(claim).await.map_err(fault::may_have_executed),
        }
    }

    /// Inserts a record if the key has none and no mark is newer. The fence is that of the new record.
    async fn insert_or_look(&self, claim: &Claim) -> Result<(Option<Fence>, Seen), StoreError> {
        let call = Call::new(&self.statements.insert_or_read)
            .bind(claim.key.digest().as_bytes().to_vec())
            .bind(claim.owner.as_bytes().to_vec())
            .bind(micros(claim.lease))
            .bind(micros(claim.retention))
            .bind(claim.fingerprint.map(|fingerprint| fingerprint.as_bytes().to_vec()))
            .bind(claim.order.map(|order| order.resource.as_bytes().to_vec()))
            .bind(claim.order.map(|order| version_column(order.version)))
            .bind(parts(claim))
            .bind(self.namespace.as_str());
        let rows = self.rows(call).await?;
        let row = rows.first().ok_or_else(fault::unexpected_reply)?;
        let inserted: Option<i64> = row.try_get("inserted").map_err(fault::of_statement)?;
        let fence = inserted.map(u64::try_from).transpose().map_err(|_| fault::unexpected_reply())?;
        Ok((fence.map(Fence::new), Seen::read(row)?))
    }

    /// Inserts records for the keys that have none, and returns the fences of these.
    async fn insert(&self, claims: &[&Claim]) -> Result<Inserted, StoreError> {
        let column = |read: fn(&Claim) -> Vec<u8>| claims.iter().map(|claim| read(claim)).collect::<Vec<_>>();
        let optional =
            |read: fn(&Claim) -> Option<Vec<u8>>| claims.iter().map(|claim| read(claim)).collect::<Vec<_>>();
        let number =
            |read: fn(&Claim) -> Duration| claims.iter().map(|claim| micros(read(claim))).collect::<Vec<_>>();
        let call = Call::new(&self.statements.insert)
            .bind(column(|claim| claim.key.digest().as_bytes().to_vec()))
            .bind(column(|claim| claim.owner.as_bytes().to_vec()))
            .bind(number(|claim| claim.lease))
            .bind(number(|claim| claim.retention))
            .bind(optional(|claim| Some(claim.fingerprint?.as_bytes().to_vec())))
            .bind(optional(|claim| Some(claim.order?.resource.as_bytes().to_vec())))
            .bind(optional(|claim| Some(version_column(claim.order?.version))))
            .bind(optional(parts))
            .bind(self.namespace.as_str());
        let mut fences = HashMap::new();
        for row in self.rows(call).await? {
            let digest: Vec<u8> = row.try_get("digest").map_err(fault::of_statement)?;
            let owner: Vec<u8> = row.try_get("owner").map_err(fault::of_statement)?;
            let fence: i64 = row.try_get("fence").map_err(fault::of_statement)?;
            let digest = digest.try_into().map_err(|_| fault::unexpected_reply())?;
            let owner = owner.try_into().map_err(|_| fault::unexpected_reply())?;
            let fence = u64::try_from(fence).map_err(|_| fault::unexpected_reply())?;
            fences.insert((KeyDigest::from_bytes(digest), Owner::from_bytes(owner)), Fence::new(fence));
        }
        Ok(fences)
    }

    /// The answer to a claim, given the first look.
    async fn decide(
        self: &Arc<Self>,
        claim: &Claim,
        first: (Option<Fence>, Seen),
    ) -> Result<Claimed, StoreError> {
        let digest = claim.key.digest();
        let mut first = Some(first);
        let mut locked = None;
        for _ in 0..LOOKS {
            let (inserted, seen) = match first.take() {
                Some(first) => first,
                None => self.insert_or_look(claim).await?,
            };
            if let Some(fence) = inserted {
                return self.check_mark(claim, Granted::first(fence)).await;
            }
            let Some(row) = &seen.row else {
                if let Some(stale) = seen.stale(claim) {
                    return Ok(stale);
                }
                if matches!(seen.mark, Mark::Unreadable) {
                    return Ok(Claimed::InDoubt);
                }
                // A rival inserted it at the same time.
                continue;
            };
            let Some(Decision { transition, took_over }) = decide(claim, &seen, row) else {
                return Ok(Claimed::InDoubt);
            };
            let Some(record) = transition.write else {
                return match transition.answer {
                    // A repeat of this claim, so a newer version may have completed since it was granted.
                    Claimed::Granted(grant) => {
                        // A takeover that was given back counts one attempt less, and its lease is over. Of a key that may run
                        // at most once there is no takeover: its second attempt follows a release.
                        let is_over = row.deadline.is_some_and(|deadline| deadline <= seen.now);
                        let may_take_over = claim.on_expired == OnExpired::Rerun;
                        let took_over = may_take_over && (grant.attempt > 1 || is_over);
                        self.check_mark(claim, Granted { grant, took_over }).await
                    }
                    // A stale claim gives its grant back. Its repeat finds the key released by itself.
                    Claimed::InFlight { retry_after } if retry_after.is_zero() => {
                        Ok(seen.stale(claim).unwrap_or(Claimed::InFlight { retry_after }))
                    }
                    answer => Ok(answer),
                };
            };
            if self.replace(digest, row.revision, &Row::new(&record, claim.retention, seen.now)).await? {
                return self.check_mark(claim, Granted { grant: record.grant(), took_over }).await;
            }
            if locked == Some(row.revision) {
                return Ok(LOCKED);
            }
            locked = Some(row.revision);
        }
        Err(fault::error(StoreErrorKind::Unavailable).with_source("the record changed too often"))
    }

    /// Looks at the mark once the record is held, and gives a stale grant back. An error says that a grant may stand.
    async fn check_mark(self: &Arc<Self>, claim: &Claim, granted: Granted) -> Result<Claimed, StoreError> {
        let Granted { grant, took_over } = granted;
        let Some(order) = claim.order else { return Ok(Claimed::Granted(grant)) };
        let lease = claim.granted(grant.fence);
        let giving = if took_over { Giving::Untaken } else { Giving::Unstarted };
        match self.newest(order.resource).await {
            Ok(Some(newest)) if order.version < newest => {
                let given_back = self.give_up(&lease, giving).await;
                let _ = given_back.map_err(fault::may_have_executed)?;
                Ok(Claimed::Stale { newest })
            }
            Ok(_) => Ok(Claimed::Granted(grant)),
            Err(error) => Err(fault::may_have_executed(error)),
        }
    }
}

struct Decision {
    transition: Transition<Claimed>,
    took_over: bool,
}

/// The answer of the protocol's table to a claim of this row. `None` if the row cannot be read, or if a grant would
/// need a mark that cannot be read.
fn decide(claim: &Claim, seen: &Seen, row: &Row) -> Option<Decision> {
    let now = duration(seen.now);
    // An expired record counts as absent, but its fence is known.
    let is_live = row.expires_at > seen.now;
    let record = if is_live { Some(row.record()?) } else { None };
    let micros = seen.now.max(row.fence.saturating_add(1));
    let micros = u64::try_from(micros).unwrap_or(0);
    let newest = match seen.mark {
        Mark::Newest(newest) => Some(newest),
        Mark::Absent | Mark::Unreadable => None,
    };
    let transition = Record::claim(record.as_ref(), newest, claim, now, micros);
    if transition.write.is_some() && matches!(seen.mark, Mark::Unreadable) {
        return None;
    }
    let took_over = is_live && row.state == crate::row::IN_FLIGHT;
    Some(Decision { transition, took_over })
}

impl Seen {
    /// The answer to a claim that the mark forbids.
    fn stale(&self, claim: &Claim) -> Option<Claimed> {
        match self.mark {
            Mark::Newest(newest) if claim.order?.version < newest => Some(Claimed::Stale { newest }),
            _ => None,
        }
    }
}

fn parts(claim: &Claim) -> Option<Vec<u8>> {
    let parts = idempotency_core::store::Parts::of(claim.label.clone());
    (!parts.is_empty()).then(|| parts.to_bytes().into())
}
