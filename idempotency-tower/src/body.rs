//! Bodies: reads them and puts them back.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{Extensions, HeaderMap, Request, Uri};
use http_body::{Body, Frame, SizeHint};

pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A body that can be read and put back: axum's, or an [`AnyBody`](crate::AnyBody) around another one.
///
/// It is sealed: the body's type tells the layer where it runs, and so what it knows of a request.
pub trait Restorable: Body<Data = Bytes, Error: Into<BoxError>> + Sized + Send + 'static + Sealed {
    /// Makes a body of what was read.
    #[doc(hidden)]
    fn restored(read: ReadBody<Self>) -> Self;

    /// The request's URI as the client sent it.
    #[doc(hidden)]
    fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri;

    /// Lets the framework's own extractors read as many bytes as the policy allows.
    #[doc(hidden)]
    fn raise_limit(request: &mut Request<Self>, bytes: usize);
}

/// Seals [`Restorable`].
#[expect(unnameable_types, reason = "a trait that cannot be named cannot be implemented")]
pub trait Sealed {}

/// The part of a body that was read, and the rest.
pub struct ReadBody<B> {
    bytes: Option<Bytes>,
    tail: Tail<B>,
}

enum Tail<B> {
    End(Option<Box<HeaderMap>>),
    /// An error, and the number of bytes that are missing if it is known.
    Break(Option<BoxError>, Option<u64>),
    Rest(Pin<Box<B>>),
}

/// Why a body was not read to its end.
pub(crate) enum Why {
    /// The body is longer than the limit.
    TooLarge,
    /// The body ended early.
    Broken(BoxError),
}

/// A body that was read to its end.
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    trailers: Option<Box<HeaderMap>>,
}

/// A body that was not read to its end: the part that was read, and why it ends there.
pub(crate) struct Unread {
    bytes: Bytes,
    /// The announced size in bytes, if there was one.
    size: Option<u64>,
    pub(crate) why: Why,
}

const ENDS_EARLY: &str = "the body is shorter than its announced size";

/// The most pieces of a streaming body that [`peek`] reads.
const PEEKED_PIECES: usize = 64;

/// Reads a body of at most `limit` bytes. A body in one piece is not copied.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Whole, Unread>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let size = body.size_hint().exact();
    let mut body = pin!(body);
    let mut pieces = Pieces::default();
    let mut trailers = None;
    let why = loop {
        let piece = match poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            None => return Ok(Whole { bytes: pieces.joined(), trailers }),
            Some(Err(error)) => break Why::Broken(error.into()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(piece) => piece,
                Err(frame) => {
                    trailers = frame.into_trailers().ok().map(Box::new);
                    continue;
                }
            },
        };
        if piece.len() > limit - pieces.len() {
            break Why::TooLarge;
        }
        pieces.push(piece);
    };
    Err(Unread { bytes: pieces.joined(), size, why })
}

/// Reads the part of a body that is available without waiting, until it has at least `limit` bytes.
pub(crate) async fn peek<B>(body: B, limit: usize) -> ReadBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let size = body.size_hint().exact();
    let mut body = Box::pin(body);
    let mut pieces = Pieces::default();
    for _ in 0..PEEKED_PIECES {
        if pieces.len() >= limit {
            break;
        }
        let frame = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await;
        let end = match frame {
            Poll::Pending => break,
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) => {
                    pieces.push(piece);
                    continue;
                }
                Err(frame) => Ok(frame.into_trailers().ok().map(Box::new)),
            },
            Poll::Ready(Some(Err(error))) => Err(Why::Broken(error.into())),
            Poll::Ready(None) => Ok(None),
        };
        let bytes = pieces.joined();
        let whole = match end {
            Ok(trailers) => Whole { bytes, trailers }.of_size(size),
            Err(why) => Err(Unread { bytes, size, why }),
        };
        return whole.map_or_else(ReadBody::broken, ReadBody::whole);
    }
    ReadBody::new(pieces.joined(), Tail::Rest(body))
}

