//! A process that kills or stops itself at a point.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use idempotency_core::clock;

use super::{FaultAt, Point, Signal};

/// Prints the line that announces the strike, then kills the parent.
const KILL: &str = r#"echo "$0"; kill -KILL "$PPID""#;

/// Stops the parent, and prints the line once all of its threads have stopped. It gives up after a while, since a test
/// may have resumed the parent.
const STOP: &str = r#"kill -STOP "$PPID"
looks=0
until ps -o stat= -p "$PPID" | grep -q T || [ "$looks" = 100 ]; do looks=$((looks + 1)); done
echo "$0""#;

/// A fault that has not happened yet.
#[derive(Debug)]
pub struct Armed {
    fault: FaultAt,
    reached: AtomicU32,
}

impl Armed {
    /// The fault in the environment variable `FAULT_AT`, if it is set.
    ///
    /// # Errors
    /// If it is not one of the faults.
    pub fn from_env() -> Result<Option<Self>, String> {
        let Some(text) = std::env::var_os("FAULT_AT") else { return Ok(None) };
        Ok(Some(Self { fault: text.to_string_lossy().parse()?, reached: AtomicU32::new(0) }))
    }

    /// Strikes the process if the fault is due at this point. The thread blocks here until it is killed or resumed.
    pub fn reach(&self, point: Point) {
        if point != self.fault.point || self.reached.fetch_add(1, Ordering::SeqCst) + 1 != self.fault.time {
            return;
        }
        let script = match self.fault.signal {
            Signal::Kill => KILL,
            Signal::Stop => STOP,
        };
        let at =
            u64::try_from(clock::system_unix_time().as_micros()).expect("the microseconds fit in 64 bits");
        let strike = Strike { fault: self.fault, at };
        Command::new("sh").args(["-c", script, &strike.to_line()]).status().expect("sh is installed");
    }
}

/// A fault that happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strike {
    /// The fault.
    pub fault: FaultAt,
    /// Its time in microseconds since 1970.
    pub at: u64,
}

impl Strike {
    fn to_line(self) -> String {
        format!("struck {} {}", self.fault, self.at)
    }

    /// Parses the line in which a process announces it.
    pub fn from_line(line: &str) -> Option<Self> {
        let (fault, at) = line.strip_prefix("struck ")?.split_once(' ')?;
        Some(Self { fault: fault.parse().ok()?, at: at.parse().ok()? })
    }
}
