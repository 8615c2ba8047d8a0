//! The ledger: a file to which every execution writes its events. It is the evidence.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::Event;

#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) what: What,
    pub(crate) worker: u32,
    pub(crate) event: String,
    pub(crate) user: String,
    pub(crate) version: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Started,
    Failed,
    /// The effect. This line must not appear twice, and must not be missing.
    Effect,
}

impl Ledger {
    pub(crate) fn create(path: PathBuf) -> io::Result<Self> {
        File::create(&path)?;
        Ok(Self { path })
    }

    pub(crate) fn open(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line in one write, so that lines of two processes never mix.
    pub(crate) fn write(&self, what: What, event: &Event) -> io::Result<()> {
        let line = Line {
            what,
            worker: std::process::id(),
            event: event.id.clone(),
            user: event.data.id.clone(),
            version: event.timestamp,
        };
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(format!("{}\n", serde_json::to_string(&line)?).as_bytes())
    }

    pub(crate) fn read(&self) -> io::Result<Vec<Line>> {
        let text = std::fs::read_to_string(&self.path)?;
        text.lines().map(|line| serde_json::from_str(line).map_err(io::Error::from)).collect()
    }

    /// Returns the lines of one kind for one event.
    pub(crate) fn find(&self, what: What, event: &str) -> io::Result<Vec<Line>> {
        let lines = self.read()?.into_iter();
        Ok(lines.filter(|line| line.what == what && line.event == event).collect())
    }
}
