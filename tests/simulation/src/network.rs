//! The network between a worker and its store: it loses, delays and duplicates messages.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, ScopedOrder, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};

use crate::counters::Counters;
use crate::history::Action;
use crate::log::Log;
use crate::rng::Rng;
use crate::split::{Server, SplitStore};
use crate::world::{OUTSIDE, World};

/// The faults of a network, in percent of requests.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Faults {
    /// The lease, of which long delays are multiples.
    pub lease: Duration,
    /// Requests that never arrive.
    pub lose_request: u64,
    /// Replies that never arrive.
    pub lose_reply: u64,
    /// Connections that break after the operation was carried out.
    pub break_connection: u64,
    /// Requests and replies with a long delay.
    pub delay: u64,
    /// Requests that arrive twice.
    pub duplicate: u64,
    /// The intervals in which the store is out of reach, since the world began.
    pub outages: Vec<(Duration, Duration)>,
}

impl Faults {
    /// Faults drawn from a seed. Every third network is good; the others have different faults.
    #[must_use]
    pub fn of_seed(seed: u64, lease: Duration) -> Self {
        let mut rng = Rng::new(seed, 3);
        if rng.chance(33) {
            return Self { delay: 2, ..Self::none(lease) };
        }
        let mut outages = Vec::new();
        while rng.chance(20) {
            let begin = rng.part(lease, 0, 800);
            outages.push((begin, begin + rng.part(lease, 10, 200)));
        }
        Self {
            lease,
            lose_request: rng.below(8),
            lose_reply: rng.below(15),
            break_connection: rng.below(5),
            delay: rng.below(20),
            duplicate: rng.below(8),
            outages,
        }
    }

    /// A network without faults.
    #[must_use]
    pub fn none(lease: Duration) -> Self {
        Self {
            lease,
            lose_request: 0,
            lose_reply: 0,
            break_connection: 0,
            delay: 0,
            duplicate: 0,
            outages: Vec::new(),
        }
    }
}

/// A store behind a network. The futures of the store itself must be ready at once.
#[derive(Clone, Debug)]
pub struct RemoteStore {
    world: World,
    store: Arc<dyn Server>,
    log: Log,
    faults: Arc<Mutex<Faults>>,
    counters: Arc<Mutex<Counters>>,
}

/// The faults of one request.
struct Fate {
    there: Option<Duration>,
    back: Option<Duration>,
    is_broken: bool,
}

impl RemoteStore {
    /// A store behind a network. The second copy of a request goes into the log as an unanswered operation.
    #[must_use]
    pub fn new(world: World, store: Arc<dyn Server>, log: Log, faults: Faults) -> Self {
        Self { world, store, log, faults: Arc::new(Mutex::new(faults)), counters: Arc::default() }
    }

    /// The store that users get: this one, or a client that changes record and mark in two steps if the server cannot
    /// change both in one.
    #[must_use]
    pub fn client(&self) -> Arc<dyn Store> {
        match self.store.split() {
            Some(split) => Arc::new(SplitStore::new(self.clone(), split)),
            None => Arc::new(self.clone()),
        }
    }

    /// Raises the mark of a lease's order, if the server leaves that to the client.
    pub(crate) async fn raise(&self, lease: &Lease) -> Result<(), StoreError> {
        let Some(order) = lease.order() else { return Ok(()) };
        self.send(lease.key().digest(), Some(order), Some(Action::raise(lease)), move |store| {
            Box::pin(async move {
                store.raise(order);
                Ok(())
            })
        })
        .await
    }

    /// Raises a mark for an operator.
    pub(crate) async fn raise_by_hand(&self, order: ScopedOrder) -> Result<(), StoreError> {
        self.send(KeyDigest::from_bytes([0; 32]), None, None, move |store| {
            Box::pin(async move {
                store.raise(order);
                Ok(())
            })
        })
        .await
    }

