//! The ledger: one line per execution, the demo's effect.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use idempotency_core::IdempotencyContext;
use serde_json::{Value, json};

/// Where executions are written down: a file that several processes may share, or this process's memory.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    File(PathBuf, File),
    Memory(Mutex<Vec<Value>>),
}

impl Ledger {
    /// A ledger in this file, or in memory where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let kind = match path {
            Some(path) => {
                Kind::File(path.to_owned(), OpenOptions::new().append(true).create(true).open(path)?)
            }
            None => Kind::Memory(Mutex::default()),
        };
        Ok(Self(Arc::new(kind)))
    }

    /// Writes an execution down.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn record(&self, context: &IdempotencyContext) -> io::Result<()> {
        let entry = json!({
            "provider": context.provider(),
            "key": context.key().as_str(),
            "type": context.event_type(),
            "attempt": context.attempt(),
            "fence": context.fence().get(),
            "version": context.order().map(|order| order.version().get()),
            "time": jiff::Timestamp::now().to_string(),
        });
        match &*self.0 {
            // One write to a file opened for appending: lines of several processes do not mix.
            Kind::File(_, file) => {
                let mut file: &File = file;
                file.write_all(format!("{entry}\n").as_bytes())
            }
            Kind::Memory(entries) => {
                entries.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
                Ok(())
            }
        }
    }

    /// All executions so far: of all processes that share the file, or of this one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entries(&self) -> io::Result<Vec<Value>> {
        match &*self.0 {
            Kind::File(path, _) => {
                let text = std::fs::read_to_string(path)?;
                Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
            }
            Kind::Memory(entries) => Ok(entries.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        }
    }
}
