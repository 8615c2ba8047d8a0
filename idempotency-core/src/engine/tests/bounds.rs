//! Bounds: the most time that a delivery takes, whatever the store does, measured in paused time.

use std::iter::repeat_n;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

/// The ways in which a store can delay or lose the answer to a claim.
const OUTAGES: [&[Fault]; 8] = [
    &[Fault::Hangs],
    &[Fault::CarriedOutThenHangs],
    &[Fault::AnswerLost],
    &[Fault::AnswersLate(Duration::from_secs(2))],
    &[Fault::Refused(StoreErrorKind::Unavailable)],
    &[Fault::RefusedLate(Duration::from_millis(400))],
    &[Fault::RefusedLate(Duration::from_millis(1499)), Fault::Hangs],
    &[
        Fault::AnswerLost,
        Fault::Refused(StoreErrorKind::Unavailable),
        Fault::RefusedLate(SECOND),
        Fault::Hangs,
    ],
];

/// Makes an operation fail in these ways, repeatedly.
fn keep_failing(store: &FaultyStore, operation: &'static str, faults: &[Fault]) {
    store.fail(operation, repeat_n(faults, 200).flatten().copied());
}

/// The bound: the store timeout. A try that runs out of time ends at the timer's next millisecond.
fn budget() -> Duration {
    Policy::webhook().store_timeout() + MILLISECOND
}

/// Returns how long a delivery takes to be refused in an outage.
async fn refused_after(engine: &Idempotency, key: &str) -> Duration {
    let began = Instant::now();
    let refused = engine.begin(delivery(key)).await;
    assert!(refused.is_err(), "{refused:?}");
    began.elapsed()
}

#[test]
fn by_default_an_outage_is_reported_within_two_seconds() {
    assert!(budget() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_any_kind_is_reported_within_one_store_timeout() {
    for faults in OUTAGES {
        let (engine, store) = engine();
        keep_failing(&store, "claim", faults);
        let took = refused_after(&engine, "k").await;
        assert!(took <= budget(), "{faults:?} took {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_many_deliveries_in_an_outage_is_refused_within_one_store_timeout() {
    for faults in OUTAGES {
        let (engine, store) = engine();
        keep_failing(&store, "claim", faults);
        store.fail("claim", repeat_n(Fault::Hangs, 20_000));
        let mut deliveries = JoinSet::new();
        for number in 0..200 {
            let engine = engine.clone();
            deliveries.spawn(async move { refused_after(&engine, &format!("k{number}")).await });
        }
        let longest = deliveries.join_all().await.into_iter().max();
        assert!(longest <= Some(budget()), "{faults:?} took {longest:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_whose_key_has_a_claim_being_undone_is_refused_within_one_store_timeout() {
    for faults in OUTAGES {
        let (engine, store) = engine();
        keep_failing(&store, "claim", faults);
        for time in ["first", "second", "third"] {
            let took = refused_after(&engine, "k").await;
            assert!(took <= budget(), "{faults:?}, the {time}, took {took:?}");
        }
    }
}

/// Another attempt is known to be executing, so the answer is a conflict.
///
/// The bound is the policy's wait plus one store timeout.
#[tokio::test(start_paused = true)]
async fn a_duplicate_whose_store_fails_while_it_waits_is_answered_within_the_wait_and_one_store_timeout() {
    for faults in OUTAGES {
        for wait_faults in OUTAGES {
            let (engine, store) = engine();
            let holder = run(&engine, "k").await;
            keep_failing(&store, "wait_for_change", wait_faults);
            let began = Instant::now();
            let waiting = begin(&engine, "k");
            let failing = async {
                tokio::time::sleep(SECOND / 10).await;
                keep_failing(&store, "claim", faults);
            };
            let (begun, ()) = futures_util::join!(waiting, failing);
            let took = began.elapsed();
            assert!(matches!(begun, Begun::Conflict { .. }), "{faults:?}: {begun:?}");
            let bound = Policy::webhook().wait() + budget();
            assert!(took <= bound, "claims {faults:?}, waits {wait_faults:?} took {took:?}");
            holder.release().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_handler_its_answer_is_delayed_by_one_store_timeout_at_most() {
    for faults in OUTAGES {
        let (engine, store) = engine();
        let (completing, releasing) = (run(&engine, "completes").await, run(&engine, "releases").await);
        keep_failing(&store, "complete", faults);
        keep_failing(&store, "release", faults);
        let began = Instant::now();
        assert_eq!(completing.complete(outcome("done")).await, CompletionResult::Unrecorded);
        let completed = began.elapsed();
        releasing.release().await;
        let released = began.elapsed() - completed;
        assert!(completed <= budget() && released <= budget(), "{faults:?}: {completed:?}, {released:?}");
    }
}

/// A reading costs about as much as an allocation. The store's own are not counted.
#[tokio::test(start_paused = true)]
async fn a_delivery_reads_the_clock_a_few_times() {
    let machine = Machine::default();
    let engine = Idempotency::on_runtime(MemoryStore::new(), machine.clone());
    for (is_fresh, most) in [(true, 6), (false, 3)] {
        let before = machine.readings();
        let ran = engine.run(delivery("k"), |_| async { Ok::<_, ()>(7) }).await.unwrap();
        assert_eq!(ran, if is_fresh { Ran::Executed(7) } else { Ran::Replayed(7) });
        let readings = machine.readings() - before;
        assert!(readings <= most, "{readings} readings, {ran:?}");
    }
}
