//! Claims and completions on the memory store, and in plain code.

use bytes::Bytes;
use idempotency_core::Fingerprint;
use idempotency_core::store::Claimed;
use idempotency_core::store::memory::MemoryStore;
use idempotency_instructions::store::{self, Keys, OUTCOME};

use crate::floor::{Found, PlainMap};
use crate::table::Table;
use crate::threads;

/// Keys that are completed before duplicates are measured.
const COMPLETED: u64 = 1_000;
const ONE_THREAD: &str = "1 thread";

/// Guards numbered keys.
trait Guard: Sync {
    /// Claims a free key, and completes it.
    fn execute(&self, number: u64);

    /// Claims a completed key.
    fn duplicate(&self, number: u64);

    /// Claims a completed key with another fingerprint.
    fn mismatch(&self, number: u64);
}

/// Makes a guard without keys.
type Prepare = fn() -> Box<dyn Guard>;

/// Each guard with the plain code that it is compared with, which comes before it.
const GUARDS: [(&str, &[&str], Prepare); 3] = [
    ("DashMap", &[], || Box::new(Plain { map: PlainMap::default(), key: Box::new(u128::from) })),
    ("DashMap of digests", &["DashMap"], || {
        let keys = Keys::default();
        let key = move |number| first_half(keys.claim(number, 0).key.digest().as_bytes());
        Box::new(Plain { map: PlainMap::default(), key: Box::new(key) })
    }),
    ("MemoryStore", &["DashMap", "DashMap of digests"], || Box::<Memory>::default()),
];

/// An operation on a guard.
type Operate = fn(&dyn Guard, u64);

/// Each with the number of keys that are completed before.
const OPERATIONS: [(&str, u64, Operate); 4] = [
    ("fresh", 0, |guard, round| guard.execute(round)),
    ("duplicate", COMPLETED, |guard, round| guard.duplicate(round % COMPLETED)),
    ("duplicate of one key", 1, |guard, _| guard.duplicate(0)),
    ("mismatch", COMPLETED, |guard, round| guard.mismatch(round % COMPLETED)),
];

/// Measures each operation on each guard.
pub fn measure(table: &mut Table) {
    for (what, completed, operate) in OPERATIONS {
        for (count, threads) in [(1, ONE_THREAD), (2, "2 threads")] {
            for (name, floors, prepare) in GUARDS {
                let named = |guard: &str, threads: &str| format!("{what}, {guard}, {threads}");
                let mut floors: Vec<_> = floors.iter().map(|floor| (named(floor, threads), *floor)).collect();
                floors.extend((count > 1).then(|| (named(name, ONE_THREAD), ONE_THREAD)));
                table.measure("store", &named(name, threads), &floors, |rounds| {
                    let guard = prepare();
                    (0..completed).for_each(|number| guard.execute(number));
                    threads::timed(count, rounds, |round| operate(&*guard, round))
                });
            }
        }
    }
}

/// Plain code, and how its keys are made.
struct Plain {
    map: PlainMap,
    key: Box<dyn Fn(u64) -> u128 + Sync>,
}

fn first_half(digest: &[u8; 32]) -> u128 {
    u128::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

impl Guard for Plain {
    fn execute(&self, number: u64) {
        let (key, owner) = ((self.key)(number), number.into());
        assert_eq!(self.map.claim(key, owner, 0), Found::Nothing);
        assert!(self.map.complete(key, owner, &Bytes::from_static(OUTCOME)));
    }

    fn duplicate(&self, number: u64) {
        let found = self.map.claim((self.key)(number), u128::MAX, 0);
        assert_eq!(found, Found::Completed(Bytes::from_static(OUTCOME)));
    }

    fn mismatch(&self, number: u64) {
        assert_eq!(self.map.claim((self.key)(number), u128::MAX, 1), Found::Mismatch);
    }
}

#[derive(Default)]
struct Memory {
    store: MemoryStore,
    keys: Keys,
}

impl Memory {
    /// The store's answer to a claim with this fingerprint.
    fn answer(&self, number: u64, fingerprint: u8) -> Claimed {
        let mut claim = self.keys.claim(number, u128::MAX);
        claim.fingerprint = Some(Fingerprint::from_bytes([fingerprint; 32]));
        store::answer(&self.store, &claim)
    }
}

impl Guard for Memory {
    fn execute(&self, number: u64) {
        let mut claim = self.keys.claim(number, number.into());
        claim.fingerprint = Some(Fingerprint::from_bytes([0; 32]));
        store::execute(&self.store, &claim);
    }

    fn duplicate(&self, number: u64) {
        assert!(matches!(self.answer(number, 0), Claimed::Completed(_)));
    }

    fn mismatch(&self, number: u64) {
        assert_eq!(self.answer(number, 1), Claimed::Mismatch);
    }
}
