//! One server behind a bad network. Some of its clients see a server older than Redis 7.0 and use other commands.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::TokioClock;
use idempotency_core::store::Store;
use idempotency_core::store::redis::RedisStore;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::watch;

use super::{RESOLUTION, Recordings, repeated};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_recorded_at_a_real_server_can_be_explained() {
    let mut met = Met::default();
    let tally = repeated(1, async |seeds, tally| {
        let server = RedisServer::start().await;
        let (new, old) = (FaultProxy::start(server.port()).await, FaultProxy::start(server.port()).await);
        old.replace("\r\nNX\r\n$3\r\nGET\r\n", &["SET", "k", "v", "NX", "FROM", "LATER"]);
        let stores: Vec<_> = [&new, &new, &new, &old].into_iter().map(store).collect();
        let recordings = Recordings::start(&stores, seeds, &Arc::new(TokioClock::new()));
        let (over, watched) = watch::channel(false);
        let faults = tokio::spawn(misbehave([new, old], watched));
        let histories = recordings.ended().await;
        over.send_replace(true);
        met.add(faults.await.unwrap());
        for (seed, log) in histories {
            log.histories(RESOLUTION).iter().for_each(|history| tally.judge(seed, history));
        }
    })
    .await;
    println!("one server: {tally}; {met:?}");
    assert!(tally.unanswered > 0, "{tally}");
    assert!(met.cut > 0 && met.swallowed > 0 && met.half_open > 0, "{met:?}");
}

fn store(proxy: &FaultProxy) -> Arc<dyn Store> {
    let store = RedisStore::new(proxy.url(), "histories").unwrap();
    Arc::new(store.with_response_timeout(Duration::from_millis(300)))
}

/// The number of faults of each kind, and the number of connections.
#[derive(Default, Debug)]
pub(crate) struct Met {
    pub(crate) cut: u32,
    pub(crate) swallowed: u32,
    pub(crate) half_open: u32,
    pub(crate) connections: u64,
}

impl Met {
    pub(crate) fn add(&mut self, other: Self) {
        self.cut += other.cut;
        self.swallowed += other.swallowed;
        self.half_open += other.half_open;
        self.connections += other.connections;
    }
}

/// Loses and delays replies, cuts connections, swallows all traffic, or swallows the replies alone.
async fn misbehave(proxies: [FaultProxy; 2], over: watch::Receiver<bool>) -> Met {
    let mut met = Met::default();
    for round in 0_u32.. {
        if *over.borrow() {
            break;
        }
        for proxy in &proxies {
            proxy.delay(Duration::from_millis([0, 0, 5, 40][round as usize % 4]));
            proxy.lose_reply_to(if round % 2 == 0 { "EVALSHA" } else { "NX" });
        }
        let fault = match round % 48 {
            7 => Some((&mut met.cut, FaultProxy::cut as fn(&FaultProxy))),
            19 => Some((&mut met.swallowed, FaultProxy::swallow as _)),
            35 => Some((&mut met.half_open, FaultProxy::half_open as _)),
            _ => None,
        };
        if let Some((count, befall)) = fault {
            proxies.iter().for_each(befall);
            *count += 1;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    met.connections = proxies.iter().map(FaultProxy::connections).sum();
    met
}
