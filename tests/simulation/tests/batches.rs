//! Overlapping batches end, since no batch waits while it holds grants.

use idempotency_simulation::batches::{Waiting, check_batches};
use idempotency_simulation::counters::Counters;

/// The number of runs; `SIMULATION_BATCHES` sets another one.
fn runs() -> u64 {
    std::env::var("SIMULATION_BATCHES").ok().and_then(|number| number.parse().ok()).unwrap_or(4_000)
}

#[test]
fn overlapping_batches_end_and_every_key_runs_once() {
    let mut counters = Counters::default();
    for seed in 0..runs() {
        let broken = check_batches(seed, Waiting::HoldingNothing, &mut counters);
        assert!(broken.is_empty(), "seed {seed}: {broken:?}");
    }
    println!("{counters}");
}

#[test]
fn a_batch_that_waits_while_it_holds_grants_is_found_out() {
    let mut counters = Counters::default();
    let found = (0..1000).find_map(|seed| {
        let broken = check_batches(seed, Waiting::HoldingGrants, &mut counters);
        broken.first().map(|broken| (seed, broken.clone()))
    });
    let (seed, broken) = found.expect("two batches wait for each other");
    println!("waits while it holds grants: first at seed {seed}: {broken}");
}
