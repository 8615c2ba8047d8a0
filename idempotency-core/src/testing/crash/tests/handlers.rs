//! Handlers with planted bugs, and right ones.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{delivery, failing, failure};
use crate::engine::{Begun, CompletionResult};
use crate::testing::crash::{CrashKit, CrashReport, Effects};
use crate::{IdempotencyContext, OnExpired, Outcome, Policy};

type Done = Result<(), Infallible>;

/// Charges with the same idempotency key at every attempt.
async fn charge(context: IdempotencyContext, effects: Effects, (): ()) -> Done {
    effects.record_once("charge", "order-42", &context.derive_key("charge")).await;
    Ok(())
}

/// Sends a mail that cannot be deduplicated.
async fn mail(_: IdempotencyContext, effects: Effects, (): ()) -> Done {
    effects.record("mail", "order-42").await;
    Ok(())
}

#[tokio::test]
async fn a_handler_whose_effect_recognizes_a_repeat_passes() {
    let report = CrashKit::new(delivery(), || (), charge).run().await;
    report.assert_each_effect_once();
    report.assert_no_event_lost();
    report.assert_at_most(1);
    let points = [
        "before store call 1 (claim)",
        "after store call 1 (claim), reply lost",
        "before effect 1 (charge)",
        "after effect 1 (charge)",
        "before store call 2 (complete)",
        "after store call 2 (complete), reply lost",
    ];
    assert_eq!(report.points(), points);
    assert!(report.runs().iter().all(|run| run.effects().eq([("charge", "order-42", 1)])), "{report}");
    assert!(report.to_string().starts_with("0 of "), "{report}");
}

