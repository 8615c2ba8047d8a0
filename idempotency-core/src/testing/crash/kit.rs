//! The kit: its settings.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::course::explore;
use super::{CrashClock, CrashReport, Effects};
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::{Delivery, Idempotency, IdempotencyContext, Policy};

pub(super) type Deliver<W> = Arc<dyn Fn(Idempotency, Effects, W) -> BoxFuture<'static, bool> + Send + Sync>;
type MakeStore<W> = Box<dyn Fn(&W, CrashClock) -> Arc<dyn Store> + Send>;
type Counter<W> = Arc<dyn Fn(W) -> BoxFuture<'static, Vec<(String, String)>> + Send + Sync>;

/// Runs a handler with a crash at each of its points, and with two copies of its delivery at once.
///
/// See [the module](super) for what it does.
#[must_use = "it does nothing until it is run"]
pub struct CrashKit<W = ()> {
    pub(super) world: Box<dyn Fn() -> W + Send>,
    pub(super) deliver: Deliver<W>,
    pub(super) counter: Option<Counter<W>>,
    pub(super) store: MakeStore<W>,
    pub(super) policy: Policy,
    pub(super) max_takeovers: usize,
    pub(super) is_in_real_time: bool,
}

impl<W: Clone + Send + 'static> CrashKit<W> {
    /// Creates a kit for a handler, which [`Idempotency::run`] runs for `delivery`.
    ///
    /// `world` makes the systems that outlive a crash, such as a database. Each schedule has a new world, and its
    /// processes share clones of it. Use `|| ()` if [`Effects`] suffices.
    pub fn new<T, E, H, F>(delivery: Delivery, world: impl Fn() -> W + Send + 'static, handler: H) -> Self
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: Send + 'static,
        H: Fn(IdempotencyContext, Effects, W) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        Self::delivering(world, move |engine, effects, world| {
            let (delivery, handler) = (delivery.clone(), handler.clone());
            async move {
                let run = engine.run(delivery, move |context| async move {
                    effects.watch(handler(context, effects.clone(), world)).await
                });
                run.await.is_ok_and(|ran| ran.may_be_acknowledged())
            }
        })
    }

    /// Creates a kit for code that makes one delivery by itself, and returns whether it is acknowledged.
    ///
    /// For example, `deliver` makes an HTTP app on the engine, sends one request to it, and returns whether the answer
    /// is a success. Each process of a schedule calls it with an engine of its own. The awaits of the handler are
    /// points only if `deliver` wraps it in [`Effects::watch`]. An adapter's layer has the policy of its provider: pass
    /// that policy to [`with_policy`](Self::with_policy) too, since its lease says how much time passes after a crash.
    pub fn delivering<F>(
        world: impl Fn() -> W + Send + 'static,
        deliver: impl Fn(Idempotency, Effects, W) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self {
            world: Box::new(world),
            deliver: Arc::new(move |engine, effects, world| Box::pin(deliver(engine, effects, world))),
            counter: None,
            store: Box::new(|_, clock| Arc::new(MemoryStore::new().with_clock(clock))),
            policy: Policy::webhook(),
            max_takeovers: 10_000,
            is_in_real_time: false,
        }
    }

    /// Sets the policy. A retention of less than a day counts as a day, so that no schedule outlives it.
    ///
    /// Default: [`Policy::webhook`], the engine's own default.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how to make the store of a world. The store must have no records.
    ///
    /// A store with a clock of its own, such as a database, also needs [`in_real_time`](Self::in_real_time). One
    /// database can serve all schedules, with a new namespace for each. Default: a [`MemoryStore`] on the kit's clock.
    pub fn with_store<S: Store>(mut self, store: impl Fn(&W, CrashClock) -> S + Send + 'static) -> Self {
        self.store = Box::new(move |world, clock| Arc::new(store(world, clock)));
        self
    }

    /// Adds effects that the kit cannot see, such as rows of a database. `effects` returns a pair of name and key for
    /// each time that an effect happened.
    ///
    /// The kit calls it after the first delivery of the run without a fault, and at the end of every schedule. Default:
    /// none, because [`Effects`] counts.
    pub fn with_effects_from<F>(mut self, effects: impl Fn(W) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<(String, String)>> + Send + 'static,
    {
        self.counter = Some(Arc::new(move |world| Box::pin(effects(world))));
        self
    }

    /// Sets the maximum number of pairs of points at which the two copies of a delivery are paused.
    ///
    /// If a handler has more pairs, the kit takes this many, evenly spread, and the report says how many it left out.
    /// Crashes are never left out. Default: 10,000, which are all pairs of a handler with 100 points and take about a
    /// minute in a debug build with the memory store.
    pub fn with_max_takeovers(mut self, pairs: usize) -> Self {
        self.max_takeovers = pairs;
        self
    }

    /// Lets tokio's time pass, for a store or a handler that waits for input or output.
    ///
    /// A lease is then ended by [`Release::Abandoned`](crate::store::Release::Abandoned), and duplicates do not wait
    /// for the holder, so that no schedule takes long. The handler's own timers take their full time. Default: tokio's
    /// time is paused, and jumps to the next timer when nothing else is left to do, so an answer from a socket would
    /// come too late.
    pub fn in_real_time(mut self) -> Self {
        self.is_in_real_time = true;
        self
    }

    /// Runs all schedules, and reports the effects of each.
    ///
    /// If the delivery is not acknowledged without a fault, the report has only this run.
    ///
    /// The schedules run one after the other in a thread of their own, on tokio runtimes of their own, so this can be
    /// called in any test.
    ///
    /// # Panics
    /// If the function that makes the world, makes the store or returns the effects panics. A panic of the handler is
    /// only the handler's failure.
    ///
    /// # Cancel safety
    /// If the future is dropped, the schedules still run to their end.
    pub async fn run(self) -> CrashReport {
        let (send, receive) = oneshot::channel();
        let explored = move || drop(send.send(catch_unwind(AssertUnwindSafe(|| explore(&self)))));
        let thread = std::thread::Builder::new().name("crash-kit".to_owned()).spawn(explored);
        thread.expect("the operating system starts a thread");
        match receive.await.expect("the thread sends before it ends") {
            Ok(report) => report,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// How much time passes so that a lease has certainly run out.
    pub(super) fn past_the_lease(&self) -> Duration {
        self.policy.lease() * 2
    }
}

impl<W> fmt::Debug for CrashKit<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrashKit")
            .field("policy", &self.policy)
            .field("max_takeovers", &self.max_takeovers)
            .field("is_in_real_time", &self.is_in_real_time)
            .finish_non_exhaustive()
    }
}
