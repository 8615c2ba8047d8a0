//! Recording: runs a workload against any store, simulated or real.

use std::sync::Arc;

use futures_util::future::{Either, join_all, select};
use idempotency_core::engine::Runtime;
use idempotency_core::store::Store;

use crate::log::Log;
use crate::recording::RecordingStore;
use crate::workload::{Reply, Request, Step, Worker, Workload};

/// Runs the workers of a workload concurrently against a store and logs their operations. Each worker has a runtime;
/// workers that share a clock get the same one. Returns how often workers paused for longer than their lease, and how
/// often they died.
///
/// The times in the history come from the log's clock, which must keep pace with the store's.
pub async fn record(
    store: Arc<dyn Store>,
    workload: &Workload,
    log: &Log,
    runtime: impl Fn(usize) -> Arc<dyn Runtime>,
) -> (u64, u64) {
    let workers = workload.workers().enumerate().map(|(number, worker)| {
        work(worker, RecordingStore::new(store.clone(), log.clone(), number), runtime(number))
    });
    join_all(workers).await.into_iter().fold((0, 0), |sum, next| (sum.0 + next.0, sum.1 + next.1))
}

/// Runs one worker against a store. Returns how often it paused for longer than its lease, and how often it died.
pub async fn work(mut worker: Worker, store: RecordingStore, runtime: Arc<dyn Runtime>) -> (u64, u64) {
    while let Some(Step { pause, request, patience }) = worker.next_step() {
        runtime.sleep(pause).await;
        let sent = Box::pin(send(&store, request));
        // A request that timed out is dropped, and may still take effect.
        let reply = match select(sent, runtime.sleep(patience)).await {
            Either::Left((reply, _)) => reply,
            Either::Right(_) => Reply::Nothing,
        };
        worker.learn(reply);
    }
    worker.mishaps()
}

async fn send(store: &RecordingStore, request: Request) -> Reply {
    match request {
        Request::Claim(claim) => Reply::Claim(store.claim(&claim).await),
        Request::Renew(lease, duration) => Reply::Hold(store.renew(&lease, duration).await),
        Request::Complete(completion) => Reply::Hold(store.complete(&completion).await),
        Request::Release(lease, release) => Reply::Hold(store.release(&lease, release).await),
        Request::Adopt(lease, owner, duration) => {
            let adopted = store.adopt(&lease, owner, duration).await;
            Reply::Adopt(owner, adopted)
        }
        Request::Load(key) => {
            drop(store.load(key).await);
            Reply::Other
        }
        Request::Forget(key) => {
            drop(store.forget(key).await);
            Reply::Other
        }
        Request::Resolve(key, resolution) => {
            drop(store.resolve(key, &resolution).await);
            Reply::Other
        }
    }
}
