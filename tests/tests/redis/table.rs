//! The scripts against the protocol's table: both execute the same random operations, and every answer is compared.

use std::collections::HashMap;
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completed, Completion, Grant, Hold, Lease, Record, RecordView, Release,
    Resolution, ResourceDigest, State, StateView, Store as _, Transition,
};
use idempotency_core::{
    Fingerprint, Key, Namespace, OnExpired, Order, Outcome, Resource, ScopedKey, Version, clock,
};
use idempotency_tests::redis_case::{owner, patient, scope};
use idempotency_tests::redis_server::RedisServer;
use tokio::time::Instant;

const RETENTION: Duration = Duration::from_secs(1_000_000);
/// Time moves in whole steps and leases end between them, so that real time does not affect an answer.
const STEP: Duration = Duration::from_secs(10_000);
const LEASES: [Duration; 3] =
    [Duration::from_secs(5_000), Duration::from_secs(15_000), Duration::from_secs(25_000)];
const NAMES: [&str; 3] = ["a", "b", "c"];
/// The allowed difference between two clocks in an answer.
const TOLERANCE: Duration = Duration::from_secs(4_000);
/// Versions that a comparison of doubles, signed numbers or low halves would confuse.
const VERSIONS: [u64; 7] = [1, 2, u32::MAX as u64, 1 << 32, 1 << 53, (1 << 53) + 1, u64::MAX];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_have_the_answers_of_the_table() {
    let server = RedisServer::start().await;
    let mut kinds = HashMap::new();
    for seed in 1..=150 {
        let mut case = Case::new(&server, seed);
        for step in 0..60 {
            case.step(step, &mut kinds).await;
        }
    }
    // A kind of answer that never occurs is not tested.
    for kind in [
        "Granted",
        "Completed",
        "InFlight",
        "Mismatch",
        "Stale",
        "InDoubt",
        "Held",
        "Lost",
        "true",
        "false",
        "Adopted",
        "NotAdopted",
    ] {
        assert!(kinds.get(kind).is_some_and(|count| *count >= 20), "{kind} is too rare in {kinds:?}");
    }
}

/// One sequence of operations, on the store and in the model.
struct Case<'a> {
    server: &'a RedisServer,
    namespace: Namespace,
    store: RedisStore,
    random: Random,
    start: Instant,
    shifted: Duration,
    records: HashMap<String, Record>,
    marks: HashMap<ResourceDigest, Version>,
    leases: Vec<(String, Lease)>,
    at: String,
}

impl<'a> Case<'a> {
    fn new(server: &'a RedisServer, seed: u64) -> Self {
        Self {
            server,
            namespace: Namespace::new(format!("seed{seed}")).unwrap(),
            store: patient(RedisStore::new(server.url(), format!("seed{seed}")).unwrap()),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            start: Instant::now(),
            shifted: Duration::ZERO,
            records: HashMap::new(),
            marks: HashMap::new(),
            leases: Vec::new(),
            at: format!("seed {seed}"),
        }
    }

    fn key(&self, name: &str) -> ScopedKey {
        ScopedKey::new(&self.namespace, scope(), Key::new(name).unwrap())
    }

    fn now(&self) -> Duration {
        self.shifted + self.start.elapsed()
    }

    async fn step(&mut self, step: u32, kinds: &mut HashMap<String, u32>) {
        let seed = self.at.split(',').next().unwrap_or_default().to_owned();
        self.at = format!("{seed}, step {step}");
        let name = self.random.pick(&NAMES).to_owned();
        let kind = match self.random.below(13) {
            0..=4 => self.claim(&name).await,
            5 => self.renew().await,
            6 | 7 => self.complete().await,
            8 => self.release().await,
            9 => self.resolve(&name).await,
            10 => self.forget(&name).await,
            11 => self.adopt().await,
            _ => {
                self.server.advance(STEP).await;
                self.shifted += STEP;
                // No handler has ever started under these, so they are kept for a moment only.
                self.records.retain(|_, record| record.state != State::Released || record.attempts > 0);
                String::from("advance")
            }
        };
        *kinds.entry(kind).or_default() += 1;
        for name in NAMES {
            let seen = self.store.load(self.key(name).digest()).await.unwrap();
            let expected = self
                .records
                .get(name)
                .map(|record| RecordView::new(self.key(name).digest(), record, self.now(), RETENTION));
            self.assert_view(seen, expected);
        }
    }

