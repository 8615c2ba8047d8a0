//! The future of a response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use idempotency_core::endpoint::{Next, Serving};

/// The future of [`IdempotencyService`](crate::IdempotencyService).
///
/// Dropping it drops neither the handler nor the recording of its outcome, unless the policy attaches them to
/// this future. An execution that is under way moves to a task of its own.
pub struct ResponseFuture<B, E> {
    /// `None` after the end, and after a panic, which must not be continued.
    serving: Option<Pin<Box<Abandonable<B, E>>>>,
}

type Abandonable<B, E> = dyn Abandon<Output = Result<Response<B>, E>> + Send;

impl<B, E> ResponseFuture<B, E> {
    pub(crate) fn new<R, X>(serving: Serving<R, X>) -> Self
    where
        R: Future<Output = Next<Result<Response<B>, E>, X>> + Send + 'static,
        X: Future<Output = Result<Response<B>, E>> + Send + 'static,
    {
        Self { serving: Some(Box::pin(serving)) }
    }
}

impl<B, E> Future for ResponseFuture<B, E> {
    type Output = Result<Response<B>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut serving = self.serving.take().expect("a future is not polled after its end");
        let polled = serving.as_mut().poll(cx);
        if polled.is_pending() {
            self.serving = Some(serving);
        }
        polled
    }
}

impl<B, E> Drop for ResponseFuture<B, E> {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abandon();
        }
    }
}

impl<B, E> fmt::Debug for ResponseFuture<B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// A future that its caller can abandon.
trait Abandon: Future {
    /// Drops the future, or goes on in the background if it outlives its caller.
    fn abandon(self: Pin<Box<Self>>);
}

impl<A, R, X> Abandon for Serving<R, X>
where
    R: Future<Output = Next<A, X>> + Send + 'static,
    X: Future<Output = A> + Send + 'static,
{
    fn abandon(self: Pin<Box<Self>>) {
        if let Some(engine) = self.outlives_caller().cloned() {
            engine.finish(async move { drop(self.await) });
        }
    }
}
