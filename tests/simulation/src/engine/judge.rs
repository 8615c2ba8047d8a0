//! The judge: the rules for a run that is over.

use futures_util::FutureExt as _;
use idempotency_core::store::{StateView, Store};
use idempotency_core::{Delivery, KeyDigest, Order, ScopedKey};

use super::Run;
use super::calm;
use super::handler::{Execution, How};

/// The rules that a run broke.
pub(super) fn judge(run: &Run, store: &dyn Store) -> Vec<String> {
    let (executions, told, mut broken) = run.ledger.entries_of();
    let digest = |delivery: &Delivery| {
        let (scope, key) = (delivery.scope().clone(), delivery.key().clone());
        KeyDigest::from(&ScopedKey::new(store.namespace(), scope, key))
    };
    let is_completed = |delivery: &&Delivery| {
        let view = store.load(digest(delivery)).now_or_never().and_then(Result::ok).flatten();
        view.is_some_and(|view| matches!(view.state, StateView::Completed(_)))
    };
    let completed = run.plan.deliveries.iter().filter(is_completed);
    let completed: Vec<_> = completed.filter_map(|delivery| delivery.order().map(Order::version)).collect();
    let newest = completed.iter().copied().max();
    for (key, delivery) in run.plan.deliveries.iter().enumerate() {
        let view = store.load(digest(delivery)).now_or_never().and_then(Result::ok).flatten();
        let recorded = match view.as_ref().map(|view| &view.state) {
            Some(StateView::Completed(completed)) => completed
                .outcome
                .as_bytes()
                .get(1..)
                .and_then(|json| serde_json::from_slice::<u64>(json).ok()),
            Some(StateView::InFlight { .. }) => {
                broken.push(format!("I6: key {key} is still in flight at the end"));
                None
            }
            _ => None,
        };
        for &(_, value) in told.acknowledged.iter().filter(|(other, _)| *other == key) {
            if recorded != Some(value) {
                broken.push(format!(
                    "I3: key {key} was acknowledged with {value}, and {recorded:?} is recorded"
                ));
            }
        }
        let of_key = || executions.iter().filter(|execution| execution.key == key);
        let recorded_fence =
            of_key().find(|execution| Some(execution.value) == recorded).map(|it| it.context.fence());
        for execution in of_key().filter(|execution| execution.how == How::Succeeded) {
            let is_explained = Some(execution.value) == recorded
                || view.as_ref().is_some_and(|view| view.fence > execution.context.fence())
                || run.plan.is_at_most_once()
                // Its process died before it was recorded, and a newer version overtook it.
                || delivery.order().map(Order::version) < newest
                || told.stale.iter().any(|(other, _)| *other == key);
            if !is_explained {
                broken.push(format!("key {key}: value {} vanished", execution.value));
            }
        }
        for &(_, value) in told.unrecorded.iter().filter(|(other, _)| *other == key) {
            let has_succeeded = |it: &&Execution| it.value == value && it.how == How::Succeeded;
            if of_key().find(has_succeeded).is_none() {
                broken.push(format!(
                    "I9: key {key} was acknowledged with {value}, which is no execution's outcome"
                ));
            }
        }
        for &(_, version) in told.stale.iter().filter(|(other, _)| *other == key) {
            // Where record and mark change in two steps, the mark may be ahead of the newest completion: a handler that
            // succeeded has had its effect, even if its completion is lost.
            let has_succeeded = |it: &Execution| {
                it.how == How::Succeeded
                    && run.plan.deliveries[it.key].order().map(Order::version) == Some(version)
            };
            let is_ahead = run.is_split && executions.iter().any(has_succeeded);
            if !(completed.contains(&version) || is_ahead)
                || delivery.order().map(Order::version) >= Some(version)
            {
                broken.push(format!("I8: key {key} is stale, and no newer version {version:?} completed"));
            }
        }
        // An attempt after the recorded one repeats work that was done.
        if let Some(fence) = recorded_fence
            && let Some(later) = of_key().find(|execution| execution.context.fence() > fence)
        {
            broken.push(format!("I3: key {key}: value {} ran after the recorded one", later.value));
        }
        let mut attempts: Vec<_> = of_key().map(|execution| execution.context.fence()).collect();
        attempts.sort_unstable();
        attempts.dedup();
        if attempts.len() != of_key().count() {
            broken.push(format!("I1: key {key}: two executions have one fence"));
        }
    }
    if run.plan.is_calm() {
        broken.extend(calm::judge(&run.plan, &executions, &told));
    }
    broken
}
