//! The checker finds every planted bug and accepts the same store without a bug.

use std::sync::Arc;

use idempotency_simulation::checker::Checker;
use idempotency_simulation::counters::Counters;
use idempotency_simulation::history::History;
use idempotency_simulation::planted::{Bug, PlantedStore};
use idempotency_simulation::stores::{check_store, simulate_store};

const SEEDS: u64 = 1000;

#[test]
fn every_planted_bug_is_found_within_a_thousand_seeds_or_twenty_thousand() {
    let mut missed = Vec::new();
    for &bug in Bug::ALL {
        let (mut checker, mut counters) = (Checker::new(), Counters::default());
        let make = |seed, clock| bug.store(seed, clock);
        // These bugs need a rival's completion between the two steps.
        let seeds = if bug.is_split() { SEEDS * 20 } else { SEEDS };
        let found =
            (0..seeds).find_map(|seed| Some((seed, check_store(seed, &make, &mut checker, &mut counters)?)));
        match found {
            Some((seed, counterexample)) => println!("{bug}: first at seed {seed}: {counterexample}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// A store that repeats operations may give more answers, but none of these.
#[test]
fn every_planted_bug_is_found_even_if_the_store_may_repeat_operations() {
    let mut missed = Vec::new();
    for &bug in Bug::ALL {
        let mut checker = Checker::new().with_limit(20_000);
        let mut is_accused = |seed: &u64| {
            let (histories, _) = simulate_store(*seed, &|seed, clock| bug.store(seed, clock));
            let mut histories = histories.into_iter().map(History::repeating_operations);
            histories.any(|history| checker.explains(&history) == Some(false))
        };
        let seeds = if bug.is_split() { SEEDS * 20 } else { SEEDS };
        match (0..seeds).find(&mut is_accused) {
            Some(seed) => println!("{bug}: first at seed {seed}"),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

#[test]
fn the_same_store_without_a_bug_passes() {
    let (mut checker, mut counters) = (Checker::new(), Counters::default());
    for seed in 0..SEEDS {
        let found = check_store(
            seed,
            &|seed, clock| Arc::new(PlantedStore::new(None, seed, clock)),
            &mut checker,
            &mut counters,
        );
        if let Some(counterexample) = found {
            panic!("seed {seed}: {counterexample}");
        }
    }
}
