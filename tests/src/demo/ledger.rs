//! The ledger that all servers of a test share, with one line per execution, and its gate.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Gate, PATIENCE, eventually, scratch};

/// A ledger's file and its gate. Dropping it removes the files.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    gate: Gate,
}

/// One execution.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// The delivery's sender.
    pub provider: String,
    /// Its key.
    pub key: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// Its attempt.
    pub attempt: u32,
    /// The attempt's fencing token.
    pub fence: u64,
    /// The version in its order.
    pub version: Option<u64>,
}

impl Ledger {
    /// An empty ledger.
    ///
    /// # Panics
    /// If the file cannot be created.
    #[expect(clippy::new_without_default, reason = "it creates a file")]
    #[must_use]
    pub fn new() -> Self {
        let path = scratch("ledger");
        std::fs::write(&path, "").expect("the folder for temporary files is writable");
        let gate = Gate::of_ledger(&path);
        Self { path, gate }
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until a handler that was steered with `gated=1` has reached the gate.
    pub async fn gate_is_reached(&self) {
        eventually("a handler at the gate", PATIENCE, async || self.gate.is_reached().then_some(())).await;
    }

    /// Opens the gate for every waiting handler and every later one.
    ///
    /// # Panics
    /// If the file cannot be created.
    pub fn open_gate(&self) {
        self.gate.open();
    }

    /// All executions in the order of their lines.
    ///
    /// # Panics
    /// If a line is malformed.
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.lines_from(0).0
    }

    /// The executions from this byte on, and the byte after the last one.
    ///
    /// # Panics
    /// If a line is malformed.
    #[must_use]
    pub fn lines_from(&self, start: u64) -> (Vec<Line>, u64) {
        let mut file = File::open(&self.path).expect("the ledger is a file");
        let mut text = String::new();
        file.seek(SeekFrom::Start(start)).expect("a file is seekable");
        file.read_to_string(&mut text).expect("the ledger is text");
        // An incomplete line is left for the next call.
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let end = start + u64::try_from(text.len()).expect("it is in memory");
        (text.lines().map(line).collect(), end)
    }

    /// The executions of one key.
    #[must_use]
    pub fn lines_of(&self, key: &str) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.key == key).collect()
    }

    /// The only execution.
    ///
    /// # Panics
    /// If there is none, or more than one.
    #[must_use]
    #[track_caller]
    pub fn only_line(&self) -> Line {
        let lines = self.lines();
        let [line] = &lines[..] else { panic!("there must be one execution: {lines:?}") };
        line.clone()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        self.gate.remove();
    }
}
