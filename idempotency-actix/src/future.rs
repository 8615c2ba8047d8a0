//! The future of a response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::dev::ServiceResponse;
use idempotency_core::endpoint::{Next, Serving};
use tokio::runtime::Handle;

use crate::ResponseBody;

type Served<B> = Result<ServiceResponse<ResponseBody<B>>, Error>;

/// The future of [`IdempotencyService`](crate::IdempotencyService).
///
/// Dropping it drops neither the handler nor the recording of its outcome, unless the policy attaches them to
/// this future. An execution that is under way moves to a task of its own, on the same worker.
pub struct ResponseFuture<B> {
    /// `None` after the end, and after a panic, which must not be continued.
    serving: Option<Pin<Box<dyn Abandon<Output = Served<B>>>>>,
}

impl<B> ResponseFuture<B> {
    pub(crate) fn new<R, X>(serving: Serving<R, X>) -> Self
    where
        R: Future<Output = Next<Served<B>, X>> + 'static,
        X: Future<Output = Served<B>> + 'static,
    {
        Self { serving: Some(Box::pin(serving)) }
    }
}

impl<B> Future for ResponseFuture<B> {
    type Output = Served<B>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut serving = self.serving.take().expect("a future is not polled after its end");
        let polled = serving.as_mut().poll(cx);
        if polled.is_pending() {
            self.serving = Some(serving);
        }
        polled
    }
}

impl<B> Drop for ResponseFuture<B> {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abandon();
        }
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
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
    R: Future<Output = Next<A, X>> + 'static,
    X: Future<Output = A> + 'static,
{
    fn abandon(self: Pin<Box<Self>>) {
        // After the end of its worker there is nothing to run a task.
        if self.outlives_caller().is_some() && Handle::try_current().is_ok() {
            actix_web::rt::spawn(async move { drop(self.await) });
        }
    }
}
