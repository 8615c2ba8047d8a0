//! A queue consumer, without HTTP, on the memory store.

use std::error::Error;

use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Idempotency, IdempotencyContext, Key, Ran, Scope, Verified};

/// Handles a message. Its result is recorded and returned to duplicates.
async fn handle(context: IdempotencyContext) -> Result<String, String> {
    // An idempotency key for the payment API that this handler calls. It is the same in every attempt.
    Ok(context.derive_key("charge"))
}

/// Consumes a message. The handler runs at the first delivery, and later ones get its result.
async fn consume(idempotency: &Idempotency, id: &str) -> Result<Ran<String>, Box<dyn Error>> {
    // Only our own services can write to this queue.
    let proof = Verified::by_other_means(id.as_bytes());
    let delivery = Delivery::new(&proof, Scope::endpoint("orders queue"), Key::new(id)?);
    Ok(idempotency.run(delivery, handle).await?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let idempotency = Idempotency::new(MemoryStore::new());
    for id in ["order-1", "order-2", "order-1"] {
        println!("{id}: {:?}", consume(&idempotency, id).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_that_comes_twice_runs_once() {
        let idempotency = Idempotency::new(MemoryStore::new());
        let first = consume(&idempotency, "order-1").await.unwrap();
        let Ran::Executed(charge) = first else { panic!("{first:?}") };
        assert_eq!(consume(&idempotency, "order-1").await.unwrap(), Ran::Replayed(charge));
    }
}