    async fn claim(&mut self, name: &str) -> String {
        let claim = self.random_claim(name);
        let mark = claim.order.and_then(|order| self.marks.get(&order.resource).copied());
        let mut expected = Record::claim(self.records.get(name), mark, &claim, self.now(), 0);
        let answer = self.store.claim(&claim).await.unwrap();
        if let Claimed::Granted(Grant { fence, .. }) = answer {
            self.leases.push((name.to_owned(), claim.granted(fence)));
            // The microseconds are the store's own. Its fence must exceed the previous one, and the model adopts it.
            if let (Some(record), Claimed::Granted(Grant { fence: modelled, .. })) =
                (&mut expected.write, &mut expected.answer)
            {
                assert!(fence >= *modelled, "{}: fences grow", self.at);
                (record.fence, *modelled) = (fence, fence);
            }
        }
        match (&answer, &expected.answer) {
            (Claimed::Completed(a), Claimed::Completed(b)) => same_completion(a, b, &self.at),
            (Claimed::InFlight { retry_after: a }, Claimed::InFlight { retry_after: b }) => {
                assert!(a.abs_diff(*b) < TOLERANCE, "{}: {a:?} is not about {b:?}", self.at);
            }
            (answer, expected) => assert_eq!(answer, expected, "{}: {claim:?}", self.at),
        }
        self.write(name, expected.write);
        let text = format!("{answer:?}");
        text.split(['(', ' ']).next().unwrap_or_default().to_owned()
    }

    async fn renew(&mut self) -> String {
        let Some((name, lease)) = self.random_lease() else { return String::new() };
        let duration = self.random.pick(&LEASES);
        let now = self.now();
        let answer = self.store.renew(&lease, duration).await.unwrap();
        self.hold(&name, answer, |record| record.renew(&lease, duration, now)).0
    }

    async fn complete(&mut self) -> String {
        let Some((name, lease)) = self.random_lease() else { return String::new() };
        let outcome = Outcome::new(vec![0, self.random.below(256) as u8, 255]);
        let completion = Completion::new(lease.clone(), outcome, RETENTION);
        let unix_now = clock::system_unix_time();
        let answer = self.store.complete(&completion).await.unwrap();
        let (kind, written) = self.hold(&name, answer, |record| record.complete(&completion, unix_now));
        if let (true, Some(order)) = (written, lease.order()) {
            let mark = self.marks.entry(order.resource).or_insert(order.version);
            *mark = order.version.max(*mark);
        }
        kind
    }

    async fn release(&mut self) -> String {
        let Some((name, lease)) = self.random_lease() else { return String::new() };
        let release = self.random.pick(&[Release::Failed, Release::Unstarted, Release::Abandoned]);
        let now = self.now();
        let answer = self.store.release(&lease, release).await.unwrap();
        self.hold(&name, answer, |record| record.release(&lease, release, now)).0
    }

    async fn adopt(&mut self) -> String {
        let Some((name, lease)) = self.random_lease() else { return String::new() };
        let (owner, duration) = (owner(1 + self.random.below(4) as u8), self.random.pick(&LEASES));
        let now = self.now();
        let answer = self.store.adopt(&lease, owner, duration).await.unwrap();
        let mut expected =
            self.records.get(&name).map(|record| record.adopt(&lease, owner, duration, now, 0));
        if let (Adopted::Granted(grant), Some(expected)) = (answer, &mut expected)
            && let (Some(record), Adopted::Granted(modelled)) = (&mut expected.write, &mut expected.answer)
        {
            assert!(grant.fence >= modelled.fence, "{}: fences grow", self.at);
            (record.fence, modelled.fence) = (grant.fence, grant.fence);
            self.leases.push((name.clone(), Lease::new(self.key(&name), lease.order(), owner, grant.fence)));
        }
        let wanted = expected.as_ref().map_or(Adopted::Lost, |expected| expected.answer);
        assert_eq!(answer, wanted, "{}: adoption of {name}", self.at);
        self.write(&name, expected.and_then(|expected| expected.write));
        if answer == Adopted::Lost { "NotAdopted" } else { "Adopted" }.to_owned()
    }

