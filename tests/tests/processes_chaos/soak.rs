//! The soak: a steady load on servers that stay up, and a fault every five seconds. Their memory must stay flat.

use std::sync::Arc;
use std::time::Duration;

use idempotency_tests::demo::{Framework, Ledger, Setup, eventually, now};
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::watch;

use super::dice::Dice;
use super::faults::{Fault, strike_now_and_then};
use super::sender::{Event, Log, Sent};
use super::{LEASE, Site, judge, lock, micros, report, variable};

/// By how much a server may grow from the end of the first quarter to the end of the load.
const GROWTH_KIB: u64 = 16 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_steady_load_with_faults_memory_stays_flat_and_every_promise_is_kept() {
    let seed = variable("SOAK_SEED", micros());
    let duration = Duration::from_secs(variable("SOAK_SECONDS", 15));
    println!("SOAK_SEED={seed} SOAK_SECONDS={}", duration.as_secs());
    let mut dice = Dice::new(seed);
    let redis = Arc::new(RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await);
    let ledger = Ledger::new();
    let setup =
        |framework| Setup::new(framework, &redis.url(), &ledger).with("--lease", "2s").with("--wait", "1s");
    let sites = [Site::start(setup(Framework::Axum)).await, Site::start(setup(Framework::Actix)).await];

    let (over, watched) = watch::channel(false);
    let faults = strike_now_and_then(sites.clone(), Arc::clone(&redis), dice.split(), watched);
    let faults = tokio::spawn(faults);
    let (log, start) = (Log::default(), now());
    let (mut events, mut senders, mut early) = (Vec::new(), tokio::task::JoinSet::new(), None);
    while start.elapsed() < duration {
        // Handlers answer at once, so that the time to an answer is the servers' own.
        let event = Event { delay: 0, ..Event::new(events.len(), &mut dice) };
        event.send_copies(&sites, &log, &mut dice, &mut senders);
        events.push(event);
        while senders.try_join_next().is_some() {}
        tokio::time::sleep(Duration::from_millis(dice.below(40))).await;
        if early.is_none() && start.elapsed() > duration / 4 {
            early = Some(resident(&sites));
        }
    }
    over.send_replace(true);
    let faults = faults.await.expect("no fault panics");
    let done = async || {
        while senders.try_join_next().is_some() {}
        senders.is_empty().then_some(())
    };
    eventually("every delivery is acknowledged", Duration::from_secs(60), done).await;
    tokio::time::sleep(LEASE).await;
    let (early, late) = (early.flatten(), resident(&sites));

    let sent = log.take();
    report(&events, &sent, &faults, &ledger.lines());
    print_times(&sent, &faults);
    println!("resident KiB of [axum, actix] after a quarter {early:?}, at the end {late:?}");
    for event in &events {
        for site in &sites {
            event.send_once(site, &log).await;
        }
    }
    let verdict = judge::violations(&events, &sent, &log.take(), &ledger.lines(), &faults);
    assert!(verdict.is_empty(), "SOAK_SEED={seed}: {} violations: {:#?}", verdict.len(), &verdict);
    if let (Some(early), Some(late)) = (early, late) {
        let grown = late.iter().zip(early).any(|(late, early)| *late > early + GROWTH_KIB);
        assert!(!grown, "the servers grew from {early:?} KiB to {late:?} KiB");
    }
}

fn resident(sites: &[Arc<Site>; 2]) -> Option<[u64; 2]> {
    let [axum, actix] = sites;
    Some([lock(&axum.demo).resident_kib()?, lock(&actix.demo).resident_kib()?])
}

/// How long the answers took: all, and those that no fault fell into.
fn print_times(sent: &[Sent], faults: &[Fault]) {
    let answered = || sent.iter().filter(|sent| sent.answer.is_some());
    let is_calm =
        |sent: &&Sent| !faults.iter().any(|fault| fault.from <= sent.answered && fault.to >= sent.at);
    for (which, times) in [
        ("all", answered().map(|sent| sent.answered - sent.at).collect::<Vec<_>>()),
        ("without a fault", answered().filter(is_calm).map(|sent| sent.answered - sent.at).collect()),
    ] {
        let mut times = times;
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
        println!("{} answers, {which}: p50 {} us, p99 {} us", times.len(), at(50), at(99));
    }
}
