//! Store histories: a store without an engine, behind a simulated network.

use std::sync::Arc;

use idempotency_core::engine::Runtime;
use idempotency_core::store::memory::MemoryStore;

use crate::checker::{Checker, Counterexample, Verdict};
use crate::counters::Counters;
use crate::history::History;
use crate::log::Log;
use crate::network::{Faults, RemoteStore};
use crate::planted::PlantedStore;
use crate::record::record;
use crate::rng::Rng;
use crate::split::Server;
use crate::workload::Workload;
use crate::world::{StoreClock, World};

/// Makes the store of a history from its seed and its clock.
pub type MakeStore<'a> = &'a dyn Fn(u64, StoreClock) -> Arc<dyn Server>;

/// The memory store, which is the store under test by default.
#[must_use]
pub fn memory_store(_: u64, clock: StoreClock) -> Arc<dyn Server> {
    Arc::new(MemoryStore::new().with_clock(clock))
}

/// A store whose record and mark change in two steps.
#[must_use]
pub fn split_store(seed: u64, clock: StoreClock) -> Arc<dyn Server> {
    Arc::new(PlantedStore::new(None, seed, clock).split_up())
}

/// Simulates the history of a seed and judges it. Returns the counters, and a counterexample if there is one.
pub fn check_store(
    seed: u64,
    make: MakeStore<'_>,
    checker: &mut Checker,
    counters: &mut Counters,
) -> Option<Box<Counterexample>> {
    let (histories, met) = simulate_store(seed, make);
    *counters += met;
    let before = checker.states();
    let mut counterexample = None;
    for history in &histories {
        match checker.check(history) {
            Verdict::Explained => {}
            Verdict::Violation(found) => counterexample = Some(found),
            Verdict::Undecided => counters.undecided += 1,
        }
    }
    counters.states += checker.states() - before;
    counterexample
}

/// Simulates the histories of a seed: one in all, or one for each key if the keys have no order.
///
/// # Panics
/// When the workers never end, which is a bug of the simulation.
#[must_use]
pub fn simulate_store(seed: u64, make: MakeStore<'_>) -> (Vec<History>, Counters) {
    let world = World::new(seed);
    let mut rng = Rng::new(seed, 6);
    let workload = Workload::of_seed(seed, "");
    let log = Log::new(Arc::new(world.store_clock()));
    let store = make(seed, world.store_clock());
    let is_split = store.split().is_some();
    let remote = RemoteStore::new(world.clone(), store, log.clone(), Faults::of_seed(seed, workload.lease()));
    // Workers' clocks are off and run fast or slow, since nothing may depend on them.
    let rates: Vec<u64> = workload.workers().map(|_| rng.between(500_000, 1_500_000)).collect();
    let moved = if rng.chance(15) { rng.between(1, 3) } else { 0 };
    for _ in 0..moved {
        let (at, by) = (rng.part(workload.lease(), 0, 500), rng.part(workload.lease(), 1, 150));
        let mover = world.clone();
        world.spawn(
            crate::world::OUTSIDE,
            Box::pin(async move {
                mover.sleep(at).await;
                mover.move_store_clock(by);
            }),
        );
    }
    let runtimes: Vec<Arc<dyn Runtime>> = rates
        .into_iter()
        .map(|rate| {
            let process = world.start_process(rate, rng.below(10_000_000));
            Arc::new(world.runtime(process)) as Arc<dyn Runtime>
        })
        .collect();
    let recording = {
        let (remote, log) = (remote.client(), log.clone());
        async move { record(remote, &workload, &log, |number| runtimes[number].clone()).await }
    };
    let (pauses, crashes) = world.run(recording).expect("the workers end");
    let histories = log.histories(0).into_iter();
    let histories: Vec<_> =
        histories.map(|history| if is_split { history.split() } else { history }).collect();
    let operations = histories.iter().flat_map(|history| &history.operations);
    let mut counters = remote.counters();
    counters += Counters {
        histories: 1,
        operations: operations.clone().count() as u64,
        unanswered: operations.filter(|operation| operation.answer.is_none()).count() as u64,
        moved_clocks: moved,
        pauses,
        crashes,
        ..Counters::default()
    };
    (histories, counters)
}