    /// Ends all faults.
    pub fn heal(&self) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        *faults = Faults::none(faults.lease);
    }

    /// The faults so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, and a second copy if the network duplicates it. The copy goes into the log if it changes
    /// something.
    async fn send<T: Send + 'static>(
        &self,
        key: KeyDigest,
        order: Option<ScopedOrder>,
        action: Option<Action>,
        operation: impl Fn(Arc<dyn Server>) -> BoxFuture<'static, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let (fate, copy) = self.draw_fates();
        if let Some(fate) = copy {
            if let Some(action) = action {
                self.log.call(usize::MAX, key, order, action);
            }
            let (unheard, _) = oneshot::channel();
            self.carry(fate, operation(self.store.clone()), unheard);
        }
        let (send, receive) = oneshot::channel();
        self.carry(fate, operation(self.store.clone()), send);
        match receive.await {
            Ok(answer) => answer,
            Err(oneshot::Canceled) => pending().await,
        }
    }

    /// Carries a request to the store and the reply back, even if the caller has gone.
    fn carry<T: Send + 'static>(
        &self,
        fate: Fate,
        operation: BoxFuture<'static, Result<T, StoreError>>,
        reply: oneshot::Sender<Result<T, StoreError>>,
    ) {
        let Some(there) = fate.there else { return };
        let (world, remote) = (self.world.clone(), self.clone());
        let carried = async move {
            world.sleep(there).await;
            if remote.is_out() {
                if let Some(back) = fate.back {
                    world.sleep(back).await;
                    drop(reply.send(Err(StoreError::new("simulated", StoreErrorKind::Unavailable))));
                }
                return;
            }
            let answer = operation.await;
            let Some(back) = fate.back else { return };
            world.sleep(back).await;
            drop(reply.send(if fate.is_broken {
                Err(StoreError::new("simulated", StoreErrorKind::Unknown))
            } else {
                answer
            }));
        };
        self.world.spawn(OUTSIDE, Box::pin(carried));
    }

    fn is_out(&self) -> bool {
        let now = self.world.elapsed();
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let is_out = faults.outages.iter().any(|(begin, end)| (*begin..*end).contains(&now));
        self.count(|counters| counters.outages_met += u64::from(is_out));
        is_out
    }

    fn draw_fates(&self) -> (Fate, Option<Fate>) {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        self.world.draw(|rng| {
            let fate = self.draw_fate(&faults, rng);
            let is_doubled = rng.chance(faults.duplicate);
            self.count(|counters| counters.duplicated_requests += u64::from(is_doubled));
            (fate, is_doubled.then(|| self.draw_fate(&faults, rng)))
        })
    }

    fn draw_fate(&self, faults: &Faults, rng: &mut Rng) -> Fate {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let is_broken = rng.chance(faults.break_connection);
        counters.broken_connections += u64::from(is_broken);
        let there = if rng.chance(faults.lose_request) {
            counters.lost_requests += 1;
            None
        } else if rng.chance(faults.delay) {
            counters.delayed_requests += 1;
            Some(rng.part(faults.lease, 1, 200))
        } else {
            Some(Duration::from_micros(rng.between(50, 1500)))
        };
        let back = if rng.chance(faults.lose_reply) {
            counters.lost_replies += 1;
            None
        } else if rng.chance(faults.delay) {
            counters.delayed_replies += 1;
            Some(rng.part(faults.lease, 1, 100))
        } else {
            Some(Duration::from_micros(rng.between(50, 1500)))
        };
        Fate { there, back, is_broken }
    }

    fn count(&self, count: impl FnOnce(&mut Counters)) {
        count(&mut self.counters.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[async_trait]
impl Store for RemoteStore {
    fn namespace(&self) -> &Namespace {
        self.store.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let copy = Arc::new(claim.clone());
        self.send(claim.key.digest(), claim.order, Some(Action::claim(claim)), move |store| {
            let claim = copy.clone();
            Box::pin(async move { store.claim(&claim).await })
        })
        .await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let copy = Arc::new(lease.clone());
        let action = Some(Action::renew(lease, duration));
        self.send(lease.key().digest(), lease.order(), action, move |store| {
            let lease = copy.clone();
            Box::pin(async move { store.renew(&lease, duration).await })
        })
        .await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let copy = Arc::new(completion.clone());
        let (lease, action) = (&completion.lease, Some(Action::complete(completion)));
        self.send(lease.key().digest(), lease.order(), action, move |store| {
            let completion = copy.clone();
            Box::pin(async move { store.complete(&completion).await })
        })
        .await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        let copy = Arc::new(lease.clone());
        let action = Some(Action::release(lease, release));
        self.send(lease.key().digest(), lease.order(), action, move |store| {
            let lease = copy.clone();
            Box::pin(async move { store.release(&lease, release).await })
        })
        .await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let copy = Arc::new(lease.clone());
        let action = Some(Action::adopt(lease, owner, duration));
        self.send(lease.key().digest(), lease.order(), action, move |store| {
            let lease = copy.clone();
            Box::pin(async move { store.adopt(&lease, owner, duration).await })
        })
        .await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.send(KeyDigest::from_bytes([0; 32]), None, None, move |store| {
            Box::pin(async move { store.newest(resource).await })
        })
        .await
    }

    /// Returns at a random time before the timeout. The contract promises no more.
    async fn wait_for_change(&self, _: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        let pause = self.world.draw(|rng| rng.part(timeout.min(Duration::from_secs(3600)), 0, 100));
        self.world.sleep(pause).await;
        Ok(())
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.send(key, None, Some(Action::Load), move |store| Box::pin(async move { store.load(key).await }))
            .await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.send(key, None, Some(Action::Forget), move |store| {
            Box::pin(async move { store.forget(key).await })
        })
        .await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let copy = Arc::new(resolution.clone());
        self.send(key, None, Some(Action::resolve(resolution)), move |store| {
            let resolution = copy.clone();
            Box::pin(async move { store.resolve(key, &resolution).await })
        })
        .await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let copy = Arc::new((filter.clone(), page.clone()));
        self.send(KeyDigest::from_bytes([0; 32]), None, None, move |store| {
            let copy = copy.clone();
            Box::pin(async move { store.list(&copy.0, &copy.1).await })
        })
        .await
    }
}
