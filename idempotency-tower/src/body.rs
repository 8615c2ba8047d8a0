//! Bodies: passed on as they come, or whole in memory.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Collected;
use pin_project_lite::pin_project;

pin_project! {
    /// A request's body as the inner service gets it: read already, or passed on as it comes.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        body: WholeOr<B>,
    }
}

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
        Whole { bytes: Option<Bytes>, trailers: Option<Box<HeaderMap>> },
        Streamed { #[pin] body: B },
    }
}

impl<B> RequestBody<B> {
    /// A body that was read, and its bytes.
    pub(crate) fn read(collected: Collected<Bytes>) -> (Self, Bytes) {
        let (body, bytes) = WholeOr::collected(collected);
        (Self { body }, bytes)
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn made(bytes: Bytes) -> Self {
        Self { body: WholeOr::whole(bytes, None) }
    }

    /// A body that was read, and its bytes.
    pub(crate) fn read(collected: Collected<Bytes>) -> (Self, Bytes) {
        let (body, bytes) = WholeOr::collected(collected);
        (Self { body }, bytes)
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> WholeOr<B> {
    fn whole(bytes: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self::Whole { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), trailers: trailers.map(Box::new) }
    }

    fn collected(collected: Collected<Bytes>) -> (Self, Bytes) {
        let trailers = collected.trailers().cloned();
        let bytes = collected.to_bytes();
        (Self::whole(bytes.clone(), trailers), bytes)
    }
}

impl<B> fmt::Debug for WholeOr<B> {
    /// Never shows a body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes, .. } => write!(f, "{} bytes", bytes.as_ref().map_or(0, Bytes::len)),
            Self::Streamed { .. } => f.write_str("streamed"),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for WholeOr<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project() {
            WholeOrProjected::Whole { bytes, trailers } => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| Some(Frame::trailers(*trailers.take()?))).map(Ok))
            }
            WholeOrProjected::Streamed { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Self::Streamed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Streamed { body } => body.size_hint(),
        }
    }
}

macro_rules! forward_body {
    ($name:ident) => {
        impl<B: Body<Data = Bytes>> Body for $name<B> {
            type Data = Bytes;
            type Error = B::Error;

            fn poll_frame(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
                self.project().body.poll_frame(cx)
            }

            fn is_end_stream(&self) -> bool {
                self.body.is_end_stream()
            }

            fn size_hint(&self) -> SizeHint {
                self.body.size_hint()
            }
        }
    };
}

forward_body!(RequestBody);
forward_body!(ResponseBody);
