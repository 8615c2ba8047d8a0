//! Bodies through the Tower layer: trailers survive, and a broken body stays an error.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use idempotency_core::Policy;
use idempotency_tests::http::TestSender;
use idempotency_tower::{AnyBody, AnyBodyLayer, IdempotencyLayer, Scope};
use tower::{Layer as _, ServiceExt as _};

struct Lying {
    pieces: Vec<Result<Bytes, std::io::Error>>,
    says: u64,
}

impl Body for Lying {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(self.pieces.pop().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.says)
    }
}

fn layer() -> AnyBodyLayer {
    IdempotencyLayer::memory(TestSender::new(Policy::webhook()).by_any_method())
        .outside_axum(Scope::endpoint("test /hook"))
}

fn request() -> Request<Full<Bytes>> {
    Request::post("/hook")
        .header("x-key", "k")
        .body(Full::new(Bytes::from_static(b"hello")))
        .expect("it is a request")
}

#[tokio::test]
async fn trailers_of_a_first_answer_reach_the_sender() {
    let service = layer().layer(tower::service_fn(|_| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Ok::<_, Infallible>(Response::new(
            Full::new(Bytes::from_static(b"hi")).with_trailers(async move { Some(Ok(trailers)) }),
        ))
    }));
    let answer = service.oneshot(request()).await.unwrap();
    let collected = answer.into_body().collect().await.unwrap();
    assert!(collected.trailers().is_some(), "the trailers are gone");
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_to_the_first_sender_as_without_the_layer() {
    let service = layer().layer(tower::service_fn(|_| async {
        let pieces = vec![Err(std::io::Error::other("cut")), Ok(Bytes::from_static(b"{\"id\":"))];
        Ok::<_, Infallible>(
            Response::builder().header("content-length", "20").body(Lying { pieces, says: 20 }).unwrap(),
        )
    }));
    let answer = service.oneshot(request()).await.unwrap();
    println!("{} {:?}", answer.status(), answer.headers());
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), r#"{"id":"#);
    assert!(!body.is_end_stream(), "the error is still to come");
    let collected = body.collect().await;
    assert!(collected.is_err(), "a truncated answer became a whole one: {:?}", collected.unwrap().to_bytes());
}

#[tokio::test]
async fn a_body_that_lies_about_its_size_is_not_buffered_past_the_limit() {
    let service = layer().layer(tower::service_fn(|_| async {
        let pieces = (0..64).map(|_| Ok(Bytes::from(vec![0; 1 << 20]))).collect();
        Ok::<_, Infallible>(Response::new(Lying { pieces, says: 5 }))
    }));
    let layer_answer = service.oneshot(request()).await.unwrap();
    let hint = layer_answer.body().size_hint().exact();
    println!("buffered: {hint:?}");
    assert!(hint.is_none_or(|bytes| bytes <= 64 * 1024));
}

#[tokio::test]
async fn trailers_of_a_request_reach_the_handler() {
    let service = layer().layer(tower::service_fn(|request: Request<AnyBody<_>>| async move {
        let collected = request.into_body().collect().await.ok().unwrap();
        let had = collected.trailers().is_some();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(had.to_string()))))
    }));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1"));
    let frames =
        vec![Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"a"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let answer =
        service.oneshot(Request::post("/hook").header("x-key", "k").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "true");
}

/// The size hint, the end flag and the `Debug` text of the request's body, as the handler gets it.
async fn seen_by_the_handler(
    key: Option<&str>,
    body: impl Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static,
) -> (Option<u64>, bool, String) {
    let (sender, receiver) = std::sync::mpsc::channel();
    let service = layer().layer(tower::service_fn(move |request: Request<AnyBody<BoxBody<_, _>>>| {
        let body = request.into_body();
        let _ = sender.send((body.size_hint().exact(), body.is_end_stream(), format!("{body:?}")));
        async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) }
    }));
    let request = match key {
        Some(key) => Request::post("/hook").header("x-key", key),
        None => Request::get("/hook"),
    };
    let request = request.body(body.boxed()).expect("it is a request");
    service.oneshot(request).await.unwrap();
    receiver.try_recv().expect("the handler has run")
}

#[tokio::test]
async fn a_buffered_request_reports_its_size_and_its_end() {
    let hello = || Full::new(Bytes::from_static(b"hello"));
    let shown = |content: &str| format!("AnyBody({content})");
    assert_eq!(seen_by_the_handler(Some("k"), hello()).await, (Some(5), false, shown("5 bytes")));
    let empty = Full::<Bytes>::default();
    assert_eq!(seen_by_the_handler(Some("k"), empty).await, (Some(0), true, shown("0 bytes")));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1"));
    let trailing = Full::<Bytes>::default().with_trailers(std::future::ready(Some(Ok(trailers))));
    assert_eq!(seen_by_the_handler(Some("k"), trailing).await, (Some(0), false, shown("0 bytes")));
    // A body that passes is the sender's own.
    assert_eq!(seen_by_the_handler(None, hello()).await, (Some(5), false, shown("passed")));
}
