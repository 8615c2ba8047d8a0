//! The course of a schedule: processes start, are stopped, die and continue, and the sender delivers until it may stop.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use super::effects::{EffectKey, Effects, Ledger};
use super::kit::CrashKit;
use super::point::Point;
use super::process::{Fault, Part, Process};
use super::report::{CrashReport, CrashRun};
use super::runtime::{CrashClock, ProcessRuntime};
use super::schedule::{self, Described, Schedule};
use super::store::Connection;
use super::witness::Witness;
use crate::Idempotency;
use crate::store::{Release, Store};

/// How often the sender delivers after the faults before it gives up.
const DELIVERIES: usize = 4;

/// The most time that a delivery may take, on tokio's clock. It bounds a handler that hangs.
const PATIENCE: Duration = Duration::from_secs(3600);
const REAL_PATIENCE: Duration = Duration::from_secs(20);

/// No schedule lasts this long on its clock.
const MIN_RETENTION: Duration = Duration::from_secs(86_400);

/// The time that tasks of the handler have to end, in real time.
const REAL_SETTLING: Duration = Duration::from_millis(5);

type Counts = BTreeMap<EffectKey, usize>;

/// Runs all schedules. If the delivery is not acknowledged without a fault, it runs no other.
pub(super) fn explore<W: Clone + Send + 'static>(kit: &CrashKit<W>) -> CrashReport {
    let mut calm = Course::new(kit);
    let (points, expected) = calm.first_delivery();
    let mut runs = vec![calm.finish(&Schedule::Calm, [None, None], &expected)];
    let names = points.iter().map(Point::to_string).collect();
    if !runs[0].is_acknowledged {
        // Faults show nothing about a handler that fails without them.
        runs[0].is_in_doubt = false;
        return CrashReport::new(runs, names, 0, 0);
    }
    let (schedules, left_out) = schedule::all(points.len(), kit.max_takeovers);
    let mut unreached = 0;
    for schedule in schedules {
        let mut course = Course::new(kit);
        if let Some(stops) = course.play(&schedule) {
            runs.push(course.finish(&schedule, stops, &expected));
            continue;
        }
        unreached += 1;
        // In real time, the number of awaits depends on the machine.
        if !matches!(schedule, Schedule::Takeover(..)) && !kit.is_in_real_time {
            let mut run = course.finish(&schedule, [None, None], &expected);
            run.broken.push("the handler took another path than without a fault");
            runs.push(run);
        }
    }
    CrashReport::new(runs, names, left_out, unreached)
}

/// One schedule: a world, a store and their clock.
struct Course<'a, W> {
    kit: &'a CrashKit<W>,
    clock: CrashClock,
    world: W,
    store: Arc<dyn Store>,
    ledger: Arc<Ledger>,
    witness: Arc<Witness>,
    processes: usize,
    /// Whether the sender was told that the delivery is done.
    is_acknowledged: Cell<bool>,
}

/// A process at work on a delivery.
struct Work {
    process: Process,
    engine: Idempotency,
    /// Returns whether the delivery is acknowledged. `None` once it has.
    delivered: Option<JoinHandle<bool>>,
    /// What it returned.
    is_acknowledged: bool,
}

