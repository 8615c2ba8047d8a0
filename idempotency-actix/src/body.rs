//! The body of a response: the inner service's, or one created here.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use bytes::{Bytes, BytesMut};
use pin_project_lite::pin_project;

type BoxError = Box<dyn Error>;

pin_project! {
    /// A response's body: the inner service's, or one created here.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        body: WholeOr<B>,
    }
}

pin_project! {
    #[project = WholeOrProjected]
    enum WholeOr<B> {
        // Holding an unread payload until the answer is sent makes the server close the connection instead of
        // reading on.
        Whole { bytes: Bytes, unread: Option<Payload> },
        Broken { bytes: Bytes, error: Option<BoxError>, size: BodySize },
        Begun { bytes: Bytes, rest: Pin<Box<ResponseBody<B>>>, size: BodySize },
        Streamed { #[pin] body: B },
        OfError { #[pin] body: BoxBody },
    }
}

/// The most pieces of a streaming body that [`ResponseBody::peek`] reads.
const PEEKED_PIECES: usize = 64;

/// Shows no content, which may be a recorded answer.
impl<B> fmt::Debug for WholeOr<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { bytes, .. } | Self::Broken { bytes, .. } => write!(f, "{} bytes", bytes.len()),
            Self::Begun { .. } | Self::Streamed { .. } | Self::OfError { .. } => f.write_str("streamed"),
        }
    }
}

impl<B> ResponseBody<B> {
    pub(crate) fn made(bytes: Bytes) -> Self {
        Self { body: WholeOr::Whole { bytes, unread: None } }
    }

    /// The body of an answer to a request whose own body must not be read further.
    pub(crate) fn instead_of_reading(bytes: Bytes, unread: Payload) -> Self {
        Self { body: WholeOr::Whole { bytes, unread: Some(unread) } }
    }

    pub(crate) fn of_error(body: BoxBody) -> Self {
        Self { body: WholeOr::OfError { body } }
    }

    pub(crate) fn passed(body: B) -> Self {
        Self { body: WholeOr::Streamed { body } }
    }
}

impl<B: MessageBody> ResponseBody<B> {
    /// Reads the whole body, of at most `limit` bytes.
    ///
    /// If that fails, returns a body that yields the part that was read and then the error, so that the
    /// client sees the failure as it would without this middleware.
    pub(crate) async fn read(self, limit: usize) -> Result<Bytes, Self> {
        let size = self.size();
        let mut body = match self.try_into_bytes() {
            Ok(bytes) if bytes.len() <= limit => return Ok(bytes),
            Ok(bytes) => Box::pin(Self::made(bytes)),
            Err(body) => Box::pin(body),
        };
        let mut read = BytesMut::new();
        let error = loop {
            match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                None if ends_early(size, read.len()) => break ENDS_EARLY.into(),
                None => return Ok(read.freeze()),
                Some(Err(error)) => break error,
                Some(Ok(piece)) if piece.len() > limit - read.len() => {
                    break "the body is longer than its announced size".into();
                }
                Some(Ok(piece)) => read.extend_from_slice(&piece),
            }
        };
        Err(Self::broken(read.freeze(), error, size))
    }

    /// Reads the part of the body that is available without waiting, until it has at least `limit` bytes.
    ///
    /// Returns the body with that part put back, and whether it broke.
    pub(crate) async fn peek(self, limit: usize) -> (Self, bool) {
        let size = self.size();
        let mut body = Box::pin(self);
        let mut read = BytesMut::new();
        for _ in 0..PEEKED_PIECES {
            if read.len() >= limit {
                break;
            }
            match poll_fn(|cx| Poll::Ready(body.as_mut().poll_next(cx))).await {
                Poll::Pending => break,
                Poll::Ready(None) if ends_early(size, read.len()) => {
                    return (Self::broken(read.freeze(), ENDS_EARLY.into(), size), true);
                }
                Poll::Ready(None) => return (Self::made(read.freeze()), false),
                Poll::Ready(Some(Ok(piece))) => read.extend_from_slice(&piece),
                Poll::Ready(Some(Err(error))) => return (Self::broken(read.freeze(), error, size), true),
            }
        }
        (Self { body: WholeOr::Begun { bytes: read.freeze(), rest: body, size } }, false)
    }

    /// A body that yields the part that was read before the body broke, and then the error.
    fn broken(bytes: Bytes, error: BoxError, size: BodySize) -> Self {
        Self { body: WholeOr::Broken { bytes, error: Some(error), size } }
    }
}

