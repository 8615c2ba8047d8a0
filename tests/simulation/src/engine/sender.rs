//! Senders: they deliver, time out, and deliver again until they are acknowledged.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use idempotency_core::{Idempotency, RunError};

use super::Run;
use super::handler::handle;
use super::plan::LEASE;
use crate::world::ProcessId;

/// How often a sender tries.
const TRIES: u64 = 6;

/// Sends a delivery until it is acknowledged, or the sender gives up.
pub(super) async fn send(run: Run, key: usize) {
    for _ in 0..TRIES {
        let pause = run.world.draw(|rng| rng.part(LEASE, 0, 120));
        run.world.sleep(pause).await;
        let processes = run.processes();
        if processes.is_empty() {
            continue;
        }
        let chosen = run.world.draw(|rng| rng.below(processes.len() as u64));
        let (process, engine) = processes[usize::try_from(chosen).unwrap_or(0)].clone();
        let patience = run.world.draw(|rng| rng.part(LEASE, 10, 300));
        let is_acknowledged = deliver(&run, key, (process, engine), patience).await;
        if is_acknowledged && run.world.draw(|rng| rng.chance(70)) {
            return;
        }
    }
}

/// One delivery. Answers whether it was acknowledged.
pub(super) async fn deliver(
    run: &Run,
    key: usize,
    (process, engine): (ProcessId, Idempotency),
    patience: Duration,
) -> bool {
    let (send, receive) = oneshot::channel();
    let is_bad = run.plan.handlers_are_bad && !run.ledger.is_quiet();
    let (ledger, runtime) = (run.ledger.clone(), run.world.runtime(process));
    let delivery = run.plan.deliveries[key].clone();
    let serve = async move {
        let handler =
            move |context| async move { handle(ledger, runtime, (key, process, is_bad), context).await };
        let ran = AssertUnwindSafe(engine.run(delivery, handler)).catch_unwind().await;
        drop(send.send(ran.unwrap_or(Err(RunError::Dropped))));
    };
    let sent = run.world.elapsed();
    let request = run.world.spawn(process, Box::pin(serve));
    match select(receive, Box::pin(run.world.sleep(patience))).await {
        Either::Left((Ok(ran), _)) => run.ledger.note_answer(key, &ran, run.world.elapsed() - sent),
        Either::Left((Err(oneshot::Canceled), _)) => false,
        Either::Right(_) => {
            run.ledger.note(format_args!("key {key}: the sender hangs up"));
            run.ledger.count(|counters| counters.hung_up += 1);
            run.world.abort(request);
            false
        }
    }
}
