//! Cancellation: an operation that is dropped at any time is executed completely or not at all.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use futures_util::future::poll_fn;
use idempotency_core::store::{Claimed, Completion, Hold, StateView, Store as _};
use idempotency_core::{Order, Outcome, Resource, Scope, Version};

use super::{DAY, Database, claim, granted, key};

/// The number of operations, dropped after 0, 1, 2, … polls and then again from 0. How much a poll does depends on the
/// speed of the thread that uses the connection, so there are several of each.
const ROUNDS: std::ops::Range<u32> = 0..84;
/// More polls than an operation usually takes.
const MAX_POLLS: u32 = 14;

/// Polls a future this many times, and then drops it. Returns its output if it ended before.
async fn polled<F: Future>(future: F, times: u32) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // The last poll started something, so leave it no time to end.
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_dropped_at_any_poll_is_granted_or_not_and_blocks_nothing() {
    let database = Database::new();
    let (store, other) = (database.store(), database.store());
    let (mut dropped, mut executed) = (0, 0);
    for (round, times) in ROUNDS.zip((0..MAX_POLLS).cycle()) {
        let name = format!("k{round}");
        let dropped_claim = claim(&store, &name, 1);
        match polled(store.claim(&dropped_claim), times).await {
            Some(answer) => assert!(matches!(answer.unwrap(), Claimed::Granted(_))),
            None => dropped += 1,
        }
        // Both stores go on at once, and see the same record.
        let view = other.load(key(&other, &name).digest()).await.unwrap();
        match other.claim(&claim(&other, &name, 2)).await.unwrap() {
            Claimed::Granted(grant) => assert!(view.is_none() && grant.attempt == 1),
            Claimed::InFlight { .. } => executed += 1,
            answer => panic!("{answer:?}"),
        }
        let repeated = store.claim(&dropped_claim).await.unwrap();
        assert!(matches!(repeated, Claimed::Granted(_) | Claimed::InFlight { .. }), "{repeated:?}");
    }
    println!("{dropped} dropped, {executed} executed");
    assert!(dropped > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_dropped_at_any_poll_raises_the_mark_exactly_with_the_record() {
    let database = Database::new();
    let (store, other) = (database.store(), database.store());
    let (mut dropped, mut executed) = (0, 0);
    for (round, times) in ROUNDS.zip((0..MAX_POLLS).cycle()) {
        let name = format!("k{round}");
        let resource = Resource::new(&Scope::endpoint("sqlite"), "kind", &name);
        let mut ordered = claim(&store, &name, 1);
        let order = Order::new(resource, Version::new(7)).scoped(store.namespace());
        ordered.order = Some(order);
        let lease = granted(&store, &ordered).await;
        let completion = Completion::new(lease, Outcome::new("done"), DAY);
        match polled(store.complete(&completion), times).await {
            Some(hold) => assert_eq!(hold.unwrap(), Hold::Held),
            None => dropped += 1,
        }
        // This has to wait for the dropped transaction, if it is still under way.
        granted(&other, &claim(&other, &format!("after {name}"), 1)).await;
        let view = other.load(key(&other, &name).digest()).await.unwrap().unwrap();
        let is_completed = matches!(view.state, StateView::Completed(_));
        assert_eq!(
            other.newest(order.resource).await.unwrap().is_some(),
            is_completed,
            "after {times} polls"
        );
        assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held, "the completion is repeated");
        executed += u32::from(is_completed);
        assert_eq!(other.newest(order.resource).await.unwrap(), Some(Version::new(7)));
    }
    println!("{dropped} dropped, {executed} executed");
    assert!(dropped > 0);
}