impl<'a, W: Clone + Send + 'static> Course<'a, W> {
    fn new(kit: &'a CrashKit<W>) -> Self {
        let clock = CrashClock::new();
        let (world, store) = in_runtime(kit, &clock, async || {
            let world = (kit.world)();
            let store = (kit.store)(&world, clock.clone());
            (world, store)
        });
        let (ledger, witness) = (Arc::default(), Arc::new(Witness::new(clock.clone())));
        Self { kit, clock, world, store, ledger, witness, processes: 0, is_acknowledged: Cell::new(false) }
    }

    /// Delivers once without a fault. Returns the points and the effects.
    fn first_delivery(&mut self) -> (Vec<Point>, Counts) {
        let (kit, clock) = (self.kit, self.clock.clone());
        in_runtime(kit, &clock, async || {
            let mut work = self.start(None);
            self.finished(&mut work).await;
            (work.process.points(), self.effects().await)
        })
    }

    /// Plays the faults. Returns the points at which the processes were stopped, or `None` if one was not reached.
    fn play(&mut self, schedule: &Schedule) -> Option<[Option<Point>; 2]> {
        let (kit, clock) = (self.kit, self.clock.clone());
        let stops = in_runtime(kit, &clock, async || match *schedule {
            Schedule::Calm => Some([None, None]),
            Schedule::Crash(at) => {
                let mut work = self.start(Some((at, Fault::Crash)));
                self.stopped(&mut work).await;
                Some([Some(work.process.stop()?), None])
            }
            Schedule::Overlap(at) => {
                let mut first = self.start(Some((at, Fault::Pause)));
                self.stopped(&mut first).await;
                let mut second = self.start(None);
                self.finished(&mut second).await;
                first.process.resume();
                self.finished(&mut first).await;
                Some([Some(first.process.stop()?), None])
            }
            Schedule::Takeover(at, second_at) => {
                let mut first = self.start(Some((at, Fault::Pause)));
                self.stopped(&mut first).await;
                self.expire_leases().await;
                let mut second = self.start(Some((second_at, Fault::Pause)));
                self.stopped(&mut second).await;
                first.process.resume();
                self.finished(&mut first).await;
                second.process.resume();
                self.finished(&mut second).await;
                // The second copy may end earlier: what the first one recorded is replayed.
                Some([Some(first.process.stop()?), Some(second.process.stop()?)])
            }
        });
        // The runtime is gone, and all tasks of these processes with it.
        stops
    }

    /// Delivers until the delivery is acknowledged, and once more.
    fn finish(
        mut self,
        schedule: &Schedule,
        [first, second]: [Option<Point>; 2],
        expected: &Counts,
    ) -> CrashRun {
        let (kit, clock) = (self.kit, self.clock.clone());
        let name = Described { schedule, first, second }.to_string();
        in_runtime(kit, &clock, async || {
            for _ in 0..DELIVERIES {
                self.expire_leases().await;
                if self.is_acknowledged.get() || self.deliver().await || self.witness.is_in_doubt() {
                    break;
                }
            }
            let is_acknowledged = self.is_acknowledged.get();
            let is_in_doubt = !is_acknowledged && self.witness.is_in_doubt();
            let mut broken = Vec::new();
            if is_acknowledged {
                let grants = self.witness.grants();
                if !self.deliver().await {
                    broken.push("a duplicate of the acknowledged delivery was not acknowledged");
                }
                if self.witness.grants() > grants {
                    broken.push("a duplicate of the acknowledged delivery was executed");
                }
            }
            broken.extend(self.witness.broken());
            broken.sort_unstable();
            broken.dedup();
            let mut effects = self.effects().await;
            for expected in expected.keys() {
                effects.entry(expected.clone()).or_insert(0);
            }
            CrashRun { schedule: name, is_acknowledged, is_in_doubt, effects, broken }
        })
    }

    async fn deliver(&mut self) -> bool {
        let mut work = self.start(None);
        self.finished(&mut work).await
    }

    fn start(&mut self, armed: Option<(usize, Fault)>) -> Work {
        self.processes += 1;
        let process = Process::new(self.processes, armed);
        let connection = Connection::new(self.store.clone(), process.clone(), self.witness.clone());
        let runtime = ProcessRuntime::new(process.clone(), self.clock.clone());
        let mut policy = self.kit.policy.clone();
        policy = policy.clone().with_retention(policy.retention().max(MIN_RETENTION));
        if self.kit.is_in_real_time {
            policy = policy.with_wait(Duration::ZERO);
        }
        let engine = Idempotency::on_runtime(connection, runtime).with_policy(policy);
        let effects = Effects::new(process.clone(), self.ledger.clone());
        let delivery = (self.kit.deliver)(engine.clone(), effects, self.world.clone());
        let caller = process.clone();
        let delivered = Handle::current().spawn(async move { caller.run(Part::Caller, delivery).await });
        Work { process, engine, delivered: Some(delivered), is_acknowledged: false }
    }

    /// Waits until a process is stopped, or has finished.
    async fn stopped(&self, work: &mut Work) {
        let process = work.process.clone();
        let stopped = std::pin::pin!(process.stopped());
        let finished = std::pin::pin!(self.finished(work));
        select(stopped, finished).await;
    }

    /// Waits until a process has nothing left to do. Returns whether the delivery was acknowledged.
    ///
    /// A handler that panics or hangs has not acknowledged.
    async fn finished(&self, work: &mut Work) -> bool {
        let patience = if self.kit.is_in_real_time { REAL_PATIENCE } else { PATIENCE };
        if let Some(delivered) = &mut work.delivered {
            let answered = tokio::time::timeout(patience, delivered).await;
            work.is_acknowledged = matches!(answered, Ok(Ok(true)));
            work.delivered = None;
            if work.is_acknowledged {
                self.is_acknowledged.set(true);
            }
        }
        work.engine.drain(self.kit.past_the_lease()).await;
        // Tasks that the handler has spawned also come to their end.
        tokio::time::sleep(if self.kit.is_in_real_time { REAL_SETTLING } else { self.kit.past_the_lease() })
            .await;
        work.is_acknowledged
    }

    async fn expire_leases(&self) {
        self.clock.advance(self.kit.past_the_lease());
        let leases = self.witness.expire();
        if self.kit.is_in_real_time {
            for lease in leases {
                // A lease that was lost or ended already needs no end.
                let _ = self.store.release(&lease, Release::Abandoned).await;
            }
        }
    }

    async fn effects(&self) -> Counts {
        let mut counts = self.ledger.counts();
        if let Some(counter) = &self.kit.counter {
            for effect in counter(self.world.clone()).await {
                *counts.entry(effect).or_insert(0) += 1;
            }
        }
        counts
    }
}

/// Runs `body` on a tokio runtime of its own. When it has ended, no task that it started is left.
fn in_runtime<W, T>(kit: &CrashKit<W>, clock: &CrashClock, body: impl AsyncFnOnce() -> T) -> T {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(!kit.is_in_real_time);
    let runtime = builder.build().expect("the operating system gives a runtime its resources");
    let output = runtime.block_on(async {
        clock.start();
        let output = body().await;
        clock.stop();
        output
    });
    runtime.shutdown_background();
    output
}
