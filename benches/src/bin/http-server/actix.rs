//! The servers in actix-web.

use std::convert::Infallible;
use std::future::{Future, ready};

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, Route};
use idempotency_actix::{Idempotency, IdempotencyMiddleware};
use idempotency_benches::floors::{HandWritten, PlainMap};
use idempotency_benches::http::delivery::{EXECUTIONS, KEY_HEADER, PATH};
use idempotency_benches::http::processes::Places;
use idempotency_benches::http::signature;
use idempotency_benches::http::variant::{Backend, Form, Guard, Variant};

use crate::by_hand::{self, REPLAYED, Reply};
use crate::{handler, library, listen, plain_postgres, plain_redis, plain_sqlite};

/// Serves until the process ends.
pub fn serve(variant: Variant, places: Places) -> std::io::Result<()> {
    let form = variant.form;
    actix_web::rt::System::new().block_on(async move {
        match variant.guard {
            Guard::Plain if form == Form::Stripe => plain(|| web::post().to(checked)).await,
            Guard::Plain => plain(|| web::post().to(handle)).await,
            Guard::ByHand(Backend::Memory) => by_hand(form, || ready(PlainMap::default())).await,
            Guard::ByHand(Backend::Redis) => by_hand(form, move || plain_redis(places.clone())).await,
            Guard::ByHand(Backend::Postgres) => by_hand(form, move || plain_postgres(places.clone())).await,
            Guard::ByHand(Backend::Sqlite) => by_hand(form, move || plain_sqlite(places.clone())).await,
            #[cfg(feature = "peer")]
            Guard::Peer(Backend::Memory) => by_peer(crate::peer::in_memory).await,
            #[cfg(feature = "peer")]
            Guard::Peer(Backend::Redis) => by_peer(move || crate::peer::on_redis(places.clone())).await,
            Guard::Peer(_) => unreachable!("no variant has a peer that was not built"),
            Guard::Library(backend) => guarded(&library::engine(backend, &places), form).await,
            Guard::Cached => guarded(&library::cached_engine(&places), form).await,
        }
    })
}

async fn guarded(engine: &Idempotency, form: Form) -> std::io::Result<()> {
    let middleware = IdempotencyMiddleware::on_engine(engine, library::provider(form));
    let middleware = middleware.map_policy(library::patient);
    let configure = move |config: &mut ServiceConfig| {
        let resource = web::resource(PATH).route(web::post().to(handle));
        config.service(resource.wrap(middleware.clone()));
    };
    run(|| ready(()), configure).await
}

async fn plain(route: impl Fn() -> Route + Clone + Send + 'static) -> std::io::Result<()> {
    let configure = move |config: &mut ServiceConfig| {
        config.route(PATH, route());
    };
    run(|| ready(()), configure).await
}

/// Connects in the worker's thread, whose runtime then drives the connection.
async fn by_hand<H, F>(form: Form, connect: impl Fn() -> F + Clone + Send + 'static) -> std::io::Result<()>
where
    H: HandWritten,
    F: Future<Output = H> + 'static,
{
    let data = move || {
        let floor = connect();
        async move { (floor.await, form) }
    };
    let configure = |config: &mut ServiceConfig| {
        config.route(PATH, web::post().to(once::<H>));
    };
    run(data, configure).await
}

#[cfg(feature = "peer")]
async fn by_peer<S, F>(connect: impl Fn() -> F + Clone + Send + 'static) -> std::io::Result<()>
where
    S: idempotent::IdempotencyStore,
    F: Future<Output = S> + 'static,
{
    async fn once<S: idempotent::IdempotencyStore>(
        request: HttpRequest,
        store: Data<S>,
        body: Bytes,
    ) -> HttpResponse {
        respond(crate::peer::once(&**store, key(Form::Header, &request, &body), &body).await)
    }
    let configure = |config: &mut ServiceConfig| {
        config.route(PATH, web::post().to(once::<S>));
    };
    run(connect, configure).await
}

async fn run<D: 'static, F: Future<Output = D> + 'static>(
    data: impl Fn() -> F + Clone + Send + 'static,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> std::io::Result<()> {
    let app = move || {
        let (data, configure) = (data.clone(), configure.clone());
        App::new()
            .data_factory(move || {
                let data = data();
                async move { Ok::<D, Infallible>(data.await) }
            })
            .configure(configure)
            .route(EXECUTIONS, web::get().to(async || handler::executions()))
    };
    HttpServer::new(app).workers(1).listen(listen()?)?.run().await
}

async fn handle(body: Bytes) -> HttpResponse {
    handler::execute(&body);
    answer()
}

async fn checked(request: HttpRequest, body: Bytes) -> HttpResponse {
    respond(by_hand::unguarded(key(Form::Stripe, &request, &body), &body))
}

async fn once<H: HandWritten>(request: HttpRequest, data: Data<(H, Form)>, body: Bytes) -> HttpResponse {
    let (floor, form) = &**data;
    respond(by_hand::once(floor, key(*form, &request, &body), &body).await)
}

fn key<'a>(form: Form, request: &'a HttpRequest, body: &'a [u8]) -> Option<&'a str> {
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    by_hand::key(form, text(KEY_HEADER), text(signature::HEADER), body)
}

fn answer() -> HttpResponse {
    HttpResponse::Ok().content_type(handler::CONTENT_TYPE).body(handler::ANSWER)
}

fn respond(reply: Reply) -> HttpResponse {
    match reply {
        Reply::Executed => answer(),
        Reply::Replayed(recorded) => {
            let status = StatusCode::from_u16(recorded.status).expect("it was a status");
            let content_type = HeaderValue::from_maybe_shared(recorded.content_type);
            HttpResponse::build(status)
                .insert_header((CONTENT_TYPE, content_type.expect("it was a header")))
                .insert_header((HeaderName::from_static(REPLAYED), HeaderValue::from_static("true")))
                .body(recorded.body)
        }
        Reply::InFlight => HttpResponse::Conflict().finish(),
        Reply::Refused => HttpResponse::BadRequest().finish(),
    }
}
