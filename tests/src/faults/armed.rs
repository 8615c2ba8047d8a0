//! The process that strikes itself.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use idempotency_core::clock;

use super::{FaultAt, Point, Signal};

/// Says that the strike is about to happen, then ends the parent.
const KILL: &str = r#"echo "$0"; kill -KILL "$PPID""#;

/// Stops the parent, and says so when all of it has stopped: no thread of it goes on in between. It does not look for
/// ever, since somebody may have let the parent go on.
const STOP: &str = r#"kill -STOP "$PPID"
looks=0
until ps -o stat= -p "$PPID" | grep -q T || [ "$looks" = 100 ]; do looks=$((looks + 1)); done
echo "$0""#;

/// A fault that awaits its process.
#[derive(Debug)]
pub(super) struct Armed {
    fault: FaultAt,
    reached: AtomicU32,
}

impl Armed {
    /// The fault that the environment's `FAULT_AT` names.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn from_env() -> Result<Self, String> {
        let text = std::env::var("FAULT_AT").map_err(|error| format!("FAULT_AT: {error}"))?;
        Ok(Self { fault: text.parse()?, reached: AtomicU32::new(0) })
    }

    /// Strikes the process where it is its turn. The thread stays here until it is killed, or was stopped and goes on.
    pub(super) fn reach(&self, point: Point) {
        if point != self.fault.point || self.reached.fetch_add(1, Ordering::SeqCst) + 1 != self.fault.time {
            return;
        }
        let script = match self.fault.signal {
            Signal::Kill => KILL,
            Signal::Stop => STOP,
        };
        let at = u64::try_from(clock::system_unix_time().as_micros()).expect("the year is not that late");
        let strike = Strike { fault: self.fault, at };
        Command::new("sh").args(["-c", script, &strike.to_line()]).status().expect("there is a shell");
    }
}

/// A fault that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strike {
    /// Which one.
    pub fault: FaultAt,
    /// When, in microseconds since 1970.
    pub at: u64,
}

impl Strike {
    fn to_line(self) -> String {
        format!("struck {} {}", self.fault, self.at)
    }

    /// Reads the line in which a process says so.
    pub fn from_line(line: &str) -> Option<Self> {
        let (fault, at) = line.strip_prefix("struck ")?.split_once(' ')?;
        Some(Self { fault: fault.parse().ok()?, at: at.parse().ok()? })
    }
}
