//! The world: one state of the model.

use idempotency_core::{Fence, Version};

use crate::audit::Audit;
use crate::bounds::Bounds;
use crate::rule::Broken;
use crate::slot::Slot;

/// One state: the store, the requests that may still arrive, and the auditor's account.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    /// Ticks of the store's clock.
    pub(crate) now: u8,
    pub(crate) keys: Vec<Keyed>,
    /// The resource's mark, as the store keeps it.
    pub(crate) mark: Option<Version>,
    /// The newest version that completed, by the auditor's account.
    pub(crate) newest: Option<Version>,
    /// The newest version whose handler held its lease at the start and succeeded, by the auditor's account.
    pub(crate) happened: Option<Version>,
    /// The attempts in the order of their first claims. Owners are random bits, so no other order matters.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) resolutions: u8,
    pub(crate) deletions: u8,
    pub(crate) corruptions: u8,
    pub(crate) broken: Broken,
}

/// The state of one key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Keyed {
    pub(crate) slot: Slot,
    pub(crate) audit: Audit,
}

/// One attempt, as its requests see it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Attempt {
    pub(crate) arrival: usize,
    /// The lease that it adopts, if it claims nothing itself.
    pub(crate) adopts: Option<(usize, Fence)>,
    pub(crate) granted: Fences,
    /// The progress of each grant, where the mark changes in a separate step.
    pub(crate) steps: Steps,
    /// The record that a claim in two steps has read and not yet acted on.
    pub(crate) look: Option<Slot>,
}

/// The progress of an attempt's grants, where the mark changes in a separate step.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Steps {
    /// Its handler has started, and may succeed or fail at any time.
    pub(crate) started: Fences,
    /// It is stale: the grant must be given back.
    pub(crate) stale: Fences,
    /// The mark was raised for it.
    pub(crate) raised: Fences,
    /// Its completion was held.
    pub(crate) completed: Fences,
    /// The mark that a claim without a second look read before its grant.
    pub(crate) looked: Option<Option<Version>>,
}

impl Attempt {
    pub(crate) fn new(arrival: usize, adopts: Option<(usize, Fence)>) -> Self {
        Self { arrival, adopts, granted: Fences::default(), steps: Steps::default(), look: None }
    }
}

impl World {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            now: 0,
            keys: vec![Keyed { slot: Slot::Empty, audit: Audit::default() }; bounds.keys()],
            mark: None,
            newest: None,
            happened: None,
            attempts: Vec::new(),
            resolutions: bounds.resolutions,
            deletions: bounds.deletions,
            corruptions: bounds.corruptions,
            broken: Broken::default(),
        }
    }

    /// The number of grants, forgotten ones included.
    pub(crate) fn grants(&self) -> u32 {
        self.attempts.iter().map(|attempt| attempt.granted.0.count_ones()).sum()
    }
}

/// All fences granted to one attempt. Requests under each may arrive at any time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Fences(u32);

impl Fences {
    pub(crate) fn insert(&mut self, fence: Fence) {
        assert!(fence.get() < 32, "the bounds allow fewer than 32 grants");
        self.0 |= 1 << fence.get();
    }

    pub(crate) fn contains(self, fence: Fence) -> bool {
        self.0 & (1 << fence.get()) != 0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Fence> {
        (0..32).filter(move |fence| self.0 & (1 << fence) != 0).map(Fence::new)
    }
}
