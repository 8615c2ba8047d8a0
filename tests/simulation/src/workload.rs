//! The workload: the next step of each worker, from a seed. It knows neither the clock nor the store.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, Release, Resolution, ScopedOrder,
};
use idempotency_core::{
    Fingerprint, Key, KeyDigest, Namespace, OnExpired, Order, Outcome, Resource, Scope, ScopedKey,
    StoreError, Version,
};

use crate::rng::Rng;

/// Longer than a history, so that no record expires in one.
const RETENTION: Duration = Duration::from_secs(86_400);

/// The operations of a few workers on the keys of one resource.
#[derive(Clone, Debug)]
pub struct Workload {
    rng: Rng,
    plan: Arc<Plan>,
    workers: u64,
    operations: u64,
}

#[derive(Debug)]
struct Plan {
    keys: Vec<(ScopedKey, Option<ScopedOrder>)>,
    lease: Duration,
    on_expired: OnExpired,
    has_fingerprints: bool,
    has_operators: bool,
    forgets: bool,
}

impl Workload {
    /// The workload of a seed: 4 to 8 workers, 30 to 40 operations on one to three keys.
    ///
    /// `name` separates the keys of workloads that share a store.
    #[must_use]
    pub fn of_seed(seed: u64, name: &str) -> Self {
        let mut rng = Rng::new(seed, 4);
        let keys = if rng.chance(60) { 1 } else { rng.between(2, 3) };
        let plan = Plan {
            keys: (0..keys).map(|number| key(name, number, keys > 1, &mut rng)).collect(),
            lease: Duration::from_secs(1),
            on_expired: if rng.chance(15) { OnExpired::InDoubt } else { OnExpired::Rerun },
            has_fingerprints: rng.chance(30),
            has_operators: rng.chance(30),
            forgets: rng.chance(10),
        };
        let (workers, operations) = (rng.between(4, 8), rng.between(30, 40));
        Self { rng, plan: Arc::new(plan), workers, operations }
    }

    /// Sets the lease, of which all pauses are multiples. Default: 1 s.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        if let Some(plan) = Arc::get_mut(&mut self.plan) {
            plan.lease = lease;
        }
        self
    }

    /// Sets the total number of operations. Default: 30 to 40, which the checker judges at once.
    #[must_use]
    pub fn with_operations(mut self, operations: u64) -> Self {
        self.operations = operations;
        self
    }

    /// The lease.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.plan.lease
    }

    /// Its workers.
    pub fn workers(&self) -> impl Iterator<Item = Worker> {
        let each = self.operations.div_ceil(self.workers);
        (0..self.workers).map(move |number| {
            let mut rng = self.rng.clone();
            let rng = Rng::new(rng.bits(), number + 5);
            Worker { rng, plan: self.plan.clone(), left: each, attempt: None, pauses: 0, crashes: 0 }
        })
    }
}

/// The keys of simulated workloads, which are the same in every history.
fn key(name: &str, number: u64, is_ordered: bool, rng: &mut Rng) -> (ScopedKey, Option<ScopedOrder>) {
    static SIMULATED: OnceLock<Vec<(ScopedKey, [ScopedOrder; 2])>> = OnceLock::new();
    let make = |name: &str, number: u64| {
        let (namespace, scope) = (Namespace::default(), Scope::endpoint(name));
        let resource = Resource::new(&scope, "simulated", name);
        let order = |version| Order::new(resource.clone(), Version::new(version)).scoped(&namespace);
        let orders = [order(number), order(number + 1)];
        let key = Key::new(format!("key-{number}")).expect("it is printable ascii");
        (ScopedKey::new(&namespace, scope, key), orders)
    };
    let (key, orders) = if name.is_empty() {
        SIMULATED.get_or_init(|| (0..3).map(|number| make("simulated", number)).collect())
            [usize::try_from(number).unwrap_or(0)]
        .clone()
    } else {
        make(name, number)
    };
    // Two keys may have the same version: equal versions are not stale.
    let order = orders[usize::from(rng.chance(30))];
    (key, is_ordered.then_some(order))
}

/// One worker: its knowledge and its next step.
#[derive(Debug)]
pub struct Worker {
    rng: Rng,
    plan: Arc<Plan>,
    left: u64,
    attempt: Option<Attempt>,
    pauses: u64,
    crashes: u64,
}

#[derive(Debug)]
struct Attempt {
    claim: Claim,
    lease: Option<Lease>,
    /// The former owner's lease, if it was adopted.
    former: Option<Lease>,
    outcome: Outcome,
    /// The last request, which is repeated if it was not answered.
    last: Option<Request>,
    is_over: bool,
}

/// A worker's next step: it pauses, sends a request, and waits for the answer up to its patience.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The pause before the request.
    pub pause: Duration,
    /// The request.
    pub request: Request,
    /// The longest wait for the answer.
    pub patience: Duration,
}

/// A worker's request.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are the operations of the store contract")]
pub enum Request {
    Claim(Claim),
    Renew(Lease, Duration),
    Complete(Completion),
    Release(Lease, Release),
    Adopt(Lease, Owner, Duration),
    Load(KeyDigest),
    Forget(KeyDigest),
    Resolve(KeyDigest, Resolution),
}

/// The reply to a worker's request.
#[derive(Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are the answers of the store contract")]
pub enum Reply {
    Claim(Result<Claimed, StoreError>),
    Hold(Result<Hold, StoreError>),
    /// With the new owner.
    Adopt(Owner, Result<Adopted, StoreError>),
    Other,
    /// None: the worker timed out.
    Nothing,
}

