//! Every planted bug is found, and the same store without a bug is not accused.

use std::sync::Arc;

use idempotency_simulation::checker::Checker;
use idempotency_simulation::counters::Counters;
use idempotency_simulation::planted::{Bug, PlantedStore};
use idempotency_simulation::stores::check_store;

const SEEDS: u64 = 1000;

#[test]
fn every_planted_bug_is_found_within_a_thousand_seeds_or_twenty_thousand() {
    let mut missed = Vec::new();
    for &bug in Bug::ALL {
        let (mut checker, mut counters) = (Checker::new(), Counters::default());
        let make = |seed, clock| bug.store(seed, clock);
        // Two steps have to be caught with a rival's completion in between.
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

#[test]
fn the_same_store_without_a_bug_is_not_accused() {
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
