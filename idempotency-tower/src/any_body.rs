//! Any body: the layer for stacks whose bodies are not axum's.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{BoxError, ReadBody, Restorable, Sealed};
use crate::{IdempotencyLayer, IdempotencyService, ResponseFuture};

pin_project! {
    /// A body of any type: passed on unread, or read and put back.
    pub struct AnyBody<B> {
        #[pin]
        body: PassedOrRead<B>,
    }
}

pin_project! {
    #[project = PassedOrReadProjected]
    enum PassedOrRead<B> {
        Passed { #[pin] body: B },
        Read { body: ReadBody<AnyBody<B>> },
    }
}

impl<B> AnyBody<B> {
    fn passed(body: B) -> Self {
        Self { body: PassedOrRead::Passed { body } }
    }
}

/// Shows no content, which may be a recorded answer.
impl<B> fmt::Debug for AnyBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.body {
            PassedOrRead::Passed { .. } => f.write_str("AnyBody(passed)"),
            PassedOrRead::Read { body } => write!(f, "AnyBody({body:?})"),
        }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for AnyBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().body.project() {
            PassedOrReadProjected::Passed { body } => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(Into::into)))
            }
            PassedOrReadProjected::Read { body } => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            PassedOrRead::Passed { body } => body.is_end_stream(),
            PassedOrRead::Read { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            PassedOrRead::Passed { body } => body.size_hint(),
            PassedOrRead::Read { body } => body.size_hint(),
        }
    }
}

impl<B> Sealed for AnyBody<B> {}

impl<B> Restorable for AnyBody<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    fn restored(read: ReadBody<Self>) -> Self {
        Self { body: PassedOrRead::Read { body: read } }
    }

    /// Returns the current URI, which a router may have cut.
    ///
    /// The router may have stored the original under a type that only its own crate knows. That is why
    /// [`IdempotencyLayer::outside_axum`] takes a scope.
    fn original_uri<'a>(_extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
        uri
    }

    fn raise_limit(_request: &mut Request<Self>, _bytes: usize) {}
}

/// Makes routes idempotent in stacks whose bodies are not axum's.
///
/// Created by [`IdempotencyLayer::outside_axum`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AnyBodyLayer(IdempotencyLayer);

impl AnyBodyLayer {
    pub(crate) fn new(layer: IdempotencyLayer) -> Self {
        Self(layer)
    }

    /// The layer inside, for its engine and [`drain`](IdempotencyLayer::drain).
    pub fn idempotency(&self) -> &IdempotencyLayer {
        &self.0
    }
}

impl<S> Layer<S> for AnyBodyLayer {
    type Service = AnyBodyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AnyBodyService { idempotency: self.0.layer(WithAnyBody(inner)) }
    }
}

/// A service made idempotent in a stack whose bodies are not axum's. Created by [`AnyBodyLayer`].
#[derive(Clone, Debug)]
pub struct AnyBodyService<S> {
    idempotency: IdempotencyService<WithAnyBody<S>>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for AnyBodyService<S>
where
    S: Service<Request<AnyBody<ReqBody>>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    ResBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AnyBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<AnyBody<ResBody>, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        self.idempotency.call(request.map(AnyBody::passed))
    }
}

/// Puts the inner service's answers into an [`AnyBody`].
#[derive(Clone, Debug)]
struct WithAnyBody<S>(S);

impl<S, Request, ResBody> Service<Request> for WithAnyBody<S>
where
    S: Service<Request, Response = Response<ResBody>>,
{
    type Response = Response<AnyBody<ResBody>>;
    type Error = S::Error;
    type Future = AnyBodyFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        AnyBodyFuture { response: self.0.call(request) }
    }
}

pin_project! {
    struct AnyBodyFuture<F> {
        #[pin]
        response: F,
    }
}

impl<F, ResBody, E> Future for AnyBodyFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, E>>,
{
    type Output = Result<Response<AnyBody<ResBody>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().response.poll(cx).map_ok(|response| response.map(AnyBody::passed))
    }
}
