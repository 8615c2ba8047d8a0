//! The ledger: one line per execution, the demo's effect.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use idempotency_core::IdempotencyContext;
use serde_json::{Value, json};

use crate::Gate;

/// Where executions are written down.
pub trait Ledger: Debug + Send + Sync + 'static {
    /// Writes an execution down.
    ///
    /// # Errors
    /// When it cannot be written.
    fn record(&self, context: &IdempotencyContext) -> io::Result<()>;

    /// The gate beside the ledger, where it has one.
    fn gate(&self) -> Option<Gate>;

    /// All executions so far.
    ///
    /// # Errors
    /// When they cannot be read.
    fn entries(&self) -> io::Result<Vec<Value>>;
}

/// A ledger in this file, which several processes may share, or in this process's memory where there is none.
///
/// # Errors
/// When the file cannot be opened for appending.
pub fn open_ledger(path: Option<&Path>) -> io::Result<Arc<dyn Ledger>> {
    Ok(match path {
        Some(path) => {
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            Arc::new(FileLedger { path: path.to_owned(), file })
        }
        None => Arc::new(MemoryLedger::default()),
    })
}

#[derive(Debug)]
struct FileLedger {
    path: PathBuf,
    file: File,
}

impl Ledger for FileLedger {
    /// One write to a file opened for appending: lines of several processes do not mix.
    fn record(&self, context: &IdempotencyContext) -> io::Result<()> {
        (&self.file).write_all(format!("{}\n", entry(context)).as_bytes())
    }

    fn gate(&self) -> Option<Gate> {
        Some(Gate::beside(&self.path))
    }

    fn entries(&self) -> io::Result<Vec<Value>> {
        let text = std::fs::read_to_string(&self.path)?;
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

#[derive(Debug, Default)]
struct MemoryLedger(Mutex<Vec<Value>>);

impl Ledger for MemoryLedger {
    fn record(&self, context: &IdempotencyContext) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry(context));
        Ok(())
    }

    fn gate(&self) -> Option<Gate> {
        None
    }

    fn entries(&self) -> io::Result<Vec<Value>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn entry(context: &IdempotencyContext) -> Value {
    json!({
        "provider": context.provider(),
        "key": context.key().as_str(),
        "type": context.event_type(),
        "attempt": context.attempt(),
        "fence": context.fence().get(),
        "version": context.order().map(|order| order.version().get()),
        "time": jiff::Timestamp::now().to_string(),
    })
}
