//! The log of unconfirmed writes to one master: one line at the start and one at the end of a series, not one per
//! write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::MissingConfirmations;

/// A series ends after this time without an unconfirmed write. Otherwise a replica that only sometimes keeps up would
/// cause a line for nearly every write.
const QUIET_PERIOD: Duration = Duration::from_secs(10);

/// The current series of writes to one master that too few servers confirmed.
#[derive(Debug, Default)]
pub(crate) struct UnconfirmedLog(Mutex<Option<Series>>);

#[derive(Debug)]
struct Series {
    writes: u64,
    last: Instant,
}

/// A change that is logged.
#[derive(PartialEq, Eq, Debug)]
enum SeriesEvent {
    Started,
    Ended { writes: u64 },
}

impl UnconfirmedLog {
    /// Records whether enough servers confirmed a write.
    pub(crate) fn note(&self, confirmed: &Result<(), MissingConfirmations>, server: impl FnOnce() -> String) {
        match (self.observe(confirmed.is_err(), Instant::now()), confirmed) {
            (Some(SeriesEvent::Started), Err(unconfirmed)) => {
                tracing::warn!(server = server(), %unconfirmed, "writes to Redis are not as durable as asked");
            }
            (Some(SeriesEvent::Ended { writes }), _) => {
                tracing::info!(server = server(), writes, "writes to Redis are again as durable as asked");
            }
            _ => {}
        }
    }

    fn observe(&self, is_unconfirmed: bool, now: Instant) -> Option<SeriesEvent> {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *series {
            None if is_unconfirmed => {
                *series = Some(Series { writes: 1, last: now });
                Some(SeriesEvent::Started)
            }
            Some(Series { writes, last }) if is_unconfirmed => {
                *writes += 1;
                *last = now;
                None
            }
            Some(Series { last, .. }) if now.duration_since(*last) >= QUIET_PERIOD => {
                series.take().map(|Series { writes, .. }| SeriesEvent::Ended { writes })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_logged_at_its_start_and_at_its_end_with_its_count() {
        let log = UnconfirmedLog::default();
        let start = Instant::now();
        let observe =
            |is_unconfirmed, millis| log.observe(is_unconfirmed, start + Duration::from_millis(millis));
        assert_eq!(observe(false, 0), None);
        assert_eq!(observe(true, 1), Some(SeriesEvent::Started));
        // A confirmed write in between does not end the series.
        assert_eq!([observe(true, 2), observe(false, 3), observe(true, 4)], [None, None, None]);
        assert_eq!(observe(false, 10_003), None);
        assert_eq!(observe(false, 10_004), Some(SeriesEvent::Ended { writes: 3 }));
        assert_eq!(observe(false, 10_005), None);
        assert_eq!(observe(true, 10_006), Some(SeriesEvent::Started));
    }
}
