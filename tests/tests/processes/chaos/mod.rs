//! Chaos: a sender that retries, repeats and reorders; servers that are killed and paused at random moments and at
//! random points of the engine; and a store whose server is killed and paused, or whose file is locked. The judge compares
//! the ledger with the sender's log.
//!
//! `CHAOS_SECONDS` sets the length (default: 15), and `CHAOS_SEED` repeats a plan. `SOAK_SECONDS` and `SOAK_SEED` do the
//! same for the soak.

mod crash;
mod dice;
mod faults;
mod journal;
mod judge;
mod sender;
mod soak;
mod tally;
mod windows;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use clap::ValueEnum as _;
use idempotency_core::clock;
use idempotency_tests::demo::{Client, Demo, Framework, Ledger, Setup, now};
use idempotency_tests::faults::{FaultAt, Point, Strike};

use crate::backing::Backing;
use dice::Dice;
use faults::{Faults, fault_at};
use journal::Fault;
use sender::{Event, Log, PATIENCE, ask_again};
use tally::{Tally, print_faults};

const LEASE: Duration = Duration::from_secs(2);

/// A run of at least this length must strike a server at each of the twelve points.
const LONG: Duration = Duration::from_secs(600);

/// The maximum number of senders at a time, so that a slow machine has less to do.
const MOST: usize = 200;

/// A server and the setup of its successors.
struct Site {
    setup: Setup,
    demo: Mutex<Demo>,
    client: Mutex<Client>,
    struck: AtomicBool,
}

impl Site {
    async fn start(setup: Setup, fault: Option<FaultAt>) -> Arc<Self> {
        let demo = armed(&setup, fault).start().await;
        let client = Mutex::new(demo.client());
        Arc::new(Self { setup, demo: Mutex::new(demo), client, struck: AtomicBool::new(false) })
    }

    async fn start_successor(&self, fault: Option<FaultAt>) {
        let successor = armed(&self.setup, fault).start().await;
        *lock(&self.client) = successor.client();
        *lock(&self.demo) = successor;
        self.struck.store(false, Ordering::SeqCst);
    }

    /// Keeps the connections of deliveries open, for a server that is never replaced.
    fn keep_connections(&self) {
        *lock(&self.client) = lock(&self.demo).pooled_client();
    }

    /// The fault that the server inflicted on itself, reported once.
    fn new_strike(&self) -> Option<Strike> {
        let strike = lock(&self.demo).strike()?;
        (!self.struck.swap(true, Ordering::SeqCst)).then_some(strike)
    }
}

fn armed(setup: &Setup, fault: Option<FaultAt>) -> Setup {
    let setup = setup.clone();
    match fault {
        Some(fault) => setup.with_fault_at(fault),
        None => setup,
    }
}

/// The current time in microseconds since 1970, like a fencing token.
fn micros() -> u64 {
    u64::try_from(clock::system_unix_time().as_micros()).expect("the microseconds fit in 64 bits")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_every_delivery_is_acknowledged_and_none_is_executed_for_no_reason() {
    chaos(Backing::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_on_postgresql_every_delivery_is_acknowledged_and_none_is_executed_for_no_reason() {
    chaos(Backing::postgres().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_dies_on_sqlite_every_delivery_is_acknowledged_and_none_is_executed_for_no_reason() {
    chaos(Backing::sqlite()).await;
}

async fn chaos(backing: Backing) {
    let seed = variable("CHAOS_SEED", micros());
    let duration = Duration::from_secs(variable("CHAOS_SECONDS", 15));
    println!("CHAOS_SEED={seed} CHAOS_SECONDS={}", duration.as_secs());
    let mut dice = Dice::new(seed);

    let backing = Arc::new(backing);
    let ledger = Ledger::new();
    let setup = |framework| {
        Setup::new(framework, &backing.url(), &ledger)
            .with_default_patience()
            .with("--lease", "2s")
            .with("--wait", "1s")
    };
    let sites = [
        Site::start(setup(Framework::Axum), Some(fault_at(&mut dice))).await,
        Site::start(setup(Framework::Actix), Some(fault_at(&mut dice))).await,
    ];

    let log = Log::default();
    let faults = Faults::start(&sites, &backing, &mut dice);
    let start = now();
    let mut events = Vec::new();
    let mut senders = tokio::task::JoinSet::new();
    while start.elapsed() < duration {
        while senders.try_join_next().is_some() {}
        if senders.len() < MOST {
            let event = Event::new(0, events.len(), &mut dice);
            for _ in 0..Event::copies(&mut dice) {
                senders.spawn(event.clone().send(sites.clone(), log.clone(), dice.split()));
            }
            events.push(event);
        }
        tokio::time::sleep(Duration::from_millis(dice.below(20))).await;
    }
    let faults = faults.stop().await;
    log.all_acknowledged(senders).await;
    println!("{} events, all acknowledged after {:?}", events.len(), start.elapsed());

    // Background recordings succeed or give up within a lease.
    tokio::time::sleep(LEASE).await;
    let sent = log.take();
    let mut tally = Tally::default();
    tally.add(&events, &sent, &ledger.lines());
    println!("{tally}");
    print_faults(&faults);
    let points = strikes(&faults);
    println!("faults: at the points {points:?}");
    assert!(!faults.is_empty() && !events.is_empty(), "there are faults, and a load");
    let again = ask_again(events.clone(), &sites).await;
    let verdict = judge::violations(&events, &sent, &again, &ledger.lines(), &faults);
    assert!(verdict.is_empty(), "CHAOS_SEED={seed}: {} violations: {:#?}", verdict.len(), &verdict);
    assert!(duration < LONG || points.values().all(|strikes| *strikes > 0), "{points:?}");
}

/// The number of strikes at each point.
fn strikes(faults: &[Fault]) -> BTreeMap<Point, usize> {
    let strikes = |point: &Point| faults.iter().filter(|fault| fault.point == Some(*point)).count();
    Point::value_variants().iter().map(|point| (*point, strikes(point))).collect()
}
