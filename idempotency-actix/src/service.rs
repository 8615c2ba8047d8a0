//! The service: passes one request through the endpoint.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use idempotency_core::endpoint::{Admission, Arrival, Endpoint, Executed, Head, Next, Readiness, Serving};
use idempotency_core::protocol::Status;
use idempotency_core::{Delivery, RecordedResponse};

use crate::captured::Captured;
use crate::carried::Carried;
use crate::{ResponseBody, ResponseFuture, convert};

type Response<B> = ServiceResponse<ResponseBody<B>>;
type Served<B> = Result<Response<B>, Error>;

/// A service made idempotent. Created by [`IdempotencyMiddleware`](crate::IdempotencyMiddleware).
///
/// It is always ready. It waits for the inner service only after it has decided to run the handler. If the
/// inner service is not ready within [`Policy::with_ready_timeout`](crate::Policy::with_ready_timeout), the
/// answer is 503.
#[derive(Debug)]
pub struct IdempotencyService<S> {
    inner: Rc<S>,
    endpoint: Endpoint,
    carried: Carried,
}

impl<S> IdempotencyService<S> {
    pub(crate) fn new(inner: S, endpoint: Endpoint, carried: Carried) -> Self {
        Self { inner: Rc::new(inner), endpoint, carried }
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

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let extensions = self.carried.of(&request.extensions());
        let endpoint = self.endpoint.of_path(request.uri().path());
        let receiving = receive(endpoint.clone(), self.inner.clone(), request, extensions);
        ResponseFuture::new(Serving::new(endpoint, receiving))
    }
}

/// Receives a request. Nothing is claimed before this ends.
async fn receive<S, B>(
    endpoint: Endpoint,
    inner: Rc<S>,
    mut request: ServiceRequest,
    extensions: http::Extensions,
) -> Next<Served<B>, impl Future<Output = Served<B>>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let Some((method, uri, headers)) = convert::head(request.head()) else {
        return Next::Answer(Ok(refused(request, endpoint.head_unreadable())));
    };
    let head = Head { method: &method, uri: &uri, headers: &headers, extensions: &extensions };
    let body_bytes = match endpoint.admit(&head) {
        Admission::Answer(answer) => return Next::Answer(Ok(refused(request, answer))),
        Admission::Pass => Bytes::new(),
        Admission::Read { limit } => {
            let mut payload = request.take_payload();
            let answer = match endpoint.read_in_time(&head, pin!(read(&mut payload, limit))).await {
                Ok(Ok(bytes)) => Ok(bytes),
                Ok(Err(Unread::TooLarge)) => Err(endpoint.body_too_large(&head)),
                Ok(Err(Unread::Broken)) => Err(endpoint.body_unreadable(&head)),
                Err(answer) => Err(answer),
            };
            match answer {
                Ok(bytes) => {
                    request.set_payload(Payload::from(bytes.clone()));
                    bytes
                }
                Err(answer) => {
                    request.set_payload(payload);
                    return Next::Answer(Ok(refused(request, answer)));
                }
            }
        }
    };
    let arrived = match endpoint.receive(&head, &body_bytes).await {
        Arrival::Answer(answer) => return Next::Answer(Ok(refused(request, answer))),
        Arrival::Bypass => return Next::Answer(Box::pin(pass(&endpoint, &*inner, request)).await),
        Arrival::Delivery(delivery) => Arrived::One(delivery),
        Arrival::Batch(deliveries) => Arrived::Batch(deliveries),
    };
    Next::Execute(execute(endpoint, arrived, inner, request))
}

/// Passes a request that is not a delivery to the service.
async fn pass<S, B>(endpoint: &Endpoint, inner: &S, request: ServiceRequest) -> Served<B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    match endpoint.ready(ready(inner)).await? {
        Readiness::Ready(inner) => {
            let response = inner.call(request).await?.map_body(|_, body| ResponseBody::passed(body));
            Ok(marked(response, Status::Bypassed))
        }
        Readiness::NotReady(answer) => Ok(refused(request, answer)),
    }
}

