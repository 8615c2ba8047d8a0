//! The protocol keeps its rules in every state within the bounds.

use std::sync::Arc;
use std::time::Duration;

use idempotency_model::{ClaimModel, Faithful, Search, worlds};

#[test]
fn two_workers_with_two_attempts_each_break_no_rule() {
    let (attempts, grants, ticks) = (4, 5, 4);
    for world in worlds(attempts, grants, ticks) {
        let search = Search { rule: None, depth: None, limit: Duration::from_secs(3600) };
        let run = search.check(ClaimModel::new(world, Arc::new(Faithful)));
        println!("{run}");
        assert!(run.is_proof(), "{run}");
    }
}
