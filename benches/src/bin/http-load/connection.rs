//! One connection that is kept alive: a request, its answer, the next request.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More header lines than any server here sends.
const HEADERS: usize = 32;
/// The header of a replay, which this library, `idempotent` and the hand-written servers share.
const REPLAYED: &str = "idempotent-replayed";

/// A connection without pipelining.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The answer to a request.
pub struct Answer<'a> {
    /// Whether it says that it is a replay.
    pub is_replay: bool,
    pub body: &'a [u8],
}

/// A parsed head.
struct Head {
    /// Its own bytes.
    length: usize,
    body: usize,
    status: u16,
    is_replay: bool,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Panics
    /// If it does not listen.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("the connection is open");
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Panics
    /// If the answer is not 200, or the server hangs up.
    pub async fn exchange(&mut self, request: &[u8]) -> Answer<'_> {
        self.stream.write_all(request).await.expect("the server reads");
        self.buffer.clear();
        let head = loop {
            self.read().await;
            if let Some(head) = parse(&self.buffer) {
                break head;
            }
        };
        let whole = head.length + head.body;
        while self.buffer.len() < whole {
            self.read().await;
        }
        assert!(
            head.status == 200 && self.buffer.len() == whole,
            "the answer is {}",
            String::from_utf8_lossy(&self.buffer)
        );
        Answer { is_replay: head.is_replay, body: &self.buffer[head.length..] }
    }

    async fn read(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer).await.expect("the server answers");
        assert!(read > 0, "the server hangs up after {}", String::from_utf8_lossy(&self.buffer));
    }
}

/// Parses a head. Returns `None` while it is incomplete.
fn parse(bytes: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes).expect("the answer is HTTP") else {
        return None;
    };
    let mut head = Head { length, body: 0, status: response.code.unwrap_or_default(), is_replay: false };
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = str::from_utf8(header.value).expect("a length is text");
            head.body = text.parse().expect("a length is a number");
        }
        head.is_replay |= header.name.eq_ignore_ascii_case(REPLAYED);
    }
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_the_answer_is_and_whether_it_is_a_replay() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nIdempotent-Replayed: true\r\n\r\nok";
        let head = parse(text.as_bytes()).expect("it is complete");
        assert_eq!((head.status, head.length + head.body, head.is_replay), (200, text.len(), true));
        let fresh = text.replace("Idempotent-Replayed", "Idempotency-Status");
        assert!(!parse(fresh.as_bytes()).expect("it is complete").is_replay);
        assert!(parse(&text.as_bytes()[..40]).is_none());
    }
}
