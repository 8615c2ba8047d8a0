//! A queue consumer made idempotent with `Idempotency::run`, without HTTP.
//!
//! The queue delivers at least once: messages can come twice, come late, and come again if they are not
//! acknowledged.

use std::collections::VecDeque;
use std::error::Error;

use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{
    Delivery, Idempotency, IdempotencyContext, Key, KeyError, Order, Ran, Resource, RunError, Scope,
    Verified, Version,
};

#[derive(Clone, Copy)]
struct Message {
    id: &'static str,
    /// The account that this is a snapshot of, and the snapshot's version.
    ///
    /// `None` for facts, which are never stale.
    snapshot: Option<(&'static str, u64)>,
}

impl Message {
    fn delivery(self) -> Result<Delivery, KeyError> {
        let scope = Scope::endpoint("accounts queue");
        // Only our own services can write to the queue.
        let proof = Verified::by_other_means(self.id.as_bytes());
        let delivery = Delivery::new(&proof, scope.clone(), Key::new(self.id)?);
        Ok(match self.snapshot {
            Some((account, version)) => {
                let account = Resource::new(&scope, "account", account);
                delivery.with_order(Order::new(account, Version::new(version)))
            }
            None => delivery,
        })
    }
}

/// Makes the payment. The first attempt of `payment-2` fails, as if the bank could not be reached.
async fn handle(context: IdempotencyContext) -> Result<String, &'static str> {
    if context.key().as_str() == "payment-2" && context.attempt() == 1 {
        return Err("the bank cannot be reached");
    }
    // Pass derived keys to the services that you call: they are the same in every attempt.
    let receipt = context.derive_key("charge");
    Ok(format!("receipt {}", &receipt[..6]))
}

/// Consumes the queue, and returns one line per delivery with its result.
async fn consume(mut queue: VecDeque<Message>) -> Result<Vec<String>, Box<dyn Error>> {
    let idempotency = Idempotency::new(MemoryStore::new()).with_name("accounts");
    let mut log = Vec::new();
    while let Some(message) = queue.pop_front() {
        let ran = idempotency.run(message.delivery()?, handle).await;
        // A message that is not acknowledged comes again. A real queue sets a message aside after too many
        // tries.
        if !ran.as_ref().is_ok_and(Ran::may_be_acknowledged) {
            queue.push_back(message);
        }
        let what = match ran {
            Ok(Ran::Executed(receipt) | Ran::ExecutedUnrecorded(receipt)) => format!("executed, {receipt}"),
            Ok(Ran::Replayed(receipt)) => format!("replayed, {receipt}"),
            Ok(Ran::Stale { newest }) => format!("stale, version {} is done", newest.get()),
            Err(RunError::Handler(reason)) => format!("failed, {reason}"),
            other => format!("{other:?}"),
        };
        log.push(format!("{}: {what}", message.id));
    }
    Ok(log)
}

fn deliveries() -> VecDeque<Message> {
    let fact = |id| Message { id, snapshot: None };
    let snapshot = |id, version| Message { id, snapshot: Some(("account-7", version)) };
    let (newer, older) = (snapshot("account-7-changed", 2), snapshot("account-7-created", 1));
    [fact("payment-1"), fact("payment-2"), fact("payment-1"), newer, older].into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", consume(deliveries()).await?.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_duplicate_is_replayed_a_failure_comes_again_and_an_older_snapshot_is_stale() {
        let log = consume(deliveries()).await.unwrap();
        let said: Vec<_> = log.iter().map(|line| line.split(", receipt").next().unwrap()).collect();
        let expected = [
            "payment-1: executed",
            "payment-2: failed, the bank cannot be reached",
            "payment-1: replayed",
            "account-7-changed: executed",
            "account-7-created: stale, version 2 is done",
            "payment-2: executed",
        ];
        assert_eq!(said, expected);
        assert_eq!(log[0].replace("executed", ""), log[2].replace("replayed", ""), "the receipt is the same");
    }
}
