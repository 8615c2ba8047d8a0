//! Plays histories of the model on a real store, and compares every answer and every record.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use idempotency_core::store::conformance::Harness;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, RecordView, Resolution, StateView, Store,
};
use idempotency_core::{
    Fence, Fingerprint, Key, KeyDigest, OnExpired, Order, Outcome, Resource, Scope, ScopedKey, Version,
};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use proptest_state_machine::ReferenceStateMachine as _;
use tokio::runtime::Runtime;

use super::model::{self, Answer, Model, Operation, State};

/// How long a case may take on the real server's clock without a change of the answers.
const SLACK: Duration = Duration::from_secs(400);

/// Plays this many histories of up to 40 operations.
pub(crate) fn every_history_goes_as_in_the_model(runtime: &Runtime, harness: &dyn Harness, cases: u32) {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let played = TestRunner::new(config).run(&Model::sequential_strategy(1..40), |(model, history, seen)| {
        // Operations after the failure of a case are not part of it.
        let see = || seen.as_ref().map(|seen| seen.fetch_add(1, Ordering::SeqCst));
        runtime.block_on(async { Player::new(harness).await.play(model, &history, see).await })
    });
    played.unwrap_or_else(|error| panic!("{error}"));
}

struct Player<'a> {
    harness: &'a dyn Harness,
    store: Arc<dyn Store>,
    scope: Scope,
    /// The lease of each grant.
    leases: Vec<Lease>,
    /// The newest fence of each key.
    lives: HashMap<KeyDigest, Fence>,
}

impl<'a> Player<'a> {
    async fn new(harness: &'a dyn Harness) -> Self {
        static CASES: AtomicU64 = AtomicU64::new(0);
        let scope = Scope::endpoint(format!("case {}", CASES.fetch_add(1, Ordering::Relaxed)));
        Self { harness, store: harness.store().await, scope, leases: Vec::new(), lives: HashMap::new() }
    }

    async fn play(
        mut self,
        mut model: Model,
        history: &[Operation],
        see: impl Fn() -> Option<usize>,
    ) -> Result<(), TestCaseError> {
        for operation in history {
            see();
            let expected = model.step(operation);
            let performed = self.perform(&model, operation, &expected).await;
            performed.map_err(|what| {
                TestCaseError::fail(format!("{operation:?} must be {expected:?}, but {what}"))
            })?;
            for key in 0..2 {
                let looked = self.look(&model, key).await;
                looked
                    .map_err(|what| TestCaseError::fail(format!("after {operation:?}, key {key}: {what}")))?;
            }
        }
        Ok(())
    }

    async fn perform(
        &mut self,
        model: &Model,
        operation: &Operation,
        expected: &Answer,
    ) -> Result<(), String> {
        let answer = match operation {
            Operation::Claim(_) => return self.claim(model, model.claims.len() - 1, expected).await,
            Operation::RepeatClaim(owner) => return self.claim(model, *owner, expected).await,
            Operation::Renew(grant) => {
                held(self.store.renew(&self.leases[*grant], Duration::from_secs(model::LEASE)).await)
            }
            Operation::Complete { grant, outcome, retention } => {
                let retention = Duration::from_secs(*retention);
                let lease = self.leases[*grant].clone();
                held(self.store.complete(&Completion::new(lease, recorded(*outcome), retention)).await)
            }
            Operation::Release(grant, release) => {
                held(self.store.release(&self.leases[*grant], *release).await)
            }
            Operation::Adopt(grant) => return self.adopt(model, *grant, expected).await,
            Operation::Resolve(key, word) => {
                let word =
                    word.map_or(Resolution::Released, |outcome| Resolution::Completed(recorded(outcome)));
                Answer::Done(
                    self.store.resolve(self.key(*key).digest(), &word).await.expect("the store answers"),
                )
            }
            Operation::Forget(key) => {
                Answer::Done(self.store.forget(self.key(*key).digest()).await.expect("the store answers"))
            }
            Operation::Wait(seconds) => {
                self.harness.advance(Duration::from_secs(*seconds)).await;
                Answer::None
            }
        };
        if answer == *expected { Ok(()) } else { Err(format!("it was {answer:?}")) }
    }

