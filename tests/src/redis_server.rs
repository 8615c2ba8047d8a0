//! A private redis-server on a free loopback port.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, FromRedisValue, InfoDict};

/// How long a server may take to answer, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The variable that names the program to test with, such as Valkey's.
const PROGRAM: &str = "IDEMPOTENCY_REDIS_SERVER";
/// What to do where it does not start.
pub(crate) const MISSING: &str = "install redis-server (Debian: apt-get install redis-server), \
     or name the program of another server in IDEMPOTENCY_REDIS_SERVER";

/// A redis-server of one test's own. Dropping it ends the process and removes its files.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Mutex<Option<Child>>,
}

impl RedisServer {
    /// Starts a server that keeps nothing on disk.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with more arguments, such as `["--maxmemory", "8mb"]`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        // Somebody else may take the port between the look and the start, so look again.
        for _ in 0..5 {
            let port = free_port();
            let directory = std::env::temp_dir().join(format!("idempotency-{}-{port}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("the directory for temporary files is writable");
            let arguments = arguments.iter().map(ToString::to_string).collect();
            let server = Self { port, directory, arguments, process: Mutex::new(None) };
            if server.launch().await {
                return server;
            }
        }
        panic!("no redis-server came up on five ports");
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address for a store.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// A connection of the test's own, past all proxies.
    pub async fn connection(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("the address is well formed");
        let patient = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE * 2));
        client.get_multiplexed_async_connection_with_config(&patient).await.expect("the server answers")
    }

    /// Sends one command and reads its reply.
    pub async fn query<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let [name, arguments @ ..] = command else { panic!("a command has a name") };
        let mut query = redis::cmd(name);
        query.arg(arguments);
        query.query_async(&mut self.connection().await).await.expect("the server takes the command")
    }

    /// Lets time pass for every key: what is left of its TTL gets shorter by so much.
    pub async fn advance(&self, by: Duration) {
        const SHIFT: &str = "for _, key in ipairs(redis.call('KEYS', '*')) do \
             local ttl = redis.call('PTTL', key) \
             if ttl >= 0 then redis.call('PEXPIRE', key, string.format('%.0f', ttl - ARGV[1])) end \
             end return 1";
        let _: i64 = self.query(&["EVAL", SHIFT, "0", &by.as_millis().to_string()]).await;
    }

    /// How often each command has been called since [`reset_calls`](Self::reset_calls), by its lower-case name.
    /// Commands that a script called are counted as well.
    pub async fn calls(&self) -> BTreeMap<String, u64> {
        let text: String = self.query(&["INFO", "commandstats"]).await;
        text.lines().filter_map(calls_of_line).collect()
    }

    /// Counts calls from zero.
    pub async fn reset_calls(&self) {
        let _: String = self.query(&["CONFIG", "RESETSTAT"]).await;
    }

    /// A number that the server says of itself.
    pub async fn info(&self, field: &str) -> u64 {
        let info: InfoDict = self.query(&["INFO"]).await;
        info.get(field).unwrap_or_default()
    }

    /// The id of the one client that waits for replicas.
    pub async fn blocked_client(&self) -> String {
        let list: String = self.query(&["CLIENT", "LIST"]).await;
        let blocked = list.lines().find(|line| line.contains(" flags=b ")).expect("one waits");
        let id = blocked.split_whitespace().find_map(|field| field.strip_prefix("id="));
        id.expect("it has one").to_owned()
    }

    /// Ends the process at once, as a power cut would.
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

    /// Stops the process where it is, as a paused machine would.
    pub fn pause(&self) {
        self.signal("-STOP");
        // It stops at its next step, which may be one more command.
        while let Some(state) = self.state().filter(|state| *state != 'T') {
            assert!(!matches!(state, 'Z' | 'X'), "redis-server has ended by itself");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// What the system says that it is doing. `None` where there is no `/proc`.
    fn state(&self) -> Option<char> {
        let id = self.process().as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        status.rsplit_once(") ")?.1.chars().next()
    }

    fn signal(&self, name: &str) {
        let id = self.process().as_ref().expect("the server runs").id().to_string();
        let status = Command::new("kill").args([name, &id]).status().expect("kill is there");
        assert!(status.success(), "kill {name} must reach the server");
    }

    /// Whether it came up.
    async fn launch(&self) -> bool {
        let process = program()
            .args([
                "--port",
                &self.port.to_string(),
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
        let client = redis::Client::open(self.url()).expect("the address is well formed");
        let answers = async {
            loop {
                // Another server may have taken the port in the meantime: this one ends then.
                if let Ok(mut connection) = client.get_multiplexed_async_connection().await
                    && let Ok(info) = redis::cmd("INFO").query_async::<InfoDict>(&mut connection).await
                    && info.get("process_id") == Some(id)
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

/// The server's program: another one than the first `redis-server` on the path where the environment names it.
pub(crate) fn program() -> Command {
    Command::new(std::env::var_os(PROGRAM).unwrap_or_else(|| "redis-server".into()))
}

/// A loopback port that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// Reads `cmdstat_set:calls=3,usec=…`.
fn calls_of_line(line: &str) -> Option<(String, u64)> {
    let (name, rest) = line.trim().strip_prefix("cmdstat_")?.split_once(":calls=")?;
    Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
}
