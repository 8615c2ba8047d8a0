//! A response that the endpoint may record.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use idempotency_core::DoNotRecord;
use idempotency_core::endpoint::Reply;

use crate::body::{ReadBody, Restorable, peek, read};

/// A response of the inner service, as the endpoint sees it.
pub(crate) struct Captured<B> {
    response: Response<()>,
    /// `None` only while the body is read.
    body: Option<B>,
}

impl<B> Captured<B> {
    pub(crate) fn new(response: Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self { response: Response::from_parts(parts, ()), body: Some(body) }
    }

    pub(crate) fn into_response(self) -> Response<B> {
        let (parts, ()) = self.response.into_parts();
        Response::from_parts(parts, self.body.expect(IS_PUT_BACK))
    }

    fn take_body(&mut self) -> B {
        self.body.take().expect(IS_PUT_BACK)
    }
}

const IS_PUT_BACK: &str = "a body is put back after reading";

impl<B: Restorable> Reply for Captured<B> {
    fn status(&self) -> StatusCode {
        self.response.status()
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        Cow::Borrowed(self.response.headers())
    }

    fn body_size(&self) -> Option<u64> {
        self.body.as_ref().and_then(|body| body.size_hint().exact())
    }

    fn is_marked_unrecorded(&self) -> bool {
        self.response.extensions().get::<DoNotRecord>().is_some()
    }

    async fn buffer(&mut self, limit: usize) -> Option<Bytes> {
        let size = self.body_size();
        let read = read(self.take_body(), limit).await.and_then(|whole| whole.of_size(size));
        let (read, bytes) = match read {
            Ok(whole) => {
                let bytes = whole.bytes.clone();
                (ReadBody::whole(whole), Some(bytes))
            }
            Err(unread) => (ReadBody::broken(unread), None),
        };
        self.body = Some(B::restored(read));
        bytes
    }

    async fn peek(&mut self, limit: usize) -> bool {
        let read = peek(self.take_body(), limit).await;
        let is_broken = read.breaks();
        self.body = Some(B::restored(read));
        !is_broken
    }
}
