//! The service: passes one request through the endpoint.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::request::Parts;
use http::{Request, Response};
use idempotency_core::endpoint::{Admission, Arrival, Endpoint, Executed, Head, Next, Readiness, Serving};
use idempotency_core::protocol::Status;
use idempotency_core::{Delivery, RecordedResponse};
use tower_service::Service;

use crate::ResponseFuture;
use crate::body::{ReadBody, Restorable, Unread, Whole, Why, read};
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
        let endpoint =
            self.endpoint.of_path(ReqBody::original_uri(request.extensions(), request.uri()).path());
        let receiving = receive(endpoint.clone(), self.inner.clone(), request);
        ResponseFuture::new(Serving::new(endpoint, receiving))
    }
}

/// Receives a request. Nothing is claimed before this ends.
fn receive<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    inner: S,
    request: Request<ReqBody>,
) -> impl Future<
    Output = Next<
        Served<ResBody, S::Error>,
        impl Future<Output = Served<ResBody, S::Error>> + Send + use<S, ReqBody, ResBody>,
    >,
> + Send
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    let answer = |answer| Next::Answer(Ok(answered(answer)));
    // Taken apart before the future, which would otherwise have room for the whole request and for its parts.
    let (parts, body) = request.into_parts();
    async move {
        let original = ReqBody::original_uri(&parts.extensions, &parts.uri);
        let head = Head {
            method: &parts.method,
            uri: original,
            headers: &parts.headers,
            extensions: &parts.extensions,
        };
        let (bytes, body) = match endpoint.admit(&head) {
            Admission::Answer(refusal) => return answer(refusal),
            Admission::Pass => (Bytes::new(), RequestBody::Unread(body)),
            Admission::Read { limit } => match endpoint.read_in_time(&head, pin!(read(body, limit))).await {
                Ok(Ok(whole)) => (whole.bytes.clone(), RequestBody::Read(whole)),
                Ok(Err(Unread { why: Why::TooLarge, .. })) => return answer(endpoint.body_too_large(&head)),
                Ok(Err(Unread { why: Why::Broken(_), .. })) => {
                    return answer(endpoint.body_unreadable(&head));
                }
                Err(refusal) => return answer(refusal),
            },
        };
        let arrived = match endpoint.receive(&head, &bytes).await {
            Arrival::Answer(made) => return answer(made),
            Arrival::Bypass => {
                let request = Received { parts, body };
                return Next::Answer(Box::pin(pass(&endpoint, inner, request)).await);
            }
            Arrival::Delivery(delivery) => Arrived::One(delivery),
            Arrival::Batch(deliveries) => Arrived::Batch(deliveries),
        };
        Next::Execute(execute(endpoint, arrived, inner, Received { parts, body }))
    }
}

type Served<B, E> = Result<Response<B>, E>;

/// A request whose head was received, and its body too if it was needed.
struct Received<B> {
    parts: Parts,
    body: RequestBody<B>,
}

enum RequestBody<B> {
    Unread(B),
    Read(Whole),
}

impl<B: Restorable> Received<B> {
    /// The request for the handler. Only a handler needs its body, so a duplicate's is never put back.
    fn into_request(self, endpoint: &Endpoint) -> Request<B> {
        match self.body {
            RequestBody::Unread(body) => Request::from_parts(self.parts, body),
            RequestBody::Read(whole) => {
                let mut request = Request::from_parts(self.parts, B::restored(ReadBody::whole(whole)));
                B::raise_limit(&mut request, endpoint.engine().policy().body_limit());
                request
            }
        }
    }
}

enum Arrived {
    One(Delivery),
    Batch(Vec<Delivery>),
}

/// Passes a request that is not a delivery to the service.
async fn pass<S, ReqBody, ResBody>(
    endpoint: &Endpoint,
    inner: S,
    request: Received<ReqBody>,
) -> Result<Response<ResBody>, S::Error>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    match endpoint.ready(ready(inner)).await? {
        Readiness::Ready(mut inner) => {
            let response = inner.call(request.into_request(endpoint)).await;
            response.map(|response| marked(response, Status::Bypassed))
        }
        Readiness::NotReady(answer) => Ok(answered(answer)),
    }
}

fn execute<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    arrived: Arrived,
    inner: S,
    request: Received<ReqBody>,
) -> impl Future<Output = Served<ResBody, S::Error>> + Send
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Restorable,
    ResBody: Restorable,
{
    // Lent to the handler, since each future on the way would hold a copy of its own.
    let mut request = Some(request);
    async move {
        let mut take_request = || request.take().expect("the handler is called once").into_request(&endpoint);
        let executed = match arrived {
            Arrived::One(delivery) => {
                let handler = |inner, context| call(inner, take_request(), context);
                endpoint.execute(delivery, ready(inner), handler).await
            }
            Arrived::Batch(deliveries) => {
                let handler = |inner, context| call(inner, take_request(), context);
                Box::pin(endpoint.execute_batch(deliveries, ready(inner), handler)).await
            }
        };
        Ok(match executed? {
            Executed::Passed(captured, status) => marked(captured.into_response(), status),
            Executed::Answered(answer) => answered(answer),
        })
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
fn call<S, C, ReqBody, ResBody>(
    mut inner: S,
    mut request: Request<ReqBody>,
    context: C,
) -> impl Future<Output = Result<Captured<ResBody>, S::Error>>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    C: Clone + Send + Sync + 'static,
{
    request.extensions_mut().insert(context);
    inner.call(request).map_ok(Captured::new)
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
