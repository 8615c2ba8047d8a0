//! The soak: half of the servers' maximum load, and a fault every five seconds. The servers stay up, and their memory
//! must stay flat.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_tests::demo::{Framework, Ledger, Setup, now, resident_kib};
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::dice::Dice;
use super::faults::strike_now_and_then;
use super::journal::Journal;
use super::sender::{PATIENCE, ask_again};
use super::tally::print_faults;
use super::windows::{Court, Judged, Lines, Window};
use super::{Site, lock, micros, variable};

/// The allowed growth of a server during the load, after the largest possible backlog.
const GROWTH_KIB: u64 = 16 * 1024;

/// How long events are sent before a window is judged.
const WINDOW: Duration = Duration::from_secs(20);

/// The maximum of concurrent deliveries, for a machine that has become slower since the measurement.
const MOST: u32 = 2048;

/// How long a server and Redis are paused to build up a backlog. It is shorter than the sender's timeout.
const GATHERING: Duration = Duration::from_secs(4);

/// The number of concurrent deliveries during the measurement of the maximum.
const CROWD: u64 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_steady_load_with_faults_memory_stays_flat_and_every_promise_is_kept() {
    let seed = variable("SOAK_SEED", micros());
    let duration = Duration::from_secs(variable("SOAK_SECONDS", 15));
    println!("SOAK_SEED={seed} SOAK_SECONDS={}", duration.as_secs());
    // A paused server keeps every connection that is opened meanwhile.
    rlimit::increase_nofile_limit(16384).expect("the limit can be queried");
    let mut dice = Dice::new(seed);
    let redis = Arc::new(RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await);
    let ledger = Ledger::new();
    let setup = |framework| {
        Setup::new(framework, &redis.url(), &ledger)
            .with_default_patience()
            .with("--lease", "2s")
            .with("--wait", "1s")
    };
    let sites =
        [Site::start(setup(Framework::Axum), None).await, Site::start(setup(Framework::Actix), None).await];
    for site in &sites {
        site.keep_connections();
    }
    let court = Arc::new(Court {
        sites: sites.clone(),
        journal: Journal::default(),
        lines: Mutex::new(Lines::of(ledger)),
        judged: Mutex::default(),
    });

    let burst = (duration / 8).clamp(Duration::from_secs(2), Duration::from_secs(10));
    let (mut window, maximum) = measure_maximum(&sites, burst, &mut dice).await;
    let rate = maximum / 2;
    assert!(rate > 0, "there is a load");
    println!("answers a second, at most: {maximum}; deliveries offered a second: {rate}");
    let room = Arc::new(Semaphore::new(MOST as usize));
    gather(&court, &redis, &mut window, &room, &mut dice).await;
    court.judge(window).await;
    // The times of the backlog say nothing about the load.
    lock(&court.judged).times = Default::default();
    let early = resident(&sites);

    let (over, watched) = watch::channel(false);
    let faults =
        strike_now_and_then(sites.clone(), Arc::clone(&redis), dice.split(), watched, court.journal.clone());
    let faults = tokio::spawn(faults);
    offer(&court, rate, duration, &room, &mut dice).await;
    over.send_replace(true);
    faults.await.expect("no fault panics");
    let late = resident(&sites);

    let judged = std::mem::take(&mut *lock(&court.judged));
    print(&judged, &court.journal);
    println!("resident KiB of [axum, actix] before the load {early:?}, at the end {late:?}");
    println!("resident KiB of the test {:?}", resident_kib(std::process::id()));
    assert!(judged.violations.is_empty(), "SOAK_SEED={seed}: {:#?}", judged.violations);
    let again = ask_again(judged.kept, &sites).await;
    let forgotten: Vec<_> = again.iter().filter(|sent| !sent.is_acknowledged_as("replayed")).collect();
    assert!(forgotten.is_empty(), "SOAK_SEED={seed}: {forgotten:#?}");
    let mut lines = lock(&court.lines);
    let overlooked = lines.late(&court.journal.all());
    assert!(overlooked.is_empty(), "SOAK_SEED={seed}: executed after it was judged: {overlooked:#?}");
    if let (Some(early), Some(late)) = (early, late) {
        let grown = late.iter().zip(early).any(|(late, early)| *late > early + GROWTH_KIB);
        assert!(!grown, "the servers grew from {early:?} KiB to {late:?} KiB");
    }
}

