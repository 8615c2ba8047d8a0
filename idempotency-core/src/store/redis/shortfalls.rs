//! The shortfalls of one master: logged when they begin and when they are over, and not write by write.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::durability::Shortfall;

/// How long no write must have been short for the shortfalls to be over. Where a replica keeps up now and then, a line for
/// each change would be one for nearly each write.
const QUIET: Duration = Duration::from_secs(10);

/// The writes to one master that were less durable than asked, as far as they are not over.
#[derive(Debug, Default)]
pub(super) struct Shortfalls(Mutex<Option<Series>>);

#[derive(Debug)]
struct Series {
    writes: u64,
    last: Instant,
}

/// What is worth a line.
#[derive(PartialEq, Eq, Debug)]
enum Turn {
    Begun,
    Over { writes: u64 },
}

impl Shortfalls {
    /// Learns whether a write was durable enough.
    pub(super) fn note(&self, judged: &Result<(), Shortfall>, server: impl FnOnce() -> String) {
        match (self.turn(judged.is_err(), Instant::now()), judged) {
            (Some(Turn::Begun), Err(shortfall)) => {
                tracing::warn!(server = server(), %shortfall, "writes to Redis are not as durable as asked");
            }
            (Some(Turn::Over { writes }), _) => {
                tracing::info!(server = server(), writes, "writes to Redis are as durable as asked again");
            }
            _ => {}
        }
    }

    fn turn(&self, is_short: bool, now: Instant) -> Option<Turn> {
        let mut series = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *series {
            None if is_short => {
                *series = Some(Series { writes: 1, last: now });
                Some(Turn::Begun)
            }
            Some(Series { writes, last }) if is_short => {
                *writes += 1;
                *last = now;
                None
            }
            Some(Series { last, .. }) if now.duration_since(*last) >= QUIET => {
                series.take().map(|Series { writes, .. }| Turn::Over { writes })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortfalls_are_told_when_they_begin_and_when_they_are_over_with_their_number() {
        let shortfalls = Shortfalls::default();
        let start = Instant::now();
        let turn = |is_short, millis| shortfalls.turn(is_short, start + Duration::from_millis(millis));
        assert_eq!(turn(false, 0), None);
        assert_eq!(turn(true, 1), Some(Turn::Begun));
        // One that is confirmed in between is not the end.
        assert_eq!([turn(true, 2), turn(false, 3), turn(true, 4)], [None, None, None]);
        assert_eq!(turn(false, 10_003), None);
        assert_eq!(turn(false, 10_004), Some(Turn::Over { writes: 3 }));
        assert_eq!(turn(false, 10_005), None);
        assert_eq!(turn(true, 10_006), Some(Turn::Begun));
    }
}
