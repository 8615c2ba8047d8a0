//! The steps: requests under a lease, and changes of record and mark in two steps.

use idempotency_core::store::Release;
use idempotency_core::{Fence, Version};

use crate::action::{Action, Operation};
use crate::model::{ClaimModel, number};
use crate::reached::Event;
use crate::rule::Rule;
use crate::world::World;

impl ClaimModel {
    /// Reads the mark in a separate step: after the grant or, in a mutant, before it.
    pub(crate) fn look(&self, world: &mut World, attempt: usize, fence: Option<Fence>) {
        let mark = world.mark;
        match fence {
            Some(fence) => self.answered(world, attempt, fence, mark),
            None => world.attempts[attempt].steps.looked = Some(mark),
        }
    }

    /// Answers the claim by the mark that was read: the handler starts, or the grant must be given back.
    pub(crate) fn answered(&self, world: &mut World, attempt: usize, fence: Fence, seen: Option<Version>) {
        let version = self.version(world, attempt);
        let steps = &mut world.attempts[attempt].steps;
        if version.is_none() || version >= seen {
            if !steps.started.contains(fence) {
                world.broken.unless(version.is_none() || version >= world.newest, Rule::I8);
            }
            steps.started.insert(fence);
        } else {
            // It may be stale only because a handler of the newer version has succeeded.
            world.broken.unless(seen <= world.happened, Rule::I8);
            steps.stale.insert(fence);
            self.reached.note(Event::Stale, true);
            self.reached.note(Event::Ahead, seen > world.newest);
        }
    }

    /// Raises the mark in a separate step.
    pub(crate) fn raise(&self, world: &mut World, attempt: usize, fence: Fence) {
        let Some(version) = self.version(world, attempt) else { return };
        let mark = world.mark;
        world.mark = Some(self.protocol.raise(mark, version));
        world.broken.unless(world.mark >= mark, Rule::I8);
        let steps = &mut world.attempts[attempt].steps;
        steps.raised.insert(fence);
        if steps.started.contains(fence) {
            world.happened = world.happened.max(Some(version));
        }
    }

    fn version(&self, world: &World, attempt: usize) -> Option<Version> {
        self.bounds.arrivals[world.attempts[attempt].arrival].version.map(Version::new)
    }

    /// The requests that may arrive under a lease.
    pub(crate) fn under_lease(&self, world: &World, attempt: usize, fence: Fence, actions: &mut Vec<Action>) {
        let hold = |operation| Action::Hold { attempt, fence, operation };
        let releases = self.bounds.releases.iter().map(|release| hold(Operation::Release(*release)));
        if !self.bounds.is_split {
            actions.extend([hold(Operation::Renew), hold(Operation::Complete)]);
            actions.extend(releases);
            return;
        }
        let steps = world.attempts[attempt].steps;
        if steps.stale.contains(fence) {
            actions.push(hold(Operation::Release(Release::Unstarted)));
            return;
        }
        if !steps.started.contains(fence) {
            actions.push(Action::Look { attempt, fence: Some(fence) });
            let key = self.bounds.arrivals[world.attempts[attempt].arrival].key;
            if self.protocol.loser_raises() && world.keys[key].audit.is_stale(number(attempt)) {
                actions.push(Action::Raise { attempt, fence });
            }
            return;
        }
        let is_first = self.protocol.raises_before_completion();
        if is_first || steps.completed.contains(fence) {
            actions.push(Action::Raise { attempt, fence });
        }
        if !is_first || steps.raised.contains(fence) {
            actions.push(hold(Operation::Complete));
        }
        actions.push(hold(Operation::Renew));
        actions.extend(releases);
    }
}
