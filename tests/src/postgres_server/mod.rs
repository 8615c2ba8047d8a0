//! A private PostgreSQL server on a free loopback port.

#![expect(clippy::missing_panics_doc, reason = "a test that cannot go on panics")]

mod keeper;
mod processes;
mod programs;

use std::process::Command;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;

use self::keeper::Keeper;
pub use self::processes::have_ended;
use self::programs::{as_server_user, path, program};
use crate::port::Port;

/// How long a server may take to answer. It is longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of every server. Arguments of a test override them.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    // Files survive a killed process without it.
    "fsync=off",
    // The default is memory of the machine, which a killed server leaves behind. These are files in its directory.
    "dynamic_shared_memory_type=mmap",
    // Without the errors of statements, which tests provoke.
    "log_min_messages=log",
];

/// A PostgreSQL server, version 14 or later, whose only user is `postgres`. Dropping it ends its processes and removes its
/// files. So does the end of the test process, even if it is killed.
#[derive(Debug)]
pub struct PostgresServer {
    port: Port,
    process: AtomicU32,
    databases: AtomicU64,
    keeper: Keeper,
}

impl PostgresServer {
    /// The server that all tests of this process share. A test has its own [`new_database`](Self::new_database), and does
    /// not kill or pause this server.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<PostgresServer> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// Starts a server of its own.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts a server with additional arguments, such as `["-c", "fsync=on"]`.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let program = text(&path("postgres"));
        let mut log = String::new();
        // Another process may take the free port before the server does, so try again.
        for _ in 0..5 {
            let port = Port::free();
            let keeper = Keeper::new(|directory| {
                let mut command = vec![program.clone(), "-D".into(), text(&directory.join("data"))];
                command.extend(["-p".into(), port.number().to_string()]);
                command.extend(SETTINGS.iter().flat_map(|setting| ["-c".into(), (*setting).into()]));
                command.extend(arguments.iter().map(ToString::to_string));
                command
            });
            let mut copy = Command::new("cp");
            copy.arg("-a").arg(template().await.directory().join("data")).arg(keeper.directory());
            succeed(as_server_user(&mut copy)).await;
            let server = Self { port, process: AtomicU32::new(0), databases: AtomicU64::new(0), keeper };
            if server.launch().await {
                return server;
            }
            log = server.keeper.log();
        }
        panic!("no PostgreSQL server came up on five ports: {log}");
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The address of the database `postgres`, which exists from the start.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// Creates an empty database. Returns its address.
    pub async fn new_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query(&format!("CREATE DATABASE {name}")).await;
        self.url_of(&name)
    }

    /// Executes SQL in the database `postgres`, without proxies. Returns the rows, one per line, with `|` between columns.
    pub async fn query(&self, sql: &str) -> String {
        psql(&self.url(), sql).await.unwrap_or_else(|error| panic!("the server takes {sql}: {error}"))
    }

    /// Ends the sessions whose current or last statement contains `part`, and waits for their end. Returns their number.
    pub async fn kill_backends(&self, part: &str) -> u64 {
        let part = part.replace('\'', "''");
        let sql = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, {})) FROM pg_stat_activity \
             WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND strpos(query, '{part}') > 0",
            PATIENCE.as_millis(),
        );
        self.query(&sql).await.parse().expect("a number")
    }

    /// The ids of its processes. The first is in front.
    pub fn processes(&self) -> Vec<u32> {
        processes::all(self.process.load(Ordering::Relaxed))
    }

    /// Kills all processes at once. The files stay as they are.
    pub fn kill(&self) {
        processes::kill(&self.stopped());
    }

    /// Starts it again on the same port.
    pub async fn restart(&self) {
        self.kill();
        assert!(self.launch().await, "the server came up once and does not any more: {}", self.keeper.log());
    }

    /// Stops all processes, like a paused machine.
    pub fn pause(&self) {
        self.stopped();
    }

    /// Resumes the processes.
    pub fn resume(&self) {
        processes::signal("-CONT", &self.processes());
    }

    /// Stops the first process, so that it starts no more, and then the others.
    fn stopped(&self) -> Vec<u32> {
        processes::stop(&[self.process.load(Ordering::Relaxed)]);
        let all = self.processes();
        processes::stop(&all);
        all
    }

    /// Starts the processes. Returns whether the server answers.
    async fn launch(&self) -> bool {
        let process = self.keeper.start();
        self.process.store(process, Ordering::Relaxed);
        let answers = async {
            loop {
                // Another server may have taken the port meanwhile. Then this one has ended.
                let id = "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)";
                if psql(&self.url(), id).await == Ok(process.to_string()) {
                    return true;
                }
                if have_ended(&[process]) {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.unwrap_or(false)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port.number())
    }
}

/// Executes SQL in one message: several statements are one transaction. Returns the rows, one per line, with `|` between
/// columns.
///
/// # Errors
///
/// The text that `psql` prints, if a statement or the connection fails.
pub async fn psql(url: &str, sql: &str) -> Result<String, String> {
    let mut command = tokio::process::Command::from(program("psql"));
    command.kill_on_drop(true).args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
    let output = command.output().await.expect("psql is installed with the server");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A new cluster to copy, because making one takes seconds. It is removed when the test process ends.
async fn template() -> &'static Keeper {
    static TEMPLATE: OnceCell<Keeper> = OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let keeper = Keeper::new(|_| Vec::new());
            let mut initdb = program("initdb");
            initdb.args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ]);
            initdb.arg("-D").arg(keeper.directory().join("data"));
            succeed(as_server_user(&mut initdb)).await;
            keeper
        })
        .await
}

/// Runs a command that must not fail.
async fn succeed(command: &mut Command) {
    let name = command.get_program().to_owned();
    let command = std::mem::replace(command, Command::new("true"));
    let output = tokio::process::Command::from(command).output().await.expect("the program is installed");
    assert!(output.status.success(), "{name:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

fn text(path: &std::path::Path) -> String {
    path.to_str().expect("paths of programs and temporary files are UTF-8").to_owned()
}