/// Measures the deliveries answered per second, each followed by the next. Returns their window as well.
async fn measure_maximum(sites: &[Arc<Site>; 2], burst: Duration, dice: &mut Dice) -> (Window, u64) {
    let window = Arc::new(Mutex::new(Window::new(0)));
    let (start, mut crowd) = (now(), JoinSet::new());
    for _ in 0..CROWD {
        let (sites, window) = (sites.clone(), Arc::clone(&window));
        let mut dice = dice.split();
        crowd.spawn(async move {
            while start.elapsed() < burst {
                let (event, log) = {
                    let mut window = lock(&window);
                    (window.event(&mut dice), window.log().clone())
                };
                let mut site = || &sites[usize::from(dice.percent(50))];
                while !event.send_once(site(), &log).await.is_acknowledged() && start.elapsed() < PATIENCE {}
            }
        });
    }
    crowd.join_all().await;
    let window = Arc::into_inner(window).expect("the crowd is gone").into_inner().expect("no task panicked");
    let rate = window.log().answered() as u128 * 1000 / start.elapsed().as_millis();
    (window, u64::try_from(rate).expect("there is a limit"))
}

/// Builds up the largest possible backlog at each server and at Redis, since a server keeps the memory that it needed.
async fn gather(
    court: &Court,
    redis: &RedisServer,
    window: &mut Window,
    room: &Arc<Semaphore>,
    dice: &mut Dice,
) {
    let mut waiting = async |kind, pause: &dyn Fn(), resume: &dyn Fn()| {
        let fault = court.journal.begin(kind);
        pause();
        let start = now();
        while start.elapsed() < GATHERING {
            while window.send(&court.sites, room, dice) > 0 {}
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        resume();
        drop(fault);
        let all = tokio::time::timeout(PATIENCE, room.acquire_many(MOST)).await;
        drop(all.expect("every delivery is acknowledged").expect("it is never closed"));
    };
    for site in &court.sites {
        waiting("server paused", &|| lock(&site.demo).pause(), &|| lock(&site.demo).resume()).await;
    }
    waiting("redis paused", &|| redis.pause(), &|| redis.resume()).await;
}

/// Offers this many deliveries per second, independent of the response times, and judges them window by window.
async fn offer(court: &Arc<Court>, rate: u64, duration: Duration, room: &Arc<Semaphore>, dice: &mut Dice) {
    let (start, mut offered, mut held_back) = (now(), 0, 0);
    let (mut window, mut number, mut judging) = (Window::new(1), 1, JoinSet::new());
    while start.elapsed() < duration {
        let due = start.elapsed().as_millis() * u128::from(rate) / 1000;
        while offered < due {
            match window.send(&court.sites, room, dice) {
                0 => break,
                copies => offered += copies as u128,
            }
        }
        held_back += due.saturating_sub(offered);
        offered = offered.max(due);
        if start.elapsed() > WINDOW * number {
            number += 1;
            let closed = std::mem::replace(&mut window, Window::new(number as usize));
            let court = Arc::clone(court);
            judging.spawn(async move { court.judge(closed).await });
        }
        while let Some(ended) = judging.try_join_next() {
            ended.expect("it is judged");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("deliveries held back: {held_back}");
    court.judge(window).await;
    judging.join_all().await;
}

fn resident(sites: &[Arc<Site>; 2]) -> Option<[u64; 2]> {
    let [axum, actix] = sites;
    Some([lock(&axum.demo).resident_kib()?, lock(&actix.demo).resident_kib()?])
}

fn print(judged: &Judged, journal: &Journal) {
    println!("{}", judged.tally);
    print_faults(&journal.all());
    for (which, times) in ["all", "without a fault"].into_iter().zip(&judged.times) {
        let mut times = times.clone();
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        println!("{} answers, {which}: p50 {} us, p99 {} us", times.len(), at(50), at(99));
    }
}
