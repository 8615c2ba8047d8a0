//! The view of a record for operators.

use std::time::Duration;

use super::{Label, Record, State};
use crate::{Completed, Fence, KeyDigest, ScopedOrder};

/// A record as an operator sees it. Times left are durations from now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RecordView {
    /// The address, which every call for operators takes.
    pub digest: KeyDigest,
    /// The endpoint and key.
    pub label: Label,
    /// The current state.
    pub state: StateView,
    /// The fence of the last grant. [`Fence::NONE`] if the record cannot be read.
    pub fence: Fence,
    /// The number of attempts.
    pub attempts: u32,
    /// The resource and version of the event, if it has an order.
    pub order: Option<ScopedOrder>,
    /// The time until the store drops the record.
    pub expires_in: Duration,
}

impl RecordView {
    /// Creates the view of a record at this address that is kept for `expires_in`.
    #[must_use]
    pub fn new(digest: KeyDigest, record: &Record, now: Duration, expires_in: Duration) -> Self {
        let state = match (&record.state, record.completed()) {
            (_, Some(completed)) => StateView::Completed(completed),
            (State::InFlight { deadline }, _) if *deadline > now => {
                StateView::InFlight { lease_left: *deadline - now }
            }
            (State::InFlight { .. }, _) => StateView::Abandoned,
            _ => StateView::Released,
        };
        Self {
            digest,
            label: record.parts.label().clone(),
            state,
            fence: record.fence,
            attempts: record.attempts,
            order: record.order,
            expires_in,
        }
    }

    /// Creates the view of a record that cannot be read.
    #[must_use]
    pub fn unreadable(digest: KeyDigest, expires_in: Duration) -> Self {
        Self {
            digest,
            label: Label::default(),
            state: StateView::Unreadable,
            fence: Fence::NONE,
            attempts: 0,
            order: None,
            expires_in,
        }
    }

    /// Returns the time of the last grant, since 1970. It is taken from the fence, so it is slightly late if two grants
    /// fell into one microsecond. `None` if the record cannot be read.
    #[must_use]
    pub fn claimed_at(&self) -> Option<Duration> {
        (self.fence != Fence::NONE).then(|| Duration::from_micros(self.fence.get()))
    }
}

/// The state of a record as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StateView {
    /// An execution is under way.
    InFlight {
        /// The time until the lease runs out unless it is renewed.
        lease_left: Duration,
    },
    /// The lease ran out or was abandoned, and no claim has taken over. The next claim reruns the key or finds it in
    /// doubt.
    Abandoned,
    /// The holder gave up. The next claim is granted at once.
    Released,
    /// The key was executed.
    Completed(Completed),
    /// This version cannot read the record, which is in doubt.
    Unreadable,
}
