//! Bodies: passed on as they come, or whole in memory.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
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
        Whole { bytes: Option<Bytes> },
        Streamed { #[pin] body: B },
    }
}

/// Shows no content: it may be a recorded answer.
impl<B> fmt::Debug for WholeOr<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes } => write!(f, "{} bytes", bytes.as_ref().map_or(0, Bytes::len)),
            Self::Streamed { .. } => f.write_str("streamed"),
        }
    }
}

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is longer than the limit.
    TooLarge,
    /// It ended early.
    Broken,
}

/// Reads a body of at most `limit` bytes. One that comes in one piece is not copied.
pub(crate) async fn read<B: Body<Data = Bytes>>(body: B, limit: usize) -> Result<Bytes, Unread> {
    let mut body = pin!(body);
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(piece) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if piece.len() > limit - whole.len() - pieces.len() {
            return Err(Unread::TooLarge);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&piece);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

impl<B> RequestBody<B> {
    pub(crate) fn read(bytes: Bytes) -> Self {
        Self { body: WholeOr::whole(bytes) }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn made(bytes: Bytes) -> Self {
        Self { body: WholeOr::whole(bytes) }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> WholeOr<B> {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()) }
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
            WholeOrProjected::Whole { bytes } => {
                Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))))
            }
            WholeOrProjected::Streamed { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes } => bytes.is_none(),
            Self::Streamed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes } => {
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
