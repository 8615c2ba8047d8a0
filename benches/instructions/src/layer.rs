//! The Tower layer over a service that does nothing, on the memory store.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use idempotency_core::provider::{self, Provider, Received, Rejection};
use idempotency_core::{Delivery, Key, Verified};
use idempotency_tower::{AnyBody, IdempotencyLayer, MemoryStore, Scope};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

/// A sender whose key is a header.
fn sender() -> impl Provider {
    provider::from_fn("test", |incoming| {
        let key = incoming.single_header("x-key")?.ok_or(Rejection::key_missing("there is no x-key"))?;
        let proof = Verified::by_other_means(incoming.body);
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(key)?)))
    })
}

fn deliveries(key: impl Fn(u64) -> String + 'static) -> Box<dyn FnMut(u64)> {
    let handler = service_fn(async |_: Request<AnyBody<Full<Bytes>>>| {
        let response = Response::builder().header("content-type", "text/plain");
        Ok::<_, Infallible>(response.body(Full::new(Bytes::from_static(b"done"))).expect("it is a response"))
    });
    let layer = IdempotencyLayer::new(MemoryStore::new(), sender());
    let mut service = layer.outside_axum(Scope::endpoint("test /hook")).layer(handler);
    let runtime = crate::runtime();
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

/// Each delivery has a key of its own.
pub(crate) fn fresh() -> Box<dyn FnMut(u64)> {
    deliveries(|round| format!("key-{round:08}"))
}

/// All deliveries but the first are duplicates.
pub(crate) fn duplicate() -> Box<dyn FnMut(u64)> {
    deliveries(|_| "key-00000000".to_owned())
}