/// Ten steps, each an await and an effect.
async fn ten_steps(context: IdempotencyContext, effects: Effects, (): ()) -> Done {
    for step in 0..10 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let name = format!("step {step}");
        effects.record_once(&name, "order-42", &context.derive_key(&name)).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_handler_of_ten_steps_passes_under_both_policies() {
    for policy in [Policy::webhook(), Policy::api()] {
        let report = CrashKit::new(delivery(), || (), ten_steps).with_policy(policy).run().await;
        report.assert_each_effect_once();
        // Two calls and ten effects, each with a point before and after it, and ten awaits; a renewal after 10 s.
        assert!(report.points().len() >= 34, "{:?}", report.points());
        assert_eq!(report.left_out(), 0);
    }
}

#[tokio::test]
async fn each_await_of_a_handler_is_a_point() {
    let handler = async |effects: Effects| {
        tokio::task::yield_now().await;
        effects.record("mail", "order-42").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let kit = CrashKit::new(
        delivery(),
        || (),
        move |_, effects, ()| async move {
            handler(effects).await;
            Done::Ok(())
        },
    );
    let report = kit.run().await;
    let of_handler = |point: &&String| point.contains("handler") || point.contains("effect");
    let points: Vec<_> = report.points().iter().filter(of_handler).collect();
    let expected = [
        "at await 1 of the handler",
        "before effect 1 (mail)",
        "after effect 1 (mail)",
        "at await 2 of the handler",
    ];
    assert_eq!(points, expected);
    assert_eq!(report.points().len(), 8, "{:?}", report.points());
}

#[tokio::test]
async fn an_effect_that_recognizes_no_repeat_happens_at_most_twice_after_one_crash() {
    let report = CrashKit::new(delivery(), || (), mail).run().await;
    report.assert_no_event_lost();
    report.assert_at_most(2);
    assert!(
        failure(|| report.assert_at_most(1)).starts_with("expected each effect to happen at most 1 times\n")
    );
    let failed = failing(&report, |run| run.effects().any(|(_, _, count)| count > 1));
    let crashes: Vec<_> = failed.iter().copied().filter(|schedule| schedule.starts_with("crash")).collect();
    assert_eq!(crashes, ["crash after effect 1 (mail)", "crash before store call 2 (complete)"]);
    let overlaps = failed.iter().filter(|schedule| schedule.ends_with("duplicate meanwhile"));
    assert_eq!(overlaps.count(), 0, "a holder whose lease lasts is not taken over");
    assert!(failed.iter().any(|schedule| schedule.starts_with("pause past the lease")));
}

#[tokio::test]
async fn in_doubt_an_effect_happens_at_most_once_and_no_event_is_lost_in_silence() {
    for policy in [Policy::webhook(), Policy::api()] {
        let policy = policy.with_on_expired(OnExpired::InDoubt);
        let report = CrashKit::new(delivery(), || (), mail).with_policy(policy).run().await;
        report.assert_at_most(1);
        report.assert_no_event_lost();
        let doubtful = failing(&report, |run| run.is_in_doubt());
        assert!(doubtful.contains(&"crash before effect 1 (mail)"), "{doubtful:?}");
        assert!(doubtful.contains(&"crash after effect 1 (mail)"), "{doubtful:?}");
        assert!(!doubtful.contains(&"crash after store call 2 (complete), reply lost"), "{doubtful:?}");
    }
}

#[tokio::test]
async fn a_handler_that_fails_at_first_passes() {
    let handler = |context: IdempotencyContext, effects: Effects, ()| async move {
        if context.attempt() == 1 {
            return Err("the bank is busy");
        }
        effects.record_once("charge", "order-42", &context.derive_key("charge")).await;
        Ok(())
    };
    let report = CrashKit::new(delivery(), || (), handler).run().await;
    report.assert_each_effect_once();
    assert!(report.points().iter().any(|point| point == "after store call 2 (release), reply lost"));
}

#[tokio::test]
async fn a_handler_that_outlasts_its_lease_passes_and_its_renewals_are_points() {
    let handler = |context: IdempotencyContext, effects: Effects, ()| async move {
        tokio::time::sleep(Duration::from_secs(45)).await;
        charge(context, effects, ()).await
    };
    let report = CrashKit::new(delivery(), || (), handler).run().await;
    report.assert_each_effect_once();
    assert!(
        report.points().iter().any(|point| point == "before store call 4 (renew)"),
        "{:?}",
        report.points()
    );
}

// The planted bugs.

#[tokio::test]
async fn a_handler_that_is_called_without_the_engine_is_found() {
    let report = CrashKit::delivering(
        || (),
        |_, effects, ()| async move {
            effects.record("charge", "order-42").await;
            true
        },
    );
    let report = report.run().await;
    let message = failure(|| report.assert_each_effect_once());
    assert!(message.contains("no fault"), "{message}");
    assert!(message.contains("charge order-42: 2"), "{message}");
}

#[tokio::test]
async fn a_handler_that_is_acknowledged_before_its_effect_is_found() {
    let handler = |context: IdempotencyContext, effects: Effects, ()| async move {
        tokio::spawn(async move { charge(context, effects, ()).await });
        Done::Ok(())
    };
    let report = CrashKit::new(delivery(), || (), handler).run().await;
    assert_loses(&report, "crash before effect 1 (charge)");
    report.assert_at_most(1);
}

#[tokio::test]
async fn an_idempotency_key_that_differs_between_attempts_is_found() {
    let keys = AtomicUsize::new(0);
    let handler = move |_: IdempotencyContext, effects: Effects, ()| {
        let idempotency_key = keys.fetch_add(1, Ordering::SeqCst).to_string();
        async move {
            effects.record_once("charge", "order-42", &idempotency_key).await;
            Done::Ok(())
        }
    };
    let report = CrashKit::new(delivery(), || (), handler).run().await;
    report.assert_no_event_lost();
    let message = failure(|| report.assert_each_effect_once());
    assert!(message.contains("crash after effect 1 (charge)"), "{message}");
}

#[tokio::test]
async fn a_marker_that_is_set_before_the_effect_is_found() {
    type Markers = Arc<Mutex<HashSet<String>>>;
    let handler = |context: IdempotencyContext, effects: Effects, markers: Markers| async move {
        // Someone has begun, so nothing is left to do: the event whose process died in between is lost.
        if markers.lock().unwrap().insert(context.key().as_str().to_owned()) {
            charge(context, effects, ()).await?;
        }
        Done::Ok(())
    };
    let report = CrashKit::new(delivery(), Markers::default, handler).run().await;
    assert_loses(&report, "crash before effect 1 (charge)");
}

#[tokio::test]
async fn an_error_that_is_swallowed_between_an_outbox_and_its_effect_is_found() {
    type Outbox = Arc<Mutex<Vec<String>>>;
    let handler = |context: IdempotencyContext, effects: Effects, outbox: Outbox| async move {
        let entry = context.key().as_str().to_owned();
        if outbox.lock().unwrap().contains(&entry) {
            // "Duplicate entry" is logged, and the handler answers 200.
            return Done::Ok(());
        }
        outbox.lock().unwrap().push(entry);
        tokio::task::yield_now().await;
        charge(context, effects, ()).await
    };
    let report = CrashKit::new(delivery(), Outbox::default, handler).run().await;
    assert_loses(&report, "crash at await 1 of the handler");
}

#[tokio::test]
async fn a_completion_before_the_effect_is_found() {
    let report = CrashKit::delivering(
        || (),
        |engine, effects, ()| async move {
            match engine.begin(delivery()).await {
                Ok(Begun::Run(execution)) => {
                    let context = execution.context().clone();
                    let completed = execution.complete(Outcome::default()).await;
                    assert_eq!(completed, CompletionResult::Recorded);
                    charge(context, effects, ()).await.is_ok()
                }
                Ok(Begun::Replay(_)) => true,
                _ => false,
            }
        },
    );
    assert_loses(&report.run().await, "crash after store call 2 (complete), reply lost");
}

#[tokio::test]
async fn a_handler_that_panics_or_hangs_is_found() {
    let panics = CrashKit::new(
        delivery(),
        || (),
        |context, effects, ()| async move {
            charge(context, effects, ()).await?;
            if true {
                std::panic::resume_unwind(Box::new("a planted panic"));
            }
            Done::Ok(())
        },
    );
    assert_loses(&panics.run().await, "no fault");
    let hangs = CrashKit::new(
        delivery(),
        || (),
        |context, effects, ()| async move {
            charge(context, effects, ()).await?;
            std::future::pending::<Done>().await
        },
    );
    let report = hangs.run().await;
    assert_loses(&report, "no fault");
    assert_eq!(report.runs().len(), 1);
}

#[track_caller]
fn assert_loses(report: &CrashReport, schedule: &str) {
    let message = failure(|| report.assert_no_event_lost());
    assert!(message.contains(&format!("  {schedule} ")), "{message}");
    assert!(report.to_string().contains(schedule), "{report}");
}

#[tokio::test]
async fn a_handler_whose_path_differs_from_run_to_run_is_found() {
    let runs = Arc::new(AtomicUsize::new(0));
    let kit = CrashKit::new(
        delivery(),
        || (),
        move |context, effects, ()| {
            let is_first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                if is_first {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                charge(context, effects, ()).await
            }
        },
    );
    let report = kit.run().await;
    let message = failure(|| report.assert_at_most(1));
    assert!(message.contains("the handler took another path than without a fault"), "{message}");
}
