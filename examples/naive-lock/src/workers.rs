//! The workers: two processes of this program that serve an app, and are killed and replaced.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::ledger::{Ledger, Line, What};
use crate::serve::App;

/// A worker that was killed, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Death {
    pub(crate) worker: u32,
    pub(crate) at: Instant,
}

pub(crate) struct Workers {
    launcher: Launcher,
    ledger: Ledger,
    running: Mutex<[Worker; 2]>,
    turn: AtomicUsize,
    deaths: StdMutex<Vec<Death>>,
}

/// Launches worker processes.
struct Launcher {
    program: PathBuf,
    app: App,
    redis: String,
}

struct Worker {
    process: Child,
    address: SocketAddr,
}

impl Workers {
    pub(crate) async fn start(app: App, redis: &str, ledger: Ledger) -> io::Result<Self> {
        let launcher = Launcher { program: std::env::current_exe()?, app, redis: redis.to_owned() };
        let running = Mutex::new([launcher.launch(&ledger).await?, launcher.launch(&ledger).await?]);
        Ok(Self { launcher, ledger, running, turn: AtomicUsize::new(0), deaths: StdMutex::default() })
    }

    /// Returns the next worker's address, like a load balancer that has not noticed any death.
    pub(crate) async fn next(&self) -> SocketAddr {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.running.lock().await[turn % 2].address
    }

    /// Waits until an execution of the event has written this line, kills its worker, and starts another.
    pub(crate) async fn kill_at(&self, what: What, event: &str) -> io::Result<()> {
        let line = timeout(Duration::from_secs(30), self.await_line(what, event)).await??;
        let mut running = self.running.lock().await;
        let Some(worker) = running.iter_mut().find(|worker| worker.process.id() == Some(line.worker)) else {
            // The worker was killed in an earlier round.
            return Ok(());
        };
        worker.process.kill().await?;
        self.deaths().push(Death { worker: line.worker, at: Instant::now() });
        *worker = self.launcher.launch(&self.ledger).await?;
        Ok(())
    }

    async fn await_line(&self, what: What, event: &str) -> io::Result<Line> {
        loop {
            if let Some(line) = self.ledger.find(what, event)?.pop() {
                return Ok(line);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The workers that were killed.
    pub(crate) fn deaths(&self) -> MutexGuard<'_, Vec<Death>> {
        self.deaths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Launcher {
    async fn launch(&self, ledger: &Ledger) -> io::Result<Worker> {
        let mut process = Command::new(&self.program)
            .args(["serve", "--app", self.app.name(), "--redis", &self.redis, "--ledger"])
            .arg(ledger.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().ok_or_else(|| io::Error::other("a worker has no output"))?;
        let line = BufReader::new(stdout).lines().next_line().await?.unwrap_or_default();
        let address = line.parse().map_err(|_| io::Error::other("a worker did not start"))?;
        Ok(Worker { process, address })
    }
}
