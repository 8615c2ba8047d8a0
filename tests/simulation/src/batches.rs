//! Batches: workers that hold several keys at once. Their batches overlap and arrive in different orders.
//!
//! A batch claims its keys, runs and completes those it was granted, and only then waits for the keys of others: it
//! never waits while it holds grants. These runs have no faults, so every batch must end and every key must run once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Lease, Owner, Store};
use idempotency_core::{Key, Namespace, Outcome, Scope, ScopedKey};

use crate::counters::Counters;
use crate::log::Log;
use crate::network::{Faults, RemoteStore};
use crate::rng::Rng;
use crate::world::World;

const LEASE: Duration = Duration::from_secs(1);
const RETENTION: Duration = Duration::from_secs(86_400);
/// The time limit of a batch, in leases. It waits for other batches' handlers, each of which takes part of a lease.
const PATIENCE: u32 = 30;
const KEYS: u64 = 4;

/// When a batch waits for keys that others hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there are only these two")]
pub enum Waiting {
    /// After it has completed the keys that it was granted.
    HoldingNothing,
    /// The planted bug: before it runs the keys that it was granted, which it renews meanwhile.
    HoldingGrants,
}

/// Simulates the batches of a seed and returns the rules that they broke.
///
/// # Panics
/// When a calm network loses something, which is a bug of the simulation.
pub fn check_batches(seed: u64, waiting: Waiting, counters: &mut Counters) -> Vec<String> {
    let world = World::new(seed);
    let mut rng = Rng::new(seed, 9);
    let log = Log::new(Arc::new(world.store_clock()));
    let server = Arc::new(MemoryStore::new().with_clock(world.store_clock()));
    let remote = RemoteStore::new(world.clone(), server, log, Faults::none(LEASE));
    let ran: Arc<Mutex<Vec<u64>>> = Arc::default();
    let batches: Vec<Batch> = (0..rng.between(2, 4))
        .map(|number| Batch {
            number,
            keys: draw_keys(&mut rng),
            world: world.clone(),
            store: remote.client(),
            rng: Rng::new(rng.bits(), number),
            ran: Arc::clone(&ran),
        })
        .collect();
    counters.histories += 1;
    counters.batches += batches.len() as u64;
    let delivered: Vec<u64> = batches.iter().flat_map(|batch| batch.keys.clone()).collect();
    let limit = world.sleep(LEASE * PATIENCE);
    let all = join_all(batches.into_iter().map(|batch| batch.run(waiting)));
    let ended =
        world.run(async move { matches!(select(Box::pin(all), Box::pin(limit)).await, Either::Left(_)) });
    let ran = ran.lock().unwrap_or_else(PoisonError::into_inner);
    counters.executions += ran.len() as u64;
    let mut broken = Vec::new();
    if ended != Some(true) {
        broken.push(format!("a batch has not ended after {PATIENCE} leases without faults"));
    }
    for key in 0..KEYS {
        let times = ran.iter().filter(|other| **other == key).count();
        let expected = usize::from(delivered.contains(&key));
        if ended == Some(true) && times != expected {
            broken.push(format!("key {key} ran {times} times, not {expected}"));
        }
    }
    broken
}

/// Two to four keys, each once, in the order of their claims.
fn draw_keys(rng: &mut Rng) -> Vec<u64> {
    let mut keys: Vec<u64> = (0..KEYS).collect();
    while keys.len() as u64 > 2 && rng.chance(60) {
        let index = usize::try_from(rng.below(keys.len() as u64)).unwrap_or(0);
        keys.remove(index);
    }
    keys
}

/// One batch, and its worker.
struct Batch {
    number: u64,
    keys: Vec<u64>,
    world: World,
    store: Arc<dyn Store>,
    rng: Rng,
    ran: Arc<Mutex<Vec<u64>>>,
}

impl Batch {
    async fn run(mut self, waiting: Waiting) {
        self.world.sleep(self.rng.part(LEASE, 0, 5)).await;
        let mut owner = [0; 16];
        owner.copy_from_slice(&self.rng.bytes());
        let (mut left, mut held): (Vec<u64>, Vec<(u64, Lease)>) = (self.keys.clone(), Vec::new());
        while !left.is_empty() || !held.is_empty() {
            let claims: Vec<Claim> = left.iter().map(|key| claim(*key, Owner::from_bytes(owner))).collect();
            // Sent at the same time, so that requests overtake each other.
            let answers = join_all(claims.iter().map(|claim| self.store.claim(claim))).await;
            let mut others = Vec::new();
            for ((key, claim), answer) in left.drain(..).zip(&claims).zip(answers) {
                match answer.expect("the network has no faults") {
                    Claimed::Granted(grant) => held.push((key, claim.granted(grant.fence))),
                    Claimed::InFlight { .. } => others.push(key),
                    _ => {}
                }
            }
            left = others;
            let waits = !left.is_empty() && waiting == Waiting::HoldingGrants;
            if waits {
                let renewals = join_all(held.iter().map(|(_, lease)| self.store.renew(lease, LEASE))).await;
                debug_assert!(renewals.iter().all(|hold| matches!(hold, Ok(Hold::Held))));
            } else if !held.is_empty() {
                self.execute(std::mem::take(&mut held)).await;
            }
            if !left.is_empty() {
                self.world.sleep(self.rng.part(LEASE, 1, 10)).await;
            }
        }
    }

    /// Runs the handler once for all items, then completes each.
    async fn execute(&mut self, held: Vec<(u64, Lease)>) {
        self.world.sleep(self.rng.part(LEASE, 1, 40)).await;
        let keys = held.iter().map(|(key, _)| *key);
        self.ran.lock().unwrap_or_else(PoisonError::into_inner).extend(keys);
        let outcome = Outcome::new(self.number.to_be_bytes().to_vec());
        let completion = |(_, lease)| Completion::new(lease, outcome.clone(), RETENTION);
        let completions: Vec<Completion> = held.into_iter().map(completion).collect();
        let holds = join_all(completions.iter().map(|completion| self.store.complete(completion))).await;
        debug_assert!(holds.iter().all(|hold| matches!(hold, Ok(Hold::Held))));
    }
}

fn claim(number: u64, owner: Owner) -> Claim {
    let key = Key::new(format!("key-{number}")).expect("it is printable ascii");
    let key = ScopedKey::new(&Namespace::default(), Scope::endpoint("batches"), key);
    Claim::new(key, owner, LEASE, RETENTION)
}
