//! A response that the endpoint may record.

use std::borrow::Cow;

use actix_web::body::{BodySize, MessageBody};
use actix_web::{Error, HttpResponse};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use idempotency_core::DoNotRecord;
use idempotency_core::endpoint::Reply;

use crate::{ResponseBody, convert};

/// A response of the inner service, as the endpoint sees it.
pub(crate) struct Captured<B> {
    response: HttpResponse<()>,
    body: ResponseBody<B>,
    /// The error that a middleware returned in place of a response.
    error: Option<Error>,
}

impl<B> Captured<B> {
    pub(crate) fn new(response: HttpResponse<ResponseBody<B>>) -> Self {
        let (response, body) = response.into_parts();
        Self { response, body, error: None }
    }

    /// Takes the response that actix-web would make of the error.
    pub(crate) fn of_error(error: Error) -> Self {
        let response = error.error_response().map_body(|_, body| ResponseBody::of_error(body));
        Self { error: Some(error), ..Self::new(response) }
    }

    /// Returns the response and the error that it was made from.
    pub(crate) fn into_response(self) -> (HttpResponse<ResponseBody<B>>, Option<Error>) {
        (self.response.set_body(self.body), self.error)
    }

    fn take_body(&mut self) -> ResponseBody<B> {
        std::mem::replace(&mut self.body, ResponseBody::made(Bytes::new()))
    }
}

impl<B: MessageBody> Reply for Captured<B> {
    fn status(&self) -> StatusCode {
        convert::status(self.response.status())
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        // A response can have more header lines than a map holds. Those are not recorded, but the status is.
        Cow::Owned(convert::headers(self.response.headers()).unwrap_or_default())
    }

    fn body_size(&self) -> Option<u64> {
        match self.body.size() {
            BodySize::None => Some(0),
            BodySize::Sized(size) => Some(size),
            BodySize::Stream => None,
        }
    }

    fn is_marked_unrecorded(&self) -> bool {
        self.response.extensions().get::<DoNotRecord>().is_some()
    }

    async fn buffer(&mut self, limit: usize) -> Option<Bytes> {
        if self.body.size() == BodySize::None {
            return Some(Bytes::new());
        }
        let (body, bytes) = match self.take_body().read(limit).await {
            Ok(bytes) => (ResponseBody::made(bytes.clone()), Some(bytes)),
            Err(broken) => (broken, None),
        };
        self.body = body;
        bytes
    }

    async fn peek(&mut self, limit: usize) -> bool {
        if self.body.size() == BodySize::None {
            return true;
        }
        let (body, is_broken) = self.take_body().peek(limit).await;
        self.body = body;
        !is_broken
    }
}
