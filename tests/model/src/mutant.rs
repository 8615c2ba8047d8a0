//! The mutants: the protocol with one mistake each, and the rule that the mistake breaks.

use std::sync::Arc;
use std::time::Duration;

use crate::bounds::{Arrival, Bounds};
use crate::mistakes::{
    AbandonedIsFree, AdoptKeepsFence, AdoptedCompletes, AdoptedTwice, ClaimOnce, CompleteUnfenced,
    FenceReset, FingerprintLost, GoneWithLease, LeaseWithoutEnd, LookThenSet, LoserRaises, MarkLowered,
    NoSecondLook, Overwrite, RaisedAfter, ReleaseByAnybody, RenewResurrects, ResolveKeepsFence,
    TakeoverOfLive, UnreadableIsFree, UnstartedCounts, WaiterDeletes,
};
use crate::model::ClaimModel;
use crate::protocol::Protocol;
use crate::rule::Rule;
use crate::run::{Run, Search};

/// The protocol with one mistake.
#[derive(Debug)]
#[non_exhaustive]
pub struct Mutant {
    /// What is wrong with it.
    pub name: &'static str,
    /// The rule that it breaks.
    pub breaks: Rule,
    bounds: Bounds,
    protocol: Arc<dyn Protocol>,
}

impl Mutant {
    /// The shortest way to break the rule, within bounds that can reveal the mistake; `None` if there is none.
    #[must_use]
    pub fn shortest_counterexample(&self, limit: Duration) -> Option<Run> {
        let mut depth = 0;
        loop {
            depth += 1;
            let model = ClaimModel::new(self.bounds.clone(), Arc::clone(&self.protocol));
            let run = Search { rule: Some(self.breaks), depth: Some(depth), limit }.check(model);
            if run.counterexamples.contains_key(self.breaks.name()) {
                return Some(run);
            }
            if run.depth < depth {
                return None;
            }
        }
    }
}

/// All mutants.
#[must_use]
pub fn mutants() -> Vec<Mutant> {
    let one_key = |name| Bounds::new(name, 3, 4, 4, &[Arrival::of(0)]);
    let other = Arrival::of(0).with_fingerprint(1);
    let bodies = [Arrival::of(0), other, other.with_fingerprint(2)];
    let ordered = [Arrival::of(0).with_version(1), Arrival::of(1).with_version(2)];
    let split = |name| Bounds::new(name, 3, 3, 2, &ordered).split();
    let adopted = |name| Bounds::new(name, 3, 4, 2, &[Arrival::of(0)]).with_adoptions(2);
    let doubtful = [Arrival::of(0).in_doubt()];
    let released = |name| Bounds::new(name, 2, 3, 2, &doubtful).with_all_releases();
    let mutant = |bounds: Bounds, breaks, protocol: Arc<dyn Protocol>| Mutant {
        name: bounds.name,
        breaks,
        bounds,
        protocol,
    };
    vec![
        mutant(one_key("release without owner check"), Rule::I4, Arc::new(ReleaseByAnybody)),
        mutant(one_key("complete without fence check"), Rule::I4, Arc::new(CompleteUnfenced)),
        mutant(one_key("fence reset on takeover"), Rule::I1, Arc::new(FenceReset)),
        mutant(one_key("renew that resurrects"), Rule::I3, Arc::new(RenewResurrects)),
        mutant(one_key("claim that looks, then sets"), Rule::I1, Arc::new(LookThenSet)),
        mutant(one_key("claim not repeatable"), Rule::I5, Arc::new(ClaimOnce)),
        mutant(one_key("completed overwritten"), Rule::I2, Arc::new(Overwrite)),
        mutant(one_key("takeover of a live lease"), Rule::I1, Arc::new(TakeoverOfLive)),
        mutant(Bounds::new("mark lowered", 3, 3, 2, &ordered), Rule::I8, Arc::new(MarkLowered)),
        mutant(one_key("waiter that deletes"), Rule::I1, Arc::new(WaiterDeletes)),
        mutant(one_key("lease that never ends"), Rule::I6, Arc::new(LeaseWithoutEnd)),
        mutant(one_key("unreadable is free").with_corruptions(1), Rule::I7, Arc::new(UnreadableIsFree)),
        mutant(
            Bounds::new("takeover that loses the fingerprint", 3, 3, 2, &bodies),
            Rule::Mismatch,
            Arc::new(FingerprintLost),
        ),
        mutant(one_key("resolve keeps the fence").with_resolutions(1), Rule::I2, Arc::new(ResolveKeepsFence)),
        mutant(split("mark raised after the completion"), Rule::I8, Arc::new(RaisedAfter)),
        mutant(split("grant without a second look"), Rule::I8, Arc::new(NoSecondLook)),
        mutant(split("mark raised by a loser that never ran"), Rule::I8, Arc::new(LoserRaises)),
        mutant(adopted("second adoption granted"), Rule::I4, Arc::new(AdoptedTwice)),
        mutant(adopted("adoption keeps the fence"), Rule::I1, Arc::new(AdoptKeepsFence)),
        mutant(adopted("adopted holder still completes"), Rule::I4, Arc::new(AdoptedCompletes)),
        mutant(released("unstarted attempt counts"), Rule::Attempt, Arc::new(UnstartedCounts)),
        mutant(released("abandoned is free"), Rule::Doubt, Arc::new(AbandonedIsFree)),
        mutant(one_key("gone with its lease").with_retention(2), Rule::Attempt, Arc::new(GoneWithLease)),
    ]
}
