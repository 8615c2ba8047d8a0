//! PostgreSQL is killed under load and started again, while the servers stay up.

use std::time::Duration;

use idempotency_tests::demo::{Framework, Ledger, Setup, eventually};
use tokio::task::JoinSet;

use super::dice::Dice;
use super::journal::Journal;
use super::sender::{Event, Log, PATIENCE, ask_again};
use super::tally::Tally;
use super::{LEASE, Site, judge, micros, variable};
use crate::backing::Backing;

/// The number of events, and of those that are answered between two crashes.
const EVENTS: usize = 150;
const BETWEEN: usize = 50;

/// How long the server stays down.
const DOWN: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgresql_that_is_killed_under_load_forgets_no_acknowledged_event() {
    let seed = variable("CHAOS_SEED", micros());
    println!("CHAOS_SEED={seed}");
    let mut dice = Dice::new(seed);
    let (backing, ledger, journal) = (Backing::postgres().await, Ledger::new(), Journal::default());
    let setup = |framework| {
        let setup = Setup::new(framework, &backing.url(), &ledger).with_default_patience();
        setup.with("--lease", "2s").with("--wait", "1s")
    };
    let sites =
        [Site::start(setup(Framework::Axum), None).await, Site::start(setup(Framework::Actix), None).await];

    let (log, mut senders, mut events) = (Log::default(), JoinSet::new(), Vec::new());
    for number in 0..EVENTS {
        let event = Event { failures: 0, delay: dice.below(50), ..Event::new(0, number, &mut dice) };
        for _ in 0..Event::copies(&mut dice) {
            senders.spawn(event.clone().send(sites.clone(), log.clone(), dice.split()));
        }
        events.push(event);
        if number % BETWEEN == BETWEEN - 1 {
            // Some events of this part are acknowledged, and others are under way.
            let some = async || (log.answered() > number - BETWEEN / 2).then_some(());
            eventually("answers", PATIENCE, some).await;
            let _fault = journal.begin("PostgreSQL killed");
            backing.crash(DOWN).await;
        }
    }
    log.all_acknowledged(senders).await;

    // Background recordings succeed or give up within a lease.
    tokio::time::sleep(LEASE).await;
    let (sent, lines) = (log.take(), ledger.lines());
    let mut tally = Tally::default();
    tally.add(&events, &sent, &lines);
    println!("{tally}");
    let again = ask_again(events.clone(), &sites).await;
    let verdict = judge::violations(&events, &sent, &again, &ledger.lines(), &journal.all());
    assert!(verdict.is_empty(), "CHAOS_SEED={seed}: {} violations: {verdict:#?}", verdict.len());
    assert_eq!(journal.all().len(), EVENTS / BETWEEN);
}
