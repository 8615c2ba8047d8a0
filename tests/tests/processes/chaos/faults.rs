//! The faults: servers strike themselves at one of the twelve points, and are killed, replaced and paused at any moment.
//! The store's server is restarted and paused. Each has its own task. Storms alternate with calms, in which no fault can excuse a
//! broken promise.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::ValueEnum as _;
use idempotency_tests::demo::now;
use idempotency_tests::faults::{FaultAt, Point, Signal, Strike};
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::dice::Dice;
use super::journal::{Fault, Journal};
use super::{LEASE, PATIENCE, Site, lock};
use crate::backing::Backing;

/// The length of a storm and of the calm after it. In a calm, leases have time to run out if they are not renewed.
const SEASON: Duration = Duration::from_secs(10);

/// Storms and calms since the start. A server that was armed in a storm can still strike itself once in the calm.
#[derive(Clone, Copy)]
struct Weather(Instant);

impl Weather {
    fn is_calm(self) -> bool {
        self.0.elapsed().as_secs() / SEASON.as_secs() % 2 == 1
    }

    /// The fault of a server that is started now.
    fn fault_at(self, dice: &mut Dice) -> Option<FaultAt> {
        (!self.is_calm()).then(|| fault_at(dice))
    }
}

/// The faults under way.
pub(crate) struct Faults {
    tasks: JoinSet<()>,
    over: watch::Sender<bool>,
    journal: Journal,
}

impl Faults {
    pub(crate) fn start(sites: &[Arc<Site>], backing: &Arc<Backing>, dice: &mut Dice) -> Self {
        let (over, watched) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let (journal, weather) = (Journal::default(), Weather(now()));
        for site in sites {
            tasks.spawn(strike_site(
                Arc::clone(site),
                weather,
                dice.split(),
                watched.clone(),
                journal.clone(),
            ));
        }
        tasks.spawn(strike_store(Arc::clone(backing), weather, dice.split(), watched, journal.clone()));
        Self { tasks, over, journal }
    }

    /// Ends all faults and returns them.
    pub(crate) async fn stop(self) -> Vec<Fault> {
        self.over.send_replace(true);
        self.tasks.join_all().await;
        self.journal.all()
    }
}

/// Arms a server and each of its successors. Most of them live until they strike themselves. The last one is not armed.
async fn strike_site(
    site: Arc<Site>,
    weather: Weather,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
    journal: Journal,
) {
    loop {
        match next(&site, 500 + dice.below(4000), &mut over).await {
            Next::Over => break,
            Next::Struck(strike) => recover(&site, strike, weather, &mut dice, &journal).await,
            Next::Due if weather.is_calm() => {}
            Next::Due => strike_now(&site, weather, &mut dice, &journal).await,
        }
    }
    let _fault = journal.begin("server killed");
    lock(&site.demo).kill();
    note_strike(&site, &journal);
    site.start_successor(None).await;
}

/// The event that ends a server's rest.
enum Next {
    Struck(Strike),
    Due,
    Over,
}

async fn next(site: &Site, millis: u64, over: &mut watch::Receiver<bool>) -> Next {
    let end = now() + Duration::from_millis(millis);
    while now() < end {
        if !rest(10, over).await {
            return Next::Over;
        }
        if let Some(strike) = site.new_strike() {
            return Next::Struck(strike);
        }
    }
    Next::Due
}

/// Starts the successor of a server that killed itself. Resumes a server that stopped itself and soon replaces it,
/// since no server strikes itself twice.
async fn recover(site: &Site, strike: Strike, weather: Weather, dice: &mut Dice, journal: &Journal) {
    let mut fault = journal.struck(strike);
    match strike.fault.signal {
        Signal::Kill => {
            let _ = ended(site).await;
        }
        Signal::Stop => {
            tokio::time::sleep(Duration::from_millis(200 + dice.below(4000))).await;
            lock(&site.demo).resume();
            drop(fault);
            // Half of them live past their lost lease.
            tokio::time::sleep(LEASE * u32::try_from(dice.below(200)).expect("it is below 200") / 100).await;
            fault = journal.begin("server killed");
            lock(&site.demo).kill();
        }
    }
    site.start_successor(weather.fault_at(dice)).await;
    drop(fault);
}

