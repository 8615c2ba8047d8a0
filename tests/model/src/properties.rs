//! The properties: each rule holds in every state, and each event happens in some state.

use idempotency_core::OnExpired;
use idempotency_core::store::{Claimed, Release};
use stateright::Property;

use crate::audit::Standing;
use crate::bounds::{Bounds, time};
use crate::model::ClaimModel;
use crate::reached::Event;
use crate::rule::Rule;
use crate::slot::Slot;
use crate::world::World;

/// All properties whose events the bounds allow.
pub(crate) fn all(bounds: &Bounds) -> Vec<Property<ClaimModel>> {
    let mut properties = rules();
    properties.extend(events(bounds));
    properties
}

fn rules() -> Vec<Property<ClaimModel>> {
    macro_rules! unbroken {
        ($($rule:ident),*) => {
            vec![$(Property::always(Rule::$rule.name(), |_, world: &World| !world.broken.contains(Rule::$rule))),*]
        };
    }
    let mut rules = unbroken![I1, I2, I3, I4, I5, I7, I8, Holder, Doubt, Mismatch, Attempt];
    rules.push(Property::always(Rule::I6.name(), |model: &ClaimModel, world: &World| {
        !world.broken.contains(Rule::I6) && a_new_owner_is_answered_in_time(model, world)
    }));
    debug_assert_eq!(rules.len(), Rule::ALL.len());
    rules
}

/// Whether a new owner's claim is answered rightly now, and also after a lease in which nothing arrives.
fn a_new_owner_is_answered_in_time(model: &ClaimModel, world: &World) -> bool {
    let (now, later) = (time(world.now), time(world.now) + model.bounds.lease());
    world.keys.iter().zip(&model.probes).all(|(keyed, probe)| {
        let answer_at = |at| model.decide_at(&keyed.slot, world, probe, at).0;
        let is_granted = |answer| matches!(answer, Claimed::Granted(_));
        match keyed.audit.standing() {
            _ if keyed.slot == Slot::Unreadable => true,
            Standing::Completed { .. } => matches!(answer_at(later), Claimed::Completed(_)),
            Standing::Held { until } if until > now => {
                answer_at(now) == Claimed::InFlight { retry_after: until - now }
                    && is_granted(answer_at(later))
            }
            Standing::Held { .. } | Standing::Free => is_granted(answer_at(now)),
        }
    })
}

fn events(bounds: &Bounds) -> Vec<Property<ClaimModel>> {
    macro_rules! reached {
        ($($event:ident if $condition:expr => $name:literal),* $(,)?) => {
            [$(($condition, Property::sometimes($name, |model: &ClaimModel, _: &World| {
                model.reached.contains(Event::$event)
            }))),*]
        };
    }
    let any = |holds: fn(&crate::Arrival) -> bool| bounds.arrivals.iter().any(holds);
    let is_doubtful = any(|arrival| arrival.on_expired == OnExpired::InDoubt);
    let is_ordered = any(|arrival| arrival.version.is_some());
    let reruns = any(|arrival| arrival.on_expired == OnExpired::Rerun);
    let fingerprints = bounds.arrivals.iter().filter(|arrival| arrival.fingerprint.is_some()).count();
    reached![
        Takeover if reruns => "a takeover happens",
        Repeat if true => "a repeated claim is granted again",
        Replay if true => "an outcome is replayed",
        InFlight if true => "a conflict happens",
        Mismatch if fingerprints > 1 => "a mismatch happens",
        Stale if is_ordered => "a stale delivery happens",
        InDoubt if is_doubtful => "a key is in doubt",
        Lost if true => "a lease is lost",
        LateRenewal if true => "a late renewal is held",
        LateCompletion if true => "a late completion is held",
        Unheard if reruns && bounds.attempts > 1 => "a late copy of a claim is granted without a listener",
        Resolved if bounds.resolutions > 0 => "an operator resolves a record",
        Forgotten if bounds.deletions > 0 => "an operator deletes a record",
        Adopted if bounds.adoptions > 0 => "an execution is adopted",
        GivenBack if bounds.is_split => "a grant is given back",
        Ahead if bounds.is_split => "the mark is ahead of every completion",
        Expired if bounds.retention.is_some() => "a record expires",
        Unstarted if bounds.releases.contains(&Release::Unstarted) => "an attempt that never started is released",
    ]
    .into_iter()
    .filter_map(|(expected, property)| expected.then_some(property))
    .collect()
}
