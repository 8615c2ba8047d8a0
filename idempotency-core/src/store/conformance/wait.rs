//! Rules for waiting: a waiter returns when the record may have changed, and changes nothing itself.

use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::Harness;
use super::case::{Case, Handle, WAIT_TIMEOUT, WAKE_TIMEOUT, identity};
use crate::{Hold, Release, ScopedKey};

/// A waiter is woken by a completion, on either handle.
pub async fn a_waiter_is_woken_by_a_completion(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_is_woken_by_a_completion").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let waiters = [
        waiting(&case.one, grant.lease.key()).await,
        waiting(&case.one, grant.lease.key()).await,
        waiting(&case.two, grant.lease.key()).await,
    ];
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    for waiter in waiters {
        woken(waiter, "a completion").await;
    }
    case.two.replayed(&case.claim("k"), b"done").await;
}

/// A waiter is woken by a release, and can then claim the key.
pub async fn a_waiter_is_woken_by_a_release(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_is_woken_by_a_release").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let waiter = waiting(&case.two, grant.lease.key()).await;
    assert_eq!(case.one.release(&grant.lease).await, Hold::Held, "the holder releases");
    woken(waiter, "a release").await;
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 2, "the key is free");
}

/// A waiter is woken when the holder abandons its lease, and can then claim the key.
pub async fn a_waiter_is_woken_by_an_abandonment(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_is_woken_by_an_abandonment").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let waiter = waiting(&case.two, grant.lease.key()).await;
    let hold = case.one.give_up(&grant.lease, Release::Abandoned).await;
    assert_eq!(hold, Hold::Held, "the holder abandons");
    woken(waiter, "an abandonment").await;
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 2, "the key is free");
}

/// A waiter is woken when an operator deletes the record.
pub async fn a_waiter_is_woken_by_forgetting(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_is_woken_by_forgetting").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let waiter = waiting(&case.two, grant.lease.key()).await;
    assert!(case.one.forget(grant.lease.key()).await, "there was a record");
    woken(waiter, "forgetting").await;
}

/// A wait for a free, completed, released or abandoned key returns at once.
pub async fn a_wait_for_a_key_that_is_not_in_flight_returns_at_once(harness: &dyn Harness) {
    let case = Case::new(harness, "a_wait_for_a_key_that_is_not_in_flight_returns_at_once").await;
    case.one.grant(&case.claim("abandoned")).await;
    case.let_leases_expire().await;
    let released = case.one.grant(&case.claim("released")).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    for name in ["free", "abandoned", "released", "completed"] {
        woken(wait(&case.two, &case.key(name)), name).await;
    }
}

/// A waiter waits while the key is held and does not change.
pub async fn a_waiter_waits_while_the_key_is_held(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_waits_while_the_key_is_held").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let waiting = case.two.wait_for_change(grant.lease.key(), WAIT_TIMEOUT);
    let returned = timeout(Duration::from_millis(100), waiting).await;
    assert!(returned.is_err(), "the waiter returned although nothing changed");
}

/// A waiter returns by its timeout.
pub async fn a_waiter_returns_by_its_timeout(harness: &dyn Harness) {
    let case = Case::new(harness, "a_waiter_returns_by_its_timeout").await;
    let grant = case.one.grant(&case.claim("k")).await;
    for time in [Duration::ZERO, Duration::from_millis(1), Duration::from_millis(50)] {
        let waiting = case.two.wait_for_change(grant.lease.key(), time);
        timeout(WAKE_TIMEOUT, waiting)
            .await
            .unwrap_or_else(|_| panic!("still waiting long after a timeout of {time:?}"));
    }
}

/// No wake-up is lost, even if the completion follows the start of the wait at once.
pub async fn no_wake_up_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "no_wake_up_is_lost").await;
    for round in 0..200 {
        let claim = case.claim(&format!("{round}"));
        let grant = case.one.grant(&claim).await;
        let waiter = wait(&case.two, &claim.key);
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
        woken(waiter, "a completion").await;
    }
}

/// Waiting never changes the record: after a waiter's timeout the holder still has its lease (I4).
pub async fn waiting_leaves_the_record_alone(harness: &dyn Harness) {
    let case = Case::new(harness, "waiting_leaves_the_record_alone").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let before = identity(&case.one.view(grant.lease.key()).await);
    for _ in 0..5 {
        case.two.wait_for_change(grant.lease.key(), Duration::from_millis(5)).await;
    }
    case.two.wait_for_change(&case.key("free"), Duration::from_millis(5)).await;
    assert_eq!(identity(&case.one.view(grant.lease.key()).await), before, "waiting changed the record");
    assert!(case.one.load(&case.key("free")).await.is_none(), "waiting created a record");
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
}

/// One completion wakes a thousand waiters of one key.
pub async fn a_thousand_waiters_are_woken(harness: &dyn Harness) {
    let case = Case::new(harness, "a_thousand_waiters_are_woken").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let mut waiters = JoinSet::new();
    for waiter in 0..999 {
        let handle = if waiter % 2 == 0 { case.one.clone() } else { case.two.clone() };
        let key = grant.lease.key().clone();
        waiters.spawn(async move { handle.wait_for_change(&key, WAIT_TIMEOUT).await });
    }
    let last = waiting(&case.two, grant.lease.key()).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    let all = async {
        while let Some(woken) = waiters.join_next().await {
            woken.expect("a waiter does not panic");
        }
        last.await.expect("a waiter does not panic");
    };
    timeout(WAKE_TIMEOUT, all).await.unwrap_or_else(|_| panic!("some of 1,000 waiters were not woken"));
}

/// Starts a waiter, and makes sure that it waits: a later wait on the same handle has already timed out.
async fn waiting(handle: &Handle, key: &ScopedKey) -> JoinHandle<()> {
    let waiter = wait(handle, key);
    handle.wait_for_change(key, Duration::from_millis(100)).await;
    waiter
}

fn wait(handle: &Handle, key: &ScopedKey) -> JoinHandle<()> {
    let (handle, key) = (handle.clone(), key.clone());
    tokio::spawn(async move { handle.wait_for_change(&key, WAIT_TIMEOUT).await })
}

async fn woken(waiter: JoinHandle<()>, by: &str) {
    let woken = timeout(WAKE_TIMEOUT, waiter).await;
    woken.unwrap_or_else(|_| panic!("not woken: {by}")).expect("a waiter does not panic");
}
