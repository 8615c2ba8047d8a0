//! A store of your own: implement `Store`, run the conformance suite on it, and use it like any other store.

mod tiny;

use std::convert::Infallible;
use std::error::Error;

use idempotency_core::clock::TokioClock;
use idempotency_core::{Delivery, Idempotency, Key, Scope, Verified};
use tiny::TinyStore;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = TinyStore::new(TokioClock::new());
    let idempotency = Idempotency::new(store);
    let (scope, key) = (Scope::endpoint("orders"), Key::new("order-42")?);

    for delivery in ["first", "second"] {
        let proof = Verified::by_other_means(b"only this program writes here");
        let arrival = Delivery::new(&proof, scope.clone(), key.clone());
        let ran = idempotency.run(arrival, async |_| Ok::<_, Infallible>("shipped".to_owned())).await?;
        println!("{delivery} delivery: {ran:?}");
    }

    let digest = idempotency.digest_of(&scope, &key);
    let record = idempotency.store().load(digest).await?;
    println!("in the store: {record:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use async_trait::async_trait;
    use idempotency_core::ScopedKey;
    use idempotency_core::clock::ManualClock;
    use idempotency_core::store::Store;
    use idempotency_core::store::conformance::Harness;

    use super::tiny::TinyStore;

    struct Tiny {
        store: TinyStore,
        clock: Arc<ManualClock>,
    }

    impl Tiny {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new());
            Self { store: TinyStore::new(Arc::clone(&clock)), clock }
        }
    }

    #[async_trait]
    impl Harness for Tiny {
        async fn store(&self) -> Arc<dyn Store> {
            Arc::new(self.store.clone())
        }

        async fn second_handle(&self) -> Arc<dyn Store> {
            Arc::new(self.store.clone())
        }

        async fn advance(&self, by: Duration) {
            self.clock.advance(by);
        }

        async fn corrupt(&self, _key: &ScopedKey) -> bool {
            // These records are values, not bytes, so none can be unreadable.
            false
        }
    }

    idempotency_core::conformance_tests!(Tiny::new());
}
