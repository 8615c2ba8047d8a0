//! The store contract. The suite has no rule about a key that is forgotten through another handle after a duplicate of it
//! was answered, which is what a cache misses: `removal` tests that.

use async_trait::async_trait;

use super::*;
use crate::store::conformance::Harness;

/// Two handles on one memory store.
struct Cached {
    clock: Arc<ManualClock>,
    handles: [CachedStore<MemoryStore>; 2],
}

impl Cached {
    /// Handles with a cache each.
    fn in_two_processes(max_age: Duration) -> Self {
        let clock = Arc::new(ManualClock::new());
        let store = MemoryStore::new().with_clock(Arc::clone(&clock));
        let handle = || CachedStore::new(store.clone()).with_clock(Arc::clone(&clock)).with_max_age(max_age);
        Self { handles: [handle(), handle()], clock }
    }

    /// Handles with one cache, which misses nothing and so needs no maximum age.
    fn in_one_process() -> Self {
        let Self { clock, handles: [handle, _] } = Self::in_two_processes(Duration::MAX);
        Self { clock, handles: [handle.clone(), handle] }
    }
}

#[async_trait]
impl Harness for Cached {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.handles[0].clone())
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        Arc::new(self.handles[1].clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn corrupt(&self, _: &ScopedKey) -> bool {
        false
    }
}

mod in_one_process {
    use super::*;

    crate::conformance_tests!(Cached::in_one_process());
}

mod in_two_processes {
    use super::*;

    crate::conformance_tests!(Cached::in_two_processes(SECOND));
}

mod without_a_maximum_age {
    use super::*;

    crate::conformance_tests!(Cached::in_two_processes(Duration::ZERO));
}
