//! The engine's handle: a store, a policy and a name, and the parts that all handles share.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tokio")]
use super::TokioRuntime;
use super::tracker::Tracker;
use super::undo::UndoQueue;
use super::waiters::Waiters;
use super::{Observation, Observer, Runtime, TracingObserver};
use crate::{Key, KeyDigest, Policy, Scope, ScopedKey, Store};

/// The engine: a store, an observer and a runtime. Cheap to clone.
///
/// [`run`](Self::run) does the whole job for code without HTTP. [`begin`](Self::begin) returns the decision
/// as a value.
///
/// One engine serves many routes. [`with_policy`](Self::with_policy) and [`with_name`](Self::with_name)
/// create handles that share the store, observer, runtime, waiters and [`drain`](Self::drain).
#[derive(Clone, Debug)]
pub struct Idempotency {
    shared: Arc<Shared>,
    policy: Arc<Policy>,
    name: Arc<str>,
}

/// The parts that all handles on one engine share.
#[derive(Clone, Debug)]
struct Shared {
    store: Arc<dyn Store>,
    observer: Arc<dyn Observer>,
    runtime: Arc<dyn Runtime>,
    waiters: Arc<Waiters>,
    undo_queue: Arc<UndoQueue>,
    tracker: Tracker,
}

impl Idempotency {
    /// Creates an engine on a store, under [`Policy::webhook`], on tokio, observed by `tracing`.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(store: impl Store) -> Self {
        Self::on_runtime(store, TokioRuntime::new())
    }

    /// Creates an engine on a store and your own runtime, under [`Policy::webhook`], observed by `tracing`.
    #[must_use]
    pub fn on_runtime(store: impl Store, runtime: impl Runtime) -> Self {
        let shared = Shared {
            store: Arc::new(store),
            observer: Arc::new(TracingObserver),
            runtime: Arc::new(runtime),
            waiters: Arc::default(),
            undo_queue: Arc::default(),
            tracker: Tracker::default(),
        };
        Self { shared: Arc::new(shared), policy: Arc::new(Policy::webhook()), name: Arc::from("idempotency") }
    }

    /// Sets the policy of this handle.
    ///
    /// Default: [`Policy::webhook`], because most users fear losing an event most.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// Changes the policy of this handle.
    #[must_use]
    pub fn map_policy(self, change: impl FnOnce(Policy) -> Policy) -> Self {
        let policy = change(Policy::clone(&self.policy));
        self.with_policy(policy)
    }

    /// Sets the observer, which sees every decision.
    ///
    /// Set it before you create routes on the engine, because existing handles keep theirs. Default:
    /// [`TracingObserver`], so that every decision is logged.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        Arc::make_mut(&mut self.shared).observer = Arc::new(observer);
        self
    }

    /// Sets the clock, timers, tasks and randomness.
    ///
    /// Set it before you create routes on the engine, because existing handles keep theirs. Default:
    /// [`TokioRuntime`].
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        Arc::make_mut(&mut self.shared).runtime = Arc::new(runtime);
        self
    }

    /// Sets the name of this handle, such as a provider's or a queue's.
    ///
    /// It appears in observations and contexts. Default: `idempotency`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// The name of this handle.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy of this handle.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The store, for operators.
    ///
    /// See [`Store::list`], [`Store::load`], [`Store::forget`] and [`Store::resolve`].
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// The clock, timers, tasks and randomness.
    #[must_use]
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.shared.runtime
    }

    /// The digest of a key in a scope at this engine's store, for [`Store::load`] and other operator calls.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use idempotency_core::store::memory::MemoryStore;
    /// use idempotency_core::{Idempotency, Key, Scope};
    /// let idempotency = Idempotency::new(MemoryStore::new());
    /// let digest = idempotency.digest_of(&Scope::endpoint("stripe /webhooks/stripe"), &Key::new("evt_1")?);
    /// assert_eq!(idempotency.store().load(digest).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn digest_of(&self, scope: &Scope, key: &Key) -> KeyDigest {
        ScopedKey::new(self.store().namespace(), scope.clone(), key.clone()).digest()
    }

    /// Waits for all executions and background work of this engine and its clones, for at most `timeout`.
    ///
    /// Returns whether all of it has finished. Call it at shutdown, after the server has stopped accepting:
    /// the server does not wait for an execution whose sender hung up.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is cancelled.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.tracker().idle_within(self.runtime(), timeout).await
    }

    pub(crate) fn observe(&self, observation: &Observation<'_>) {
        self.shared.observer.observe(observation);
        #[cfg(feature = "testing")]
        crate::testing::refusals::keep(observation);
    }

    pub(super) fn tracker(&self) -> &Tracker {
        &self.shared.tracker
    }

    pub(super) fn waiters(&self) -> &Arc<Waiters> {
        &self.shared.waiters
    }

    pub(super) fn undo_queue(&self) -> &UndoQueue {
        &self.shared.undo_queue
    }
}