impl Whole {
    /// Returns the body, unless it ended before its announced size.
    pub(crate) fn of_size(self, size: Option<u64>) -> Result<Self, Unread> {
        if size.is_some_and(|size| size > self.bytes.len() as u64) {
            return Err(Unread { bytes: self.bytes, size, why: Why::Broken(ENDS_EARLY.into()) });
        }
        Ok(self)
    }
}

/// Pieces of a body. They are copied only if there are several.
#[derive(Default)]
struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
        } else {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
            self.joined.extend_from_slice(&piece);
        }
    }

    fn joined(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

impl<B> ReadBody<B> {
    fn new(bytes: Bytes, tail: Tail<B>) -> Self {
        Self { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), tail }
    }

    pub(crate) fn made(bytes: Bytes) -> Self {
        Self::new(bytes, Tail::End(None))
    }

    pub(crate) fn whole(whole: Whole) -> Self {
        Self::new(whole.bytes, Tail::End(whole.trailers))
    }

    /// A body that yields the bytes that were read and then the error.
    ///
    /// So the client sees the failure as it would without this layer.
    pub(crate) fn broken(unread: Unread) -> Self {
        let error = match unread.why {
            Why::Broken(error) => error,
            Why::TooLarge => "the body is longer than its announced size".into(),
        };
        let rest = unread.size.and_then(|size| size.checked_sub(unread.bytes.len() as u64));
        // A body with its announced length looks whole: hyper stops reading there, before the error.
        let rest = rest.filter(|rest| *rest > 0);
        Self::new(unread.bytes, Tail::Break(Some(error), rest))
    }

    pub(crate) fn breaks(&self) -> bool {
        matches!(self.tail, Tail::Break(..))
    }

    /// The number of bytes that were read.
    ///
    /// `Debug` shows only this, because the content may be a recorded answer.
    pub(crate) fn len(&self) -> usize {
        self.bytes.as_ref().map_or(0, Bytes::len)
    }
}

impl<B> fmt::Debug for ReadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for ReadBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut self.tail {
            Tail::End(trailers) => {
                Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
            }
            Tail::Break(error, rest) => {
                *rest = None;
                Poll::Ready(error.take().map(Err))
            }
            Tail::Rest(body) => {
                body.as_mut().poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
            && match &self.tail {
                Tail::End(trailers) => trailers.is_none(),
                Tail::Break(error, _) => error.is_none(),
                Tail::Rest(body) => body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.len() as u64;
        match &self.tail {
            Tail::End(_) => SizeHint::with_exact(read),
            // The announced length tells the client that the answer is cut.
            Tail::Break(_, Some(rest)) => SizeHint::with_exact(read.saturating_add(*rest)),
            Tail::Break(_, None) => SizeHint::default(),
            Tail::Rest(body) => {
                let rest = body.size_hint();
                let mut hint = SizeHint::new();
                if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(read)) {
                    hint.set_upper(upper);
                }
                hint.set_lower(rest.lower().saturating_add(read));
                hint
            }
        }
    }
}

#[cfg(feature = "axum")]
mod of_axum {
    use axum::extract::{DefaultBodyLimit, OriginalUri};
    use axum_core::body::Body;
    use http::{Extensions, Request, Uri};

    use super::{ReadBody, Restorable, Sealed};

    impl Sealed for Body {}

    impl Restorable for Body {
        fn restored(read: ReadBody<Self>) -> Self {
            Self::new(read)
        }

        /// Nested routers strip their prefix and keep the original URI in an extension.
        ///
        /// Outside all routers the URI is whole.
        fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
            extensions.get::<OriginalUri>().map_or(uri, |OriginalUri(original)| original)
        }

        fn raise_limit(request: &mut Request<Self>, bytes: usize) {
            DefaultBodyLimit::max(bytes).apply(request);
        }
    }
}
