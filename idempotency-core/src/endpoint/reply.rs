//! The reply: a framework's answer, as far as it must be known to be recorded.

use std::borrow::Cow;
use std::future::Future;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::RecordedResponse;
use crate::protocol::{Recording, recordable};

/// A framework's answer, as far as it must be known to be recorded.
pub trait Reply {
    /// The status.
    fn status(&self) -> StatusCode;

    /// The headers.
    fn headers(&self) -> Cow<'_, HeaderMap>;

    /// The body's exact length in bytes; `None` for one that streams.
    fn body_size(&self) -> Option<u64>;

    /// Reads the whole body and leaves it in place. `None` where it ended early; an empty one is left then.
    fn buffer(&mut self) -> impl Future<Output = Option<Bytes>>;
}

/// What is recorded of a reply. A body that cannot be read is recorded as if it streamed: the work was done.
pub(super) async fn record<R: Reply>(reply: &mut R, limit: usize) -> RecordedResponse {
    let mut recording = Recording::of(&reply.headers(), reply.body_size(), limit);
    let mut body = Bytes::new();
    if recording == Recording::Whole {
        match reply.buffer().await {
            Some(bytes) => body = bytes,
            None => recording = Recording::WithoutBody,
        }
    }
    let mut recorded = RecordedResponse::new(reply.status(), body);
    recorded.headers = recordable(&reply.headers(), recording);
    recorded
}
