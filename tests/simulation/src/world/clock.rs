//! Clocks in simulated time: each process and the store have their own.

use std::time::Duration;

use futures_util::future::BoxFuture;
use idempotency_core::clock::Clock;
use idempotency_core::engine::Runtime;
use idempotency_core::store::Owner;

use super::{ProcessId, Sleep, World};
use crate::history::{Micros, micros};

/// The start of every clock: 2026-01-01 00:00 UTC.
const ORIGIN: Duration = Duration::from_secs(1_767_225_600);

/// The runtime of an engine in a simulated process.
#[derive(Clone, Debug)]
pub struct ProcessRuntime {
    world: World,
    process: ProcessId,
}

impl ProcessRuntime {
    pub(super) fn new(world: World, process: ProcessId) -> Self {
        Self { world, process }
    }
}

impl Clock for ProcessRuntime {
    fn now(&self) -> Duration {
        let state = self.world.state();
        let process = &state.processes[self.process];
        ORIGIN + Duration::from_micros(process.ahead + scaled(state.now, process.rate, 1_000_000))
    }

    fn unix_time(&self) -> Duration {
        self.now()
    }
}

impl Runtime for ProcessRuntime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let rate = self.world.state().processes[self.process].rate;
        // Rounded up: a timer never fires before its time on the process's own clock.
        Box::pin(Sleep::new(self.world.clone(), scaled(micros(duration), 1_000_000, rate) + 1))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.world.spawn(self.process, task);
    }

    fn new_owner(&self) -> Owner {
        Owner::from_bytes(self.world.state().processes[self.process].owners.bytes())
    }
}

/// The store's clock, which may be moved forward.
#[derive(Clone, Debug)]
pub struct StoreClock(World);

impl StoreClock {
    pub(super) fn new(world: World) -> Self {
        Self(world)
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Duration {
        let state = self.0.state();
        ORIGIN + Duration::from_micros(state.now + state.store_ahead)
    }

    fn unix_time(&self) -> Duration {
        self.now()
    }
}

fn scaled(time: Micros, by: u64, of: u64) -> Micros {
    u64::try_from(u128::from(time) * u128::from(by) / u128::from(of)).unwrap_or(Micros::MAX)
}
