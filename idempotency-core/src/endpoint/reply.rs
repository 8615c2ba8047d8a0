//! The reply: a framework's answer, as far as it must be known to be recorded.

use std::borrow::Cow;
use std::future::Future;

use bytes::Bytes;
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

    /// Reads the whole body, which said that it has `limit` bytes, and leaves it in place.
    ///
    /// `None` where it broke or was longer; what was read and then the error are left in its place, so that the client
    /// learns of it as it would without us.
    fn buffer(&mut self, limit: usize) -> impl Future<Output = Option<Bytes>>;
}

/// What is recorded of a reply. A body that cannot be read is recorded as if it streamed: the work was done.
pub(super) async fn record<R: Reply>(reply: &mut R, limit: usize) -> RecordedResponse {
    let size = reply.body_size();
    let mut recording = Recording::of(&reply.headers(), size, limit);
    let mut body = Bytes::new();
    if recording == Recording::Whole {
        // No more than it said: beside the headers there may be no room for the whole limit.
        let limit = size.and_then(|size| usize::try_from(size).ok()).unwrap_or(limit);
        match reply.buffer(limit).await {
            Some(bytes) => body = bytes,
            None => recording = Recording::WithoutBody,
        }
    }
    recorded(reply.status(), &reply.headers(), size, body, recording)
}
