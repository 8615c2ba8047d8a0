//! Engine histories: the real engine in several processes, with senders that retry and processes that die.

mod calm;
mod chaos;
mod handler;
mod judge;
mod plan;
mod sender;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use idempotency_core::Idempotency;

use crate::checker::{Checker, Verdict};
use crate::counters::Counters;
use crate::log::Log;
use crate::network::RemoteStore;
use crate::recording::RecordingStore;
use crate::stores::MakeStore;
use crate::world::{ProcessId, World};

use handler::Ledger;
use plan::Plan;

/// A failed engine history: the broken rules and the trace.
#[derive(Clone, Debug)]
pub struct Failure {
    broken: Vec<String>,
    trace: Vec<String>,
}

impl Failure {
    /// The rules that were broken.
    pub fn broken(&self) -> impl Iterator<Item = &str> {
        self.broken.iter().map(String::as_str)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for broken in &self.broken {
            writeln!(f, "{broken}")?;
        }
        writeln!(f, "what happened:")?;
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        Ok(())
    }
}

/// The state that the tasks of a run share.
#[derive(Clone, Debug)]
struct Run {
    world: World,
    plan: Arc<Plan>,
    log: Log,
    remote: RemoteStore,
    is_split: bool,
    ledger: Ledger,
    engines: Arc<Mutex<Vec<(ProcessId, Idempotency)>>>,
}

impl Run {
    /// Starts a process with its own engine.
    fn start_process(&self) {
        // A clock may be off by 3 %: an engine leaves a margin of 5 % of the lease.
        let rate = self.world.draw(|rng| rng.between(970_000, 1_030_000));
        let process = self.world.start_process(rate, 0);
        let store = RecordingStore::new(self.remote.client(), self.log.clone(), process);
        let engine =
            Idempotency::on_runtime(store, self.world.runtime(process)).with_policy(self.plan.policy.clone());
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).push((process, engine));
    }

    fn stop_process(&self, process: ProcessId) {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != process);
        self.world.crash(process);
    }

    fn processes(&self) -> Vec<(ProcessId, Idempotency)> {
        self.engines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Simulates the engine on a store from a seed and judges the run. `prints` prints the trace even if nothing is wrong.
///
/// # Panics
/// When the run never ends, which is a bug of the simulation.
pub fn check_engine(
    seed: u64,
    make: MakeStore<'_>,
    prints: bool,
    checker: &mut Checker,
    counters: &mut Counters,
) -> Option<Failure> {
    let world = World::new(seed);
    let plan = Arc::new(Plan::of_seed(seed));
    let log = Log::new(Arc::new(world.store_clock()));
    let store = make(seed, world.store_clock());
    let is_split = store.split().is_some();
    let remote = RemoteStore::new(world.clone(), store.clone(), log.clone(), plan.faults.clone());
    let ledger = Ledger::new(world.clone());
    let run = Run { world: world.clone(), plan, log, remote, is_split, ledger, engines: Arc::default() };
    for _ in 0..run.plan.processes {
        run.start_process();
    }
    let ended = world.run(chaos::run(run.clone()));
    let mut broken = ended.unwrap_or_else(|| vec!["the run never ends".to_owned()]);
    broken.extend(judge::judge(&run, &*store));
    for history in run.log.histories(0) {
        let history = if is_split { history.split() } else { history };
        let operations = history.operations.iter();
        counters.operations += operations.clone().count() as u64;
        counters.unanswered += operations.filter(|operation| operation.answer.is_none()).count() as u64;
        let before = checker.states();
        match checker.check(&history) {
            Verdict::Explained => {}
            Verdict::Violation(found) => broken.push(found.to_string()),
            Verdict::Undecided => counters.undecided += 1,
        }
        counters.states += checker.states() - before;
    }
    counters.histories += 1;
    counters.calm += u64::from(run.plan.is_calm());
    *counters += run.remote.counters();
    *counters += run.ledger.counters();
    let trace = run.ledger.trace();
    if prints {
        trace.iter().for_each(|line| println!("{line}"));
    }
    (!broken.is_empty()).then_some(Failure { broken, trace })
}
