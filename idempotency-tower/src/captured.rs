//! A response on its way through the endpoint, which may record it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use idempotency_core::endpoint::Reply;

use crate::ResponseBody;
use crate::body::{BoxError, read};

/// A response of the inner service, as the endpoint sees it.
pub(crate) struct Captured<B>(pub(crate) Response<ResponseBody<B>>);

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send> Reply for Captured<B> {
    fn status(&self) -> StatusCode {
        self.0.status()
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        Cow::Borrowed(self.0.headers())
    }

    fn body_size(&self) -> Option<u64> {
        self.0.body().size_hint().exact()
    }

    async fn buffer(&mut self, limit: usize) -> Option<Bytes> {
        let body = std::mem::replace(self.0.body_mut(), ResponseBody::made(Bytes::new()));
        let (body, bytes) = match read(body, limit).await {
            Ok(whole) => {
                let bytes = whole.bytes.clone();
                (ResponseBody::read(whole), Some(bytes))
            }
            Err(unread) => (ResponseBody::broken(unread), None),
        };
        *self.0.body_mut() = body;
        bytes
    }
}
