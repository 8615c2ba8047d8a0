//! The axum app on hyper.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::any;
use futures_util::stream;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use idempotency_core::IdempotencyContext;
use idempotency_tower::IdempotencyLayer;
use tokio::task::AbortHandle;

use super::departures::Departures;
use super::handler::{Call, Handler, Reply};

/// A server that stops when it is dropped.
#[derive(Debug)]
pub(super) struct Server(AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `/hook` under the layer, and two nested routers at `/a` and `/b` with a layer inside.
pub(super) fn app(layer: &IdempotencyLayer, handler: &Handler, departures: &Departures) -> Router {
    let hook = || {
        let handler = handler.clone();
        any(move |request: Request| handle(handler.clone(), request))
    };
    let nested = || Router::new().route("/hook", hook()).layer(layer.clone());
    let app = Router::new().route("/hook", hook()).layer(layer.clone());
    let departures = departures.clone();
    app.nest("/a", nested())
        .nest("/b", nested())
        .layer(from_fn(move |request: Request, next: Next| departures.clone().of(next.run(request))))
}

pub(super) async fn serve(app: Router) -> (SocketAddr, Server) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback can be bound");
    let addr = listener.local_addr().expect("a bound socket has an address");
    let task = tokio::spawn(async move {
        let builder = Arc::new(auto::Builder::new(TokioExecutor::new()));
        loop {
            let Ok((socket, _)) = listener.accept().await else { continue };
            let (builder, app) = (builder.clone(), app.clone());
            tokio::spawn(async move {
                // The error is ignored: it means that the sender hung up, which is what the tests do.
                drop(builder.serve_connection(TokioIo::new(socket), TowerToHyperService::new(app)).await);
            });
        }
    });
    (addr, Server(task.abort_handle()))
}

async fn handle(handler: Handler, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Response::new(Body::from("unreadable")) };
    let reply = handler(Call {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        body: body.to_bytes(),
        context: parts.extensions.get::<IdempotencyContext>().cloned(),
    })
    .await;
    respond(reply)
}

fn respond(reply: Reply) -> Response {
    let mut builder = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        builder = builder.header(*name, value.as_slice());
    }
    let body = if reply.streams {
        Body::from_stream(stream::iter(reply.body.into_iter().map(Ok::<_, Infallible>)))
    } else {
        Body::from(reply.whole())
    };
    builder.body(body).expect("a test's reply is a response")
}
