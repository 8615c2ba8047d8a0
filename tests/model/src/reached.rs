//! The events that were reached: they show that the rules are not vacuously true.

use std::sync::atomic::{AtomicBool, Ordering};

/// An event that must happen in some state, if the bounds allow it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Takeover,
    Repeat,
    Replay,
    InFlight,
    Mismatch,
    Stale,
    InDoubt,
    Lost,
    LateRenewal,
    LateCompletion,
    /// A late copy of a claim is granted after its attempt was superseded: the grant has no listener.
    Unheard,
    Resolved,
    Forgotten,
    Adopted,
    /// A grant is given back because the mark had risen.
    GivenBack,
    /// The mark is ahead of every completion.
    Ahead,
    /// A record expires.
    Expired,
    /// An attempt whose handler never started is followed by an attempt with the same number.
    Unstarted,
}

/// The events reached so far. They are no part of a state, since most of them change nothing.
#[derive(Debug, Default)]
pub(crate) struct Reached([AtomicBool; 18]);

impl Reached {
    pub(crate) fn note(&self, event: Event, happened: bool) {
        let flag = &self.0[event as usize];
        if happened && !flag.load(Ordering::Relaxed) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn contains(&self, event: Event) -> bool {
        self.0[event as usize].load(Ordering::Relaxed)
    }
}
