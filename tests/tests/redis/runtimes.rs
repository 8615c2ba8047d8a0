//! One store on several runtimes, as with one per worker: a worker that blocks or ends does not disturb the others.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Barrier, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::poll;
use tokio::time::Instant;

use idempotency_core::Outcome;
use idempotency_core::store::redis::{Durability, RedisStore};
use idempotency_core::store::{Claimed, Hold, Store as _};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{NAMESPACE, claim, completion, grant, key, patient};
use idempotency_tests::redis_cluster::{RedisCluster, until};
use idempotency_tests::redis_server::RedisServer;
use tokio::runtime::Runtime;

/// Longer than an answer takes, and shorter than the limit of a test.
const PATIENT: Duration = Duration::from_secs(60);
const NO_REPLICAS: Durability = Durability::Replicas { count: 0, timeout: PATIENT };

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A worker whose only thread blocks after `work` until this is dropped.
struct Blocked {
    go_on: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Blocked {
    fn after<F: Future>(work: impl FnOnce() -> F + Send + 'static) -> Self {
        let (done, worked) = mpsc::channel();
        let (go_on, blocked) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                work().await;
                done.send(()).unwrap();
                let _ = blocked.recv();
            });
        });
        worked.recv().unwrap();
        Self { go_on: Some(go_on), thread: Some(thread) }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        drop(self.go_on.take());
        let _ = self.thread.take().unwrap().join();
    }
}

fn store(server: &RedisServer) -> RedisStore {
    patient(RedisStore::new(server.url(), NAMESPACE).unwrap())
}

#[test]
fn a_durable_write_uses_no_connection_of_a_blocked_worker() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = store(&server).with_durability(NO_REPLICAS);
    let first = store.clone();
    let _blocked =
        Blocked::after(move || async move { drop(first.claim(&claim("first", 1)).await.unwrap()) });
    let start = Instant::now();
    runtime().block_on(grant(&store, &claim("second", 1)));
    assert!(start.elapsed() < PATIENT / 2, "it took {:?}", start.elapsed());
}

#[test]
fn a_durable_write_uses_no_connection_of_a_worker_that_ended() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = store(&server).with_durability(NO_REPLICAS);
    runtime().block_on(grant(&store, &claim("first", 1)));
    runtime().block_on(grant(&store, &claim("second", 1)));
}

#[test]
fn many_workers_keep_a_connection_each() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = store(&server);
    let workers: Vec<_> = (0..80).map(|_| runtime()).collect();
    for round in 0..5 {
        for (number, worker) in workers.iter().enumerate() {
            let name = format!("{round} {number}");
            worker.block_on(grant(&store, &claim(&name, 1)));
        }
    }
    let connections = servers.block_on(server.info("total_connections_received"));
    assert!(connections < 100, "{connections} connections for {} workers", workers.len());
}

#[test]
fn workers_that_ended_leave_no_connection_behind() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = store(&server);
    for number in 0..200 {
        runtime().block_on(grant(&store, &claim(&number.to_string(), 1)));
    }
    let clients = servers.block_on(server.info("connected_clients"));
    assert!(clients < 10, "{clients} connections are left");
}

#[test]
fn a_waiter_is_woken_even_if_the_worker_that_subscribed_first_is_blocked() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = store(&server);
    let first = store.clone();
    let _blocked = Blocked::after(move || async move {
        grant(&first, &claim("first", 1)).await;
        first.wait_for_change(key("first").digest(), Duration::from_millis(50)).await.unwrap();
    });
    let start = Instant::now();
    runtime().block_on(async {
        let (lease, _) = grant(&store, &claim("second", 1)).await;
        let key = key("second");
        let waiting = store.wait_for_change(key.digest(), PATIENT);
        let completing = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
        };
        tokio::join!(waiting, completing).0.unwrap();
    });
    assert!(start.elapsed() < PATIENT / 2, "it was woken after {:?}", start.elapsed());
}

#[test]
fn health_checks_continue_after_the_worker_that_started_them_has_ended() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = servers.block_on(RedisServer::start());
    let proxy = servers.block_on(FaultProxy::start(server.port()));
    let store = patient(RedisStore::new(proxy.url(), NAMESPACE).unwrap());
    let store = store.with_health_interval(Duration::from_millis(20));
    runtime().block_on(async {
        grant(&store, &claim("first", 1)).await;
        until(async || proxy.take_requests().contains_key("info")).await;
    });
    proxy.take_requests();
    runtime().block_on(async {
        grant(&store, &claim("second", 1)).await;
        // The test's own commands do not pass the proxy.
        until(async || proxy.take_requests().contains_key("info")).await;
    });
}

#[test]
fn a_worker_that_blocks_while_it_reads_the_slot_map_does_not_block_the_others() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let cluster = servers.block_on(RedisCluster::start(3, false));
    let store = patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap());
    let first = store.clone();
    let _blocked = Blocked::after(move || async move {
        let claiming = async move { first.claim(&claim("first", 1)).await };
        let mut claiming = Box::pin(claiming);
        // It sends the command and blocks before the answer.
        assert!(futures_util::poll!(&mut claiming).is_pending());
        tokio::task::yield_now().await;
        std::mem::forget(claiming);
    });
    let start = Instant::now();
    let claimed = runtime()
        .block_on(async { tokio::time::timeout(PATIENT / 2, store.claim(&claim("second", 1))).await });
    assert!(matches!(claimed, Ok(Ok(Claimed::Granted(_)))), "{claimed:?} after {:?}", start.elapsed());
}

/// No task of the runtime is left to send a queued command.
#[test]
fn calls_from_other_threads_end_when_their_runtime_does() {
    const CALLS: usize = 8;
    let runtime = runtime();
    let server = runtime.block_on(RedisServer::start());
    let store = store(&server);
    runtime.block_on(grant(&store, &claim("warm", 1)));
    let queued = Arc::new(Barrier::new(CALLS + 1));
    let (ended, ends) = mpsc::channel();
    for number in 0..CALLS {
        let (handle, store) = (runtime.handle().clone(), store.clone());
        let (queued, ended) = (Arc::clone(&queued), ended.clone());
        std::thread::spawn(move || {
            // A timer panics when its runtime has ended, which is an end too.
            let _ended = SendOnDrop(ended);
            handle.block_on(async {
                let claim = claim(&format!("k{number}"), 1);
                let mut call = pin!(store.claim(&claim));
                assert!(poll!(&mut call).is_pending());
                queued.wait();
                let _ = call.await;
            });
        });
    }
    queued.wait();
    drop(runtime);
    for number in 0..CALLS {
        assert_eq!(ends.recv_timeout(PATIENT), Ok(()), "{number} calls have ended");
    }
}

/// Sends when it is dropped, also by a panic.
struct SendOnDrop(mpsc::Sender<()>);

impl Drop for SendOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}
