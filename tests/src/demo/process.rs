//! One demo server: how it is started, what it is sent, how it ends.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::client::{Answer, Client, NoAnswer};
use super::{Delivery, Framework, Ledger, SECRETS, TWILIO_URL, eventually, now, scratch};

/// How long a server may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a demo server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    framework: Framework,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// A server on this store, `memory` or a Redis, that writes into this ledger, with the tests' secrets.
    ///
    /// # Panics
    /// When the ledger's path is not UTF-8.
    #[must_use]
    pub fn new(framework: Framework, store: &str, ledger: &Ledger) -> Self {
        let setup = Self { framework, arguments: Vec::new(), environment: Vec::new() };
        let secrets = SECRETS.into_iter();
        let setup = secrets.fold(setup, |setup, (name, secret)| setup.with_variable(name, secret));
        let ledger = ledger.path().to_str().expect("the folder for temporary files has a name in utf-8");
        setup
            .with_variable("RUST_LOG", "info")
            .with_variable("PUBLIC_URL", TWILIO_URL)
            .with("--listen", "127.0.0.1:0")
            .with("--store", store)
            .with("--ledger", ledger)
    }

    /// Sets one more flag, such as `--lease`.
    #[must_use]
    pub fn with(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Sets a variable of its environment, in place of an earlier value.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(self) -> Demo {
        let mut demo = self.spawn();
        let start = now();
        let base = loop {
            if let Some(base) = demo.greeting() {
                break base;
            }
            assert!(
                demo.exit_status().is_none() && start.elapsed() < PATIENCE,
                "it must come up: {}",
                demo.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        demo.client = Client::new(base);
        demo
    }

    /// Starts it and waits until it has ended, which must be a failure. Gives what it logged.
    ///
    /// # Panics
    /// When it does not end, or ends well.
    pub async fn start_and_fail(self) -> String {
        let demo = self.spawn();
        let status = demo.exit(PATIENCE).await;
        assert!(!status.success(), "it must not start: {}", demo.log());
        demo.log()
    }

    fn spawn(self) -> Demo {
        let folder = scratch("demo");
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let file = |name: &str| File::create(folder.join(name)).expect("the folder was made");
        let process = Command::new(binary(self.framework))
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| {
                panic!("build the servers with cargo test -p idempotency-tests: {error}")
            });
        Demo {
            framework: self.framework,
            process: Mutex::new(process),
            folder,
            client: Client::new(String::new()),
        }
    }
}

/// A running demo server. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct Demo {
    framework: Framework,
    process: Mutex<Child>,
    folder: PathBuf,
    client: Client,
}

impl Demo {
    /// Starts a server with nothing unusual about it.
    pub async fn start(framework: Framework, store: &str, ledger: &Ledger) -> Self {
        Setup::new(framework, store, ledger).start().await
    }

    /// Sends a delivery on a connection of its own.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn deliver(&self, delivery: &Delivery) -> Answer {
        self.try_deliver(delivery)
            .await
            .unwrap_or_else(|error| panic!("{:?} answers: {error}", self.framework))
    }

    /// Sends a delivery on a connection of its own.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn try_deliver(&self, delivery: &Delivery) -> Result<Answer, NoAnswer> {
        self.client.send(delivery).await
    }

    /// Sends a delivery in a task of its own; aborting the task hangs up.
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

    /// How much memory it has, in KiB. `None` where the system has no `/proc`.
    #[must_use]
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process().id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&self) {
        let _ = self.process().kill();
        let _ = self.process().wait();
    }

    /// Stops it where it is, as a paused machine would.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Waits until it has ended.
    pub async fn exit(&self, within: Duration) -> ExitStatus {
        eventually("a demo server that ends", within, async || self.exit_status()).await
    }

    /// Where it says that it listens.
    fn greeting(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("stdout")).ok()?;
        Some(text.strip_prefix("listening on ")?.split_once(';')?.0.to_owned())
    }

    /// How it has ended; none while it runs.
    ///
    /// # Panics
    /// When the process cannot be asked.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process().try_wait().expect("the process is a child of this one")
    }

    fn signal(&self, name: &str) {
        let id = self.process().id().to_string();
        let status = Command::new("kill").args([name, &id]).status().expect("kill is there");
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

/// The server's program, which cargo has built beside the tests: it is a target of this package too.
fn binary(framework: Framework) -> PathBuf {
    let name = match framework {
        Framework::Axum => "demo-axum",
        Framework::Actix => "demo-actix",
    };
    let test = std::env::current_exe().expect("this program has a path");
    let folder = test.ancestors().nth(2).expect("tests are built into a folder of their profile's");
    folder.join(name)
}
