//! The gate: where a handler waits that is not to go on before somebody lets it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a waiting handler looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Two files: handlers make the one when they come to the gate, and go on when the other is there.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: PathBuf,
    open: PathBuf,
}

impl Gate {
    /// The gate beside a ledger's file: `LEDGER.reached` and `LEDGER.open`.
    #[must_use]
    pub fn beside(ledger: &Path) -> Self {
        let with = |end: &str| {
            let mut path = ledger.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        Self { reached: with(".reached"), open: with(".open") }
    }

    /// Waits until the gate is open.
    ///
    /// # Errors
    /// When the file that tells of the waiting cannot be made.
    pub async fn pass(&self) -> io::Result<()> {
        std::fs::write(&self.reached, "")?;
        while !self.open.exists() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Whether a handler has come to the gate.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.reached.exists()
    }

    /// Opens the gate for good.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn open(&self) -> io::Result<()> {
        std::fs::write(&self.open, "")
    }

    /// Removes both files.
    pub fn remove(&self) {
        for file in [&self.reached, &self.open] {
            let _ = std::fs::remove_file(file);
        }
    }
}