async fn strike_now(site: &Site, weather: Weather, dice: &mut Dice, journal: &Journal) {
    match dice.below(5) {
        0 | 1 => {
            let _fault = journal.begin("server killed");
            lock(&site.demo).kill();
            note_strike(site, journal);
            tokio::time::sleep(Duration::from_millis(dice.below(300))).await;
            site.start_successor(weather.fault_at(dice)).await;
        }
        2 => {
            let _fault = journal.begin("server replaced");
            lock(&site.demo).terminate();
            let status = tokio::time::timeout(PATIENCE, ended(site)).await;
            let status = status.expect("it ends when it has drained, unless it strikes itself");
            if !note_strike(site, journal) {
                let well = status.is_some_and(|status| status.success());
                assert!(well, "{status:?}: {}", lock(&site.demo).log());
            }
            site.start_successor(weather.fault_at(dice)).await;
        }
        _ => {
            let _fault = journal.begin("server paused");
            lock(&site.demo).pause();
            tokio::time::sleep(Duration::from_millis(200 + dice.below(4000))).await;
            lock(&site.demo).resume();
        }
    }
}

/// Notes whether a server struck itself before another fault ended it. Returns whether it did.
fn note_strike(site: &Site, journal: &Journal) -> bool {
    site.new_strike().map(|strike| drop(journal.struck(strike))).is_some()
}

/// A random fault that happens soon.
pub(crate) fn fault_at(dice: &mut Dice) -> FaultAt {
    let points = Point::value_variants();
    let point = points[usize::try_from(dice.below(12)).expect("it is below 12")];
    let signal = if dice.percent(50) { Signal::Kill } else { Signal::Stop };
    FaultAt { point, signal, time: u32::try_from(1 + dice.below(8)).expect("it is small") }
}

/// Waits until a server has ended, or has stopped itself, which gives no status.
async fn ended(site: &Site) -> Option<ExitStatus> {
    loop {
        let (status, strike) = {
            let demo = lock(&site.demo);
            (demo.exit_status(), demo.strike())
        };
        if status.is_some() || strike.is_some_and(|strike| strike.fault.signal == Signal::Stop) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn strike_store(
    backing: Arc<Backing>,
    weather: Weather,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
    journal: Journal,
) {
    while rest(1500 + dice.below(2500), &mut over).await {
        if weather.is_calm() {
            continue;
        }
        if backing.has_server() && dice.percent(50) {
            let _fault = journal.begin("store restarted");
            backing.crash(Duration::from_millis(dice.below(500))).await;
        } else {
            let _fault = journal.begin("store stalled");
            backing.stall(Duration::from_millis(300 + dice.below(2000))).await;
        }
    }
}

/// Inflicts a fault every five seconds. No server is restarted, so that its memory can be measured.
pub(crate) async fn strike_now_and_then(
    sites: [Arc<Site>; 2],
    redis: Arc<RedisServer>,
    mut dice: Dice,
    mut over: watch::Receiver<bool>,
    journal: Journal,
) {
    while rest(5000, &mut over).await {
        let pause = Duration::from_millis(200 + dice.below(1500));
        match dice.below(3) {
            0 => {
                let _fault = journal.begin("redis restarted");
                redis.kill();
                redis.restart().await;
            }
            1 => {
                let _fault = journal.begin("redis paused");
                redis.pause();
                tokio::time::sleep(pause).await;
                redis.resume();
            }
            _ => {
                let _fault = journal.begin("server paused");
                let site = &sites[usize::from(dice.percent(50))];
                lock(&site.demo).pause();
                tokio::time::sleep(pause).await;
                lock(&site.demo).resume();
            }
        }
    }
}

/// Waits this many milliseconds. Returns false once the run is over.
async fn rest(millis: u64, over: &mut watch::Receiver<bool>) -> bool {
    tokio::time::timeout(Duration::from_millis(millis), over.wait_for(|over| *over)).await.is_err()
}
