//! The ledger: one line per execution, the demo's effect.

use std::fmt::Debug;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use idempotency_core::IdempotencyContext;
use serde_json::{Value, json};

/// Stores one line for each execution.
pub trait Ledger: Debug + Send + Sync + 'static {
    /// Records an execution.
    ///
    /// # Errors
    /// If it cannot be written.
    fn record(&self, context: &IdempotencyContext) -> io::Result<()>;

    /// Returns all executions so far.
    ///
    /// # Errors
    /// If they cannot be read.
    fn entries(&self) -> io::Result<Vec<Value>>;
}

/// Opens a ledger in this file, or in memory without one. Several processes may share the file.
///
/// # Errors
/// If the file cannot be opened for appending.
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
    /// The file is opened for appending and each line is one write, so lines of several processes do not mix.
    fn record(&self, context: &IdempotencyContext) -> io::Result<()> {
        (&self.file).write_all(format!("{}\n", entry(context)).as_bytes())
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
