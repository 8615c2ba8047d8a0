//! Further rules for runs without faults: the engine renews, waits, and records in the background.

use super::handler::{Execution, How, Told};
use super::plan::Plan;

/// The rules broken by a run in which no execution had a reason to lose its lease.
pub(super) fn judge(plan: &Plan, executions: &[Execution], told: &Told) -> Vec<String> {
    let mut broken = Vec::new();
    for key in 0..plan.deliveries.len() {
        let ended = |how| executions.iter().filter(|it| it.key == key && it.how == how).count();
        let succeeded = ended(How::Succeeded);
        let is_stale = told.stale.iter().any(|(other, _)| *other == key);
        // At most once: the effect of a handler that panicked is unknown.
        let is_in_doubt = plan.is_at_most_once() && ended(How::Panicked) > 0;
        if succeeded != 1 && !(succeeded == 0 && (is_stale || is_in_doubt)) {
            broken.push(format!("key {key}: {succeeded} executions succeeded in a run without faults"));
        }
        if ended(How::Dropped) + ended(How::Running) > 0 {
            broken.push(format!("key {key}: an execution never ended in a run without faults"));
        }
    }
    // A claim that meets an outage is answered at once.
    if plan.faults.outages.is_empty() {
        // A fast clock waits less.
        let least = plan.policy.wait() * 100 / 104;
        for (key, waited) in told.conflicts.iter().filter(|(_, waited)| *waited < least) {
            broken.push(format!("key {key}: a duplicate waited {waited:?}, not {:?}", plan.policy.wait()));
        }
    }
    broken
}
