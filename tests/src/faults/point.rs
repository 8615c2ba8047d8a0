//! The points, and what can happen there.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;

/// A point of the engine: just before or after something that others can see. Each says what a death there means.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Point {
    /// Nothing is known of the delivery: the retry is its first attempt.
    BeforeClaim,
    /// The key is held by nobody who lives: the retry runs after the lease.
    AfterClaim,
    /// The lease is claimed and the effect has not happened: the retry runs after the lease, and it happens once.
    BeforeEffect,
    /// The effect has happened and nobody was told: the retry runs after the lease, and it happens twice.
    AfterEffect,
    /// The handler is cut short: the retry runs after the lease.
    BeforeRenew,
    /// The handler is cut short: the retry runs after the lease as it was prolonged.
    AfterRenew,
    /// The handler has succeeded and nobody was told: the retry runs after the lease, and the effect happens twice.
    BeforeComplete,
    /// The outcome is recorded and the sender was not told: the retry is a replay.
    AfterComplete,
    /// The handler has failed and the key is still held: the retry runs after the lease.
    BeforeRelease,
    /// The handler has failed and the key is free: the retry runs at once.
    AfterRelease,
    /// A duplicate is about to wait: the execution elsewhere goes on, the retry is its replay.
    BeforeWait,
    /// A duplicate has waited and does not know the outcome: the same.
    AfterWait,
}

/// What a process sends itself.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Signal {
    /// SIGKILL.
    Kill,
    /// SIGSTOP.
    Stop,
}

/// What happens where, and at which time of getting there: `after-complete:kill:3`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FaultAt {
    /// Where.
    pub point: Point,
    /// What.
    pub signal: Signal,
    /// At the first time, the second, and so on.
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