const ENDS_EARLY: &str = "the body is shorter than its announced size";

/// Whether a body that ends here has fewer bytes than it announced.
fn ends_early(announced: BodySize, read: usize) -> bool {
    matches!(announced, BodySize::Sized(size) if size > read as u64)
}

impl<B: MessageBody> MessageBody for ResponseBody<B> {
    type Error = BoxError;

    fn size(&self) -> BodySize {
        match &self.body {
            WholeOr::Whole { bytes, .. } => BodySize::Sized(bytes.len() as u64),
            WholeOr::Broken { size, .. } | WholeOr::Begun { size, .. } => *size,
            WholeOr::Streamed { body } => body.size(),
            WholeOr::OfError { body } => body.size(),
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        match self.project().body.project() {
            WholeOrProjected::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            WholeOrProjected::Whole { bytes, .. } => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            WholeOrProjected::Broken { bytes, error, .. } if bytes.is_empty() => {
                Poll::Ready(error.take().map(Err))
            }
            WholeOrProjected::Broken { bytes, .. } => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            WholeOrProjected::Begun { bytes, rest, .. } if bytes.is_empty() => rest.as_mut().poll_next(cx),
            WholeOrProjected::Begun { bytes, .. } => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            WholeOrProjected::Streamed { body } => {
                body.poll_next(cx).map(|piece| piece.map(|piece| piece.map_err(Into::into)))
            }
            WholeOrProjected::OfError { body } => body.poll_next(cx),
        }
    }

    fn try_into_bytes(self) -> Result<Bytes, Self> {
        match self.body {
            WholeOr::Whole { bytes, unread: None } => Ok(bytes),
            WholeOr::Streamed { body } => body.try_into_bytes().map_err(Self::passed),
            WholeOr::OfError { body } => body.try_into_bytes().map_err(Self::of_error),
            other => Err(Self { body: other }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::pin;

    use actix_web::body::BodyStream;
    use futures_util::stream;

    use super::*;

    fn of(pieces: Vec<io::Result<&'static str>>) -> ResponseBody<impl MessageBody> {
        let pieces = pieces.into_iter().map(|piece| piece.map(Bytes::from));
        ResponseBody::passed(BodyStream::new(stream::iter(pieces)))
    }

    /// The bytes that a client gets, and the error if the answer breaks.
    async fn sent(body: ResponseBody<impl MessageBody>) -> (String, Option<String>) {
        let (mut body, mut text) = (pin!(body), String::new());
        loop {
            match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                Some(Ok(piece)) => text.push_str(std::str::from_utf8(&piece).unwrap()),
                Some(Err(error)) => return (text, Some(error.to_string())),
                None => return (text, None),
            }
        }
    }

    #[actix_web::test]
    async fn a_body_of_up_to_the_limit_is_read_whole() {
        assert_eq!(of(vec![Ok("ab"), Ok("cd")]).read(4).await.ok().unwrap(), "abcd");
        assert_eq!(ResponseBody::<Bytes>::made("abcd".into()).read(4).await.unwrap(), "abcd");
    }

    #[actix_web::test]
    async fn a_body_that_is_too_long_or_breaks_is_sent_up_to_there_and_then_breaks() {
        let longer = of(vec![Ok("ab"), Ok("cde")]).read(4).await.unwrap_err();
        assert_eq!(
            sent(longer).await,
            ("ab".into(), Some("the body is longer than its announced size".into()))
        );
        let made = ResponseBody::<Bytes>::made("abcde".into()).read(4).await.unwrap_err();
        assert_eq!(
            sent(made).await,
            (String::new(), Some("the body is longer than its announced size".into()))
        );
        let broken = of(vec![Ok("ab"), Err(io::Error::other("cut"))]).read(4).await.unwrap_err();
        assert_eq!(sent(broken).await, ("ab".into(), Some("cut".into())));
    }
}
