//! The reply: the parts of a framework's answer that recording needs.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Once;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};

use crate::Outcome;
use crate::protocol::{Recording, recorded};

/// The parts of a framework's answer that recording needs.
pub trait Reply {
    /// The status.
    fn status(&self) -> StatusCode;

    /// The headers.
    fn headers(&self) -> Cow<'_, HeaderMap>;

    /// The body's exact length in bytes. `None` for a body that streams.
    fn body_size(&self) -> Option<u64>;

    /// Whether the reply's extensions have a [`DoNotRecord`](crate::DoNotRecord).
    fn is_marked_unrecorded(&self) -> bool;

    /// Reads the whole body, of at most `limit` bytes, and puts it back.
    ///
    /// Returns `None` if the body broke or was longer. The bytes that were read and then the error are put
    /// back, so that the client sees the failure as it would without this library.
    fn buffer(&mut self, limit: usize) -> impl Future<Output = Option<Bytes>>;

    /// Reads the part of the body that is available without waiting, and puts it back.
    ///
    /// Reads about `limit` bytes at most.
    ///
    /// Returns `false` if the body broke. The bytes that were read and then the error are put back.
    fn peek(&mut self, limit: usize) -> impl Future<Output = bool>;
}

/// Returns the recorded parts of a reply.
///
/// Returns `None` if the body broke, because the client then has no answer.
///
/// Of a body that is not recorded, only the available beginning is read, because it may stream without end.
pub(super) async fn record<R: Reply>(reply: &mut R, limit: usize) -> Option<Outcome> {
    let size = reply.body_size();
    let headers = reply.headers();
    let recording = Recording::of(&headers, size, limit);
    let is_encoded = headers.contains_key(CONTENT_ENCODING);
    let mut recorded = recorded(reply.status(), &headers, size, recording);
    drop(headers);
    if recording == Recording::Whole {
        // Reads no more than the announced size: with the headers, the whole limit may not fit the record.
        let limit = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(limit);
        recorded.extend_from_slice(&reply.buffer(limit).await?);
    } else {
        if size.is_none() && is_encoded {
            warn_of_encoded_stream();
        }
        if !reply.peek(limit).await {
            return None;
        }
    }
    Some(Outcome::new(recorded))
}

/// Warns once per process, because the cause is how the app is put together.
fn warn_of_encoded_stream() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "an answer was compressed before it was recorded, so its duplicates get an empty body: put compression outside the \
             idempotency layer"
        );
    });
}
