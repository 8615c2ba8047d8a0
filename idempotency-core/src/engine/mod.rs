//! The engine: claims, renews and records, over HTTP and without. The only place where a decision meets an `await`.

mod begin;
mod budget;
mod context;
mod detach;
mod ending;
mod execution;
mod lease_state;
mod observer;
mod run;
mod runtime;
mod tracker;
mod undo;
mod waiters;

#[cfg(all(test, feature = "memory"))]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::{Policy, Store};

pub use begin::Begun;
pub use context::IdempotencyContext;
pub use execution::{Completion, Execution};
pub use observer::{Event, Observation, Observer, TracingObserver};
pub use run::{Ran, RunError};
pub use runtime::Runtime;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use tracker::Tracked;

use tracker::Tracker;
use waiters::Waiters;

/// The engine: a store, a policy, and what it needs of the world. Cheap to clone.
///
/// [`run`](Self::run) does the whole job for code without HTTP; [`begin`](Self::begin) gives the decision as a value.
#[derive(Clone, Debug)]
pub struct Idempotency(Arc<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    name: Arc<str>,
    store: Arc<dyn Store>,
    policy: Arc<Policy>,
    observer: Arc<dyn Observer>,
    runtime: Arc<dyn Runtime>,
    waiters: Arc<Waiters>,
    tracker: Tracker,
}

impl Idempotency {
    /// An engine on a store, under [`Policy::webhook`], on tokio, observed by `tracing`.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self::on_runtime(store, TokioRuntime::new())
    }

    /// An engine on a store and a runtime of your own, under [`Policy::webhook`], observed by `tracing`.
    #[must_use]
    pub fn on_runtime(store: impl Store, runtime: impl Runtime) -> Self {
        Self(Arc::new(Parts {
            name: Arc::from("idempotency"),
            store: Arc::new(store),
            policy: Arc::new(Policy::webhook()),
            observer: Arc::new(TracingObserver),
            runtime: Arc::new(runtime),
            waiters: Arc::default(),
            tracker: Tracker::default(),
        }))
    }

    /// Sets the policy. Default: [`Policy::webhook`], since losing an event is what most users fear.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.parts_mut().policy = Arc::new(policy);
        self
    }

    /// Sets who sees every decision. Default: [`TracingObserver`], so that nothing goes unseen.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.parts_mut().observer = Arc::new(observer);
        self
    }

    /// Sets clock, timers, tasks and randomness. Default: [`TokioRuntime`].
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.parts_mut().runtime = Arc::new(runtime);
        self
    }

    /// Sets the name under which observations and contexts speak of it: the provider's, a queue's. Default:
    /// `idempotency`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.parts_mut().name = name.into();
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// The store, for operators: [`Store::load`], [`Store::forget`], [`Store::resolve`].
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// Clock, timers, tasks and randomness.
    #[must_use]
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.0.runtime
    }

    /// Waits until no execution and no background work of this engine or its clones is left, at most for `timeout`.
    /// Answers whether none is left.
    ///
    /// Call it at shutdown, after the server has stopped accepting: an execution whose sender hung up is not counted
    /// by the server.
    ///
    /// # Cancel safety
    /// Safe to drop; nothing is cancelled by it.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.0.tracker.idle_within(&*self.0.runtime, timeout).await
    }

    pub(crate) fn observe(&self, observation: &Observation<'_>) {
        self.0.observer.observe(observation);
    }

    /// The parts, for a builder: engines cloned before keep theirs.
    fn parts_mut(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }
}
