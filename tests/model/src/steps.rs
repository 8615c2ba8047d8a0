//! The steps: what arrives under a lease, and record and mark changed in two steps.

use idempotency_core::{Fence, Release, Version};

use crate::action::{Action, Operation};
use crate::model::{ClaimModel, number};
use crate::reached::Event;
use crate::rule::Rule;
use crate::world::World;

impl ClaimModel {
    /// A look at the mark, which is a step of its own: after the grant, or before it by a mutant.
    pub(crate) fn look(&self, world: &mut World, attempt: usize, fence: Option<Fence>) {
        let mark = world.mark;
        match fence {
            Some(fence) => self.answered(world, attempt, fence, mark),
            None => world.attempts[attempt].steps.looked = Some(mark),
        }
    }

    /// The claim has its answer, by what was seen of the mark: the handler starts, or the grant is to be given back.
    pub(crate) fn answered(&self, world: &mut World, attempt: usize, fence: Fence, seen: Option<Version>) {
        let version = self.version(world, attempt);
        let steps = &mut world.attempts[attempt].steps;
        if version.is_none() || version >= seen {
            if !steps.started.contains(fence) {
                world.broken.unless(version.is_none() || version >= world.newest, Rule::I8);
            }
            steps.started.insert(fence);
        } else {
            // What makes it stale has happened: a handler of the newer version has succeeded.
            world.broken.unless(seen <= world.happened, Rule::I8);
            steps.stale.insert(fence);
            self.reached.note(Event::Stale, true);
            self.reached.note(Event::Ahead, seen > world.newest);
        }
    }

    /// The mark is raised, which is a step of its own.
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
            if self.protocol.loser_raises() && world.keys[key].audit.is_superseded(number(attempt)) {
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
