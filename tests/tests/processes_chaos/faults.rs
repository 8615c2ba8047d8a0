//! The faults: servers are killed, replaced and paused, Redis is restarted and paused, each by a task of its own.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_tests::redis_server::RedisServer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::dice::Dice;
use super::{Site, lock, micros};

/// One fault, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The faults under way.
pub(crate) struct Faults {
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
    list: Arc<Mutex<Vec<Fault>>>,
}

impl Faults {
    pub(crate) fn start(sites: &[Arc<Site>], redis: &Arc<RedisServer>, dice: &mut Dice) -> Self {
        let (over, watched) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let list = Arc::<Mutex<Vec<Fault>>>::default();
        for site in sites {
            tasks.spawn(strike_site(Arc::clone(site), dice.split(), watched.clone(), Arc::clone(&list)));
        }
        tasks.spawn(strike_redis(Arc::clone(redis), dice.split(), watched, Arc::clone(&list)));
        Self { tasks, over, list }
    }

    /// Lets everything go on, and gives all faults that there were.
    pub(crate) async fn stop(self) -> Vec<Fault> {
        self.over.send_replace(true);
        self.tasks.join_all().await;
        std::mem::take(&mut *lock(&self.list))
    }
}

async fn strike_site(
    site: Arc<Site>,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
    list: Arc<Mutex<Vec<Fault>>>,
) {
    while rest(500 + dice.below(2000), &mut over).await {
        let from = micros();
        assert!(lock(&site.demo).exit_status().is_none(), "nothing but this test ends a server");
        let kind = match dice.below(5) {
            0 | 1 => {
                lock(&site.demo).kill();
                tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
                site.start_successor().await;
                "server killed"
            }
            2 => {
                lock(&site.demo).terminate();
                let status = tokio::time::timeout(Duration::from_secs(20), ended(&site)).await;
                let status = status.expect("it ends when it has drained");
                assert!(status.success(), "{status}: {}", lock(&site.demo).log());
                site.start_successor().await;
                "server replaced"
            }
            _ => {
                lock(&site.demo).pause();
                tokio::time::sleep(Duration::from_millis(200 + dice.below(4000))).await;
                lock(&site.demo).resume();
                "server paused"
            }
        };
        lock(&list).push(Fault { kind, from, to: micros() });
    }
}

async fn ended(site: &Site) -> ExitStatus {
    loop {
        let status = lock(&site.demo).exit_status();
        match status {
            Some(status) => return status,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn strike_redis(
    redis: Arc<RedisServer>,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
    list: Arc<Mutex<Vec<Fault>>>,
) {
    while rest(1500 + dice.below(2500), &mut over).await {
        let from = micros();
        let kind = if dice.percent(50) {
            redis.kill();
            tokio::time::sleep(Duration::from_millis(dice.below(500))).await;
            redis.restart().await;
            "redis restarted"
        } else {
            redis.pause();
            tokio::time::sleep(Duration::from_millis(300 + dice.below(2000))).await;
            redis.resume();
            "redis paused"
        };
        lock(&list).push(Fault { kind, from, to: micros() });
    }
}

/// Every five seconds, one of those faults that no server loses its memory by.
pub(crate) async fn strike_now_and_then(
    sites: [Arc<Site>; 2],
    redis: Arc<RedisServer>,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    while rest(5000, &mut over).await {
        let from = micros();
        let pause = Duration::from_millis(200 + dice.below(1500));
        let kind = match dice.below(3) {
            0 => {
                redis.kill();
                redis.restart().await;
                "redis restarted"
            }
            1 => {
                redis.pause();
                tokio::time::sleep(pause).await;
                redis.resume();
                "redis paused"
            }
            _ => {
                let site = &sites[usize::from(dice.percent(50))];
                lock(&site.demo).pause();
                tokio::time::sleep(pause).await;
                lock(&site.demo).resume();
                "server paused"
            }
        };
        faults.push(Fault { kind, from, to: micros() });
    }
    faults
}

/// Waits so many milliseconds. False where it is all over.
async fn rest(millis: u64, over: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(Duration::from_millis(millis), over.wait_for(|over| *over)).await.is_err()
}
