//! Handlers that run in both frameworks.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use idempotency_core::IdempotencyContext;

/// The message of a handler's deliberate panic. Every other panic is a mistake.
pub const DELIBERATE: &str = "as the test wants it";

/// The request as a handler sees it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path that the framework gives to the handler.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// The context, if the request has one.
    pub context: Option<IdempotencyContext>,
}

/// The answer of a handler.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The body's pieces.
    pub body: Vec<Bytes>,
    /// Whether the body has no length.
    pub streams: bool,
}

impl Reply {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: vec![body.into()], streams: false }
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Sends the body in these pieces, without a length.
    pub fn streaming(mut self, pieces: &[&'static str]) -> Self {
        self.body = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
        self.streams = true;
        self
    }

    /// The whole body.
    pub fn whole(&self) -> Bytes {
        self.body.concat().into()
    }
}

/// A handler.
pub type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Reply> + Send + Sync>;

/// Makes a handler.
pub fn handler<F>(handle: impl Fn(Call) -> F + Send + Sync + 'static) -> Handler
where
    F: Future<Output = Reply> + Send + 'static,
{
    Arc::new(move |call| Box::pin(handle(call)))
}
