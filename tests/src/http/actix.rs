//! The actix-web app on its own thread.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};

use actix_web::body::{BodyStream, BoxBody};
use actix_web::dev::{ServerHandle, ServiceRequest};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpMessage as _, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::stream;
use idempotency_actix::IdempotencyMiddleware;
use idempotency_core::IdempotencyContext;
use tokio::sync::oneshot;

use super::departures::Departures;
use super::handler::{Call, Handler, Reply};

/// A server that stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server(ServerHandle);

impl Drop for Server {
    fn drop(&mut self) {
        // The call sends the command; the future only waits for its effect.
        drop(self.0.stop(false));
    }
}

/// `/hook` wrapped as a resource, and two wrapped scopes at `/a` and `/b`.
pub(super) async fn serve(
    middleware: IdempotencyMiddleware,
    handler: Handler,
    departures: Departures,
) -> (SocketAddr, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let (send, receive) = oneshot::channel();
    std::thread::spawn(move || {
        let server = HttpServer::new(move || {
            let hook = || {
                let handler = handler.clone();
                web::resource("/hook").to(move |request, body| handle(handler.clone(), request, body))
            };
            let departures = departures.clone();
            App::new()
                .wrap(from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
                    departures.clone().of(next.call(request))
                }))
                .app_data(web::PayloadConfig::new(16 << 20))
                .service(hook().wrap(middleware.clone()))
                .service(web::scope("/a").wrap(middleware.clone()).service(hook()))
                .service(web::scope("/b").wrap(middleware.clone()).service(hook()))
        })
        .workers(2)
        .disable_signals()
        .listen_auto_h2c(listener)
        .expect("a bound socket can be listened on");
        actix_web::rt::System::new().block_on(async move {
            let server = server.run();
            drop(send.send(server.handle()));
            server.await
        })
    });
    (addr, Server(receive.await.expect("the server starts")))
}

async fn handle(handler: Handler, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let context = request.extensions().get::<IdempotencyContext>().cloned();
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    respond(handler(Call { method, path, body, context }).await)
}

fn respond(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).expect("a test's status is valid");
    let mut response = if reply.streams {
        let pieces = reply.body.clone().into_iter().map(Ok::<_, Infallible>);
        HttpResponse::with_body(status, BodyStream::new(stream::iter(pieces))).map_into_boxed_body()
    } else {
        HttpResponse::with_body(status, reply.whole()).map_into_boxed_body()
    };
    for (name, value) in &reply.headers {
        response.headers_mut().append(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value).expect("a test's header is valid"),
        );
    }
    response
}
