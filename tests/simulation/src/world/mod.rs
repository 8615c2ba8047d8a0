//! The world: one thread, simulated time, and processes with their own clocks that stall and crash.

mod clock;
mod sleep;
mod task;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::BoxFuture;

use crate::history::{Micros, micros};
use crate::rng::Rng;

pub use clock::{ProcessRuntime, StoreClock};
pub use task::TaskId;

use sleep::{Sleep, Timers};
use task::{Ready, Task};

/// The process of a task.
pub type ProcessId = usize;

/// The process that never fails. It runs the network, the store and the senders.
pub const OUTSIDE: ProcessId = 0;

/// One world. A clone is another handle on it.
///
/// The seed decides which ready task runs next, so equal seeds give equal runs.
#[derive(Clone)]
pub struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Arc<Ready>,
}

struct State {
    now: Micros,
    /// The sum of the forward jumps of the store's clock.
    store_ahead: Micros,
    rng: Rng,
    tasks: Vec<Option<Task>>,
    timers: Timers,
    processes: Vec<Process>,
}

/// A process. Its clock runs at `rate` millionths of true time.
#[derive(Clone)]
struct Process {
    is_alive: bool,
    stalled_until: Micros,
    rate: u64,
    ahead: Micros,
    owners: Rng,
}

impl World {
    /// A new world.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            now: 0,
            store_ahead: 0,
            rng: Rng::new(seed, 1),
            tasks: Vec::new(),
            timers: Timers::default(),
            processes: Vec::new(),
        };
        let world = Self(Arc::new(Shared { state: Mutex::new(state), ready: Arc::default() }));
        let outside = world.start_process(1_000_000, 0);
        debug_assert_eq!(outside, OUTSIDE);
        world
    }

    /// Starts a process whose clock is `ahead` of true time and runs at `rate` millionths of it.
    #[must_use]
    pub fn start_process(&self, rate: u64, ahead: Micros) -> ProcessId {
        let mut state = self.state();
        let owners = Rng::new(state.rng.bits(), 2);
        state.processes.push(Process { is_alive: true, stalled_until: 0, rate, ahead, owners });
        state.processes.len() - 1
    }

    /// The runtime of an engine in this process.
    #[must_use]
    pub fn runtime(&self, process: ProcessId) -> ProcessRuntime {
        ProcessRuntime::new(self.clone(), process)
    }

    /// The store's clock.
    #[must_use]
    pub fn store_clock(&self) -> StoreClock {
        StoreClock::new(self.clone())
    }

    /// Moves the store's clock forward.
    pub fn move_store_clock(&self, by: Duration) {
        self.state().store_ahead += micros(by);
    }

    /// Runs until this future ends, and returns its output; `None` if no task or timer is left to end it.
    pub fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (send, mut receive) = oneshot::channel();
        self.spawn(OUTSIDE, Box::pin(async move { drop(send.send(future.await)) }));
        loop {
            while let Some(id) = self.next_ready() {
                self.poll(id);
                if let Ok(Some(output)) = receive.try_recv() {
                    self.drop_all();
                    return Some(output);
                }
            }
            if !self.advance() {
                self.drop_all();
                return None;
            }
        }
    }

    /// Runs a task in a process. A process that has crashed drops it.
    #[expect(clippy::must_use_candidate, reason = "most tasks are never aborted")]
    pub fn spawn(&self, process: ProcessId, future: BoxFuture<'static, ()>) -> TaskId {
        let mut state = self.state();
        let id = state.tasks.len();
        if !state.processes[process].is_alive {
            state.tasks.push(None);
            drop(state);
            drop(future);
            return TaskId(id);
        }
        state.tasks.push(Some(Task::new(id, process, future, self.0.ready.clone())));
        drop(state);
        self.0.ready.push(id);
        TaskId(id)
    }

    /// Drops a task.
    pub fn abort(&self, TaskId(id): TaskId) {
        let task = self.state().tasks[id].take();
        drop(task);
    }

    /// Drops all tasks of a process. It never runs a task again.
    pub fn crash(&self, process: ProcessId) {
        let mut state = self.state();
        state.processes[process].is_alive = false;
        let is_of = |task: &Option<Task>| task.as_ref().is_some_and(|task| task.process == process);
        let tasks: Vec<Option<Task>> =
            state.tasks.iter_mut().filter(|task| is_of(task)).map(Option::take).collect();
        drop(state);
        drop(tasks);
    }

    /// Stops a process for a while: its tasks do not run, and its timers fire late.
    pub fn stall(&self, process: ProcessId, duration: Duration) {
        let mut state = self.state();
        let until = state.now + micros(duration);
        state.processes[process].stalled_until = state.processes[process].stalled_until.max(until);
    }

    /// A future that ends after `duration` of true time.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        Sleep::new(self.clone(), micros(duration))
    }

    /// The true time that has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_micros(self.state().now)
    }

    /// A number drawn from the seed.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.state().rng)
    }

    fn next_ready(&self) -> Option<usize> {
        self.0.ready.take(|len| self.state().rng.below(len))
    }

    fn poll(&self, id: usize) {
        let mut state = self.state();
        let Some(task) = state.tasks[id].as_mut() else { return };
        let process = task.process;
        let (Some(mut future), waker) = (task.future.take(), task.waker.clone()) else { return };
        let stalled_until = state.processes[process].stalled_until;
        if stalled_until > state.now {
            if let Some(task) = state.tasks[id].as_mut() {
                task.future = Some(future);
            }
            state.timers.add(stalled_until, waker);
            return;
        }
        drop(state);
        let is_done = future.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_ready();
        let mut state = self.state();
        match state.tasks[id].as_mut() {
            Some(task) if !is_done => {
                task.future = Some(future);
            }
            _ => {
                let task = state.tasks[id].take();
                drop(state);
                drop((task, future));
            }
        }
    }

    /// Moves time to the next timer. Returns whether there was one.
    fn advance(&self) -> bool {
        let mut state = self.state();
        let Some((at, wakers)) = state.timers.pop() else { return false };
        state.now = state.now.max(at);
        drop(state);
        for waker in wakers {
            waker.wake();
        }
        true
    }

    /// Breaks the reference cycles between tasks and world.
    fn drop_all(&self) {
        let mut state = self.state();
        for process in &mut state.processes {
            process.is_alive = false;
        }
        let tasks = std::mem::take(&mut state.tasks);
        let len = tasks.len();
        state.tasks.resize_with(len, || None);
        drop(state);
        drop(tasks);
        self.state().timers = Timers::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}
