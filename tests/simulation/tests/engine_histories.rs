//! Histories of the real engine: senders that retry, processes that stall and die, a bad network.

use idempotency_simulation::checker::Checker;
use idempotency_simulation::counters::Counters;
use idempotency_simulation::engine::check_engine;
use idempotency_simulation::planted::Bug;
use idempotency_simulation::stores::{memory_store, split_store};

/// The number of histories; `SIMULATION_ENGINE_HISTORIES` sets another one.
fn histories() -> u64 {
    let asked = std::env::var("SIMULATION_ENGINE_HISTORIES").ok();
    asked.and_then(|number| number.parse().ok()).unwrap_or(20_000)
}

#[test]
fn the_engine_keeps_its_promise_in_every_history() {
    let (mut checker, mut counters) = (Checker::new(), Counters::default());
    for seed in 0..histories() {
        if let Some(failure) = check_engine(seed, &memory_store, false, &mut checker, &mut counters) {
            panic!(
                "seed {seed}: {failure}\n\
                 again: cargo run -p idempotency-simulation --release -- engine --seed {seed}"
            );
        }
    }
    println!("{counters}");
    assert!(counters.calm * 20 > counters.histories, "{} calm", counters.calm);
    assert!(counters.undecided * 1000 <= counters.histories, "{} undecided", counters.undecided);
}

#[test]
fn the_engine_keeps_its_promise_where_record_and_mark_change_in_two_steps() {
    // Two-step operations have more possible explanations, so the search is given up sooner.
    let (mut checker, mut counters) = (Checker::new().with_limit(20_000), Counters::default());
    for seed in 0..histories() / 10 {
        if let Some(failure) = check_engine(seed, &split_store, false, &mut checker, &mut counters) {
            panic!(
                "seed {seed}: {failure}\n\
                 again: cargo run -p idempotency-simulation --release -- engine split --seed {seed}"
            );
        }
    }
    println!("{counters}");
    assert!(counters.undecided * 10 <= counters.histories, "{} undecided", counters.undecided);
}

#[test]
fn an_engine_on_a_broken_store_is_found_out() {
    let bugs = [
        Bug::ReleaseWithoutOwner,
        Bug::CompleteWithoutFence,
        Bug::ReadThenWrite,
        Bug::LostOnFailover,
        Bug::ClaimNotRepeatable,
        Bug::SkewedDeadlines,
        Bug::MarkLowered,
        Bug::StaleUnchecked,
        Bug::RenewalForgotten,
        Bug::LeaseNeverEnds,
        Bug::InDoubtReruns,
        Bug::GoneWithLease,
        Bug::MarkRaisedAfter,
        Bug::MarkRaisedByLoser,
    ];
    for bug in bugs {
        let (mut checker, mut counters) = (Checker::new().with_limit(20_000), Counters::default());
        let make = |seed, clock| bug.store(seed, clock);
        let found = (0..5000)
            .find_map(|seed| Some((seed, check_engine(seed, &make, false, &mut checker, &mut counters)?)));
        let Some((seed, failure)) = found else { panic!("{bug} is not found") };
        println!("{bug}: seed {seed}: {}", failure.broken().next().unwrap_or_default());
    }
}
