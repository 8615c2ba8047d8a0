use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A handler that counts its runs.
fn counting(
    runs: &Arc<AtomicU32>,
) -> impl FnOnce(IdempotencyContext) -> std::future::Ready<Result<u32, String>> + use<> {
    let runs = runs.clone();
    move |_| std::future::ready(Ok(runs.fetch_add(1, Ordering::SeqCst)))
}

#[tokio::test(start_paused = true)]
async fn a_delivery_runs_once_and_its_value_is_replayed() {
    let (engine, _) = engine();
    let runs = Arc::new(AtomicU32::new(7));
    assert_eq!(engine.run(delivery("k"), counting(&runs)).await.unwrap(), Ran::Executed(7));
    assert_eq!(engine.run(delivery("k"), counting(&runs)).await.unwrap(), Ran::Replayed(7));
    assert_eq!(runs.load(Ordering::SeqCst), 8);
}

#[tokio::test(start_paused = true)]
async fn n_concurrent_deliveries_of_one_key_run_once() {
    let (engine, _) = engine();
    let runs = Arc::new(AtomicU32::new(0));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let (engine, runs) = (engine.clone(), runs.clone());
            tokio::spawn(async move {
                let handler = move |_| async move {
                    tokio::time::sleep(SECOND).await;
                    Ok::<_, String>(runs.fetch_add(1, Ordering::SeqCst))
                };
                engine.run(delivery("k"), handler).await.unwrap()
            })
        })
        .collect();
    let mut executed = 0;
    for call in calls {
        match call.await.unwrap() {
            Ran::Executed(0) => executed += 1,
            Ran::Replayed(0) => {}
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!((executed, runs.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_releases_and_the_next_delivery_runs() {
    let (engine, _) = engine();
    let failed = engine.run::<u32, _, _, _>(delivery("k"), |_| async { Err("no") }).await;
    assert!(matches!(failed, Err(RunError::Handler("no"))));
    let second = engine.run(delivery("k"), |context| async move { Ok::<_, String>(context.attempt()) }).await;
    assert_eq!(second.unwrap(), Ran::Executed(2));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_interrupt_the_handler() {
    let (engine, _) = engine();
    let slow = |_| async {
        tokio::time::sleep(10 * SECOND).await;
        Ok::<_, String>("done".to_owned())
    };
    let dropped = tokio::time::timeout(SECOND, engine.run(delivery("k"), slow)).await;
    assert!(dropped.is_err());
    assert!(engine.drain(60 * SECOND).await);
    let again = engine.run(delivery("k"), |_| async { Ok::<_, String>("again".to_owned()) }).await;
    assert_eq!(again.unwrap(), Ran::Replayed("done".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn another_fingerprint_is_a_mismatch_and_another_scope_is_another_key() {
    let (engine, _) = engine();
    let runs = Arc::new(AtomicU32::new(0));
    let with = |body: &[u8]| delivery("k").with_fingerprint(Fingerprint::of(body));
    assert_eq!(engine.run(with(b"a"), counting(&runs)).await.unwrap(), Ran::Executed(0));
    assert_eq!(engine.run(with(b"b"), counting(&runs)).await.unwrap(), Ran::Mismatch);
    let proof = Verified::by_other_means(b"");
    let elsewhere = Delivery::new(&proof, Scope::endpoint("elsewhere"), Key::new("k").unwrap());
    assert_eq!(engine.run(elsewhere, counting(&runs)).await.unwrap(), Ran::Executed(1));
}

#[tokio::test(start_paused = true)]
async fn an_outcome_of_another_type_may_be_acknowledged_and_is_never_run_again() {
    let (engine, _) = engine();
    let runs = Arc::new(AtomicU32::new(0));
    assert_eq!(engine.run(delivery("k"), counting(&runs)).await.unwrap(), Ran::Executed(0));
    let other = engine.run(delivery("k"), |_| async { Ok::<_, String>("text".to_owned()) }).await;
    let other = other.unwrap();
    assert_eq!(other, Ran::ReplayedUnreadable);
    assert!(other.may_be_acknowledged());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_an_operator_set_is_replayed() {
    let (engine, store) = engine();
    drop(run(&engine, "k").await);
    tokio::time::advance(30 * SECOND).await;
    let executed = Resolution::Completed(Outcome::of_value("shipped").unwrap());
    assert!(store.resolve(digest("k"), &executed).await.unwrap());
    let again = engine.run(delivery("k"), |_| async { Ok::<_, String>("again".to_owned()) }).await;
    assert_eq!(again.unwrap(), Ran::Replayed("shipped".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_derived_key_is_equal_across_attempts_and_different_per_name() {
    let (engine, _) = engine();
    let first = run(&engine, "k").await;
    let (charge, email) = (first.context().derive_key("charge"), first.context().derive_key("email"));
    first.release().await;
    let second = run(&engine, "k").await;
    assert_eq!(second.context().derive_key("charge"), charge);
    assert_ne!(charge, email);
    assert_ne!(run(&engine, "other").await.context().derive_key("charge"), charge);
    second.release().await;
}

#[test]
fn a_done_delivery_may_be_acknowledged_and_one_that_must_come_again_may_not() {
    let done = [
        Ran::Executed(()),
        Ran::ExecutedUnrecorded(()),
        Ran::Replayed(()),
        Ran::Stale { newest: Version::new(1) },
    ];
    assert!(done.iter().all(Ran::may_be_acknowledged));
    let open = [Ran::<()>::Conflict { retry_after: SECOND }, Ran::Mismatch, Ran::InDoubt];
    assert!(!open.iter().any(Ran::may_be_acknowledged));
}

/// Like `anyhow::Error`: it has `Display` and causes, and is not an `Error`.
#[derive(Debug)]
struct NoError;

impl std::fmt::Display for NoError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if f.alternate() { "no card: expired" } else { "no card" })
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_error_is_an_error_even_if_the_handlers_is_not() {
    async fn job(engine: &Idempotency) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        engine.run::<(), _, _, _>(delivery("k"), |_| async { Err(NoError) }).await?;
        Ok(())
    }
    let failed = job(&engine().0).await.unwrap_err();
    assert_eq!(failed.to_string(), "the handler failed: no card: expired");
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_the_facts_of_its_delivery() {
    let engine = Idempotency::new(MemoryStore::new()).with_name("sender");
    let scope = Scope::endpoint("tests");
    let order = Order::new(Resource::new(&scope, "customer", "cus_1"), Version::new(7));
    let delivery = Delivery::new(&Verified::by_other_means(b""), scope.clone(), Key::new("k").unwrap())
        .with_order(order.clone())
        .with_attribute(Attributes::EVENT_TYPE, "customer.updated");
    let handler = |context: IdempotencyContext| async move {
        assert_eq!((context.provider(), context.key().as_str(), context.scope()), ("sender", "k", &scope));
        assert_eq!(context.order(), Some(&order));
        assert_eq!(context.attributes().get(Attributes::EVENT_TYPE), Some("customer.updated"));
        assert_eq!(context.event_type(), Some("customer.updated"));
        Ok::<_, String>(())
    };
    assert_eq!(engine.run(delivery, handler).await.unwrap(), Ran::Executed(()));
}
