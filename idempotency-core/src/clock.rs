//! Clocks: the system's, tokio's, and one that tests move. Only this file reads the system clock.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of time. All code that needs the time takes a clock, so that tests move it and never sleep.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Monotonic time since an origin of the clock's choice. It may stand still while the machine is suspended.
    fn now(&self) -> Duration;

    /// Time since 1970, which may jump. Used for signatures and fences, and to notice that the machine was suspended.
    fn unix_time(&self) -> Duration;
}

/// The system's wall clock, since 1970. Zero if the system clock is set before 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn system_unix_time() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A clock that stands still until it is moved.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::clock::{Clock, ManualClock};
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(30));
/// assert_eq!(clock.now() - before, Duration::from_secs(30));
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// A clock that shows 2026-01-01 00:00 UTC.
    #[must_use]
    pub fn new() -> Self {
        Self(Mutex::new(Duration::from_secs(1_767_225_600)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        *self.lock() += by;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Duration> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.lock()
    }

    fn unix_time(&self) -> Duration {
        *self.lock()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn unix_time(&self) -> Duration {
        (**self).unix_time()
    }
}

/// Tokio's clock: the system's, or the test runtime's while its time is paused.
#[cfg(feature = "tokio")]
#[derive(Debug)]
pub struct TokioClock {
    origin: tokio::time::Instant,
    unix_origin: Duration,
}

#[cfg(feature = "tokio")]
impl TokioClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now(), unix_origin: system_unix_time() }
    }
}

#[cfg(feature = "tokio")]
impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "tokio")]
impl Clock for TokioClock {
    fn now(&self) -> Duration {
        self.unix_origin + self.origin.elapsed()
    }

    fn unix_time(&self) -> Duration {
        system_unix_time()
    }
}

/// A reading of both clocks. The monotonic one may stand still while the machine is suspended, and the wall clock may be
/// set back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClockReading {
    pub(crate) monotonic: Duration,
    pub(crate) unix: Duration,
}

impl ClockReading {
    pub(crate) fn of(clock: &(impl Clock + ?Sized)) -> Self {
        Self { monotonic: clock.now(), unix: clock.unix_time() }
    }

    /// The time from this reading to a later one, on the clock that advanced further.
    pub(crate) fn elapsed(self, now: Self) -> Duration {
        now.monotonic.saturating_sub(self.monotonic).max(now.unix.saturating_sub(self.unix))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const YEAR_2026: Duration = Duration::from_secs(1_767_225_600);

    #[test]
    fn a_manual_clock_shows_2026_until_it_is_moved() {
        let clock = Arc::new(ManualClock::new());
        assert_eq!((clock.now(), Clock::unix_time(&clock)), (YEAR_2026, YEAR_2026));
        clock.advance(Duration::from_secs(30));
        let later = YEAR_2026 + Duration::from_secs(30);
        assert_eq!((Clock::now(&clock), Clock::unix_time(&clock)), (later, later));
    }

    #[test]
    fn the_system_clock_counts_from_1970() {
        assert!(system_unix_time() > YEAR_2026);
    }

    #[cfg(feature = "tokio")]
    #[tokio::test(start_paused = true)]
    async fn tokios_clock_pauses_with_the_runtime_while_its_unix_time_is_the_systems() {
        let clock = TokioClock::new();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(clock.now() - before, Duration::from_secs(30));
        assert!(clock.unix_time() > YEAR_2026);
    }
}
