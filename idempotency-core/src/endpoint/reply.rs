//! The reply: a framework's answer, as far as it must be known to be recorded.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Once;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

use crate::RecordedResponse;
use crate::protocol::{Recording, recorded};

/// A framework's answer, as far as it must be known to be recorded.
pub trait Reply {
    /// The status.
    fn status(&self) -> StatusCode;

    /// The headers.
    fn headers(&self) -> Cow<'_, HeaderMap>;

    /// The body's exact length in bytes; `None` for one that streams.
    fn body_size(&self) -> Option<u64>;

    /// Whether its extensions have a [`DoNotRecord`](crate::DoNotRecord).
    fn is_marked_unrecorded(&self) -> bool;

    /// Reads the whole body, which said that it has `limit` bytes, and leaves it in place.
    ///
    /// `None` where it broke or was longer; what was read and then the error are left in its place, so that the client
    /// learns of it as it would without us.
    fn buffer(&mut self, limit: usize) -> impl Future<Output = Option<Bytes>>;

    /// Reads what there is of the body without waiting, at most about `limit` bytes, and leaves it in place.
    ///
    /// `false` where it broke; what was read and then the error are left in its place.
    fn peek(&mut self, limit: usize) -> impl Future<Output = bool>;
}

/// What there is to record of a reply.
pub(super) enum Recorded {
    /// This.
    Answer(RecordedResponse),
    /// Nothing: the body broke, so the client has no answer.
    Broken,
}

/// Reads what is recorded of a reply. Of a body that is not recorded, only the beginning is looked at: it may stream for as
/// long as it likes.
pub(super) async fn record<R: Reply>(reply: &mut R, limit: usize) -> Recorded {
    let size = reply.body_size();
    let recording = Recording::of(&reply.headers(), size, limit);
    let mut body = Bytes::new();
    if recording == Recording::Whole {
        // No more than it said: beside the headers there may be no room for the whole limit.
        let limit = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(limit);
        match reply.buffer(limit).await {
            Some(bytes) => body = bytes,
            None => return Recorded::Broken,
        }
    } else {
        if size.is_none() && reply.headers().contains_key(CONTENT_ENCODING) {
            warn_of_encoded_stream();
        }
        if !reply.peek(limit).await {
            return Recorded::Broken;
        }
    }
    Recorded::Answer(recorded(reply.status(), &reply.headers(), size, body, recording))
}

/// Once in a process: it is a matter of how the app is put together.
fn warn_of_encoded_stream() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "an answer was compressed before it was recorded, so its duplicates get an empty body: put compression outside \
             idempotency"
        );
    });
}
