//! A running demo server: its deliveries, its signals and its end.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::client::{Answer, Client, NoAnswer};
use super::{Delivery, Framework, Ledger, PATIENCE, Setup, eventually};
use crate::faults::Strike;

/// A running demo server. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct Demo {
    pub(super) framework: Framework,
    pub(super) process: Mutex<Child>,
    pub(super) folder: PathBuf,
    pub(super) client: Client,
}

impl Demo {
    /// Starts a server with the usual setup.
    pub async fn start(framework: Framework, store: &str, ledger: &Ledger) -> Self {
        Setup::new(framework, store, ledger).start().await
    }

    /// Sends a delivery on a new connection.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn deliver(&self, delivery: &Delivery) -> Answer {
        self.try_deliver(delivery)
            .await
            .unwrap_or_else(|error| panic!("{:?} answers: {error}", self.framework))
    }

    /// Sends a delivery on a new connection.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn try_deliver(&self, delivery: &Delivery) -> Result<Answer, NoAnswer> {
        self.client.send(delivery).await
    }

    /// Sends a delivery in a new task. Aborting the task hangs up.
    pub fn delivering(&self, delivery: &Delivery) -> JoinHandle<Result<Answer, NoAnswer>> {
        let (client, delivery) = (self.client.clone(), delivery.clone());
        tokio::spawn(async move { client.send(&delivery).await })
    }

    /// A client that makes a new connection for each delivery. It outlives the server.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// A client that keeps its connections, for many deliveries.
    #[must_use]
    pub fn pooled_client(&self) -> Client {
        self.client.pooled()
    }

    /// Everything it has logged.
    ///
    /// # Panics
    /// When the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.join("stderr")).expect("the log is a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Its resident memory in KiB. `None` if the system has no `/proc`.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        resident_kib(self.process().id())
    }

    /// Kills it at once, like a power cut.
    pub fn kill(&self) {
        let _ = self.process().kill();
        let _ = self.process().wait();
    }

    /// Stops it, like a paused machine.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Resumes it.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Sends it SIGTERM.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Waits until it has ended.
    pub async fn exit(&self) -> ExitStatus {
        eventually("a demo server that ends", PATIENCE, async || self.exit_status()).await
    }

    /// The address on which it says that it listens.
    pub(super) fn greeting(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("stdout")).ok()?;
        Some(text.strip_prefix("listening on ")?.split_once(';')?.0.to_owned())
    }

    /// The fault that it inflicted on itself.
    #[must_use]
    pub fn strike(&self) -> Option<Strike> {
        let text = std::fs::read_to_string(self.folder.join("stdout")).ok()?;
        text.lines().find_map(Strike::from_line)
    }

    /// Its exit status; `None` while it runs.
    ///
    /// # Panics
    /// If the process cannot be queried.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process().try_wait().expect("the process is a child of this one")
    }

    fn signal(&self, name: &str) {
        let id = self.process().id().to_string();
        let status = Command::new("kill").args([name, &id]).status().expect("kill is installed");
        assert!(status.success(), "kill {name} must reach the demo server");
    }

    fn process(&self) -> MutexGuard<'_, Child> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the log of {:?}\n{}---", self.framework, self.log());
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The resident memory of a process in KiB. `None` if the system has no `/proc`.
#[must_use]
pub fn resident_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
