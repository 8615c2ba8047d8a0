//! The setup of a demo server.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::client::Client;
use super::{Demo, Framework, Gate, Ledger, PATIENCE, SECRETS, TWILIO_URL, now, scratch};
use crate::faults::FaultAt;

/// Long timeouts, so that no delivery fails because the machine is slow.
const PATIENT: [(&str, &str); 2] = [("STORE_TIMEOUT", "60s"), ("WAIT", "60s")];

/// The setup of a demo server.
#[derive(Clone, Debug)]
pub struct Setup {
    framework: Framework,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// A server on this store (the value of `--store`) that writes to this ledger. It has the tests' secrets and long
    /// timeouts for its store.
    ///
    /// # Panics
    /// When the ledger's path is not UTF-8.
    #[must_use]
    pub fn new(framework: Framework, store: &str, ledger: &Ledger) -> Self {
        let setup = Self { framework, arguments: Vec::new(), environment: Vec::new() };
        let secrets = SECRETS.into_iter();
        let setup = secrets.fold(setup, |setup, (name, secret)| setup.with_variable(name, secret));
        let ledger = ledger.path().to_str().expect("the folder for temporary files has a name in utf-8");
        let patient = PATIENT.into_iter();
        let setup = patient.fold(setup, |setup, (name, time)| setup.with_variable(name, time));
        setup
            .with_variable("RUST_LOG", "info")
            .with_variable("PUBLIC_URL", TWILIO_URL)
            .with_variable(Gate::VARIABLE, ledger)
            .with("--listen", "127.0.0.1:0")
            .with("--store", store)
            .with("--ledger", ledger)
    }

    /// Restores the default timeouts, for tests in which the store is out of reach.
    #[must_use]
    pub fn with_default_patience(mut self) -> Self {
        self.environment.retain(|(name, _)| PATIENT.iter().all(|(patient, _)| name != patient));
        self
    }

    /// Adds a flag, such as `--lease`.
    #[must_use]
    pub fn with(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([flag.to_owned(), value.to_owned()]);
        self
    }

    /// Sets an environment variable and replaces an earlier value.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes it kill or stop itself at this point.
    #[must_use]
    pub fn with_fault_at(self, fault_at: FaultAt) -> Self {
        self.with_variable("FAULT_AT", &fault_at.to_string())
    }

    /// Starts it and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> Demo {
        let mut demo = self.spawn();
        let start = now();
        let base = loop {
            if let Some(base) = demo.greeting() {
                break base;
            }
            assert!(
                demo.exit_status().is_none() && start.elapsed() < PATIENCE,
                "the server must start: {}",
                demo.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        demo.client = Client::new(base);
        demo
    }

    /// Starts it, waits until it has failed, and returns its log.
    ///
    /// # Panics
    /// If it does not end, or ends with success.
    pub async fn start_and_fail(self) -> String {
        let demo = self.spawn();
        let status = demo.exit().await;
        assert!(!status.success(), "the server must not start: {}", demo.log());
        demo.log()
    }

    fn spawn(self) -> Demo {
        let folder = scratch("demo");
        std::fs::create_dir_all(&folder).expect("the folder for temporary files is writable");
        let file = |name: &str| File::create(folder.join(name)).expect("the folder was made");
        let process = Command::new(self.binary())
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
    /// The server's program. It is a target of this package, so cargo has built it with the tests.
    fn binary(&self) -> PathBuf {
        let name = match self.framework {
            Framework::Axum => "demo-axum",
            Framework::Actix => "demo-actix",
        };
        let test = std::env::current_exe().expect("this program has a path");
        let folder = test.ancestors().nth(2).expect("tests are built into a folder of their profile's");
        folder.join(name)
    }
}