impl Worker {
    /// The next step; `None` at the end.
    #[must_use]
    pub fn next_step(&mut self) -> Option<Step> {
        self.left = self.left.checked_sub(1)?;
        if self.rng.chance(3) {
            // The worker died; another takes its place.
            self.attempt = None;
            self.crashes += 1;
        }
        let request = self.request();
        if let Some(attempt) = &mut self.attempt {
            attempt.last = Some(request.clone());
        }
        Some(Step { pause: self.pause(), request, patience: self.rng.part(self.plan.lease, 2, 60) })
    }

    /// Takes in the reply to the last request.
    pub fn learn(&mut self, reply: Reply) {
        let Some(attempt) = &mut self.attempt else { return };
        match reply {
            Reply::Claim(Ok(Claimed::Granted(grant))) => {
                attempt.lease = Some(attempt.claim.granted(grant.fence));
                attempt.last = None;
            }
            Reply::Claim(Ok(_)) => self.attempt = None,
            Reply::Hold(Ok(hold)) => {
                let was_renewal = matches!(attempt.last, Some(Request::Renew(..)));
                attempt.is_over |= hold == Hold::Lost || !was_renewal;
                attempt.last = None;
            }
            Reply::Adopt(owner, Ok(Adopted::Granted(grant))) => {
                if let Some(lease) = &mut attempt.lease {
                    let adopted = Lease::new(lease.key().clone(), lease.order(), owner, grant.fence);
                    attempt.former = Some(std::mem::replace(lease, adopted));
                }
                attempt.last = None;
            }
            Reply::Adopt(_, Ok(Adopted::Lost)) => (attempt.is_over, attempt.last) = (true, None),
            Reply::Claim(Err(_)) | Reply::Hold(Err(_)) | Reply::Adopt(_, Err(_)) | Reply::Nothing => {}
            Reply::Other => attempt.last = None,
        }
    }

    /// How often it paused for longer than its lease, and how often it died.
    #[must_use]
    pub fn mishaps(&self) -> (u64, u64) {
        (self.pauses, self.crashes)
    }

    fn pause(&mut self) -> Duration {
        let lease = self.plan.lease;
        match self.rng.below(100) {
            0..65 => self.rng.part(lease, 0, 4),
            65..88 => self.rng.part(lease, 4, 60),
            _ => {
                self.pauses += 1;
                self.rng.part(lease, 90, 250)
            }
        }
    }

    fn request(&mut self) -> Request {
        if self.plan.has_operators && self.rng.chance(12) {
            return self.operate();
        }
        let rng = &mut self.rng;
        let Some(attempt) = &self.attempt else { return self.begin() };
        if let Some(last) = &attempt.last
            && rng.chance(70)
        {
            return last.clone();
        }
        let Some(mut lease) = attempt.lease.clone() else { return self.begin() };
        if attempt.is_over && rng.chance(75) {
            return self.begin();
        }
        // After an adoption, the former holder and a second adopter also act under the old lease.
        if let Some(former) = &attempt.former
            && rng.chance(30)
        {
            lease = former.clone();
        }
        let outcome = if rng.chance(90) { attempt.outcome.clone() } else { outcome(rng) };
        match rng.below(100) {
            0..30 => Request::Renew(lease, rng.part(self.plan.lease, 50, 150)),
            30..60 => Request::Complete(Completion::new(lease, outcome, RETENTION)),
            60..74 => Request::Release(lease, Release::Failed),
            74..80 => Request::Release(lease, Release::Unstarted),
            80..86 => Request::Release(lease, Release::Abandoned),
            86..94 => {
                let lasting = rng.part(self.plan.lease, 50, 150);
                Request::Adopt(lease, Owner::from_bytes(rng.bytes()), lasting)
            }
            _ => Request::Claim(attempt.claim.clone()),
        }
    }

    fn begin(&mut self) -> Request {
        let rng = &mut self.rng;
        let places = self.plan.keys.len() as u64;
        let (key, order) = &self.plan.keys[usize::try_from(rng.below(places)).unwrap_or(0)];
        let lease = rng.part(self.plan.lease, 50, 150);
        let mut claim = Claim::new(key.clone(), Owner::from_bytes(rng.bytes()), lease, RETENTION);
        claim.order = *order;
        claim.on_expired = self.plan.on_expired;
        if self.plan.has_fingerprints && rng.chance(80) {
            claim.fingerprint = Some(Fingerprint::from_bytes([if rng.chance(80) { 1 } else { 2 }; 32]));
        }
        let outcome = outcome(rng);
        self.attempt = Some(Attempt {
            claim: claim.clone(),
            lease: None,
            former: None,
            outcome,
            last: None,
            is_over: false,
        });
        Request::Claim(claim)
    }

    fn operate(&mut self) -> Request {
        let rng = &mut self.rng;
        let places = self.plan.keys.len() as u64;
        let key = self.plan.keys[usize::try_from(rng.below(places)).unwrap_or(0)].0.digest();
        match rng.below(100) {
            0..20 if self.plan.forgets => Request::Forget(key),
            20..45 => Request::Resolve(key, Resolution::Released),
            45..60 => Request::Resolve(key, Resolution::Completed(outcome(rng))),
            _ => Request::Load(key),
        }
    }
}

/// A random outcome of random length.
fn outcome(rng: &mut Rng) -> Outcome {
    let bytes = rng.bytes();
    let length = usize::try_from(rng.between(8, 16)).unwrap_or(8);
    Outcome::new(bytes[..length].to_vec())
}