enum Arrived {
    One(Delivery),
    Batch(Vec<Delivery>),
}

async fn execute<S, B>(
    endpoint: Endpoint,
    arrived: Arrived,
    inner: Rc<S>,
    request: ServiceRequest,
) -> Result<Response<B>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    // While the handler runs, it has the request. An `HttpRequest` must not be cloned while routing may still
    // change it.
    let (request, payload) = request.into_parts();
    let request_cell = Cell::new(Some(request));
    let executed = match arrived {
        Arrived::One(delivery) => {
            let handler = |inner, context| call(inner, &request_cell, payload, context);
            endpoint.execute(delivery, ready(&*inner), handler).await?
        }
        Arrived::Batch(deliveries) => {
            let handler = |inner, context| call(inner, &request_cell, payload, context);
            Box::pin(endpoint.execute_batch(deliveries, ready(&*inner), handler)).await?
        }
    };
    match executed {
        Executed::Passed(captured, status) => respond(request_cell.take(), captured, status),
        Executed::Answered(answer) => match request_cell.take() {
            Some(request) => Ok(to_service_response(request, answer)),
            // A middleware returned an error and kept the request.
            None => Err(to_error("the endpoint's answer replaces the handler's error", answer)),
        },
    }
}

/// Returns the service once it is ready.
async fn ready<S>(service: &S) -> Result<&S, Error>
where
    S: Service<ServiceRequest, Error = Error>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    Ok(service)
}

/// Calls the service with the context in the request's extensions.
///
/// An error from a middleware is an answer too.
async fn call<S, B, C>(
    inner: &S,
    request_cell: &Cell<Option<HttpRequest>>,
    payload: Payload,
    context: C,
) -> Result<Captured<B>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    C: 'static,
{
    let request = request_cell.take().expect("the handler is called once");
    request.extensions_mut().insert(context);
    match inner.call(ServiceRequest::from_parts(request, payload)).await {
        Ok(response) => {
            let (request, response) = response.into_parts();
            request_cell.set(Some(request));
            Ok(Captured::new(response.map_body(|_, body| ResponseBody::passed(body))))
        }
        Err(error) => Ok(Captured::of_error(error)),
    }
}

/// Marks the handler's own answer.
///
/// An answer that was made from an error is returned as an error, for outer middlewares.
fn respond<B: MessageBody + 'static>(
    request: Option<HttpRequest>,
    captured: Captured<B>,
    status: Status,
) -> Result<Response<B>, Error> {
    let (mut response, error) = captured.into_response();
    convert::insert(response.headers_mut(), &Status::HEADER, &status.header_value());
    match (error, request) {
        (None, Some(request)) => Ok(ServiceResponse::new(request, response)),
        (Some(error), _) => Err(InternalError::from_response(error, response.map_into_boxed_body()).into()),
        (None, None) => unreachable!("a handler that answered returned the request"),
    }
}

enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body of at most `limit` bytes. A body in one piece is not copied.
async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes, Unread> {
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

/// Answers a request whose body may not have been read to its end.
fn refused<B>(request: ServiceRequest, answer: RecordedResponse) -> Response<B> {
    let (request, unread) = request.into_parts();
    let response =
        to_http_response(answer).map_body(|_, body| ResponseBody::instead_of_reading(body, unread));
    ServiceResponse::new(request, response)
}

fn to_error(cause: impl fmt::Debug + fmt::Display + 'static, answer: RecordedResponse) -> Error {
    InternalError::from_response(cause, to_http_response(answer).map_into_boxed_body()).into()
}

fn to_service_response<B>(request: HttpRequest, answer: RecordedResponse) -> Response<B> {
    ServiceResponse::new(request, to_http_response(answer).map_body(|_, body| ResponseBody::made(body)))
}

fn to_http_response(answer: RecordedResponse) -> HttpResponse<Bytes> {
    let RecordedResponse { status, headers, body, .. } = answer;
    let mut response = HttpResponse::with_body(convert::actix_status(status), body);
    convert::append_all(response.headers_mut(), &headers);
    response
}
