//! The engine: claims, renews and records, over HTTP and without. The only place where a decision meets an `await`.

mod batch;
mod begin;
mod budget;
mod context;
mod detach;
mod ending;
mod execution;
mod lease_state;
mod observer;
mod recorder;
mod recording;
mod renewal;
mod run;
mod runtime;
mod tracker;
mod undo;
mod waiters;
mod written_down;

#[cfg(all(test, feature = "memory"))]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::{Key, KeyDigest, Policy, Scope, ScopedKey, Store};

pub use batch::{Batch, BatchContext, BatchItem, BatchResult, ItemResult, RanBatch};
pub use begin::Begun;
pub use context::IdempotencyContext;
pub use execution::{CompletionResult, Execution};
pub use observer::{Event, Observation, Observer, TracingObserver};
pub use recorder::{RecordError, Recorder, RecorderRefused, Writes};
pub use run::{Ran, RunError};
pub use runtime::Runtime;
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use tracker::Tracked;
pub use written_down::{AdoptError, Adoption, NotWrittenDown, WrittenDown};

pub(crate) use budget::bounded;

use tracker::Tracker;
use undo::Undos;
use waiters::Waiters;

/// The engine: a store, an observer and a runtime. Cheap to clone.
///
/// [`run`](Self::run) does the whole job for code without HTTP; [`begin`](Self::begin) gives the decision as a value.
///
/// One engine serves many routes: [`with_policy`](Self::with_policy) and [`with_name`](Self::with_name) make handles with
/// another policy or name, which share store, observer, runtime, waiters and [`drain`](Self::drain).
#[derive(Clone, Debug)]
pub struct Idempotency {
    shared: Arc<Shared>,
    policy: Arc<Policy>,
    name: Arc<str>,
}

/// What all handles on one engine have in common.
#[derive(Clone, Debug)]
struct Shared {
    store: Arc<dyn Store>,
    observer: Arc<dyn Observer>,
    runtime: Arc<dyn Runtime>,
    waiters: Arc<Waiters>,
    undos: Arc<Undos>,
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
        let shared = Shared {
            store: Arc::new(store),
            observer: Arc::new(TracingObserver),
            runtime: Arc::new(runtime),
            waiters: Arc::default(),
            undos: Arc::default(),
            tracker: Tracker::default(),
        };
        Self { shared: Arc::new(shared), policy: Arc::new(Policy::webhook()), name: Arc::from("idempotency") }
    }

    /// A handle on the same engine under another policy. Default: [`Policy::webhook`], since losing an event is what most
    /// users fear.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = Arc::new(policy);
        self
    }

    /// A handle on the same engine under a policy made of this one's.
    #[must_use]
    pub fn map_policy(self, change: impl FnOnce(Policy) -> Policy) -> Self {
        let policy = change(Policy::clone(&self.policy));
        self.with_policy(policy)
    }

    /// Sets the observer, which sees every decision. Set it before routes are made on the engine: handles that exist already keep theirs.
    /// Default: [`TracingObserver`], so that nothing goes unseen.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        Arc::make_mut(&mut self.shared).observer = Arc::new(observer);
        self
    }

    /// Sets clock, timers, tasks and randomness. Set it before routes are made on the engine: handles that exist already
    /// keep theirs. Default: [`TokioRuntime`].
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        Arc::make_mut(&mut self.shared).runtime = Arc::new(runtime);
        self
    }

    /// A handle on the same engine under another name: the provider's, a queue's. Observations and contexts speak of it
    /// under this name. Default: `idempotency`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The store, for operators: [`Store::list`], [`Store::load`], [`Store::forget`], [`Store::resolve`].
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.shared.store
    }

    /// Clock, timers, tasks and randomness.
    #[must_use]
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.shared.runtime
    }

    /// The digest of a key in a scope at this engine's store, for [`Store::load`] and the other calls for operators.
    ///
    /// ```
    /// # #[cfg(feature = "memory")]
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// use idempotency_core::{Idempotency, Key, MemoryStore, Scope};
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

    /// Waits until no execution and no background work of this engine or its clones is left, at most for `timeout`.
    /// Returns whether none is left.
    ///
    /// Call it at shutdown, after the server has stopped accepting: an execution whose sender hung up is not counted
    /// by the server.
    ///
    /// # Cancel safety
    /// Safe to drop; nothing is cancelled by it.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.tracker().idle_within(self.runtime(), timeout).await
    }

    pub(crate) fn observe(&self, observation: &Observation<'_>) {
        self.shared.observer.observe(observation);
    }

    /// Observes that a key's recorded outcome cannot be replayed.
    pub(crate) fn observe_unreadable(&self, key: &ScopedKey, path: Option<&str>) {
        self.observe(&Observation {
            provider: self.name(),
            endpoint: key.scope().as_endpoint(),
            path,
            instance: None,
            key: Some(key),
            attempt: None,
            fence: None,
            duration: Duration::ZERO,
            event: Event::OutcomeUnreadable,
        });
    }

    fn tracker(&self) -> &Tracker {
        &self.shared.tracker
    }

    fn waiters(&self) -> &Arc<Waiters> {
        &self.shared.waiters
    }

    fn undos(&self) -> &Undos {
        &self.shared.undos
    }
}
