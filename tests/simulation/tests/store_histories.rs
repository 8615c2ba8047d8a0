//! Histories of the real memory store behind a simulated network.

use idempotency_simulation::checker::Checker;
use idempotency_simulation::counters::Counters;
use idempotency_simulation::stores::{check_store, memory_store, simulate_store, split_store};

/// The number of histories; `SIMULATION_HISTORIES` sets another one.
fn histories() -> u64 {
    std::env::var("SIMULATION_HISTORIES").ok().and_then(|number| number.parse().ok()).unwrap_or(200_000)
}

#[test]
fn every_history_of_the_memory_store_can_be_explained() {
    let (mut checker, mut counters) = (Checker::new(), Counters::default());
    for seed in 0..histories() {
        if let Some(counterexample) = check_store(seed, &memory_store, &mut checker, &mut counters) {
            panic!(
                "seed {seed}: {counterexample}\nagain: cargo run -p idempotency-simulation --release -- --seed {seed}"
            );
        }
    }
    println!("{counters}");
    assert!(counters.undecided * 10_000 <= counters.histories, "{} undecided", counters.undecided);
}

#[test]
fn every_history_of_a_store_that_changes_record_and_mark_in_two_steps_can_be_explained() {
    // Two-step operations have more possible explanations, so the search is given up sooner.
    let (mut checker, mut counters) = (Checker::new().with_limit(20_000), Counters::default());
    for seed in 0..histories() / 40 {
        if let Some(counterexample) = check_store(seed, &split_store, &mut checker, &mut counters) {
            panic!(
                "seed {seed}: {counterexample}\nagain: cargo run -p idempotency-simulation --release -- split --seed {seed}"
            );
        }
    }
    println!("{counters}");
    assert!(counters.undecided * 50 <= counters.histories, "{} undecided", counters.undecided);
}

/// Another claim took over between the two steps. Long runs meet this once in a quarter of a million histories.
#[test]
fn a_claim_that_loses_its_lease_between_its_two_steps_may_be_stale() {
    let (mut checker, mut counters) = (Checker::new(), Counters::default());
    let counterexample = check_store(261_156, &split_store, &mut checker, &mut counters);
    assert!(counterexample.is_none(), "{}", counterexample.unwrap());
}

#[test]
fn a_seed_gives_the_same_history_again() {
    for seed in [1, 2, 3, 4711] {
        let print = || format!("{:?}", simulate_store(seed, &memory_store));
        assert_eq!(print(), print());
    }
}
