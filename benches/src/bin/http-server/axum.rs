//! The servers in axum.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use idempotency_benches::floors::{HandWritten, PlainMap};
use idempotency_benches::http::delivery::{EXECUTIONS, KEY_HEADER, PATH};
use idempotency_benches::http::processes::Places;
use idempotency_benches::http::signature;
use idempotency_benches::http::variant::{Backend, Form, Guard, Variant};
use idempotency_tower::{Idempotency, IdempotencyLayer};
use tokio::net::TcpListener;

use crate::by_hand::{self, REPLAYED, Reply};
use crate::{handler, library, listen, plain_postgres, plain_redis, plain_sqlite};

/// Serves until the process ends.
pub fn serve(variant: Variant, places: Places) -> std::io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let app = Router::new().route(PATH, route(variant, places).await);
        let app = app.route(EXECUTIONS, get(async || handler::executions()));
        axum::serve(TcpListener::from_std(listen()?)?, app).await
    })
}

async fn route(variant: Variant, places: Places) -> MethodRouter {
    let form = variant.form;
    match variant.guard {
        Guard::Plain if form == Form::Stripe => post(checked),
        Guard::Plain => post(handle),
        Guard::ByHand(Backend::Memory) => by_hand(PlainMap::default(), form),
        Guard::ByHand(Backend::Redis) => by_hand(plain_redis(places).await, form),
        Guard::ByHand(Backend::Postgres) => by_hand(plain_postgres(places).await, form),
        Guard::ByHand(Backend::Sqlite) => by_hand(plain_sqlite(places).await, form),
        #[cfg(feature = "peer")]
        Guard::Peer(backend) => crate::peer::guarded(post(handle), backend, places).await,
        #[cfg(not(feature = "peer"))]
        Guard::Peer(_) => unreachable!("no variant has a peer that was not built"),
        Guard::Library(backend) => guarded(&library::engine(backend, &places), form),
        Guard::Cached => guarded(&library::cached_engine(&places), form),
    }
}

fn guarded(engine: &Idempotency, form: Form) -> MethodRouter {
    let layer = IdempotencyLayer::on_engine(engine, library::provider(form));
    post(handle).layer(layer.map_policy(library::patient))
}

async fn handle(body: Bytes) -> Response {
    handler::execute(&body);
    answer()
}

async fn checked(headers: HeaderMap, body: Bytes) -> Response {
    respond(by_hand::unguarded(key(Form::Stripe, &headers, &body), &body))
}

fn by_hand<H: HandWritten>(floor: H, form: Form) -> MethodRouter {
    post(once::<H>).with_state((floor, form))
}

async fn once<H: HandWritten>(
    State((floor, form)): State<(H, Form)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(by_hand::once(&floor, key(form, &headers, &body), &body).await)
}

fn key<'a>(form: Form, headers: &'a HeaderMap, body: &'a [u8]) -> Option<&'a str> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    by_hand::key(form, text(KEY_HEADER), text(signature::HEADER), body)
}

fn answer() -> Response {
    ([(header::CONTENT_TYPE, handler::CONTENT_TYPE)], handler::ANSWER).into_response()
}

fn respond(reply: Reply) -> Response {
    match reply {
        Reply::Executed => answer(),
        Reply::Replayed(recorded) => {
            let mut response = Response::new(Body::from(recorded.body));
            *response.status_mut() = StatusCode::from_u16(recorded.status).expect("it was a status");
            let content_type = HeaderValue::from_maybe_shared(recorded.content_type);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, content_type.expect("it was a header"));
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
            response
        }
        Reply::InFlight => StatusCode::CONFLICT.into_response(),
        Reply::Refused => StatusCode::BAD_REQUEST.into_response(),
    }
}
