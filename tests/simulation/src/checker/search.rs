//! The search for an explanation.

use std::collections::HashMap;

use super::hasher::FastHasher;
use super::spec::{At, Broken, Deadlines, MAX_KEYS, Spec};
use crate::history::{Action, Answer, History, Micros, Operation};

/// Which operations have been put in order, one bit each.
type Placed = u128;

/// A search through the orders of one history's operations.
pub(super) struct Search<'a> {
    history: &'a History,
    /// Indices of the operations, answered ones first, by their end.
    order: Vec<usize>,
    answered: usize,
    /// For each place, the one before with the same operation, where neither was answered.
    repeated: Vec<Option<usize>>,
    /// What was tried, and in vain, each with every time that a lease was known to end by.
    seen: HashMap<(Placed, Spec, Timeline), Vec<Deadlines>, FastHasher>,
    states: usize,
    limit: usize,
    deepest: (u32, Node),
}

/// A point in the search: what is placed, what that makes of the records, and the earliest instant of what follows.
#[derive(Clone, Copy)]
struct Node {
    placed: Placed,
    spec: Spec,
    floor: Micros,
    timeline: Timeline,
}

/// Where a point lies, seen from a failover.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each state")]
enum Timeline {
    /// The replica has everything so far; where there is no failover, always.
    Shared,
    /// What is done here is forgotten: the replica has only this.
    Doomed(Spec),
    /// The replica has become the master.
    Surviving,
}

/// The search was given up.
struct GivenUp;

impl<'a> Search<'a> {
    /// `None` where the history is too large.
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
        let start = Node { placed: 0, spec: Spec::EMPTY, floor: 0, timeline: Timeline::Shared };
        Some(Self {
            history,
            order,
            answered,
            repeated,
            seen: HashMap::default(),
            states: 0,
            limit,
            deepest: (0, start),
        })
    }

    /// Whether there is an explanation; `None` where the search was given up.
    pub(super) fn run(&mut self) -> Option<bool> {
        self.explain(self.deepest.1).ok()
    }

    pub(super) fn states(&self) -> u64 {
        self.states as u64
    }

    fn explain(&mut self, node: Node) -> Result<bool, GivenUp> {
        let Some(ceil) = self.ceil(&node) else { return Ok(true) };
        let (spec, deadlines) = node.spec.without_deadlines();
        let tried = self.seen.entry((node.placed, spec, node.timeline)).or_default();
        // The less is known of when a lease ends, the more can follow.
        if tried.iter().any(|wider| includes(wider, &deadlines)) {
            return Ok(false);
        }
        tried.push(deadlines);
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
        match self.turned(&node, ceil) {
            Some(next) => self.explain(next),
            None => Ok(false),
        }
    }

    /// The point after an operation that changed nothing, says nothing new, and puts no limit on what can follow: if it
    /// can come later, it can come now.
    fn harmless(&self, node: &Node, ceil: Micros) -> Option<Node> {
        (0..self.answered).find_map(|place| {
            let operation = &self.history.operations[self.order[place]];
            let is_idle = operation.answer.is_some_and(|(_, answer)| answer.changed_nothing());
            if !is_idle || operation.call > node.floor {
                return None;
            }
            self.place(node, place, ceil)?.ok().filter(|next| next.spec == node.spec)
        })
    }

    /// What a failover can do here: first the replica gets no more writes, then it goes on from what it has.
    fn turned(&self, node: &Node, ceil: Micros) -> Option<Node> {
        let failover = self.history.failover?;
        match node.timeline {
            // What the replica lacks took effect after the cut, and so did all that is left.
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

    /// The latest instant at which an operation can take effect on this timeline; `None` where it cannot.
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

    /// The latest instant at which the next operation can take effect: when the first of those left was answered.
    fn ceil(&self, node: &Node) -> Option<Micros> {
        let first = (0..self.answered).find(|place| node.placed & (1 << place) == 0)?;
        self.history.operations[self.order[first]].answer.map(|(end, _)| end)
    }

    /// The point after placing one more operation, or why its answer is wrong there; `None` where it cannot come next,
    /// or would change nothing: an operation without an answer that changes nothing can as well be placed later. So can
    /// the repeat of one that nobody answered either: the earlier can do whatever the later can.
    fn place(&self, node: &Node, place: usize, ceil: Micros) -> Option<Result<Node, Broken>> {
        let operation = &self.history.operations[self.order[place]];
        let is_placed = |place: usize| node.placed & (1 << place) != 0;
        if is_placed(place)
            || operation.call > ceil
            || self.repeated[place].is_some_and(|first| !is_placed(first))
        {
            return None;
        }
        let ceil = self.latest(node.timeline, operation, ceil)?;
        let floor = node.floor.max(operation.call);
        let version = match operation.action {
            Action::Claim { is_ordered: false, .. } => None,
            _ => self.history.versions[operation.key].map(|version| version.get()),
        };
        let History { resolution, is_split, .. } = *self.history;
        let at = At { floor, ceil, version, resolution, is_split };
        let (key, action) = (operation.key, &operation.action);
        let spec = match &operation.answer {
            Some((_, answer)) => node.spec.answered(key, action, answer, at),
            None => Ok(node.spec.unanswered(key, action, at)?),
        };
        Some(spec.map(|spec| Node { placed: node.placed | (1 << place), spec, floor, ..*node }))
    }

    /// How far the best explanation came: its state, and the operations that cannot follow, with the rules they break.
    pub(super) fn stuck(&self) -> (Spec, Vec<(usize, Broken)>) {
        let node = self.deepest.1;
        let Some(ceil) = self.ceil(&node) else { return (node.spec, Vec::new()) };
        let broken = (0..self.answered)
            .filter_map(|place| Some((self.order[place], self.place(&node, place, ceil)?.err()?)))
            .collect();
        (node.spec, broken)
    }
}

fn includes(wider: &Deadlines, narrower: &Deadlines) -> bool {
    wider.iter().zip(narrower).all(|(wider, narrower)| wider.0 <= narrower.0 && narrower.1 <= wider.1)
}

/// Whether the answer is one for which a durable store waits.
fn was_confirmed(operation: &Operation) -> bool {
    matches!(
        (&operation.action, &operation.answer),
        (Action::Claim { .. }, Some((_, Answer::Granted { .. })))
            | (Action::Complete { .. }, Some((_, Answer::Held)))
    )
}
