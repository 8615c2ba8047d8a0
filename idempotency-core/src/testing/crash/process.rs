//! A process: it counts the points that it reaches, and dies or stands still at one of them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

use super::point::Point;

/// The treatment of a process at its point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It dies: nothing that it does from then on reaches the store or the effects.
    Crash,
    /// It stands still until it is resumed, as under `SIGSTOP`.
    Pause,
}

/// One process of a schedule. A clone is another handle on it.
#[derive(Clone, Debug)]
pub(super) struct Process(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    number: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    points: Vec<Point>,
    /// The index of the point at which the process is stopped.
    armed: Option<(usize, Fault)>,
    stopped: Option<Fault>,
    /// The store calls without an answer.
    open_calls: usize,
    calls: usize,
    effects: usize,
    handler_awaits: usize,
    engine_awaits: usize,
    wakers: Vec<Waker>,
}

/// The owner of a future that the process runs. It says how its awaits are counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Handler,
    Engine,
    /// Not counted: it waits for the engine.
    Caller,
}

impl Process {
    pub(super) fn new(number: usize, armed: Option<(usize, Fault)>) -> Self {
        Self(Arc::new(Shared { number, state: Mutex::new(State { armed, ..State::default() }) }))
    }

    pub(super) fn number(&self) -> usize {
        self.0.number
    }

    pub(super) fn is_dead(&self) -> bool {
        self.state().stopped == Some(Fault::Crash)
    }

    /// The points reached so far.
    pub(super) fn points(&self) -> Vec<Point> {
        self.state().points.clone()
    }

    /// The point at which the process was stopped, if it has reached it.
    pub(super) fn stop(&self) -> Option<Point> {
        let state = self.state();
        let (index, _) = state.armed?;
        state.points.get(index).cloned()
    }

    /// Lets a paused process go on.
    pub(super) fn resume(&self) {
        let mut state = self.state();
        if state.stopped == Some(Fault::Pause) {
            state.stopped = None;
        }
        wake(state);
    }

    /// Waits until the process is stopped at its point.
    pub(super) async fn stopped(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.stopped.is_some() {
                return Poll::Ready(());
            }
            state.wakers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs a store call between its two points.
    pub(super) async fn call<T>(&self, name: &'static str, call: impl Future<Output = T>) -> T {
        self.running().await;
        let number = increased(&mut self.state().calls);
        self.pass(Point::BeforeCall(number, name)).await;
        let open = OpenCall::new(self);
        let answer = call.await;
        drop(open);
        self.pass(Point::AfterCall(number, name)).await;
        answer
    }

    /// Runs an effect, which takes no time, between its two points.
    pub(super) async fn effect<T>(&self, name: &str, effect: impl FnOnce() -> T) -> T {
        self.running().await;
        let number = increased(&mut self.state().effects);
        self.pass(Point::BeforeEffect(number, name.to_owned())).await;
        let answer = effect();
        self.pass(Point::AfterEffect(number, name.to_owned())).await;
        answer
    }

    /// Runs a future while the process runs, and counts its awaits as points.
    ///
    /// A future is only polled after it was woken, so that the count does not depend on its surroundings.
    pub(super) async fn run<F: Future>(&self, part: Part, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken { is_woken: AtomicBool::new(true), outer: AtomicWaker::new() });
        let waker = Waker::from(woken.clone());
        poll_fn(|cx| {
            woken.outer.register(cx.waker());
            if !self.is_running_or_park(cx) || !woken.is_woken.swap(false, Ordering::SeqCst) {
                return Poll::Pending;
            }
            let before = self.state().handler_awaits;
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            match polled {
                Poll::Ready(_) if self.is_dead() => Poll::Pending,
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => {
                    self.count_await(part, before);
                    let _ = self.is_running_or_park(cx);
                    Poll::Pending
                }
            }
        })
        .await
    }

    fn count_await(&self, part: Part, before: usize) {
        let mut state = self.state();
        if state.stopped.is_some() || state.open_calls > 0 {
            return;
        }
        let point = match part {
            Part::Handler => Point::HandlerAwait(increased(&mut state.handler_awaits)),
            // Otherwise it is the handler that waits.
            Part::Engine if state.handler_awaits == before => {
                Point::EngineAwait(increased(&mut state.engine_awaits))
            }
            Part::Engine | Part::Caller => return,
        };
        reach(state, point);
    }

    async fn pass(&self, point: Point) {
        reach(self.state(), point);
        self.running().await;
    }

    /// Waits until the process runs, which a dead one never does.
    async fn running(&self) {
        poll_fn(|cx| if self.is_running_or_park(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn is_running_or_park(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        if state.stopped.is_none() {
            return true;
        }
        state.wakers.push(cx.waker().clone());
        false
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a point, and stops the process if it is the one.
fn reach(mut state: MutexGuard<'_, State>, point: Point) {
    let index = state.points.len();
    state.points.push(point);
    if let Some((at, fault)) = state.armed
        && at == index
    {
        state.stopped = Some(fault);
        wake(state);
    }
}

/// Wakes all that wait for the process to stop or to go on.
fn wake(mut state: MutexGuard<'_, State>) {
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

fn increased(count: &mut usize) -> usize {
    *count += 1;
    *count
}

/// A store call without an answer. Its caller may drop it.
struct OpenCall<'a>(&'a Process);

impl<'a> OpenCall<'a> {
    fn new(process: &'a Process) -> Self {
        process.state().open_calls += 1;
        Self(process)
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.0.state().open_calls -= 1;
    }
}

/// A waker that notes that it was woken.
struct Woken {
    is_woken: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.outer.wake();
    }
}
