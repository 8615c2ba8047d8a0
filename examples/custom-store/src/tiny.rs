//! `TinyStore`: a whole store in one mutex.
//!
//! `Record` makes the decisions, and the store keeps and expires records.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::clock::Clock;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Cursor, Filter, Hold, Lease, Listing, Owner, Page, Record,
    RecordView, Release, Resolution, ResourceDigest, ScopedOrder, State, Store, Transition,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};
use tokio::sync::Notify;

/// A store in memory. A clone is another handle on the same records.
#[derive(Clone)]
pub(crate) struct TinyStore {
    kept: Arc<Mutex<Kept>>,
    namespace: Namespace,
    changed: Arc<Notify>,
    clock: Arc<dyn Clock>,
}

/// The stored data. A record expires after its retention, and a mark with the completions that raised it.
#[derive(Default)]
struct Kept {
    records: BTreeMap<KeyDigest, Entry>,
    marks: HashMap<ResourceDigest, (Version, Duration)>,
}

struct Entry {
    record: Record,
    /// The retention that the last claim requested. It counts from the end of the lease.
    retention: Duration,
    expires: Duration,
}

impl Entry {
    fn new(record: Record, retention: Duration, now: Duration) -> Self {
        let expires = match record.state {
            State::InFlight { deadline } => deadline.saturating_add(retention),
            State::Released => now.saturating_add(record.kept_after_release(retention)),
            State::Completed { at, until, .. } => now.saturating_add(until - at),
        };
        Self { record, retention, expires }
    }

    fn view(&self, key: KeyDigest, now: Duration) -> RecordView {
        RecordView::new(key, &self.record, now, self.expires - now)
    }
}

impl TinyStore {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self {
            kept: Arc::default(),
            namespace: Namespace::default(),
            changed: Arc::default(),
            clock: Arc::new(clock),
        }
    }

    /// Enters the critical section that makes an operation atomic, and removes expired data.
    fn open(&self) -> (MutexGuard<'_, Kept>, Duration) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        kept.records.retain(|_, entry| entry.expires > now);
        kept.marks.retain(|_, (_, expires)| *expires > now);
        (kept, now)
    }

    /// Changes a record as its table says, or returns `absent` if there is none.
    ///
    /// Wakes waiters after the critical section, never inside it.
    fn change<A>(
        &self,
        key: KeyDigest,
        absent: A,
        table: impl FnOnce(&Entry, Duration) -> Transition<A>,
    ) -> Result<A, StoreError> {
        let (mut kept, now) = self.open();
        let Some(entry) = kept.records.get_mut(&key) else { return Ok(absent) };
        let transition = table(entry, now);
        let Some(written) = transition.write else { return Ok(transition.answer) };
        let completed = matches!(written.state, State::Completed { .. }).then_some(written.order).flatten();
        *entry = Entry::new(written, entry.retention, now);
        let expires = entry.expires;
        if let Some(order) = completed {
            kept.raise_mark(order, expires);
        }
        drop(kept);
        self.changed.notify_waiters();
        Ok(transition.answer)
    }

    /// Microseconds since 1970, for fences.
    fn micros(&self) -> u64 {
        u64::try_from(self.clock.unix_time().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Kept {
    fn raise_mark(&mut self, order: ScopedOrder, until: Duration) {
        let (newest, expires) = self.marks.entry(order.resource).or_insert((order.version, until));
        *newest = order.version.max(*newest);
        *expires = until.max(*expires);
    }
}

#[async_trait]
impl Store for TinyStore {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let (mut kept, now) = self.open();
        let mark = claim.order.and_then(|order| kept.marks.get(&order.resource));
        let current = kept.records.get(&claim.key.digest()).map(|entry| &entry.record);
        let transition = Record::claim(current, mark.map(|(newest, _)| *newest), claim, now, self.micros());
        if let Some(record) = transition.write {
            kept.records.insert(claim.key.digest(), Entry::new(record, claim.retention, now));
        }
        Ok(transition.answer)
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.change(lease.key().digest(), Hold::Lost, |entry, now| entry.record.renew(lease, duration, now))
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let unix_now = self.clock.unix_time();
        self.change(completion.lease.key().digest(), Hold::Lost, |entry, _| {
            entry.record.complete(completion, unix_now)
        })
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.change(lease.key().digest(), Hold::Lost, |entry, now| entry.record.release(lease, release, now))
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let micros = self.micros();
        self.change(lease.key().digest(), Adopted::Lost, |entry, now| {
            entry.record.adopt(lease, owner, duration, now, micros)
        })
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        let (kept, _) = self.open();
        Ok(kept.marks.get(&resource).map(|(newest, _)| *newest))
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        // Registers for notifications before reading the state, so that no change falls in between.
        let changed = self.changed.notified();
        let in_flight = {
            let (kept, now) = self.open();
            kept.records.get(&key).is_some_and(
                |entry| matches!(entry.record.state, State::InFlight { deadline } if deadline > now),
            )
        };
        if in_flight {
            // The caller claims again in either case: woken or timed out.
            let _ = tokio::time::timeout(timeout, changed).await;
        }
        Ok(())
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let (kept, now) = self.open();
        Ok(kept.records.get(&key).map(|entry| entry.view(key, now)))
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let forgotten = self.open().0.records.remove(&key).is_some();
        self.changed.notify_waiters();
        Ok(forgotten)
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let unix_now = self.clock.unix_time();
        self.change(key, false, |entry, now| entry.record.resolve(resolution, now, unix_now, entry.retention))
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let after = page.after.as_ref().map(|cursor| cursor.as_str().parse::<KeyDigest>()).transpose();
        let after =
            after.map_err(|error| StoreError::new("tiny", StoreErrorKind::Refused).with_source(error))?;
        let (kept, now) = self.open();
        let unix_now = self.clock.unix_time();
        let behind = kept.records.range((after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded));
        let views = behind.map(|(key, entry)| entry.view(*key, now));
        let mut records: Vec<_> =
            views.filter(|view| filter.includes(view, unix_now)).take(page.limit + 1).collect();
        let has_more = records.len() > page.limit;
        records.truncate(page.limit);
        let last = records.last().filter(|_| has_more);
        let next = last.map(|view| Cursor::new(view.digest.to_string()));
        Ok(Listing::new(records, next))
    }
}

impl fmt::Debug for TinyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TinyStore").finish_non_exhaustive()
    }
}
