//! The service: passes one request through the endpoint.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use idempotency_core::endpoint::{Admission, Arrival, Endpoint, Executed, Head, Readiness};
use idempotency_core::protocol::Status;
use idempotency_core::{Delivery, RecordedResponse};
use tower_service::Service;

use crate::ResponseFuture;
use crate::body::{ReadBody, Restorable, Unread, Why, read};
use crate::captured::Captured;

/// A service made idempotent. Created by [`IdempotencyLayer`](crate::IdempotencyLayer).
///
/// It is always ready. It waits for the inner service only after it has decided to run the handler, so a
/// request that is refused, waits or is replayed uses none of the inner service's capacity. If the inner
/// service is not ready within [`Policy::with_ready_timeout`](crate::Policy::with_ready_timeout), the answer
/// is 503.
#[derive(Clone, Debug)]
pub struct IdempotencyService<S> {
    inner: S,
    endpoint: Endpoint,
}

impl<S> IdempotencyService<S> {
    pub(crate) fn new(inner: S, endpoint: Endpoint) -> Self {
        Self { inner, endpoint }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for IdempotencyService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<ResBody, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        ResponseFuture::new(serve(self.endpoint.clone(), self.inner.clone(), request))
    }
}

async fn serve<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    inner: S,
    request: Request<ReqBody>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    let (parts, body) = request.into_parts();
    let original = ReqBody::original_uri(&parts.extensions, &parts.uri);
    let head =
        Head { method: &parts.method, uri: original, headers: &parts.headers, extensions: &parts.extensions };
    let (body_bytes, body, is_read) = match endpoint.admit(&head) {
        Admission::Answer(answer) => return Ok(answered(answer)),
        Admission::Pass => (Bytes::new(), body, false),
        Admission::Read { limit } => match endpoint.read_in_time(&head, read(body, limit)).await {
            Ok(Ok(whole)) => (whole.bytes.clone(), ReqBody::restored(ReadBody::whole(whole)), true),
            Ok(Err(Unread { why: Why::TooLarge, .. })) => {
                return Ok(answered(endpoint.body_too_large(&head)));
            }
            Ok(Err(Unread { why: Why::Broken(_), .. })) => {
                return Ok(answered(endpoint.body_unreadable(&head)));
            }
            Err(answer) => return Ok(answered(answer)),
        },
    };
    let arrival = endpoint.receive(&head, &body_bytes).await;
    let mut request = Request::from_parts(parts, body);
    if is_read {
        ReqBody::raise_limit(&mut request, endpoint.engine().policy().body_limit());
    }
    let arrived = match arrival {
        Arrival::Answer(answer) => return Ok(answered(answer)),
        Arrival::Bypass => {
            return match endpoint.ready(ready(inner)).await? {
                Readiness::Ready(mut inner) => {
                    inner.call(request).await.map(|response| marked(response, Status::Bypassed))
                }
                Readiness::NotReady(answer) => Ok(answered(answer)),
            };
        }
        Arrival::Delivery(delivery) => Arrived::One(delivery),
        Arrival::Batch(deliveries) => Arrived::Batch(deliveries),
    };
    execute(endpoint, arrived, inner, request).await
}

#[expect(clippy::large_enum_variant, reason = "there is one per request, and it is moved once")]
enum Arrived {
    One(Delivery),
    Batch(Vec<Delivery>),
}

async fn execute<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    arrived: Arrived,
    inner: S,
    request: Request<ReqBody>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    let worker = endpoint.clone();
    let work = async move {
        match arrived {
            Arrived::One(delivery) => {
                let handler = |inner, context| call(inner, request, context);
                worker.execute(delivery, ready(inner), handler).await
            }
            Arrived::Batch(deliveries) => {
                let handler = |inner, context| call(inner, request, context);
                worker.execute_batch(deliveries, ready(inner), handler).await
            }
        }
    };
    match endpoint.engine().shield(work).await {
        Some(Ok(Executed::Passed(captured, status))) => Ok(marked(captured.into_response(), status)),
        Some(Ok(Executed::Answered(answer))) => Ok(answered(answer)),
        Some(Err(error)) => Err(error),
        None => Ok(answered(endpoint.shut_down())),
    }
}

/// Returns the service once it is ready.
async fn ready<S, Request>(mut service: S) -> Result<S, S::Error>
where
    S: Service<Request>,
{
    poll_fn(|cx| service.poll_ready(cx)).await?;
    Ok(service)
}

/// Calls the service with the context in the request's extensions.
async fn call<S, C, ReqBody, ResBody>(
    mut inner: S,
    mut request: Request<ReqBody>,
    context: C,
) -> Result<Captured<ResBody>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    C: Clone + Send + Sync + 'static,
{
    request.extensions_mut().insert(context);
    inner.call(request).await.map(Captured::new)
}

fn marked<B>(mut response: Response<B>, status: Status) -> Response<B> {
    response.headers_mut().insert(Status::HEADER, status.header_value());
    response
}

fn answered<B: Restorable>(answer: RecordedResponse) -> Response<B> {
    let RecordedResponse { status, headers, body, .. } = answer;
    let mut response = Response::new(B::restored(ReadBody::made(body)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
