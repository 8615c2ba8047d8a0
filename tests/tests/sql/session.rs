//! A session that sends single messages of PostgreSQL's protocol.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The end of the replies: the server is ready for the next query, outside a transaction.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// A session that is ready for messages.
pub(crate) struct Session(TcpStream);

impl Session {
    /// Connects to a database as `postgres`, without encryption.
    pub(crate) async fn start(url: &str) -> Self {
        let (address, database) = url.strip_prefix("postgres://postgres@").unwrap().split_once('/').unwrap();
        let mut session = Self(TcpStream::connect(address).await.unwrap());
        let version = b"\0\x03\0\0";
        let parameters = format!("user\0postgres\0database\0{database}\0\0");
        session.send(&[with_length(&[version, parameters.as_bytes()].concat())]).await;
        session.replies().await.unwrap();
        session
    }

    /// Sends messages in one write.
    pub(crate) async fn send(&mut self, messages: &[Vec<u8>]) {
        self.0.write_all(&messages.concat()).await.unwrap();
    }

    /// Reads until the server is ready again. Fails if the connection ends before.
    pub(crate) async fn replies(&mut self) -> io::Result<Vec<u8>> {
        let mut replies = Vec::new();
        while !replies.ends_with(READY) {
            if self.0.read_buf(&mut replies).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(replies)
    }
}

/// Executes SQL.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql], b"")
}

/// Prepares a statement without parameters.
pub(crate) fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[name, sql], &[0; 2])
}

/// Makes a portal of a statement.
pub(crate) fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[portal, statement], &[0; 6])
}

/// Executes a portal.
pub(crate) fn execute(portal: &str) -> Vec<u8> {
    message(b'E', &[portal], &[0; 4])
}

/// Ends the implicit transaction, and asks for the replies.
pub(crate) fn sync() -> Vec<u8> {
    message(b'S', &[], b"")
}

/// A message: its type, its strings, and what follows them.
fn message(kind: u8, strings: &[&str], rest: &[u8]) -> Vec<u8> {
    let strings: String = strings.iter().map(|string| format!("{string}\0")).collect();
    [vec![kind], with_length(&[strings.as_bytes(), rest].concat())].concat()
}

/// The length, which counts itself, and the content.
fn with_length(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 4).unwrap();
    [&length.to_be_bytes(), content].concat()
}
