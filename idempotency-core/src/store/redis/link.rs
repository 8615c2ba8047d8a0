//! The link: one shared connection, made when it is first needed and given up when it has gone bad.
//!
//! Everything above asks [`Link::connection`] and says with [`Link::report`] how it went. How a connection is made is
//! behind [`Dial`], so that a client that finds its master through Sentinel or a cluster can stand in.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};

use super::fault::Verdict;

/// How many operations in a row may go unanswered before the connection is taken for dead. A connection whose packets
/// vanish reports nothing else.
const SILENCES: u32 = 3;

/// Makes connections to whoever is the master now.
#[async_trait]
pub(super) trait Dial: fmt::Debug + Send + Sync {
    /// A connection for commands.
    async fn dial(&self) -> RedisResult<MultiplexedConnection>;

    /// A connection for subscriptions.
    async fn dial_pubsub(&self) -> RedisResult<PubSub>;
}

/// One server at a fixed address, resolved anew for each connection.
pub(super) struct Standalone {
    client: Client,
    config: AsyncConnectionConfig,
    connect_timeout: Duration,
}

impl Standalone {
    pub(super) fn new(client: &Client, response_timeout: Duration, connect_timeout: Duration) -> Self {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(response_timeout))
            .set_connection_timeout(Some(connect_timeout));
        Self { client: with_tcp_settings(client), config, connect_timeout }
    }
}

/// The same client, not waiting to fill packets and noticing peers that are gone.
fn with_tcp_settings(client: &Client) -> Client {
    let info = client.get_connection_info().clone();
    let mut tcp = info.tcp_settings().clone().set_nodelay(true);
    if tcp.keepalive().is_none() {
        let keepalive =
            TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5));
        tcp = tcp.set_keepalive(keepalive);
    }
    #[cfg(target_os = "linux")]
    if tcp.user_timeout().is_none() {
        tcp = tcp.set_user_timeout(Duration::from_secs(10));
    }
    Client::open(info.set_tcp_settings(tcp)).unwrap_or_else(|_| client.clone())
}

#[async_trait]
impl Dial for Standalone {
    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        self.client.get_multiplexed_async_connection_with_config(&self.config).await
    }

    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        tokio::time::timeout(self.connect_timeout, self.client.get_async_pubsub())
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }
}

impl fmt::Debug for Standalone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address alone: user and password are in the connection info as well.
        f.debug_tuple("Standalone").field(&self.client.get_connection_info().addr().to_string()).finish()
    }
}

/// A handle on the shared connection. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    silences: Arc<AtomicU32>,
}

type Attempt = Shared<BoxFuture<'static, RedisResult<Connection>>>;

enum Slot {
    Down,
    Dialling(Attempt),
    Up(Connection),
}

/// Hands out the shared connection. Nothing is sent twice by it.
pub(super) struct Link {
    dial: Arc<dyn Dial>,
    slot: Mutex<Slot>,
}

impl Link {
    pub(super) fn new(dial: Arc<dyn Dial>) -> Self {
        Self { dial, slot: Mutex::new(Slot::Down) }
    }

    /// The shared connection. Any number of callers wait for one attempt to make it, and share its failure.
    pub(super) async fn connection(&self) -> Result<Connection, RedisError> {
        let attempt = {
            let mut slot = self.slot();
            match &*slot {
                Slot::Up(connection) => return Ok(connection.clone()),
                Slot::Dialling(attempt) => attempt.clone(),
                Slot::Down => {
                    let attempt = attempt(Arc::clone(&self.dial));
                    *slot = Slot::Dialling(attempt.clone());
                    attempt
                }
            }
        };
        let result = attempt.clone().await;
        let mut slot = self.slot();
        if matches!(&*slot, Slot::Dialling(current) if current.ptr_eq(&attempt)) {
            *slot = result.clone().map_or(Slot::Down, Slot::Up);
        }
        result
    }

    /// Learns from the end of an operation on `connection` whether to keep it.
    pub(super) fn report(&self, connection: &Connection, verdict: Verdict) {
        let silences = &connection.silences;
        let lost = match verdict {
            Verdict::Alive => {
                if silences.load(Ordering::Relaxed) > 0 {
                    silences.store(0, Ordering::Relaxed);
                }
                false
            }
            Verdict::Silent => silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES,
            Verdict::Lost => true,
        };
        let mut slot = if lost { self.slot() } else { return };
        if matches!(&*slot, Slot::Up(current) if Arc::ptr_eq(&current.silences, silences)) {
            tracing::debug!(?verdict, "the connection to Redis is given up");
            *slot = Slot::Down;
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt in a task of its own: it comes to its end when all who waited for it have gone away.
fn attempt(dial: Arc<dyn Dial>) -> Attempt {
    let task = tokio::spawn(async move {
        let commands = dial.dial().await?;
        Ok(Connection { commands, silences: Arc::default() })
    });
    task.map(|end| end.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into())))
        .boxed()
        .shared()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dial.fmt(f)
    }
}
