//! The programs that a driver starts: a server for each variant, and one load after the other.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::Args;

use super::delivery::Body;
use super::round::Round;
use super::variant::Variant;
use super::workload::Workload;

/// What the server's output begins with.
pub const GREETING: &str = "listening on ";

/// Where a server keeps records.
#[derive(Args, Clone, Debug)]
pub struct Places {
    /// The address of its database in Redis.
    #[arg(long)]
    pub redis: String,
    /// The address of its database in PostgreSQL.
    #[arg(long)]
    pub postgres: String,
    /// Its file for SQLite.
    #[arg(long)]
    pub sqlite: PathBuf,
}

/// A running server. Dropping it ends the process.
pub struct Server {
    variant: Variant,
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on this core, and waits until it listens.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(variant: Variant, core: usize, places: &Places) -> Self {
        let mut process = program("http-server")
            .args(["--variant", &variant.to_string(), "--core", &core.to_string()])
            .args(["--redis", &places.redis, "--postgres", &places.postgres, "--sqlite"])
            .arg(&places.sqlite)
            // It ends when its input does, even if this process is killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server is built beside this program");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("its output is text");
        let address = line.trim_end().strip_prefix(GREETING).and_then(|address| address.parse().ok());
        Self { variant, process, address: address.unwrap_or_else(|| panic!("{variant} starts")) }
    }

    /// Its variant.
    pub fn variant(&self) -> Variant {
        self.variant
    }

    /// Sends a load from a process of its own, and checks the answers.
    ///
    /// # Panics
    /// If an answer is wrong.
    pub fn load(&self, load: &Load, redis: u32) -> Round {
        let output = program("http-load")
            .args(["--address", &self.address.to_string(), "--server", &self.process.id().to_string()])
            .args(["--redis", &redis.to_string(), "--workload", &load.workload.to_string()])
            .args(["--first", &load.first.to_string(), "--warm-up", &load.warm_up.to_string()])
            .args(["--seconds", &load.seconds.to_string()])
            .args(["--connections", &load.connections.to_string(), "--bytes", &load.body.bytes.to_string()])
            .args(load.body.signed.then_some("--signed"))
            .stderr(Stdio::inherit())
            .output()
            .expect("the load is built beside this program");
        assert!(output.status.success(), "{} answers every request", self.variant);
        let round: Round = serde_json::from_slice(&output.stdout).expect("a load prints a round");
        round.check(self.variant, load.workload).unwrap_or_else(|wrong| panic!("{wrong}"));
        round
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a load sends.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub connections: usize,
    pub body: Body,
    pub workload: Workload,
    /// The number of the first new key.
    pub first: u64,
    /// The seconds before the measured time.
    pub warm_up: f64,
    /// The measured time in seconds.
    pub seconds: f64,
}

/// A program of this package, which was built with the one that runs.
fn program(name: &str) -> Command {
    let this = std::env::current_exe().expect("this program has a path");
    Command::new(this.parent().unwrap_or(Path::new(".")).join(name))
}
