//! A response on its way through the endpoint, which may record it.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use idempotency_core::endpoint::Reply;

use crate::{ResponseBody, convert};

/// A response of the inner service, as the endpoint sees it.
pub(crate) struct Captured<B> {
    response: HttpResponse<()>,
    body: ResponseBody<B>,
}

impl<B> Captured<B> {
    pub(crate) fn new(response: HttpResponse<ResponseBody<B>>) -> Self {
        let (response, body) = response.into_parts();
        Self { response, body }
    }

    pub(crate) fn into_response(self) -> HttpResponse<ResponseBody<B>> {
        self.response.set_body(self.body)
    }
}

impl<B: MessageBody> Reply for Captured<B> {
    fn status(&self) -> StatusCode {
        convert::status(self.response.status())
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        // More lines than a map holds can be sent and cannot be recorded; the status still is.
        Cow::Owned(convert::headers(self.response.headers()).unwrap_or_default())
    }

    fn body_size(&self) -> Option<u64> {
        match self.body.size() {
            BodySize::None => Some(0),
            BodySize::Sized(size) => Some(size),
            BodySize::Stream => None,
        }
    }

    async fn buffer(&mut self, limit: usize) -> Option<Bytes> {
        if self.body.size() == BodySize::None {
            return Some(Bytes::new());
        }
        let body = std::mem::replace(&mut self.body, ResponseBody::made(Bytes::new()));
        let (body, bytes) = match body.read(limit).await {
            Ok(bytes) => (ResponseBody::made(bytes.clone()), Some(bytes)),
            Err(broken) => (broken, None),
        };
        self.body = body;
        bytes
    }
}
