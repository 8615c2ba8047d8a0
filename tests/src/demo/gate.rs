//! The gate: a steered handler waits at it until its test opens it.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// The polling interval of a waiting handler.
const PAUSE: Duration = Duration::from_millis(5);

/// Two files: a handler creates one when it reaches the gate, and continues once the other exists.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: PathBuf,
    open: PathBuf,
}

impl Gate {
    /// The environment variable that names a demo server's gate.
    pub(super) const VARIABLE: &str = "GATE";

    /// The gate of a ledger's file: `LEDGER.reached` and `LEDGER.open`.
    #[must_use]
    pub fn of_ledger(ledger: &Path) -> Self {
        let with = |end: &str| {
            let mut path = ledger.as_os_str().to_owned();
            path.push(end);
            PathBuf::from(path)
        };
        Self { reached: with(".reached"), open: with(".open") }
    }

    /// The gate of a demo server, for the file in its environment variable `GATE`.
    ///
    /// # Panics
    /// If the variable is missing.
    #[must_use]
    pub fn from_env() -> Self {
        Self::of_ledger(Path::new(&std::env::var_os(Self::VARIABLE).expect("the environment names a gate")))
    }

    /// Waits until the gate is open.
    ///
    /// # Panics
    /// If the file cannot be created.
    pub async fn pass(&self) {
        std::fs::write(&self.reached, "").expect("the folder for temporary files is writable");
        while !self.open.exists() {
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether a handler has reached the gate.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.reached.exists()
    }

    /// Opens the gate for good.
    ///
    /// # Panics
    /// If the file cannot be created.
    pub fn open(&self) {
        std::fs::write(&self.open, "").expect("the folder for temporary files is writable");
    }

    /// Removes both files.
    pub fn remove(&self) {
        for file in [&self.reached, &self.open] {
            let _ = std::fs::remove_file(file);
        }
    }
}
