//! The search for an explanation.

use std::collections::HashMap;

use super::hasher::FastHasher;
use super::spec::{At, Broken, Deadlines, MAX_KEYS, Spec, State};
use crate::history::{Action, Answer, History, Micros, Operation};

/// The operations that have been placed, one bit each.
type Placed = u128;

/// A search through the orders of the operations of one history.
pub(super) struct Search<'a> {
    history: &'a History,
    /// Indices of the operations: answered ones first, by the time of the answer.
    order: Vec<usize>,
    answered: usize,
    /// For each place, the earlier place of the same operation, if neither was answered.
    repeated: Vec<Option<usize>>,
    /// For each place, whether the store may execute the operation more than once.
    repeatable: Vec<bool>,
    /// The states that were tried without success, each with what was known about its time.
    seen: HashMap<(Placed, Spec, Timeline), Vec<Known>, FastHasher>,
    states: usize,
    limit: usize,
    deepest: (u32, Node),
}

/// A point in the search: the placed operations, the records after them, and the earliest instant of the next one.
#[derive(Clone, Copy)]
struct Node {
    placed: Placed,
    spec: Spec,
    floor: Micros,
    timeline: Timeline,
}

/// What is known about time at a point: the earliest instant of the next operation, and the ends of the leases.
struct Known {
    floor: Micros,
    deadlines: Deadlines,
}

/// The timeline of a point, relative to a failover.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each state")]
enum Timeline {
    /// The replica has everything so far. Without a failover this is the only timeline.
    Shared,
    /// Operations here are forgotten: the replica has only this state.
    Doomed(Spec),
    /// The replica has become the master.
    Surviving,
}

/// The search was given up.
struct GivenUp;

impl<'a> Search<'a> {
    /// `None` if the history is too large.
    pub(super) fn new(history: &'a History, limit: usize) -> Option<Self> {
        let operations = &history.operations;
        if operations.len() > Placed::BITS as usize || history.versions.len() > MAX_KEYS {
            return None;
        }
        let mut order: Vec<usize> = (0..operations.len()).collect();
        order.sort_by_key(|&index| {
            let operation = &operations[index];
            (operation.answer.map_or(Micros::MAX, |(end, _)| end), operation.call)
        });
        let answered = operations.iter().filter(|operation| operation.answer.is_some()).count();
        let repeated = (0..order.len())
            .map(|place| {
                let same =
                    |at: &Operation, other: &Operation| (at.key, at.action) == (other.key, other.action);
                (answered..place)
                    .rfind(|&earlier| same(&operations[order[place]], &operations[order[earlier]]))
            })
            .collect();
        let forgets = operations.iter().any(|operation| operation.action == Action::Forget);
        let repeatable = order
            .iter()
            .map(|&index| history.repeats_operations && may_repeat(&operations[index].action, forgets))
            .collect();
        let start = Node { placed: 0, spec: Spec::EMPTY, floor: 0, timeline: Timeline::Shared };
        Some(Self {
            history,
            order,
            answered,
            repeated,
            repeatable,
            seen: HashMap::default(),
            states: 0,
            limit,
            deepest: (0, start),
        })
    }

    /// Whether there is an explanation; `None` if the search was given up.
    pub(super) fn run(&mut self) -> Option<bool> {
        self.explain(self.deepest.1).ok()
    }

    pub(super) fn states(&self) -> u64 {
        self.states as u64
    }

    fn explain(&mut self, node: Node) -> Result<bool, GivenUp> {
        let Some(ceil) = self.ceil(&node) else { return Ok(true) };
        let (spec, deadlines) = node.spec.without_deadlines();
        let known = Known { floor: node.floor, deadlines };
        let tried = self.seen.entry((node.placed, spec, node.timeline)).or_default();
        // The less is known about time, the more can follow.
        if tried.iter().any(|wider| wider.includes(&known)) {
            return Ok(false);
        }
        tried.push(known);
        self.states += 1;
        if self.states > self.limit {
            return Err(GivenUp);
        }
        let depth = node.placed.count_ones();
        if depth > self.deepest.0 {
            self.deepest = (depth, node);
        }
        if let Some(next) = self.harmless(&node, ceil) {
            return self.explain(next);
        }
        for place in 0..self.order.len() {
            if let Some(Ok(next)) = self.place(&node, place, ceil)
                && self.explain(next)?
            {
                return Ok(true);
            }
        }
        for place in 0..self.order.len() {
            if let Some(next) = self.repeat(&node, place, ceil)
                && self.explain(next)?
            {
                return Ok(true);
            }
        }
        match self.turned(&node, ceil) {
            Some(next) => self.explain(next),
            None => Ok(false),
        }
    }

    /// The point after an operation that changed nothing, reveals nothing and does not limit the operations that follow:
    /// if it can come later, it can come now.
    fn harmless(&self, node: &Node, ceil: Micros) -> Option<Node> {
        (0..self.answered).find_map(|place| {
            let operation = &self.history.operations[self.order[place]];
            let is_idle = operation.answer.is_some_and(|(_, answer)| answer.changed_nothing());
            // An operation that may be repeated can have changed something before it is placed.
            if !is_idle || self.repeatable[place] || operation.call > node.floor {
                return None;
            }
            self.place(node, place, ceil)?.ok().filter(|next| next.spec == node.spec)
        })
    }

