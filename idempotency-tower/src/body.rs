//! Bodies: read, and put back.

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
/// It is sealed: what the layer knows of a request depends on where it runs, and the type of the body says so.
pub trait Restorable: Body<Data = Bytes, Error: Into<BoxError>> + Sized + Send + 'static + Sealed {
    /// The body that gives this.
    #[doc(hidden)]
    fn restored(read: ReadBody<Self>) -> Self;

    /// The request's URI as the client sent it.
    #[doc(hidden)]
    fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri;

    /// Lets the framework's own extractors read as much as the policy allows.
    #[doc(hidden)]
    fn raise_limit(request: &mut Request<Self>, bytes: usize);
}

/// Keeps [`Restorable`] to the types here.
#[expect(unnameable_types, reason = "that is what keeps it")]
pub trait Sealed {}

/// What was read of a body, and what comes after it.
pub struct ReadBody<B> {
    bytes: Option<Bytes>,
    then: Then<B>,
}

enum Then<B> {
    End(Option<Box<HeaderMap>>),
    Break(Option<BoxError>),
    Rest(Pin<Box<B>>),
}

/// Why a body was not read to its end.
pub(crate) enum Why {
    /// It is longer than the limit.
    TooLarge,
    /// It ended early.
    Broken(BoxError),
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

/// The most pieces that are looked at of a body that streams.
const PEEKED_PIECES: usize = 64;

/// Reads a body of at most `limit` bytes. One that comes in one piece is not copied.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Whole, Unread>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
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
    Err(Unread { bytes: pieces.joined(), why })
}

/// Reads what there is of a body without waiting, until it has at least `limit` bytes.
pub(crate) async fn peek<B>(body: B, limit: usize) -> ReadBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = Box::pin(body);
    let mut pieces = Pieces::default();
    for _ in 0..PEEKED_PIECES {
        if pieces.len() >= limit {
            break;
        }
        let frame = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await;
        let then = match frame {
            Poll::Pending => break,
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) => {
                    pieces.push(piece);
                    continue;
                }
                Err(frame) => Then::End(frame.into_trailers().ok().map(Box::new)),
            },
            Poll::Ready(Some(Err(error))) => Then::Break(Some(error.into())),
            Poll::Ready(None) => Then::End(None),
        };
        return ReadBody::new(pieces.joined(), then);
    }
    ReadBody::new(pieces.joined(), Then::Rest(body))
}

/// Pieces of a body, copied only where there are several.
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
    fn new(bytes: Bytes, then: Then<B>) -> Self {
        Self { bytes: Some(bytes).filter(|bytes| !bytes.is_empty()), then }
    }

    pub(crate) fn made(bytes: Bytes) -> Self {
        Self::new(bytes, Then::End(None))
    }

    pub(crate) fn whole(whole: Whole) -> Self {
        Self::new(whole.bytes, Then::End(whole.trailers))
    }

    /// What was read, and then the error: the client is told that the answer broke, as it would be without us.
    pub(crate) fn broken(unread: Unread) -> Self {
        let error = match unread.why {
            Why::Broken(error) => error,
            Why::TooLarge => "the body is longer than it said".into(),
        };
        Self::new(unread.bytes, Then::Break(Some(error)))
    }

    pub(crate) fn breaks(&self) -> bool {
        matches!(self.then, Then::Break(_))
    }

    /// The bytes that are known, for `Debug`: content may be a recorded answer.
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
        match &mut self.then {
            Then::End(trailers) => {
                Poll::Ready(trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
            }
            Then::Break(error) => Poll::Ready(error.take().map(Err)),
            Then::Rest(body) => {
                body.as_mut().poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
            && match &self.then {
                Then::End(trailers) => trailers.is_none(),
                Then::Break(error) => error.is_none(),
                Then::Rest(body) => body.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.len() as u64;
        match &self.then {
            Then::End(_) => SizeHint::with_exact(read),
            Then::Break(_) => SizeHint::default(),
            Then::Rest(body) => {
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

        /// Nested routers strip theirs and keep the original aside. Outside of all routers it is whole.
        fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
            extensions.get::<OriginalUri>().map_or(uri, |OriginalUri(original)| original)
        }

        fn raise_limit(request: &mut Request<Self>, bytes: usize) {
            DefaultBodyLimit::max(bytes).apply(request);
        }
    }
}
