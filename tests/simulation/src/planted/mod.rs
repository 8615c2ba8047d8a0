//! Planted bugs: what a checker must find if it is to be believed when it finds nothing.

mod store;

use std::fmt;
use std::sync::Arc;

use crate::split::Server;
use crate::world::StoreClock;

pub use store::PlantedStore;

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident,)*) => {
        /// A mistake that stores have made.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub enum Bug { $($(#[$doc])* $bug,)* }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$bug,)*];
        }
    };
}

bugs! {
    /// A release asks only whether the key is in flight.
    ReleaseWithoutOwner,
    /// A completion takes a released record for one in flight.
    CompleteAfterRelease,
    /// A claim reads, then writes: two winners where another write falls in between.
    ReadThenWrite,
    /// The store forgets its latest writes now and then, as a failover without replication does.
    LostOnFailover,
    /// A claim that is repeated by the same owner meets its own lease.
    ClaimNotRepeatable,
    /// A renewal brings back what was released or completed.
    RenewResurrects,
    /// The fence starts again after a release.
    FenceReset,
    /// A completion overwrites another's.
    CompleteOverwrites,
    /// Deadlines come from the clocks of the workers.
    SkewedDeadlines,
    /// A completion sets the resource's mark instead of raising it.
    MarkLowered,
    /// A takeover does not look at the resource's mark.
    StaleUnchecked,
    /// A completion compares neither owner nor fence: the outcome of a lost lease is stored.
    CompleteWithoutFence,
    /// Another fingerprint is taken for a new request.
    MismatchIsFree,
    /// A repeated completion replaces the outcome of the first.
    RepeatedCompletionReplaces,
    /// A late copy of a claim that was released is granted again, with its old fence.
    LateClaimRevives,
    /// A renewal reports success and changes nothing.
    RenewalForgotten,
    /// A lease never runs out.
    LeaseNeverEnds,
    /// A claim at most once is taken over like any other.
    InDoubtReruns,
    /// The record of a key is gone the moment its lease has run out.
    GoneWithLease,
    /// What was adopted is adopted again by another owner.
    AdoptedTwice,
    /// An adoption leaves the fence as it is.
    AdoptKeepsFence,
    /// The owner whose lease was adopted may still complete.
    AdoptedStillCompletes,
    /// An attempt whose handler never started counts.
    UnstartedCounts,
    /// A lease that was given up in doubt is released.
    AbandonedIsFree,
    /// In a cluster: a completion completes the record, then raises the mark.
    MarkRaisedAfter,
    /// In a cluster: a claim looks at the mark, then is granted, and does not look again.
    NoSecondLook,
    /// In a cluster: a holder whose renewal says that its lease is lost raises the mark all the same.
    MarkRaisedByLoser,
}

impl Bug {
    /// A store with this bug.
    #[must_use]
    pub fn store(self, seed: u64, clock: StoreClock) -> Arc<dyn Server> {
        let store = PlantedStore::new(Some(self), seed, clock);
        Arc::new(if self.is_split() { store.split_up() } else { store })
    }

    /// Whether it takes a store whose record and mark change in two steps.
    #[must_use]
    pub fn is_split(self) -> bool {
        matches!(self, Self::MarkRaisedAfter | Self::NoSecondLook | Self::MarkRaisedByLoser)
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
