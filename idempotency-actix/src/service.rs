//! The service: one request on its way through the endpoint.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use idempotency_core::endpoint::{Admission, Arrival, Executed, Head};
use idempotency_core::protocol::Status;
use idempotency_core::{Delivery, Endpoint, RecordedResponse};
use tracing::Instrument as _;

use crate::captured::Captured;
use crate::{ResponseBody, convert};

type Response<B> = ServiceResponse<ResponseBody<B>>;

/// A service made idempotent. [`IdempotencyMiddleware`](crate::IdempotencyMiddleware) makes it.
#[derive(Debug)]
pub struct IdempotencyService<S> {
    inner: Rc<S>,
    endpoint: Endpoint,
}

impl<S> IdempotencyService<S> {
    pub(crate) fn new(inner: S, endpoint: Endpoint) -> Self {
        Self { inner: Rc::new(inner), endpoint }
    }
}

impl<S, B> Service<ServiceRequest> for IdempotencyService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = ResponseFuture<B>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        ResponseFuture(Box::pin(serve(self.endpoint.clone(), self.inner.clone(), request)))
    }
}

/// The future of [`IdempotencyService`].
///
/// Dropping it drops neither the handler nor the recording of its outcome, unless the policy attaches them to it.
pub struct ResponseFuture<B>(Pin<Box<dyn Future<Output = Result<Response<B>, Error>>>>);

impl<B> Future for ResponseFuture<B> {
    type Output = Result<Response<B>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

async fn serve<S, B>(
    endpoint: Endpoint,
    inner: Rc<S>,
    mut request: ServiceRequest,
) -> Result<Response<B>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let Some((method, uri, headers)) = convert::head(request.head()) else {
        return Ok(answered(request.into_parts().0, endpoint.head_unreadable()));
    };
    let extensions = request.extensions().get::<http::Extensions>().cloned().unwrap_or_default();
    let head = Head { method: &method, uri: &uri, headers: &headers, extensions: &extensions };
    let seen = match endpoint.admit(&head) {
        Admission::Answer(answer) => return Ok(answered(request.into_parts().0, answer)),
        Admission::Pass => Bytes::new(),
        Admission::Read { limit } => match read(request.take_payload(), limit).await {
            Ok(bytes) => {
                request.set_payload(Payload::from(bytes.clone()));
                bytes
            }
            Err(unread) => {
                let answer = match unread {
                    Unread::TooLarge => endpoint.body_too_large(&head),
                    Unread::Broken => endpoint.body_unreadable(&head),
                };
                return Ok(answered(request.into_parts().0, answer));
            }
        },
    };
    match endpoint.receive(&head, &seen).await {
        Arrival::Answer(answer) => Ok(answered(request.into_parts().0, answer)),
        Arrival::Bypass => call(&*inner, request).await.map(|response| marked(response, Status::Bypassed)),
        Arrival::Delivery(delivery) => execute(endpoint, delivery, inner, request).await,
    }
}

async fn execute<S, B>(
    endpoint: Endpoint,
    delivery: Delivery,
    inner: Rc<S>,
    request: ServiceRequest,
) -> Result<Response<B>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let worker = endpoint.clone();
    let work = async move {
        // The request is with the handler while that runs, and here before and after it: an `HttpRequest` must not be
        // cloned while routing may still change it.
        let (request, payload) = request.into_parts();
        let held = Cell::new(Some(request));
        let executed = worker
            .execute(delivery, |context| {
                let request = held.take().expect("a handler is called once");
                request.extensions_mut().insert(context);
                let request = ServiceRequest::from_parts(request, payload);
                async {
                    let (request, response) = call(&*inner, request).await?.into_parts();
                    held.set(Some(request));
                    Ok::<_, Error>(Captured::new(response))
                }
            })
            .await?;
        let request = held.take().expect("a handler that did not fail gave the request back");
        Ok(match executed {
            Executed::Passed(reply, status) => {
                marked(ServiceResponse::new(request, reply.into_response()), status)
            }
            Executed::Answered(answer) => answered(request, answer),
        })
    };
    if endpoint.engine().policy().attachment().is_detached() {
        detach(&endpoint, work).await
    } else {
        work.await
    }
}

/// Runs the work to its end in a task of this worker, whoever goes away. A panic goes on in the caller.
async fn detach<T: 'static>(
    endpoint: &Endpoint,
    work: impl Future<Output = Result<T, Error>> + 'static,
) -> Result<T, Error> {
    let tracked = endpoint.engine().track();
    let work = async move {
        let _tracked = tracked;
        work.await
    };
    // What the handler logs belongs to the request, also in a task of its own.
    let task = actix_web::rt::spawn(work.in_current_span());
    match task.await {
        Ok(done) => done,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => {
            Err(InternalError::from_response(error, made(endpoint.shut_down()).map_into_boxed_body()).into())
        }
    }
}

async fn call<S, B>(inner: &S, request: ServiceRequest) -> Result<Response<B>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    Ok(inner.call(request).await?.map_body(|_, body| ResponseBody::passed(body)))
}

enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body of at most `limit` bytes. One that came in one piece is not copied.
async fn read(mut payload: Payload, limit: usize) -> Result<Bytes, Unread> {
    let mut whole = Bytes::new();
    let mut pieces = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece = piece.map_err(|_| Unread::Broken)?;
        if piece.len() > limit - whole.len() - pieces.len() {
            return Err(Unread::TooLarge);
        }
        if pieces.is_empty() && whole.is_empty() {
            whole = piece;
        } else {
            pieces.extend_from_slice(&std::mem::take(&mut whole));
            pieces.extend_from_slice(&piece);
        }
    }
    Ok(if pieces.is_empty() { whole } else { pieces.freeze() })
}

fn marked<B>(mut response: Response<B>, status: Status) -> Response<B> {
    convert::insert(response.headers_mut(), &Status::HEADER, &status.header_value());
    response
}

fn answered<B>(request: HttpRequest, answer: RecordedResponse) -> Response<B> {
    ServiceResponse::new(request, made(answer).map_body(|_, body| ResponseBody::made(body)))
}

fn made(answer: RecordedResponse) -> HttpResponse<Bytes> {
    let RecordedResponse { status, headers, body, .. } = answer;
    let mut response = HttpResponse::with_body(convert::actix_status(status), body);
    convert::append_all(response.headers_mut(), &headers);
    response
}