    async fn resolve(&mut self, name: &str) -> String {
        let resolution = match self.random.below(2) {
            0 => Resolution::Released,
            _ => Resolution::Completed(Outcome::new("resolved")),
        };
        let now = self.now();
        let answer = self.store.resolve(self.key(name).digest(), &resolution).await.unwrap();
        let expected = self
            .records
            .get(name)
            .map(|record| record.resolve(&resolution, now, clock::system_unix_time(), RETENTION));
        assert_eq!(answer, expected.as_ref().is_some_and(|expected| expected.answer), "{}: resolve", self.at);
        self.write(name, expected.and_then(|expected| expected.write));
        answer.to_string()
    }

    async fn forget(&mut self, name: &str) -> String {
        let answer = self.store.forget(self.key(name).digest()).await.unwrap();
        assert_eq!(answer, self.records.remove(name).is_some(), "{}: forget", self.at);
        answer.to_string()
    }

    /// Compares an answer to a holder. Returns its kind, and whether anything was written.
    fn hold(
        &mut self,
        name: &str,
        answer: Hold,
        table: impl FnOnce(&Record) -> Transition<Hold>,
    ) -> (String, bool) {
        let expected = self.records.get(name).map(table);
        let hold = expected.as_ref().map_or(Hold::Lost, |expected| expected.answer);
        assert_eq!(answer, hold, "{}: of {name}", self.at);
        let write = expected.and_then(|expected| expected.write);
        let written = write.is_some();
        self.write(name, write);
        (format!("{answer:?}"), written)
    }

    fn write(&mut self, name: &str, write: Option<Record>) {
        if let Some(record) = write {
            self.records.insert(name.to_owned(), record);
        }
    }

    fn random_claim(&mut self, name: &str) -> Claim {
        let key = self.key(name);
        let random = &mut self.random;
        let owner = owner(1 + random.below(4) as u8);
        let mut claim = Claim::new(key, owner, random.pick(&LEASES), RETENTION);
        claim.fingerprint = match random.below(8) {
            0..4 => None,
            7 => Some(Fingerprint::of(b"another body")),
            _ => Some(Fingerprint::of(b"body")),
        };
        claim.on_expired = random.pick(&[OnExpired::Rerun, OnExpired::Rerun, OnExpired::InDoubt]);
        if random.below(2) == 0 {
            let version = Version::new(random.pick(&VERSIONS));
            let resource = Resource::new(&scope(), "thing", random.pick(&["r", "s"]));
            claim.order = Some(Order::new(resource, version).scoped(&self.namespace));
        }
        claim
    }

    /// Mostly one of the latest leases, so that many are still held.
    fn random_lease(&mut self) -> Option<(String, Lease)> {
        let count = if self.random.below(4) == 0 { self.leases.len() } else { self.leases.len().min(2) };
        let latest = &self.leases[self.leases.len() - count..];
        if latest.is_empty() { None } else { Some(self.random.pick(latest)) }
    }

    fn assert_view(&self, seen: Option<RecordView>, expected: Option<RecordView>) {
        let (Some(seen), Some(expected)) = (&seen, &expected) else {
            return assert_eq!(seen, expected, "{}", self.at);
        };
        match (&seen.state, &expected.state) {
            (StateView::Completed(a), StateView::Completed(b)) => same_completion(a, b, &self.at),
            (StateView::InFlight { lease_left: a }, StateView::InFlight { lease_left: b }) => {
                assert!(a.abs_diff(*b) < TOLERANCE, "{}: {a:?} is not about {b:?}", self.at);
            }
            (seen, expected) => assert_eq!(seen, expected, "{}", self.at),
        }
        let identity = |view: &RecordView| (view.fence, view.attempts, view.order);
        assert_eq!(identity(seen), identity(expected), "{}", self.at);
    }
}

/// Compares two completions whose times come from two clocks.
fn same_completion(a: &Completed, b: &Completed, at: &str) {
    assert_eq!((&a.outcome, a.fence, a.attempt), (&b.outcome, b.fence, b.attempt), "{at}");
    assert!(a.completed_at.abs_diff(b.completed_at) < TOLERANCE, "{at}: {a:?} is not about {b:?}");
    assert!(a.kept_until.abs_diff(b.kept_until) < TOLERANCE, "{at}: {a:?} is not about {b:?}");
}

/// Xorshift: a seed is a test case.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}
