//! Bodies through the Tower layer: trailers survive, and what breaks is seen to break.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use idempotency_core::Policy;
use idempotency_tests::http::TestSender;
use idempotency_tower::IdempotencyLayer;
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

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::memory(TestSender::new(Policy::webhook()))
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
    let collected = answer.into_body().collect().await;
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
    let service =
        layer().layer(tower::service_fn(|request: Request<idempotency_tower::RequestBody<_>>| async move {
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
