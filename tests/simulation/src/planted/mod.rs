//! Planted bugs: a checker that finds them can be trusted when it finds nothing.

mod store;

use std::fmt;
use std::sync::Arc;

use crate::split::Server;
use crate::world::StoreClock;

pub use store::PlantedStore;

macro_rules! bugs {
    ($($(#[$doc:meta])* $bug:ident,)*) => {
        /// A bug that real stores have had.
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
    /// A claim reads, then writes. A write in between makes two winners.
    ReadThenWrite,
    /// The store sometimes loses its latest writes, as in a failover without replication.
    LostOnFailover,
    /// A claim repeated by the same owner is answered as in flight.
    ClaimNotRepeatable,
    /// A renewal revives a released or completed record.
    RenewResurrects,
    /// The fence restarts after a release.
    FenceReset,
    /// A completion overwrites another's.
    CompleteOverwrites,
    /// Deadlines come from the clocks of the workers.
    SkewedDeadlines,
    /// A completion sets the resource's mark instead of raising it.
    MarkLowered,
    /// A takeover ignores the resource's mark.
    StaleUnchecked,
    /// A completion compares neither owner nor fence, so the outcome of a lost lease is stored.
    CompleteWithoutFence,
    /// A claim with another fingerprint counts as a new request.
    MismatchIsFree,
    /// A repeated completion replaces the outcome of the first.
    RepeatedCompletionReplaces,
    /// A late copy of a released claim is granted again with its old fence.
    LateClaimRevives,
    /// A renewal reports success and changes nothing.
    RenewalForgotten,
    /// A lease never runs out.
    LeaseNeverEnds,
    /// An at-most-once claim takes over like any other.
    InDoubtReruns,
    /// A record disappears when its lease runs out.
    GoneWithLease,
    /// An adopted execution is adopted again by another owner.
    AdoptedTwice,
    /// An adoption keeps the fence.
    AdoptKeepsFence,
    /// The owner whose lease was adopted may still complete.
    AdoptedStillCompletes,
    /// An attempt whose handler never started counts.
    UnstartedCounts,
    /// An abandoned lease is released.
    AbandonedIsFree,
    /// In a cluster: a completion completes the record, then raises the mark.
    MarkRaisedAfter,
    /// In a cluster: a claim reads the mark before the grant and not after it.
    NoSecondLook,
    /// In a cluster: a holder raises the mark although its renewal answered that the lease is lost.
    MarkRaisedByLoser,
}

impl Bug {
    /// A store with this bug.
    #[must_use]
    pub fn store(self, seed: u64, clock: StoreClock) -> Arc<dyn Server> {
        let store = PlantedStore::new(Some(self), seed, clock);
        Arc::new(if self.is_split() { store.split_up() } else { store })
    }

    /// Whether it needs a store whose record and mark change in two steps.
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
