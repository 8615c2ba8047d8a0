//! Each mutant of the protocol breaks the rule that it is listed with.

use std::time::Duration;

use idempotency_model::mutants;

#[test]
fn every_mutant_is_killed_by_its_rule() {
    let mut alive = Vec::new();
    for mutant in mutants() {
        match mutant.shortest_counterexample(Duration::from_secs(600)) {
            Some(run) => println!("{run}"),
            None => alive.push(mutant.name),
        }
    }
    assert!(alive.is_empty(), "alive: {alive:?}");
}
