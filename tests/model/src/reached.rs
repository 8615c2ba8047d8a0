//! What was reached: proof that the model is not true for want of anything happening.

use std::sync::atomic::{AtomicBool, Ordering};

/// Something that must happen somewhere, where the bounds allow it.
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
    /// A late copy of a claim is granted when its attempt has long been superseded: nobody hears of it.
    Unheard,
    Resolved,
    Forgotten,
    Adopted,
    /// A grant is given back, since the mark had risen when it looked.
    GivenBack,
    /// The mark is ahead of every completion.
    Ahead,
    /// A record is kept no longer.
    Expired,
    /// An attempt whose handler never started is followed by one of the same number.
    Unstarted,
}

/// Which events the checker has come upon so far. Kept beside the states, since most of them change nothing.
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
