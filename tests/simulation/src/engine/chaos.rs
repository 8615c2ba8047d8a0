//! The course of a run: senders send while processes stall and die. Then the faults end, and no work may be left.

use futures_util::future::{join, join_all};

use super::Run;
use super::plan::LEASE;
use super::sender::{deliver, send};

/// Runs to the end and returns the rules that were broken after the faults.
pub(super) async fn run(run: Run) -> Vec<String> {
    let senders = (0..run.plan.deliveries.len())
        .flat_map(|key| (0..run.plan.copies).map(move |_| key))
        .map(|key| send(run.clone(), key));
    join(join_all(senders), join(crashes(&run), stalls(&run))).await;
    run.remote.heal();
    run.ledger.note("the faults are over");
    run.ledger.end_faults();
    let mut broken = Vec::new();
    for (process, engine) in run.processes() {
        if !engine.drain(LEASE * 20).await {
            broken.push(format!("process {process}: work is left long after the faults"));
        }
    }
    // The last requests take two leases to arrive. A claim of a dead process then blocks its key for one more.
    run.world.sleep(LEASE * 4).await;
    run.start_process();
    let Some((process, engine)) = run.processes().pop() else { return broken };
    for key in 0..run.plan.deliveries.len() {
        let is_acknowledged = deliver(&run, key, (process, engine.clone()), LEASE * 30).await;
        if !is_acknowledged && !run.plan.is_at_most_once() {
            broken.push(format!("I6: key {key} is not acknowledged, although nothing blocks it any more"));
        }
    }
    broken
}

/// Processes die, and others start in their place.
async fn crashes(run: &Run) {
    for _ in 0..run.plan.crashes {
        let pause = run.world.draw(|rng| rng.part(LEASE, 0, 200));
        run.world.sleep(pause).await;
        let processes = run.processes();
        let chosen = run.world.draw(|rng| rng.below(processes.len() as u64));
        let Some((process, _)) = processes.get(usize::try_from(chosen).unwrap_or(0)) else { continue };
        run.ledger.note(format_args!("process {process} dies"));
        run.ledger.count(|counters| counters.crashes += 1);
        run.stop_process(*process);
        let pause = run.world.draw(|rng| rng.part(LEASE, 0, 50));
        run.world.sleep(pause).await;
        run.start_process();
    }
}

/// Processes stop for a while, as in a long garbage collection or a moved virtual machine.
async fn stalls(run: &Run) {
    for _ in 0..run.plan.stalls {
        let (pause, stall) = run.world.draw(|rng| (rng.part(LEASE, 0, 200), rng.part(LEASE, 10, 250)));
        run.world.sleep(pause).await;
        let processes = run.processes();
        let chosen = run.world.draw(|rng| rng.below(processes.len() as u64));
        let Some((process, _)) = processes.get(usize::try_from(chosen).unwrap_or(0)) else { continue };
        run.ledger.note(format_args!("process {process} stalls for {stall:?}"));
        run.ledger.count(|counters| counters.pauses += 1);
        run.world.stall(*process, stall);
    }
}
