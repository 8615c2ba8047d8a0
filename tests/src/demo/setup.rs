//! How a demo server is started.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use super::client::Client;
use super::{Demo, Framework, Ledger, PATIENCE, SECRETS, TWILIO_URL, now, scratch};
use crate::faults::FaultAt;

/// What gives a server all the time of the world, so that no delivery fails because the machine is slow.
const PATIENT: [(&str, &str); 2] = [("STORE_TIMEOUT", "60s"), ("WAIT", "60s")];

/// How a demo server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    framework: Framework,
    fault_at: Option<FaultAt>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Setup {
    /// A server on this store, `memory` or a Redis, that writes into this ledger, with the tests' secrets. It is as
    /// patient with its store as the tests are.
    ///
    /// # Panics
    /// When the ledger's path is not UTF-8.
    #[must_use]
    pub fn new(framework: Framework, store: &str, ledger: &Ledger) -> Self {
        let setup = Self { framework, fault_at: None, arguments: Vec::new(), environment: Vec::new() };
        let secrets = SECRETS.into_iter();
        let setup = secrets.fold(setup, |setup, (name, secret)| setup.with_variable(name, secret));
        let ledger = ledger.path().to_str().expect("the folder for temporary files has a name in utf-8");
        let patient = PATIENT.into_iter();
        let setup = patient.fold(setup, |setup, (name, time)| setup.with_variable(name, time));
        setup
            .with_variable("RUST_LOG", "info")
            .with_variable("PUBLIC_URL", TWILIO_URL)
            .with("--listen", "127.0.0.1:0")
            .with("--store", store)
            .with("--ledger", ledger)
    }

    /// As patient as servers are by default: for tests in which the store is away.
    #[must_use]
    pub fn with_default_patience(mut self) -> Self {
        self.environment.retain(|(name, _)| PATIENT.iter().all(|(patient, _)| name != patient));
        self
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

    /// Lets it strike itself there.
    #[must_use]
    pub fn with_fault_at(mut self, fault_at: FaultAt) -> Self {
        self.fault_at = Some(fault_at);
        self.with_variable("FAULT_AT", &fault_at.to_string())
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
        let status = demo.exit().await;
        assert!(!status.success(), "it must not start: {}", demo.log());
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
    /// The server's program, which cargo has built beside the tests: it is a target of this package too.
    fn binary(&self) -> PathBuf {
        let name = match (self.framework, self.fault_at) {
            (Framework::Axum, None) => "demo-axum",
            (Framework::Actix, None) => "demo-actix",
            (Framework::Axum, Some(_)) => "faulty-axum",
            (Framework::Actix, Some(_)) => "faulty-actix",
        };
        let test = std::env::current_exe().expect("this program has a path");
        let folder = test.ancestors().nth(2).expect("tests are built into a folder of their profile's");
        folder.join(name)
    }
}
