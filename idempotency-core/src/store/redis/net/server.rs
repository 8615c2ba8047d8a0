//! One server: its address, its timeouts, and making connections to it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, RedisResult};

use super::dial::{Dial, DialPubSub};

/// The timeouts for making a connection, and for a reply on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    pub(crate) response: Duration,
}

/// One server at a fixed address. The host name is resolved again for each connection.
pub(crate) struct Server {
    client: Client,
    timeouts: Timeouts,
}

impl Server {
    pub(crate) fn new(client: &Client, timeouts: Timeouts) -> Self {
        Self { client: with_tcp_settings(client), timeouts }
    }

    /// The client. Installs a crypto provider for TLS first, if the process has none.
    fn client(&self) -> &Client {
        #[cfg(feature = "redis-tls")]
        if matches!(self.client.get_connection_info().addr(), redis::ConnectionAddr::TcpTls { .. })
            && rustls::crypto::CryptoProvider::get_default().is_none()
        {
            // The client uses the process's crypto provider. If two are compiled in and none is installed, rustls
            // panics. A program that installs one has done so by now, and if it races with this line, either provider
            // works.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        &self.client
    }

    /// A server at another address, with this server's credentials, TLS settings and timeouts.
    #[cfg(any(feature = "redis-sentinel", feature = "redis-cluster"))]
    pub(crate) fn at(&self, host: &str, port: u16) -> RedisResult<Self> {
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
        Ok(Self { client, timeouts: self.timeouts })
    }

    /// The host. Empty for a Unix socket.
    #[cfg(feature = "redis-cluster")]
    pub(crate) fn host(&self) -> &str {
        match self.client.get_connection_info().addr() {
            redis::ConnectionAddr::Tcp(host, _) | redis::ConnectionAddr::TcpTls { host, .. } => host,
            _ => "",
        }
    }
}

/// A copy of the client with `TCP_NODELAY`, and with keepalive and user timeout to notice dead peers.
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

/// A copy of the client with changed connection settings.
pub(crate) fn with_info(client: &Client, change: impl FnOnce(ConnectionInfo) -> ConnectionInfo) -> Client {
    Client::open(change(client.get_connection_info().clone())).unwrap_or_else(|_| client.clone())
}

#[async_trait]
impl Dial for Server {
    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }

    async fn dial(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(self.timeouts.response))
            .set_connection_timeout(Some(self.timeouts.connect));
        self.client().get_multiplexed_async_connection_with_config(&config).await
    }
}

#[async_trait]
impl DialPubSub for Server {
    async fn dial_pubsub(&self) -> RedisResult<PubSub> {
        tokio::time::timeout(self.timeouts.connect, self.client().get_async_pubsub())
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the address: the connection info also has user and password.
        f.debug_tuple("Server").field(&self.address()).finish()
    }
}

#[cfg(all(test, feature = "redis-cluster"))]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        let timeouts = Timeouts { connect: Duration::from_secs(1), response: Duration::from_secs(1) };
        Server::new(&Client::open(url).expect("the address is well formed"), timeouts)
    }

    #[test]
    fn debug_shows_the_address_and_never_the_password() {
        let server = server("redis://app:secret@10.0.0.1:7000/");
        assert_eq!(format!("{server:?}"), r#"Server("10.0.0.1:7000")"#);
        let other = server.at("10.0.0.2", 7001).unwrap();
        assert_eq!(format!("{other:?}"), r#"Server("10.0.0.2:7001")"#);
    }

    #[test]
    fn a_unix_socket_has_no_host() {
        assert_eq!(server("redis://10.0.0.1:7000/").host(), "10.0.0.1");
        assert_eq!(server("redis+unix:///tmp/redis.sock").host(), "");
    }
}
