//! Stores with planted bugs, and a database in which the handler writes.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::{delivery, failure};
use crate::clock::{Clock as _, ManualClock};
use crate::engine::{RecordError, Recorder, Writes};
use crate::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, Record, RecordView,
    Release, Resolution, ResourceDigest, State, Store, Transition,
};
use crate::testing::crash::{CrashKit, CrashReport, Effects};
use crate::{IdempotencyContext, KeyDigest, Namespace, Outcome, StoreError, Version};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bug {
    /// A claim does not see who holds the key.
    GrantsTwice,
    /// A completion answers that it is recorded, and is not.
    ForgetsCompletion,
    /// A completed record is gone at once.
    Evicts,
    /// A completed record answers with nothing.
    ForgetsOutcome,
    /// A renewal and a completion compare neither owner nor fence.
    Unfenced,
}

/// Records and rows in one database, on a clock of its own that stands still. A clone is another connection.
#[derive(Clone, Debug)]
struct Database {
    bug: Option<Bug>,
    namespace: Namespace,
    clock: Arc<ManualClock>,
    tables: Arc<Mutex<Tables>>,
}

#[derive(Debug, Default)]
struct Tables {
    records: HashMap<KeyDigest, Record>,
    rows: Vec<(String, String)>,
}

impl Database {
    fn new(bug: Option<Bug>) -> Self {
        let (namespace, clock) = (Namespace::default(), Arc::default());
        Self { bug, namespace, clock, tables: Arc::default() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    fn change<A>(
        &self,
        tables: &mut Tables,
        lease: &Lease,
        lost: A,
        change: impl FnOnce(&Record) -> Transition<A>,
    ) -> A {
        let Some(record) = tables.records.get_mut(&lease.key().digest()) else { return lost };
        if self.bug == Some(Bug::Unfenced) {
            (record.owner, record.fence) = (lease.owner(), lease.fence());
        }
        let transition = change(record);
        if let Some(changed) = transition.write {
            *record = changed;
        }
        transition.answer
    }

    fn complete_in(&self, tables: &mut Tables, completion: &Completion) -> Hold {
        if self.bug == Some(Bug::ForgetsCompletion) {
            return Hold::Held;
        }
        let hold = self.change(tables, &completion.lease, Hold::Lost, |record| {
            record.complete(completion, self.clock.unix_time())
        });
        if self.bug == Some(Bug::Evicts) {
            tables.records.remove(&completion.lease.key().digest());
        }
        hold
    }

    /// A network that answers in no time, but not at once.
    async fn latency(&self) {
        // The engine polls a call twice before it waits for it.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Store for Database {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.latency().await;
        let (mut tables, digest) = (self.tables(), claim.key.digest());
        let mut current = tables.records.get(&digest).cloned();
        if let (Some(record), Some(Bug::GrantsTwice)) = (&mut current, self.bug)
            && matches!(record.state, State::InFlight { .. })
        {
            record.state = State::Released;
        }
        let now = self.clock.now();
        let transition = Record::claim(current.as_ref(), None, claim, now, 0);
        if let Some(record) = transition.write {
            tables.records.insert(digest, record);
        }
        Ok(match transition.answer {
            Claimed::Completed(mut completed) if self.bug == Some(Bug::ForgetsOutcome) => {
                completed.outcome = Outcome::new("");
                Claimed::Completed(completed)
            }
            answer => answer,
        })
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.latency().await;
        let now = self.clock.now();
        Ok(self.change(&mut self.tables(), lease, Hold::Lost, |record| record.renew(lease, duration, now)))
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.latency().await;
        Ok(self.complete_in(&mut self.tables(), completion))
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.latency().await;
        let now = self.clock.now();
        Ok(self.change(&mut self.tables(), lease, Hold::Lost, |record| record.release(lease, release, now)))
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let now = self.clock.now();
        let change = |record: &Record| record.adopt(lease, owner, duration, now, 0);
        Ok(self.change(&mut self.tables(), lease, Adopted::Lost, change))
    }

    async fn newest(&self, _: ResourceDigest) -> Result<Option<Version>, StoreError> {
        Ok(None)
    }

    async fn wait_for_change(&self, _: KeyDigest, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let view = |record| RecordView::new(key, record, self.clock.now(), Duration::MAX);
        Ok(self.tables().records.get(&key).map(view))
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        Ok(self.tables().records.remove(&key).is_some())
    }

    async fn resolve(&self, _: KeyDigest, _: &Resolution) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn list(&self, _: &Filter, _: &Page) -> Result<Listing, StoreError> {
        Ok(Listing::new(Vec::new(), None))
    }
}

/// A transaction: the handler's rows, which become visible with the completion.
struct Transaction {
    database: Database,
    rows: Vec<(String, String)>,
}

#[async_trait]
impl Recorder for Transaction {
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError> {
        self.database.latency().await;
        {
            let mut tables = self.database.tables();
            if self.database.complete_in(&mut tables, completion) == Hold::Lost {
                return Err(RecordError::not_recorded("the lease is lost"));
            }
            if writes == Writes::Keep {
                tables.rows.append(&mut self.rows);
            }
        }
        self.database.latency().await;
        Ok(())
    }

    async fn roll_back(&mut self) {
        self.rows.clear();
    }

    async fn is_recorded(&mut self, _: &Lease) -> Result<bool, StoreError> {
        Ok(self.rows.is_empty())
    }
}

/// A handler whose effects recognize a repeat, so that only the kit's own rules can find the store's bug.
async fn report_of(bug: Option<Bug>) -> CrashReport {
    let handler = async |context: IdempotencyContext, effects: Effects| {
        effects.record_once("charge", "order-42", &context.derive_key("charge")).await;
    };
    let kit = CrashKit::new(
        delivery(),
        move || Database::new(bug),
        move |context, effects, _| async move {
            handler(context, effects).await;
            Ok::<_, Infallible>(())
        },
    );
    kit.with_store(|database, _| database.clone()).in_real_time().run().await
}

#[tokio::test]
async fn a_right_store_on_a_clock_of_its_own_passes() {
    report_of(None).await.assert_each_effect_once();
}

#[tokio::test]
async fn a_store_that_grants_twice_is_found() {
    let report = report_of(Some(Bug::GrantsTwice)).await;
    let message = failure(|| report.assert_each_effect_once());
    assert!(message.contains("duplicate meanwhile"), "{message}");
    assert!(message.contains("the store granted a key that was held"), "{message}");
}

#[tokio::test]
async fn a_store_that_does_not_record_a_completion_is_found() {
    let report = report_of(Some(Bug::ForgetsCompletion)).await;
    let message = failure(|| report.assert_no_event_lost());
    assert!(message.contains("a duplicate of the acknowledged delivery was not acknowledged"), "{message}");
    assert!(message.contains("no fault"), "{message}");
}

#[tokio::test]
async fn a_store_that_evicts_a_completed_record_is_found() {
    let report = report_of(Some(Bug::Evicts)).await;
    let message = failure(|| report.assert_no_event_lost());
    assert!(message.contains("the store granted a key that was completed"), "{message}");
    assert!(message.contains("a duplicate of the acknowledged delivery was executed"), "{message}");
}

#[tokio::test]
async fn a_store_that_forgets_an_outcome_is_found() {
    let report = report_of(Some(Bug::ForgetsOutcome)).await;
    let message = failure(|| report.assert_no_event_lost());
    assert!(message.contains("the store answered with two outcomes for one key"), "{message}");
    assert!(message.contains("no fault"), "{message}");
}

#[tokio::test]
async fn a_store_that_does_not_fence_is_found() {
    let report = report_of(Some(Bug::Unfenced)).await;
    let message = failure(|| report.assert_at_most(1));
    assert!(message.contains("the store changed a record for a lease that was taken over"), "{message}");
}

#[tokio::test]
async fn rows_that_are_written_with_the_completion_are_written_once() {
    let kit = CrashKit::new(
        delivery(),
        || Database::new(None),
        |context: IdempotencyContext, _, database: Database| async move {
            let rows = vec![("ledger entry".to_owned(), "order-42".to_owned())];
            context.set_recorder(Transaction { database, rows })
        },
    );
    let kit = kit
        .with_store(|database, _| database.clone())
        .with_effects_from(|database| async move { database.tables().rows.clone() });
    let report = kit.in_real_time().run().await;
    report.assert_each_effect_once();
    // The transaction commits between these two.
    for number in [1, 2] {
        let schedule = format!("crash at await {number} of the engine");
        assert!(report.runs().iter().any(|run| run.schedule() == schedule), "{:?}", report.points());
    }
    assert!(report.runs().len() > 20, "{report}");
}
