//! The Redis server: an existing one, or one that this program starts and stops.

use std::io;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

/// The error if there is no server.
const MISSING: &str = "redis-server is not on the PATH: install Redis 7, or name a server with --redis URL";

pub(crate) struct RedisServer {
    pub(crate) url: String,
    /// Killed on drop.
    _process: Option<Child>,
}

impl RedisServer {
    pub(crate) fn running_at(url: String) -> Self {
        Self { url, _process: None }
    }

    /// Starts a server on a free port, in memory only.
    pub(crate) async fn start() -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|_| io::Error::other(MISSING))?;
        let server = Self { url: format!("redis://127.0.0.1:{port}/"), _process: Some(process) };
        server.answers().await?;
        Ok(server)
    }

    async fn answers(&self) -> io::Result<()> {
        let client = redis::Client::open(self.url.as_str()).map_err(io::Error::other)?;
        for _ in 0..100 {
            if client.get_multiplexed_async_connection().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(io::Error::other("redis-server was started and does not answer"))
    }
}
