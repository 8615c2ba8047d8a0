//! Chaos: a sender that retries, repeats and reorders; servers and Redis that are killed and paused at random. What
//! came of it is judged from the ledger and the sender's log.
//!
//! `CHAOS_SECONDS` makes it longer (default 15), `CHAOS_SEED` repeats a plan. `SOAK_SECONDS` and `SOAK_SEED` do the
//! same for the soak.

mod dice;
mod faults;
mod judge;
mod sender;
mod soak;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idempotency_core::clock;
use idempotency_tests::demo::{Demo, Framework, Ledger, Line, Setup, eventually, now};
use idempotency_tests::redis_server::RedisServer;

use dice::Dice;
use faults::{Fault, Faults};
use sender::{Event, Log, Sent};

const LEASE: Duration = Duration::from_secs(2);

/// A server, and how its successor is started.
struct Site {
    setup: Setup,
    demo: Mutex<Demo>,
}

impl Site {
    async fn start(setup: Setup) -> Arc<Self> {
        let demo = setup.clone().start().await;
        Arc::new(Self { setup, demo: Mutex::new(demo) })
    }

    async fn start_successor(&self) {
        let successor = self.setup.clone().start().await;
        *lock(&self.demo) = successor;
    }
}

/// This moment, in microseconds since 1970: what fencing tokens are made of as well.
fn micros() -> u64 {
    u64::try_from(clock::system_unix_time().as_micros()).expect("the year is not that late")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_every_delivery_is_acknowledged_and_none_is_executed_for_no_reason() {
    let seed = variable("CHAOS_SEED", micros());
    let duration = Duration::from_secs(variable("CHAOS_SECONDS", 15));
    println!("CHAOS_SEED={seed} CHAOS_SECONDS={}", duration.as_secs());
    let mut dice = Dice::new(seed);

    // What Redis has answered is in its file, whatever kills its process.
    let redis = Arc::new(RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await);
    let ledger = Ledger::new();
    let setup =
        |framework| Setup::new(framework, &redis.url(), &ledger).with("--lease", "2s").with("--wait", "1s");
    let sites = [Site::start(setup(Framework::Axum)).await, Site::start(setup(Framework::Actix)).await];

    let log = Log::default();
    let faults = Faults::start(&sites, &redis, &mut dice);
    let start = now();
    let mut events = Vec::new();
    let mut senders = tokio::task::JoinSet::new();
    while start.elapsed() < duration {
        let event = Event::new(events.len(), &mut dice);
        event.send_copies(&sites, &log, &mut dice, &mut senders);
        events.push(event);
        tokio::time::sleep(Duration::from_millis(dice.below(20))).await;
    }
    let faults = faults.stop().await;
    let patience = Duration::from_secs(60);
    let done = async || {
        while senders.try_join_next().is_some() {}
        senders.is_empty().then_some(())
    };
    eventually("every delivery is acknowledged", patience, done).await;
    println!("{} events, all acknowledged after {:?}", events.len(), start.elapsed());

    // Outcomes that are still being recorded in the background are recorded, or given up, within a lease.
    tokio::time::sleep(LEASE).await;
    let sent = log.take();
    report(&events, &sent, &faults, &ledger.lines());
    for event in &events {
        for site in &sites {
            event.send_once(site, &log).await;
        }
    }
    let again = log.take();
    let verdict = judge::violations(&events, &sent, &again, &ledger.lines(), &faults);
    assert!(verdict.is_empty(), "CHAOS_SEED={seed}: {} violations: {:#?}", verdict.len(), &verdict);
}

fn report(events: &[Event], sent: &[Sent], faults: &[Fault], lines: &[Line]) {
    let mut answers = BTreeMap::<&str, usize>::new();
    for sent in sent {
        *answers.entry(sent.outcome()).or_default() += 1;
    }
    let mut kinds = BTreeMap::<&str, usize>::new();
    for fault in faults {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    let keys: HashSet<_> = lines.iter().map(|line| &line.key).collect();
    println!("{} deliveries: {answers:?}", sent.len());
    println!("faults: {kinds:?}");
    let failures: HashMap<_, _> = events.iter().map(|event| (&event.id, event.failures)).collect();
    let resumed = lines.iter().filter(|line| line.attempt > 1 + failures[&line.key]).count();
    let repeated = lines.len() - keys.len();
    println!("{} keys executed, {resumed} after an attempt was cut short, {repeated} twice", keys.len());
}
