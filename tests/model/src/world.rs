//! The world: one state of the model.

use idempotency_core::{Fence, Version};

use crate::audit::Audit;
use crate::bounds::Bounds;
use crate::rule::Broken;
use crate::slot::Slot;

/// One state: the store, what the network may still bring, and the auditor's account.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    /// Ticks of the store's clock.
    pub(crate) now: u8,
    pub(crate) keys: Vec<Keyed>,
    /// The resource's mark, as the store keeps it.
    pub(crate) mark: Option<Version>,
    /// The newest version that completed, by the auditor's account.
    pub(crate) newest: Option<Version>,
    /// The newest version whose handler succeeded, by the auditor's account, under a lease that it held when it started.
    pub(crate) happened: Option<Version>,
    /// Those whose first claim has arrived, in that order: an owner is nothing but random bits.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) resolutions: u8,
    pub(crate) deletions: u8,
    pub(crate) corruptions: u8,
    pub(crate) broken: Broken,
}

/// What concerns one key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Keyed {
    pub(crate) slot: Slot,
    pub(crate) audit: Audit,
}

/// One attempt, as far as its requests are concerned.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Attempt {
    pub(crate) arrival: usize,
    /// Whose lease it takes up, where it claims nothing itself.
    pub(crate) adopts: Option<(usize, Fence)>,
    pub(crate) granted: Fences,
    /// Where the mark is a step of its own: how far each grant has come.
    pub(crate) steps: Steps,
    /// What a claim in two steps has seen and not yet acted upon.
    pub(crate) look: Option<Slot>,
}

/// How far an attempt's grants have come where the mark is a step of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Steps {
    /// The answer is out: the handler starts, and may succeed or fail at any time.
    pub(crate) started: Fences,
    /// Found to be stale: all that is left is to give the grant back.
    pub(crate) stale: Fences,
    /// The mark was raised for it.
    pub(crate) raised: Fences,
    /// Its completion was held.
    pub(crate) completed: Fences,
    /// What a claim without a second look saw of the mark before it was granted.
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

    /// How many grants there have been, forgotten ones included.
    pub(crate) fn grants(&self) -> u32 {
        self.attempts.iter().map(|attempt| attempt.granted.0.count_ones()).sum()
    }
}

/// The fences that one attempt was ever granted. Requests under each of them may arrive for ever.
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
