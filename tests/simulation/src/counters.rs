//! The counters: the work and the faults of a run.

use std::fmt;
use std::ops::AddAssign;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The work and the faults of a run.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        impl AddAssign for Counters {
            fn add_assign(&mut self, other: Self) {
                $(self.$name += other.$name;)*
            }
        }

        impl fmt::Display for Counters {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut separator = "";
                $(if self.$name > 0 {
                    write!(f, "{separator}{} {}", stringify!($name).replace('_', " "), self.$name)?;
                    separator = ", ";
                })*
                let _ = separator;
                Ok(())
            }
        }
    };
}

counters! {
    /// Simulated runs.
    histories,
    /// Of these, runs without faults or with a short outage only.
    calm,
    /// Operations in their histories.
    operations,
    /// Operations without an answer.
    unanswered,
    /// Requests that never arrived.
    lost_requests,
    /// Replies that never arrived.
    lost_replies,
    /// Connections that broke after the operation was carried out.
    broken_connections,
    /// Requests with an unusual delay, up to two leases.
    delayed_requests,
    /// Replies with an unusual delay, up to a lease.
    delayed_replies,
    /// Requests that arrived twice.
    duplicated_requests,
    /// Requests that met an outage of the store.
    outages_met,
    /// Forward jumps of the store's clock.
    moved_clocks,
    /// Workers that paused for longer than their lease, and processes that stalled.
    pauses,
    /// Workers and processes that died.
    crashes,
    /// Batches of several keys.
    batches,
    /// Handlers that ran.
    executions,
    /// Handlers that failed.
    failures,
    /// Handlers that panicked.
    panics,
    /// Deliveries that were acknowledged.
    acknowledged,
    /// Of these, deliveries answered from the record.
    replayed,
    /// Of these, deliveries whose outcome was not recorded yet.
    unrecorded,
    /// Deliveries whose sender hung up.
    hung_up,
    /// States that the checker visited.
    states,
    /// Histories that the checker gave up on.
    undecided,
}
