//! Bodies: passed on as they come, or whole in memory.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

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
        Broken { bytes: Option<Bytes>, error: Option<BoxError> },
        Streamed { #[pin] body: B },
    }
}

/// Shows no content: it may be a recorded answer.
impl<B> fmt::Debug for WholeOr<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes, .. } | Self::Broken { bytes, .. } => {
                write!(f, "{} bytes", bytes.as_ref().map_or(0, Bytes::len))
            }
            Self::Streamed { .. } => f.write_str("streamed"),
        }
    }
}

/// A body that was read to its end.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    trailers: Option<Box<HeaderMap>>,
}

/// A body that was not read to its end: what was read of it, and why no more.
pub(crate) struct Unread {
    bytes: Bytes,
    pub(crate) why: Why,
}

/// Why a body was not read to its end.
pub(crate) enum Why {
    /// It is longer than the limit.
    TooLarge,
    /// It ended early.
    Broken(BoxError),
}

/// Reads a body of at most `limit` bytes. One that comes in one piece is not copied.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Whole, Unread>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    let mut trailers = None;
    let why = loop {
        let piece = match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            None => break None,
            Some(Err(error)) => break Some(Why::Broken(error.into())),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) => piece,
                Err(frame) => {
                    trailers = frame.into_trailers().ok().map(Box::new);
                    continue;
                }
            },
        };
        if piece.len() > limit - whole.len() - pieces.len() {
            break Some(Why::TooLarge);
        }
        if whole.is_empty() && pieces.is_empty() {
            whole = piece;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&piece);
        }
    };
    let bytes = if pieces.is_empty() { whole } else { pieces.freeze() };
    match why {
        None => Ok(Whole { bytes, trailers }),
        Some(why) => Err(Unread { bytes, why }),
    }
}

impl<B> RequestBody<B> {
    pub(crate) fn read(whole: Whole) -> Self {
        Self { body: WholeOr::whole(whole) }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn made(bytes: Bytes) -> Self {
        Self::read(Whole { bytes, trailers: None })
    }

    pub(crate) fn read(whole: Whole) -> Self {
        Self { body: WholeOr::whole(whole) }
    }

    /// What was read, and then the error: the client is told that the answer broke, as it would be without us.
    pub(crate) fn broken(unread: Unread) -> Self {
        let error = match unread.why {
            Why::Broken(error) => error,
            Why::TooLarge => "the body is longer than it said".into(),
        };
        Self { body: WholeOr::Broken { bytes: some_if_any(unread.bytes), error: Some(error) } }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B> WholeOr<B> {
    fn whole(Whole { bytes, trailers }: Whole) -> Self {
        Self::Whole { bytes: some_if_any(bytes), trailers }
    }
}

fn some_if_any(bytes: Bytes) -> Option<Bytes> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

impl<B: Body<Data = Bytes>> WholeOr<B> {
    /// The next frame, its errors made into the ones of the body that this is part of.
    fn poll_frame<E>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        of_body: impl FnOnce(B::Error) -> E,
        of_broken: impl FnOnce(BoxError) -> Option<E>,
    ) -> Poll<Option<Result<Frame<Bytes>, E>>> {
        match self.project() {
            WholeOrProjected::Whole { bytes, trailers } => {
                let data = bytes.take().map(Frame::data);
                Poll::Ready(data.or_else(|| Some(Frame::trailers(*trailers.take()?))).map(Ok))
            }
            WholeOrProjected::Broken { bytes, error } => {
                let data = bytes.take().map(|bytes| Ok(Frame::data(bytes)));
                Poll::Ready(data.or_else(|| error.take().and_then(of_broken).map(Err)))
            }
            WholeOrProjected::Streamed { body } => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(of_body)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole { bytes, trailers } => bytes.is_none() && trailers.is_none(),
            Self::Broken { bytes, error } => bytes.is_none() && error.is_none(),
            Self::Streamed { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Broken { .. } => SizeHint::default(),
            Self::Streamed { body } => body.size_hint(),
        }
    }
}

impl<B: Body<Data = Bytes>> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        // A request whose body broke never reaches the inner service.
        self.project().body.poll_frame(cx, |error| error, |_| None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.project().body.poll_frame(cx, Into::into, Some)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
