//! Departures: how response futures ended, seen from outside the adapter.

use std::sync::Arc;

use tokio::sync::watch;

/// The number of response futures that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    /// With an answer.
    pub answered: usize,
    /// Dropped by the framework before an answer.
    pub dropped: usize,
}

/// Counts how response futures end. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Departures(Arc<watch::Sender<Ended>>);

impl Departures {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Ended::default())))
    }

    pub(super) async fn of<T>(self, response: impl Future<Output = T>) -> T {
        let mut departure = Departure { counts: self, answered: false };
        let answer = response.await;
        departure.answered = true;
        answer
    }

    /// Waits until the counts are as wanted.
    pub async fn until(&self, wanted: impl FnMut(&Ended) -> bool) {
        self.0.subscribe().wait_for(wanted).await.expect("the counts outlive the wait");
    }
}

struct Departure {
    counts: Departures,
    answered: bool,
}

impl Drop for Departure {
    fn drop(&mut self) {
        self.counts.0.send_modify(|ended| match self.answered {
            true => ended.answered += 1,
            false => ended.dropped += 1,
        });
    }
}