    /// The next step of a failover: first the replica stops receiving writes, then it continues from its own state.
    fn turned(&self, node: &Node, ceil: Micros) -> Option<Node> {
        let failover = self.history.failover?;
        match node.timeline {
            // Every write that the replica lacks took effect after the cut, and so do the remaining operations.
            Timeline::Shared if ceil >= failover.cut_from => {
                let floor = node.floor.max(failover.cut_from);
                Some(Node { timeline: Timeline::Doomed(node.spec), floor, ..*node })
            }
            Timeline::Doomed(spec) if ceil >= failover.from => {
                let floor = node.floor.max(failover.from);
                Some(Node { spec, floor, timeline: Timeline::Surviving, ..*node })
            }
            Timeline::Shared | Timeline::Doomed(_) | Timeline::Surviving => None,
        }
    }

    /// The latest instant at which an operation can take effect on this timeline; `None` if it cannot.
    fn latest(&self, timeline: Timeline, operation: &Operation, ceil: Micros) -> Option<Micros> {
        let Some(failover) = self.history.failover else { return Some(ceil) };
        let confirmed = failover.is_confirmed && was_confirmed(operation);
        match timeline {
            Timeline::Surviving => Some(ceil),
            Timeline::Doomed(_) if confirmed => None,
            Timeline::Shared | Timeline::Doomed(_) if operation.call > failover.to => None,
            Timeline::Shared | Timeline::Doomed(_) => Some(ceil.min(failover.to)),
        }
    }

    /// The latest instant at which the next operation can take effect: the earliest answer among the remaining ones.
    fn ceil(&self, node: &Node) -> Option<Micros> {
        let first = (0..self.answered).find(|place| node.placed & (1 << place) == 0)?;
        self.history.operations[self.order[first]].answer.map(|(end, _)| end)
    }

    /// The point after placing one more operation, or the rule that its answer breaks; `None` if it cannot come next or
    /// need not. An unanswered operation that changes nothing can be placed later. So can the repeat of an operation
    /// that was not answered either: the earlier one can take any effect of the later one.
    fn place(&self, node: &Node, place: usize, ceil: Micros) -> Option<Result<Node, Broken>> {
        let operation = &self.history.operations[self.order[place]];
        let is_placed = |place: usize| node.placed & (1 << place) != 0;
        if is_placed(place)
            || operation.call > ceil
            || self.repeated[place].is_some_and(|first| !is_placed(first))
        {
            return None;
        }
        let at = self.at(node, operation, ceil)?;
        let (key, action) = (operation.key, &operation.action);
        let spec = match &operation.answer {
            Some((_, answer)) => node.spec.answered(key, action, answer, at),
            None => Ok(node.spec.unanswered(key, action, at)?),
        };
        Some(spec.map(|spec| Node { placed: node.placed | (1 << place), spec, floor: at.floor, ..*node }))
    }

    /// The point after an operation took effect without its answer, so that the store repeats it later. `None` if this
    /// cannot come next, or can change nothing.
    fn repeat(&self, node: &Node, place: usize, ceil: Micros) -> Option<Node> {
        let operation = &self.history.operations[self.order[place]];
        if !self.repeatable[place] || node.placed & (1 << place) != 0 || operation.call > ceil {
            return None;
        }
        // A claim that is repeated finds its own record, unless the record was deleted.
        let is_free = node.spec.records[operation.key].state == State::Free;
        if matches!(operation.action, Action::Claim { .. }) && !is_free {
            return None;
        }
        let at = self.at(node, operation, ceil)?;
        let spec = node.spec.unanswered(operation.key, &operation.action, at)?;
        Some(Node { spec, floor: at.floor, ..*node })
    }

    /// When an operation takes effect if it comes next; `None` if it cannot on this timeline.
    fn at(&self, node: &Node, operation: &Operation, ceil: Micros) -> Option<At> {
        let ceil = self.latest(node.timeline, operation, ceil)?;
        let floor = node.floor.max(operation.call);
        let version = match operation.action {
            Action::Claim { is_ordered: false, .. } => None,
            _ => self.history.versions[operation.key].map(|version| version.get()),
        };
        let History { resolution, is_split, reads_clock_early, .. } = *self.history;
        let clock_floor = if reads_clock_early { operation.call } else { floor };
        Some(At { floor, ceil, clock_floor, version, resolution, is_split })
    }

    /// The end of the best explanation: its state, and the operations that cannot follow with the rules that they break.
    pub(super) fn stuck(&self) -> (Spec, Vec<(usize, Broken)>) {
        let node = self.deepest.1;
        let Some(ceil) = self.ceil(&node) else { return (node.spec, Vec::new()) };
        let broken = (0..self.answered)
            .filter_map(|place| Some((self.order[place], self.place(&node, place, ceil)?.err()?)))
            .collect();
        (node.spec, broken)
    }
}

impl Known {
    /// Whether everything that can follow `other` can also follow this.
    fn includes(&self, other: &Self) -> bool {
        let mut ends = self.deadlines.iter().zip(&other.deadlines);
        self.floor <= other.floor && ends.all(|(own, other)| own.0 <= other.0 && other.1 <= own.1)
    }
}

/// Whether a repeat of this request can have an effect. A claim that is repeated finds its own record, unless an operator
/// has deleted the record.
fn may_repeat(action: &Action, forgets: bool) -> bool {
    match action {
        Action::Claim { .. } => forgets,
        Action::Renew { .. }
        | Action::Complete { .. }
        | Action::Release { .. }
        | Action::Adopt { .. }
        | Action::Forget
        | Action::Resolve { .. } => true,
        // A load changes nothing, and the separate steps have no answer that could be lost.
        Action::Load | Action::Raise { .. } | Action::GiveBack { .. } => false,
    }
}

/// Whether a durable store waits for its replicas before it gives this answer.
fn was_confirmed(operation: &Operation) -> bool {
    matches!(
        (&operation.action, &operation.answer),
        (Action::Claim { .. }, Some((_, Answer::Granted { .. })))
            | (Action::Complete { .. }, Some((_, Answer::Held)))
    )
}
