//! The Tower layer over a service that does nothing, on the memory store.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use idempotency_core::provider::{self, Provider, Received, Rejection};
use idempotency_core::{Delivery, Key, Verified};
use idempotency_tower::{IdempotencyLayer, MemoryStore, Scope};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::Operation;

/// A sender whose key is a header.
fn sender() -> impl Provider {
    provider::from_fn("test", |incoming| {
        let key = incoming.single_header("x-key")?.ok_or(Rejection::key_missing("there is no x-key"))?;
        let proof = Verified::by_other_means(incoming.body);
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(key)?)))
    })
}

/// A handler that does nothing.
async fn done<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = Response::builder().header("content-type", "text/plain");
    Ok(response.body(Full::new(Bytes::from_static(b"done"))).expect("it is a response"))
}

/// Sends a request with a key in each round.
fn called<S, B>(mut service: S, key: impl Fn(u64) -> String + 'static) -> Operation
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible> + 'static,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("the system has a timer");
    Box::new(move |round| {
        let request = Request::post("/hook")
            .header("x-key", key(round))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from_static(b"{}")))
            .expect("it is a request");
        let answer = runtime.block_on(async { service.ready().await?.call(request).await });
        assert!(answer.expect("it is infallible").status().is_success());
    })
}

fn deliveries(key: impl Fn(u64) -> String + 'static) -> Operation {
    let layer = IdempotencyLayer::new(MemoryStore::new(), sender());
    called(layer.outside_axum(Scope::endpoint("test /hook")).layer(service_fn(done)), key)
}

fn fresh_key(round: u64) -> String {
    format!("key-{round:08}")
}

/// The handler without the layer.
pub fn handler() -> Operation {
    called(service_fn(done), fresh_key)
}

/// Each delivery has a key of its own.
pub fn fresh() -> Operation {
    deliveries(fresh_key)
}

/// All deliveries but the first are duplicates.
pub fn duplicate() -> Operation {
    deliveries(|_| "key-00000000".to_owned())
}
