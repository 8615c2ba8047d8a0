//! A private redis-server on a free loopback port.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, InfoDict, RedisResult, ServerErrorKind,
};

use crate::port::Port;

/// How long a server may take to answer. It is longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The environment variable that names the server program, such as Valkey's.
const PROGRAM: &str = "IDEMPOTENCY_REDIS_SERVER";
/// The advice if it does not start.
pub(crate) const MISSING: &str = "install redis-server (Debian: apt-get install redis-server), \
     or name the program of another server in IDEMPOTENCY_REDIS_SERVER";

/// A redis-server for one test. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct RedisServer {
    port: Port,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl RedisServer {
    /// Starts a server without persistence.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with additional arguments, such as `["--maxmemory", "8mb"]`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        // Where a port cannot be reserved, another process may take it before the server does, so try again.
        for _ in 0..5 {
            let port = Port::free();
            let name = format!("idempotency-{}-{}", std::process::id(), port.number());
            let directory = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
            let arguments = arguments.iter().map(ToString::to_string).collect();
            let server = Self { port, directory, arguments, process: Mutex::new(None) };
            if server.launch().await {
                return server;
            }
        }
        panic!("no redis-server came up on five ports");
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its address for a store.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port())
    }

    /// A direct connection, without proxies.
    pub async fn connection(&self) -> MultiplexedConnection {
        connect(self.port()).await.expect("the server answers")
    }

    /// Sends one command and reads its reply.
    pub async fn query<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let [name, arguments @ ..] = command else { panic!("a command has a name") };
        let mut query = redis::cmd(name);
        query.arg(arguments);
        let mut connection = self.connection().await;
        let answer = async {
            loop {
                match query.query_async(&mut connection).await {
                    // A replica refuses while it reads what its master has sent, which may be at any time.
                    Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading) => {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    answer => break answer.expect("the server takes the command"),
                }
            }
        };
        tokio::time::timeout(PATIENCE * 2, answer).await.expect("the server has read its data in time")
    }

    /// Lets time pass for every key by shortening its TTL.
    pub async fn advance(&self, by: Duration) {
        const SHIFT: &str = "for _, key in ipairs(redis.call('KEYS', '*')) do \
             local ttl = redis.call('PTTL', key) \
             if ttl >= 0 then redis.call('PEXPIRE', key, string.format('%.0f', ttl - ARGV[1])) end \
             end return 1";
        let _: i64 = self.query(&["EVAL", SHIFT, "0", &by.as_millis().to_string()]).await;
    }

    /// Whether the server has `SET` with `IFEQ`.
    pub async fn has_set_ifeq(&self) -> bool {
        let mut command = redis::cmd("SET");
        command.arg("ifeq").arg("a").arg("IFEQ").arg("b");
        let reply: RedisResult<redis::Value> = command.query_async(&mut self.connection().await).await;
        match reply {
            Ok(redis::Value::Nil) => true,
            Err(error) if error.to_string().contains("syntax error") => false,
            reply => panic!("{reply:?}"),
        }
    }

    /// The number of calls of each command since [`reset_calls`](Self::reset_calls), by its lower-case name. Commands
    /// inside scripts are counted as well.
    pub async fn calls(&self) -> BTreeMap<String, u64> {
        let text: String = self.query(&["INFO", "commandstats"]).await;
        text.lines().filter_map(calls_of_line).collect()
    }

    /// Resets the counts of calls to zero.
    pub async fn reset_calls(&self) {
        let _: String = self.query(&["CONFIG", "RESETSTAT"]).await;
    }

    /// A numeric field of the server's INFO.
    pub async fn info(&self, field: &str) -> u64 {
        let info: InfoDict = self.query(&["INFO"]).await;
        info.get(field).unwrap_or_default()
    }

    /// The id of the only client that waits for replicas.
    pub async fn blocked_client(&self) -> String {
        let list: String = self.query(&["CLIENT", "LIST"]).await;
        let blocked = list.lines().find(|line| line.contains(" flags=b ")).expect("one client waits");
        let id = blocked.split_whitespace().find_map(|field| field.strip_prefix("id="));
        id.expect("the client has an id").to_owned()
    }

    /// Kills the process at once, like a power cut.
    pub fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again on the same port.
    pub async fn restart(&self) {
        self.kill();
        assert!(self.launch().await, "redis-server came up once and does not any more");
    }

    /// Stops the process, like a paused machine.
    pub fn pause(&self) {
        stop(self.id());
    }

    /// Resumes the process.
    pub fn resume(&self) {
        signal(self.id(), "-CONT");
    }

    fn id(&self) -> u32 {
        self.process().as_ref().expect("the server runs").id()
    }

    /// Starts the process. Returns whether it answers.
    async fn launch(&self) -> bool {
        let process = program()
            .args([
                "--port",
                &self.port().to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ])
            .arg("--dir")
            .arg(&self.directory)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{MISSING}: {error}"));
        let id = process.id();
        *self.process() = Some(process);
        let client = Client::open(self.url()).expect("the address is well formed");
        let answers = async {
            loop {
                // Another server may have taken the port meanwhile. Then this one has ended. A server that reads its
                // file answers INFO, and refuses all else.
                if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                    && let Ok(info) = redis::cmd("INFO").query_async::<InfoDict>(&mut connection).await
                    && info.get("process_id") == Some(id)
                    && info.get("loading") == Some(0_u64)
                {
                    return true;
                }
                if self.has_ended() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.unwrap_or(false) && !self.has_ended()
    }

    fn has_ended(&self) -> bool {
        self.process().as_mut().is_none_or(|process| process.try_wait().is_ok_and(|status| status.is_some()))
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The server's program: the one that the environment variable names, or else `redis-server` on the path.
pub(crate) fn program() -> Command {
    Command::new(std::env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into()))
}

/// Stops a process, like a paused machine. It may execute one more command, and has done so at the return.
pub(crate) fn stop(process: u32) {
    signal(process, "-STOP");
    while let Some(state) = state(process).filter(|state| *state != 'T') {
        assert!(!matches!(state, 'Z' | 'X'), "the process has ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let id = process.to_string();
    let status = Command::new("kill").args([name, &id]).status().expect("kill is installed");
    assert!(status.success(), "kill {name} must reach the process");
}

/// The state of a process in `/proc`. `None` if the system has none.
fn state(process: u32) -> Option<char> {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    status.rsplit_once(") ")?.1.chars().next()
}

/// A direct connection to this loopback port with timeouts for a busy machine.
pub(crate) async fn connect(port: u16) -> RedisResult<MultiplexedConnection> {
    let client = Client::open(("127.0.0.1", port)).expect("the address is well formed");
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE * 2));
    client.get_multiplexed_async_connection_with_config(&patient).await
}

/// Parses `cmdstat_set:calls=3,usec=…`.
fn calls_of_line(line: &str) -> Option<(String, u64)> {
    let (name, rest) = line.trim().strip_prefix("cmdstat_")?.split_once(":calls=")?;
    Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
}
