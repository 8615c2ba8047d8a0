//! A private master with replicas and three sentinels on free loopback ports.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::port::Port;
use crate::redis_cluster::{replicated, until};
use crate::redis_server::{MISSING, RedisServer, connect, program, stop};

/// The sentinels' name for the master.
pub const MASTER: &str = "idem";
const SENTINELS: usize = 3;
/// The milliseconds of silence after which the master counts as dead, where a test waits for that.
const IMPATIENT: &str = "600";
/// The same for all other tests. A server on a busy machine may be silent for seconds.
const PATIENT: &str = "60000";

/// A master, its replicas, and three sentinels. Dropping it ends all processes.
#[derive(Debug)]
pub struct SentinelSet {
    /// The servers; the initial master is the first.
    pub servers: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    port: Port,
    directory: PathBuf,
    process: Child,
}

impl SentinelSet {
    /// Starts with this many replicas.
    pub async fn start(replicas: usize) -> Self {
        Self::start_with(replicas, &[], "").await
    }

    /// Starts with additional arguments for the servers and lines for the sentinels' configuration.
    pub async fn start_with(replicas: usize, arguments: &[&str], lines: &str) -> Self {
        let common =
            [&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"], arguments].concat();
        let master = RedisServer::start_with(&common).await;
        let port = master.port().to_string();
        let mut servers = vec![master];
        for _ in 0..replicas {
            let arguments = [&common[..], &["--replicaof", "127.0.0.1", &port]].concat();
            servers.push(RedisServer::start_with(&arguments).await);
        }
        until(async || servers[0].info("connected_slaves").await == replicas as u64).await;
        for replica in &servers[1..] {
            replicated(&servers[0], replica).await;
        }
        let sentinels = (0..SENTINELS).map(|_| Sentinel::launch(servers[0].port(), lines)).collect();
        let set = Self { servers, sentinels };
        set.agreed(replicas).await;
        set
    }

    async fn agreed(&self, replicas: usize) {
        for sentinel in &self.sentinels {
            until(async || {
                let Some(master) = sentinel.master().await else { return false };
                master["num-slaves"] == replicas.to_string()
                    && master["num-other-sentinels"] == (SENTINELS - 1).to_string()
            })
            .await;
        }
    }

    /// The addresses of the sentinels for a store.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels
            .iter()
            .map(|sentinel| format!("redis://127.0.0.1:{}/", sentinel.port.number()))
            .collect()
    }

    /// From now on a master that is silent for 600 ms counts as dead, and a replica is promoted. Before, none is.
    pub async fn notice_deaths(&self) {
        for sentinel in &self.sentinels {
            let mut command = redis::cmd("SENTINEL");
            command.arg(&["SET", MASTER, "down-after-milliseconds", IMPATIENT]);
            command
                .exec_async(&mut sentinel.connection().await)
                .await
                .expect("the sentinel accepts the time");
        }
    }

    /// Waits until most sentinels name another master than this server, and returns its index.
    pub async fn failed_over_from(&self, old: usize) -> usize {
        let mut new = old;
        until(async || {
            let mut votes = HashMap::<usize, usize>::new();
            for sentinel in &self.sentinels {
                let Some(master) = sentinel.master().await else { continue };
                let at = self.servers.iter().position(|server| server.port().to_string() == master["port"]);
                *votes.entry(at.expect("it is one of ours")).or_default() += 1;
            }
            let winner = votes.into_iter().find(|(_, votes)| *votes > SENTINELS / 2);
            new = winner.map_or(old, |(server, _)| server);
            new != old
        })
        .await;
        new
    }

    /// Makes the sentinels promote a replica.
    pub async fn fail_over(&self) {
        let mut connection = self.sentinels[0].connection().await;
        let mut command = redis::cmd("SENTINEL");
        command.arg("FAILOVER").arg(MASTER);
        // It may know the replica, and not yet its state. Then it refuses and does nothing.
        until(async || match command.exec_async(&mut connection).await {
            Err(error) if error.code() == Some("NOGOODSLAVE") => false,
            answer => {
                answer.expect("there is a replica to promote");
                true
            }
        })
        .await;
    }

    /// Ends one sentinel.
    pub fn kill_sentinel(&mut self, number: usize) {
        let sentinel = &mut self.sentinels[number];
        sentinel.process.kill().and_then(|()| sentinel.process.wait()).expect("it runs");
    }

    /// Makes one sentinel refuse clients without a password.
    pub async fn close_sentinel(&self, number: usize) {
        let mut connection = self.sentinels[number].connection().await;
        let mut command = redis::cmd("ACL");
        command.arg(&["SETUSER", "default", "resetpass", ">pw"]);
        command.exec_async(&mut connection).await.expect("the sentinel accepts the rule");
    }

    /// Stops one sentinel: it accepts connections and does not answer.
    pub fn pause_sentinel(&mut self, number: usize) {
        stop(self.sentinels[number].process.id());
    }
}

impl Sentinel {
    fn launch(master: u16, lines: &str) -> Self {
        let port = Port::free();
        let name = format!("idempotency-sentinel-{}-{}", std::process::id(), port.number());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
        let file = directory.join("sentinel.conf");
        let configuration = format!(
            "port {}\nbind 127.0.0.1\ndir {}\nsentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER} {PATIENT}\nsentinel failover-timeout {MASTER} 3000\n{lines}\n",
            port.number(),
            directory.display()
        );
        std::fs::write(&file, configuration).expect("the directory for temporary files is writable");
        let process = program()
            .arg(&file)
            .arg("--sentinel")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{MISSING}: {error}"));
        Self { port, directory, process }
    }

    async fn connection(&self) -> redis::aio::MultiplexedConnection {
        connect(self.port.number()).await.expect("the sentinel answers")
    }

    /// Its description of the master, once it runs.
    async fn master(&self) -> Option<HashMap<String, String>> {
        let mut connection = connect(self.port.number()).await.ok()?;
        redis::cmd("SENTINEL").arg("MASTER").arg(MASTER).query_async(&mut connection).await.ok()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
