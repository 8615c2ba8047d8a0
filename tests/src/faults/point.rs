//! The points, and the faults that can happen there.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// A point of the engine: just before or after an effect that is visible outside. Each doc says what a death there means.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Point {
    /// There is no trace of the delivery: the retry is its first attempt.
    BeforeClaim,
    /// A dead process holds the key: the retry runs after the lease.
    AfterClaim,
    /// The key is claimed and the effect has not happened: the retry runs after the lease, and the effect happens once.
    BeforeEffect,
    /// The effect has happened and was not reported: the retry runs after the lease, and the effect happens twice.
    AfterEffect,
    /// The handler is cut short: the retry runs after the lease.
    BeforeRenew,
    /// The handler is cut short: the retry runs after the renewed lease.
    AfterRenew,
    /// The handler has succeeded and its outcome is lost: the retry runs after the lease, and the effect happens twice.
    BeforeComplete,
    /// The outcome is recorded and the sender has no answer: the retry is a replay.
    AfterComplete,
    /// The handler has failed and the key is still held: the retry runs after the lease.
    BeforeRelease,
    /// The handler has failed and the key is free: the retry runs at once.
    AfterRelease,
    /// A duplicate is about to wait: the execution elsewhere continues, and the retry is its replay.
    BeforeWait,
    /// A duplicate has waited and has not read the outcome: the retry is a replay as well.
    AfterWait,
}

/// The signal that a process sends itself.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
}

/// A fault: its point, its signal, and the pass on which it happens, such as `after-complete:kill:3`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultAt {
    /// The point.
    pub point: Point,
    /// The signal.
    pub signal: Signal,
    /// The pass over the point, counted from 1.
    pub time: u32,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("no point is skipped").get_name())
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().expect("no signal is skipped").get_name())
    }
}

impl fmt::Display for FaultAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.point, self.signal, self.time)
    }
}

impl FromStr for FaultAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<_> = text.split(':').collect();
        let [point, signal, time] = parts[..] else { return Err("expected `POINT:SIGNAL:TIME`".to_owned()) };
        Ok(Self {
            point: Point::from_str(point, false)?,
            signal: Signal::from_str(signal, false)?,
            time: time.parse().map_err(|error| format!("{time}: {error}"))?,
        })
    }
}
