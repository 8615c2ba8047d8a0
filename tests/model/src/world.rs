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
    pub(crate) granted: Fences,
    /// What a claim in two steps has seen and not yet acted upon.
    pub(crate) look: Option<Slot>,
}

impl World {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            now: 0,
            keys: vec![Keyed { slot: Slot::Empty, audit: Audit::default() }; bounds.keys()],
            mark: None,
            newest: None,
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

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Fence> {
        (0..32).filter(move |fence| self.0 & (1 << fence) != 0).map(Fence::new)
    }
}
