//! The future of a response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;

type BoxFuture<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

/// The future of [`IdempotencyService`](crate::IdempotencyService).
///
/// Dropping it drops neither the handler nor the recording of its outcome, unless the policy attaches them to
/// this future.
pub struct ResponseFuture<B, E>(BoxFuture<B, E>);

impl<B, E> ResponseFuture<B, E> {
    pub(crate) fn new(future: impl Future<Output = Result<Response<B>, E>> + Send + 'static) -> Self {
        Self(Box::pin(future))
    }
}

impl<B, E> Future for ResponseFuture<B, E> {
    type Output = Result<Response<B>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<B, E> fmt::Debug for ResponseFuture<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
