//! `TinyStore`: a whole store in one mutex. The record's own table decides; the store keeps and forgets.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::clock::Clock;
use idempotency_core::{
    Claim, Claimed, Hold, KeyDigest, Lease, Outcome, Record, RecordView, Resolution, ScopedKey, State, Store,
    StoreError, Transition, Version,
};
use tokio::sync::Notify;

/// A store in memory. A clone is another handle on the same records.
#[derive(Clone)]
pub(crate) struct TinyStore {
    kept: Arc<Mutex<Kept>>,
    changed: Arc<Notify>,
    clock: Arc<dyn Clock>,
}

/// Everything expires: records by their retention, marks by that of the completions that raised them.
#[derive(Default)]
struct Kept {
    records: HashMap<KeyDigest, (Record, Duration)>,
    marks: HashMap<[u8; 32], (Version, Duration)>,
}

/// The answer about a record that is not there.
const LOST: (Hold, bool) = (Hold::Lost, false);

impl TinyStore {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self { kept: Arc::default(), changed: Arc::default(), clock: Arc::new(clock) }
    }

    /// Opens the critical section that makes an operation atomic, without what has expired by now.
    fn open(&self) -> (MutexGuard<'_, Kept>, Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        kept.records.retain(|_, (_, expires)| *expires > now);
        kept.marks.retain(|_, (_, expires)| *expires > now);
        (kept, now)
    }

    /// Wakes whoever waits, after the critical section and never inside it.
    fn close<A>(&self, kept: MutexGuard<'_, Kept>, changed: bool, answer: A) -> Result<A, StoreError> {
        drop(kept);
        if changed {
            self.changed.notify_waiters();
        }
        Ok(answer)
    }
}

impl Kept {
    /// Changes a record as its table says. Also answers whether anything was written; `None` where there is no record.
    fn change<A>(
        &mut self,
        key: &ScopedKey,
        expiry: impl FnOnce(Duration) -> Duration,
        table: impl FnOnce(&Record) -> Transition<A>,
    ) -> Option<(A, bool)> {
        let (record, expires) = self.records.get_mut(&key.digest())?;
        let transition = table(record);
        let Some(written) = transition.write else { return Some((transition.answer, false)) };
        *record = written;
        *expires = expiry(*expires);
        Some((transition.answer, true))
    }

    fn raise_mark(&mut self, resource: &[u8; 32], version: Version, until: Duration) {
        let (newest, expires) = self.marks.entry(*resource).or_insert((version, until));
        *newest = version.max(*newest);
        *expires = until.max(*expires);
    }
}

#[async_trait]
impl Store for TinyStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let (mut kept, now) = self.open();
        let micros = u64::try_from(self.clock.unix_time().as_micros()).unwrap_or(u64::MAX);
        let mark = claim.order.as_ref().and_then(|order| kept.marks.get(order.resource().digest()));
        let current = kept.records.get(&claim.key.digest()).map(|(record, _)| record);
        let transition = Record::claim(current, mark.map(|(newest, _)| *newest), claim, now, micros);
        if let Some(record) = transition.write {
            let expires = now.saturating_add(claim.retention.max(claim.lease));
            kept.records.insert(claim.key.digest(), (record, expires));
        }
        Ok(transition.answer)
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let (mut kept, now) = self.open();
        let until = now.saturating_add(duration);
        let table = |record: &Record| record.renew(lease, duration, now);
        let (hold, _) = kept.change(lease.key(), |expires| expires.max(until), table).unwrap_or(LOST);
        self.close(kept, false, hold)
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        let (mut kept, now) = self.open();
        let until = now.saturating_add(retention);
        let table = |record: &Record| record.complete(lease, outcome);
        let (hold, changed) = kept.change(lease.key(), |_| until, table).unwrap_or(LOST);
        if let Some(order) = lease.order()
            && changed
        {
            kept.raise_mark(order.resource().digest(), order.version(), until);
        }
        self.close(kept, changed, hold)
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        let (mut kept, _) = self.open();
        let (hold, changed) =
            kept.change(lease.key(), |expires| expires, |record| record.release(lease)).unwrap_or(LOST);
        self.close(kept, changed, hold)
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        // Notified from here on, and only then is the state read, so that no change falls in between.
        let changed = self.changed.notified();
        let in_flight = {
            let (kept, now) = self.open();
            kept.records.get(&key.digest()).is_some_and(
                |(record, _)| matches!(record.state, State::InFlight { deadline } if deadline > now),
            )
        };
        if in_flight {
            // Woken or timed out is one to the caller, who claims again.
            let _ = tokio::time::timeout(timeout, changed).await;
        }
        Ok(())
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        let (kept, now) = self.open();
        let found = kept.records.get(&key.digest());
        Ok(found.map(|(record, expires)| RecordView::new(record, now, *expires - now)))
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        let (mut kept, _) = self.open();
        let forgotten = kept.records.remove(&key.digest()).is_some();
        self.close(kept, forgotten, forgotten)
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        let (mut kept, now) = self.open();
        let table = |record: &Record| record.resolve(resolution, now);
        let (settled, changed) = kept.change(key, |expires| expires, table).unwrap_or_default();
        if let (true, Some(resource), Some((record, expires))) =
            (changed, key.resource_digest(), kept.records.get(&key.digest()))
            && let (State::Completed(_), Some(version)) = (&record.state, record.version)
        {
            let until = *expires;
            kept.raise_mark(resource, version, until);
        }
        self.close(kept, changed, settled)
    }
}

impl fmt::Debug for TinyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TinyStore").finish_non_exhaustive()
    }
}
