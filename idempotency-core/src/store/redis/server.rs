//! One server: how it is reached, and how connections to it are made.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisResult};

use super::link::{Dial, DialPubSub};

/// How long to wait for a connection, and for a reply on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) response: Duration,
}

/// One server at a fixed address, resolved anew for each connection.
pub(super) struct Server {
    client: Client,
    patience: Patience,
}

impl Server {
    pub(super) fn new(client: &Client, patience: Patience) -> Self {
        Self { client: with_tcp_settings(client), patience }
    }

    /// The client, about to connect.
    fn connecting(&self) -> &Client {
        #[cfg(feature = "redis-tls")]
        if matches!(self.client.get_connection_info().addr(), redis::ConnectionAddr::TcpTls { .. })
            && rustls::crypto::CryptoProvider::get_default().is_none()
        {
            // The client takes no provider of cryptography but the process's, and where a program has two built in and
            // chose none, rustls panics instead of choosing. A program that installs one has done so by now; where it
            // does so just now, its own stays.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        &self.client
    }

    /// Another server, reached in the same way: its credentials, TLS and patience are this one's.
    #[cfg(any(feature = "redis-sentinel", feature = "redis-cluster"))]
    pub(super) fn at(&self, host: &str, port: u16) -> RedisResult<Self> {
        use redis::ConnectionAddr;

        let info = self.client.get_connection_info();
        let mut address = info.addr().clone();
        match &mut address {
            ConnectionAddr::TcpTls { host: old_host, port: old_port, .. } => {
                *old_host = host.to_owned();
                *old_port = port;
            }
            other => *other = ConnectionAddr::Tcp(host.to_owned(), port),
        }
        let client = Client::open(info.clone().set_addr(address))?;
        Ok(Self { client, patience: self.patience })
    }

    /// Its host, where it has one.
    #[cfg(feature = "redis-cluster")]
    pub(super) fn host(&self) -> &str {
        match self.client.get_connection_info().addr() {
            redis::ConnectionAddr::Tcp(host, _) | redis::ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
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
    with_info(client, |_| info.set_tcp_settings(tcp))
}

/// The same client with other connection settings.
pub(super) fn with_info(client: &Client, change: impl FnOnce(ConnectionInfo) -> ConnectionInfo) -> Client {
    Client::open(change(client.get_connection_info().clone())).unwrap_or_else(|_| client.clone())
}

#[async_trait]
impl Dial for Server {
    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(self.patience.response))
            .set_connection_timeout(Some(self.patience.connect));
        self.connecting().get_multiplexed_async_connection_with_config(&config).await
    }
}

#[async_trait]
impl DialPubSub for Server {
    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        tokio::time::timeout(self.patience.connect, self.connecting().get_async_pubsub())
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address alone: user and password are in the connection info as well.
        f.debug_tuple("Server").field(&self.address()).finish()
    }
}

#[cfg(all(test, feature = "redis-cluster"))]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        let patience = Patience { connect: Duration::from_secs(1), response: Duration::from_secs(1) };
        Server::new(&Client::open(url).expect("the address is well formed"), patience)
    }

    #[test]
    fn a_server_is_called_by_its_address_and_never_by_its_password() {
        let server = server("redis://app:secret@10.0.0.1:7000/");
        assert_eq!(format!("{server:?}"), r#"Server("10.0.0.1:7000")"#);
        let other = server.at("10.0.0.2", 7001).unwrap();
        assert_eq!(format!("{other:?}"), r#"Server("10.0.0.2:7001")"#);
    }

    #[test]
    fn a_host_is_known_where_there_is_one() {
        assert_eq!(server("redis://10.0.0.1:7000/").host(), "10.0.0.1");
        assert_eq!(server("redis+unix:///tmp/redis.sock").host(), "");
    }
}
