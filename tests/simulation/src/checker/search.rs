//! The search for an explanation.

use std::collections::HashSet;

use super::hasher::FastHasher;
use super::spec::{At, Broken, MAX_KEYS, Spec};
use crate::history::{History, Micros};

/// Which operations have been put in order, one bit each.
type Placed = u128;

/// A search through the orders of one history's operations.
pub(super) struct Search<'a> {
    history: &'a History,
    /// Indices of the operations, answered ones first, by their end.
    order: Vec<usize>,
    answered: usize,
    seen: HashSet<(Placed, Spec), FastHasher>,
    limit: usize,
    deepest: (u32, Node),
}

/// A point in the search: what is placed, what that makes of the records, and the earliest instant of what follows.
#[derive(Clone, Copy)]
struct Node {
    placed: Placed,
    spec: Spec,
    floor: Micros,
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
        let start = Node { placed: 0, spec: Spec::EMPTY, floor: 0 };
        Some(Self { history, order, answered, seen: HashSet::default(), limit, deepest: (0, start) })
    }

    /// Whether there is an explanation; `None` where the search was given up.
    pub(super) fn run(&mut self) -> Option<bool> {
        self.explain(self.deepest.1).ok()
    }

    pub(super) fn states(&self) -> u64 {
        self.seen.len() as u64
    }

    fn explain(&mut self, node: Node) -> Result<bool, GivenUp> {
        let Some(ceil) = self.ceil(&node) else { return Ok(true) };
        if !self.seen.insert((node.placed, node.spec)) {
            return Ok(false);
        }
        if self.seen.len() > self.limit {
            return Err(GivenUp);
        }
        let depth = node.placed.count_ones();
        if depth > self.deepest.0 {
            self.deepest = (depth, node);
        }
        for place in 0..self.order.len() {
            if let Some(Ok(next)) = self.place(&node, place, ceil)
                && self.explain(next)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The latest instant at which the next operation can take effect: when the first of those left was answered.
    fn ceil(&self, node: &Node) -> Option<Micros> {
        let first = (0..self.answered).find(|place| node.placed & (1 << place) == 0)?;
        self.history.operations[self.order[first]].answer.map(|(end, _)| end)
    }

    /// The point after placing one more operation, or why its answer is wrong there; `None` where it cannot come next,
    /// or would change nothing: an operation without an answer that changes nothing can as well be placed later.
    fn place(&self, node: &Node, place: usize, ceil: Micros) -> Option<Result<Node, Broken>> {
        let operation = &self.history.operations[self.order[place]];
        if node.placed & (1 << place) != 0 || operation.call > ceil {
            return None;
        }
        let floor = node.floor.max(operation.call);
        let version = self.history.versions[operation.key].map(|version| version.get());
        let at = At { floor, ceil, version, resolution: self.history.resolution };
        let (key, action) = (operation.key, &operation.action);
        let spec = match &operation.answer {
            Some((_, answer)) => node.spec.answered(key, action, answer, at),
            None => Ok(node.spec.unanswered(key, action, at)?),
        };
        Some(spec.map(|spec| Node { placed: node.placed | (1 << place), spec, floor }))
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
