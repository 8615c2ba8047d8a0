//! A machine is suspended while it holds a lease.

use super::*;

fn suspendable() -> (Idempotency, FaultyStore, Machine) {
    let (engine, store) = engine();
    let machine = Machine::default();
    (engine.with_runtime(machine.clone()), store, machine)
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_ran_out_while_the_machine_was_suspended_is_lost() {
    let (engine, _, machine) = suspendable();
    let execution = run(&engine, "k").await;
    machine.suspend(28 * SECOND);
    assert!(!execution.context().is_lease_lost());
    machine.suspend(SECOND);
    assert!(execution.context().is_lease_lost());
    execution.context().lease_lost().await;
    execution.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_no_claim_took_over_during_a_suspension_is_held_after_the_next_renewal() {
    let (engine, _, machine) = suspendable();
    let mut execution = run(&engine, "k").await;
    let context = execution.context().clone();
    execution
        .renew_while(async {
            tokio::time::sleep(SECOND).await;
            // This also covers a jump of the wall clock.
            machine.suspend(1000 * SECOND);
            assert!(context.is_lease_lost());
            tokio::time::sleep(10 * SECOND).await;
            assert!(!context.is_lease_lost());
            machine.suspend(1000 * SECOND);
        })
        .await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_arrives_after_a_suspension_is_renewed_before_it_runs() {
    let (engine, store, machine) = suspendable();
    store.fail("claim", [Fault::AnswersLate(SECOND / 10)]);
    let (execution, ()) = futures_util::join!(run(&engine, "k"), async {
        machine.suspend(60 * SECOND);
    });
    assert_eq!(store.calls("renew"), 1);
    assert!(!execution.context().is_lease_lost());
    execution.release().await;
}