    async fn claim(&mut self, model: &Model, owner: usize, expected: &Answer) -> Result<(), String> {
        let made = &model.claims[owner];
        let seconds = Duration::from_secs;
        let mut claim =
            Claim::new(self.key(made.key), owner_of(owner), seconds(model::LEASE), seconds(2 * model::LONG));
        claim.fingerprint = made.fingerprint.map(|byte| Fingerprint::of(&[byte]));
        claim.order = made.order.map(|(resource, version)| {
            let resource = Resource::new(&self.scope, "resource", resource.to_string());
            Order::new(resource, Version::new(version)).scoped(self.store.namespace())
        });
        claim.on_expired = if made.rerun { OnExpired::Rerun } else { OnExpired::InDoubt };
        let answer = self.store.claim(&claim).await.expect("the store answers");
        let fits = match (&answer, expected) {
            (Claimed::Granted(granted), Answer::Granted { grant, attempt: expected }) => {
                granted.attempt == *expected
                    && self.granted(*grant, granted.attempt, claim.granted(granted.fence))
            }
            (Claimed::Completed(completed), Answer::Completed(expected)) => {
                completed.outcome == recorded(*expected)
            }
            (Claimed::InFlight { retry_after }, Answer::InFlight { left }) => is_about(*retry_after, *left),
            (Claimed::Stale { newest }, Answer::Stale(expected)) => newest.get() == *expected,
            (Claimed::Mismatch, Answer::Mismatch) | (Claimed::InDoubt, Answer::InDoubt) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("it was {answer:?}")) }
    }

    async fn adopt(&mut self, model: &Model, grant: usize, expected: &Answer) -> Result<(), String> {
        let (lease, lasting) = (self.leases[grant].clone(), Duration::from_secs(model::LEASE));
        // The model has no owner for a lost adoption.
        let owner = match expected {
            Answer::Granted { .. } => owner_of(model.claims.len() - 1),
            _ => owner_of(usize::MAX),
        };
        let answer = self.store.adopt(&lease, owner, lasting).await.expect("the store answers");
        let fits = match (answer, expected) {
            (Adopted::Granted(granted), Answer::Granted { grant, attempt }) => {
                let adopted = Lease::new(lease.key().clone(), lease.order(), owner, granted.fence);
                granted.attempt == *attempt
                    && granted.fence > lease.fence()
                    && self.granted(*grant, granted.attempt, adopted)
            }
            (Adopted::Lost, Answer::Hold(false)) => true,
            _ => false,
        };
        if fits { Ok(()) } else { Err(format!("it was {answer:?}")) }
    }

    /// Notes a grant. Returns whether its fence is right.
    fn granted(&mut self, grant: usize, attempt: u32, lease: Lease) -> bool {
        if let Some(known) = self.leases.get(grant) {
            return known.owner() == lease.owner() && known.fence() == lease.fence();
        }
        // Within the life of a record each fence is larger than the ones before. A first attempt begins a new life, and
        // the clock of the memory store may not have moved since the last one.
        let before = self.lives.insert(lease.key().digest(), lease.fence());
        let grows = attempt == 1 || before.is_some_and(|before| before < lease.fence());
        self.leases.push(lease);
        grows && self.leases.len() == grant + 1
    }

    /// Compares an operator's view of a key.
    async fn look(&self, model: &Model, key: u8) -> Result<(), String> {
        let view = self.store.load(self.key(key).digest()).await.expect("the store answers");
        let (view, record) = match (view, model.record(key)) {
            (None, None) => return Ok(()),
            (Some(view), Some(record)) => (view, record),
            (view, record) => return Err(format!("{record:?} is kept, but the store has {view:?}")),
        };
        let RecordView { state, attempts, order, expires_in, .. } = &view;
        let now = model.now();
        let fits = match (state, &record.state) {
            (StateView::InFlight { lease_left }, State::InFlight { until }) if *until > now => {
                is_about(*lease_left, until - now)
            }
            (StateView::Abandoned, State::InFlight { until }) => *until <= now,
            (StateView::Released, State::Released) => true,
            (StateView::Completed(completed), State::Completed { outcome: expected, until }) => {
                let kept = *until >= now + model::LONG / 2 || is_about(*expires_in, until - now);
                kept && completed.outcome == recorded(*expected)
            }
            _ => false,
        };
        if fits && *attempts == record.attempts && order.map(|order| order.version.get()) == record.version {
            Ok(())
        } else {
            Err(format!("it must be {record:?} at {now}, but is {view:?}"))
        }
    }

    fn key(&self, key: u8) -> ScopedKey {
        let key = Key::new(format!("key {key}")).expect("it is a key");
        ScopedKey::new(self.store.namespace(), self.scope.clone(), key)
    }
}

fn owner_of(number: usize) -> Owner {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    Owner::from_bytes(bytes)
}

fn recorded(outcome: u8) -> Outcome {
    Outcome::new(vec![outcome; usize::from(outcome)])
}

fn held(hold: Result<Hold, idempotency_core::StoreError>) -> Answer {
    Answer::Hold(hold.expect("the store answers") == Hold::Held)
}

/// The real server's clock continues while a case is played.
fn is_about(duration: Duration, seconds: u64) -> bool {
    let expected = Duration::from_secs(seconds);
    duration <= expected && duration + SLACK >= expected
}
