//! The client: one request per connection, and its answer as bytes.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<Bytes>,
    chunked: bool,
}

/// A POST.
pub fn post(target: impl Into<String>) -> Request {
    request(Method::POST, target)
}

/// A GET.
pub fn get(target: impl Into<String>) -> Request {
    request(Method::GET, target)
}

/// A HEAD.
pub fn head(target: impl Into<String>) -> Request {
    request(Method::HEAD, target)
}

/// A request of any method.
pub fn request(method: Method, target: impl Into<String>) -> Request {
    Request { method, target: target.into(), headers: Vec::new(), body: Vec::new(), chunked: false }
}

impl Request {
    /// Sets `x-key`.
    pub fn key(self, key: impl AsRef<[u8]>) -> Self {
        self.header("x-key", key)
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Adds headers.
    pub fn headers(mut self, headers: &http::HeaderMap) -> Self {
        let lines = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        self.headers.extend(lines);
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = vec![body.into()];
        self
    }

    /// Sends the body in these pieces, chunked.
    pub fn chunks(mut self, pieces: Vec<Bytes>) -> Self {
        self.body = pieces;
        self.chunked = true;
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// If the server closes the connection before the answer is complete.
    pub async fn send_to(self, addr: SocketAddr) -> Result<Answer, hyper::Error> {
        let socket = TcpStream::connect(addr).await.expect("the server accepts");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
        tokio::spawn(connection);
        let mut builder =
            http::Request::builder().method(self.method).uri(self.target).header("host", "test");
        for (name, value) in &self.headers {
            builder = builder.header(name, value.as_slice());
        }
        let body: BoxBody<Bytes, Infallible> = if self.chunked {
            let frames = self.body.into_iter().map(|piece| Ok(Frame::data(piece)));
            BoxBody::new(StreamBody::new(stream::iter(frames)))
        } else {
            Full::new(Bytes::from(self.body.concat())).boxed()
        };
        let request = builder.body(body).expect("a test's request is valid");
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let mut headers: Vec<_> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect();
        // A stable sort keeps the order of repeated headers.
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers, body })
    }
}

/// An answer. Its headers are sorted by name; repeated ones keep their order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// All values of a header, as text.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.lines(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// All values of a header, as bytes.
    pub fn bytes_of(&self, name: &str) -> Vec<Vec<u8>> {
        self.lines(name).map(<[u8]>::to_vec).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Checks the status and `idempotency-status`, which must be absent if `""`.
    #[track_caller]
    pub fn is(self, status: u16, idempotency_status: &str) -> Self {
        let found = self.all("idempotency-status").join(" and ");
        assert_eq!((self.status, found.as_str()), (status, idempotency_status), "{self:?}");
        let replayed: &[&str] = if idempotency_status.starts_with("replayed") { &["true"] } else { &[] };
        assert_eq!(self.all("idempotent-replayed"), replayed, "{self:?}");
        self
    }

    /// Checks the body.
    #[track_caller]
    pub fn says(self, body: &str) -> Self {
        assert_eq!(self.text(), body, "{self:?}");
        self
    }

    /// Checks that it is a problem of this type (RFC 9457) with every member that a client needs.
    #[track_caller]
    pub fn is_problem(self, kind: &str) -> Self {
        assert_eq!(self.all("content-type"), ["application/problem+json"], "{self:?}");
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem is json");
        assert_eq!(problem["type"], format!("urn:idempotency:{kind}"), "{self:?}");
        assert_eq!(problem["status"], self.status, "{self:?}");
        for member in ["title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self:?}");
        }
        assert!(problem["instance"].as_str().is_some_and(|urn| urn.starts_with("urn:")), "{self:?}");
        assert!(problem["retryable"].is_boolean(), "{self:?}");
        let challenges = self.all("www-authenticate").len();
        assert_eq!(challenges, usize::from(self.status == 401), "{self:?}");
        self
    }

    /// Checks whether a problem says that the same request may be retried.
    #[track_caller]
    pub fn is_retryable(self, retryable: bool) -> Self {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem is json");
        assert_eq!(problem["retryable"], retryable, "{self:?}");
        self
    }

    /// Checks `retry-after`: seconds, at least one.
    #[track_caller]
    pub fn retries_later(self) -> Self {
        let lines = self.all("retry-after");
        let [line] = lines.as_slice() else { panic!("one retry-after in {self:?}") };
        assert!(line.parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{self:?}");
        self
    }

    /// The part on which both adapters must agree. The frameworks add `date` and `connection`.
    pub(super) fn comparable(mut self) -> Self {
        self.headers.retain(|(name, _)| !["date", "connection"].contains(&name.as_str()));
        self.without_instance()
    }

    /// The same answer without the `instance` of its problem.
    pub fn without_instance(mut self) -> Self {
        if let Ok(mut problem) = serde_json::from_slice::<serde_json::Value>(&self.body)
            && problem.as_object_mut().is_some_and(|problem| problem.remove("instance").is_some())
        {
            self.headers.retain(|(name, _)| name != "content-length");
            self.body = problem.to_string().into();
        }
        self
    }

    fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(candidate, _)| candidate == name).map(|(_, value)| value.as_slice())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            write!(f, " | {name}: {}", value.escape_ascii())?;
        }
        write!(f, " | {}", self.body.escape_ascii())
    }
}
