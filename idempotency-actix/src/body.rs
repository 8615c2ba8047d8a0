//! The body of a response: the inner service's, or one that was made here.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use pin_project_lite::pin_project;

pin_project! {
    /// A response's body: the inner service's, or one that was made here.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        body: WholeOr<B>,
    }
}

pin_project! {
    #[project = WholeOrProjected]
    enum WholeOr<B> {
        Whole { bytes: Bytes },
        Streamed { #[pin] body: B },
    }
}

/// Shows no content: it may be a recorded answer.
impl<B> fmt::Debug for WholeOr<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes } => write!(f, "{} bytes", bytes.len()),
            Self::Streamed { .. } => f.write_str("streamed"),
        }
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn made(bytes: Bytes) -> Self {
        Self { body: WholeOr::Whole { bytes } }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B: MessageBody> MessageBody for ResponseBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.body {
            WholeOr::Whole { bytes } => BodySize::Sized(bytes.len() as u64),
            WholeOr::Streamed { body } => body.size(),
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.project().body.project() {
            WholeOrProjected::Whole { bytes } if bytes.is_empty() => Poll::Ready(None),
            WholeOrProjected::Whole { bytes } => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            WholeOrProjected::Streamed { body } => body.poll_next(cx),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.body {
            WholeOr::Whole { bytes } => Ok(bytes),
            WholeOr::Streamed { body } => body.try_into_bytes().map_err(Self::passed),
        }
    }
}
