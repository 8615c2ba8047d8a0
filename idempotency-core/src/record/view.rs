//! The view: a record as an operator sees it.

use std::time::Duration;

use super::{Label, Record, State};
use crate::{Completed, Fence, KeyDigest, ScopedOrder};

/// A record as an operator sees it, in durations from now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RecordView {
    /// Its address: every call for operators takes it.
    pub digest: KeyDigest,
    /// What it is of.
    pub label: Label,
    /// Its state now.
    pub state: StateView,
    /// The fence of the last grant. [`Fence::NONE`] where the record cannot be read.
    pub fence: Fence,
    /// How many attempts there have been.
    pub attempts: u32,
    /// Which resource the event is about and how new it is, where it has an order.
    pub order: Option<ScopedOrder>,
    /// How long the record will be kept.
    pub expires_in: Duration,
}

impl RecordView {
    /// What an operator sees of a record at this address that will be kept for `expires_in`.
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

    /// What an operator sees of a record that cannot be read.
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

    /// When the key was last claimed, since 1970. Its fence says so: it is the microseconds of the grant, and a little
    /// later where two grants fell into one. `None` where the record cannot be read.
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
        /// How long the lease lasts unless it is renewed.
        lease_left: Duration,
    },
    /// The lease ran out or was given up in doubt, and no claim has taken over: the next one reruns the key, or finds it in
    /// doubt.
    Abandoned,
    /// Its holder gave up; the next claim is granted at once.
    Released,
    /// It was executed.
    Completed(Completed),
    /// It is there, but not in a form that this version reads: in doubt.
    Unreadable,
}
