//! The service: one request on its way through the endpoint.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri};
use http_body::Body;
use idempotency_core::endpoint::{Admission, Arrival, Executed, Head};
use idempotency_core::protocol::Status;
use idempotency_core::{Delivery, Endpoint, RecordedResponse};
use tower_service::Service;

use crate::body::{BoxError, Unread, Why, read};
use crate::captured::Captured;
use crate::{RequestBody, ResponseBody, ResponseFuture};

/// A service made idempotent. [`IdempotencyLayer`](crate::IdempotencyLayer) makes it.
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
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    ResBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<ResponseBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<ResBody, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqBody>) -> Self::Future {
        // The service that was made ready is the one that is called; the clone has yet to be made ready.
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        ResponseFuture::new(serve(self.endpoint.clone(), ready, request))
    }
}

async fn serve<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    inner: S,
    request: Request<ReqBody>,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    ResBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (parts, body) = request.into_parts();
    let original = original_uri(&parts.extensions, &parts.uri);
    let head =
        Head { method: &parts.method, uri: original, headers: &parts.headers, extensions: &parts.extensions };
    let (seen, body) = match endpoint.admit(&head) {
        Admission::Answer(answer) => return Ok(answered(answer)),
        Admission::Pass => (Bytes::new(), RequestBody::passed(body)),
        Admission::Read { limit } => match read(body, limit).await {
            Ok(whole) => (whole.bytes.clone(), RequestBody::read(whole)),
            Err(Unread { why: Why::TooLarge, .. }) => return Ok(answered(endpoint.body_too_large(&head))),
            Err(Unread { why: Why::Broken(_), .. }) => return Ok(answered(endpoint.body_unreadable(&head))),
        },
    };
    let arrival = endpoint.receive(&head, &seen).await;
    let request = Request::from_parts(parts, body);
    match arrival {
        Arrival::Answer(answer) => Ok(answered(answer)),
        Arrival::Bypass => call(inner, request).await.map(|response| marked(response, Status::Bypassed)),
        Arrival::Delivery(delivery) => execute(endpoint, delivery, inner, request).await,
    }
}

async fn execute<S, ReqBody, ResBody>(
    endpoint: Endpoint,
    delivery: Delivery,
    inner: S,
    mut request: Request<RequestBody<ReqBody>>,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request<RequestBody<ReqBody>>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    ReqBody: Send + 'static,
    ResBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let worker = endpoint.clone();
    let work = async move {
        worker
            .execute(delivery, |context| {
                request.extensions_mut().insert(context);
                async move { call(inner, request).await.map(Captured) }
            })
            .await
    };
    match endpoint.engine().carry_out(work).await {
        Some(Ok(Executed::Passed(Captured(response), status))) => Ok(marked(response, status)),
        Some(Ok(Executed::Answered(answer))) => Ok(answered(answer)),
        Some(Err(error)) => Err(error),
        None => Ok(answered(endpoint.shut_down())),
    }
}

async fn call<S, Request, ResBody>(
    mut inner: S,
    request: Request,
) -> Result<Response<ResponseBody<ResBody>>, S::Error>
where
    S: Service<Request, Response = Response<ResBody>>,
{
    Ok(inner.call(request).await?.map(ResponseBody::passed))
}

fn marked<B>(mut response: Response<ResponseBody<B>>, status: Status) -> Response<ResponseBody<B>> {
    response.headers_mut().insert(Status::HEADER, status.header_value());
    response
}

fn answered<B>(answer: RecordedResponse) -> Response<ResponseBody<B>> {
    let RecordedResponse { status, headers, body, .. } = answer;
    let mut response = Response::new(ResponseBody::made(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// The URI as the client sent it: nested axum routers strip theirs and keep the original aside.
#[cfg_attr(not(feature = "axum"), expect(unused_variables, reason = "only axum keeps it aside"))]
fn original_uri<'a>(extensions: &'a Extensions, uri: &'a Uri) -> &'a Uri {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(original)) = extensions.get() {
        return original;
    }
    uri
}
