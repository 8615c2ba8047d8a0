//! A recorded HTTP answer as bytes.

use std::hint::black_box;

use http::{HeaderName, HeaderValue, StatusCode};
use idempotency_core::{Outcome, RecordedResponse};

fn answer() -> RecordedResponse {
    RecordedResponse::new(StatusCode::OK, &br#"{"received":true}"#[..])
        .with_header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
        .with_header(
            HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("req_1NG8Du2eZvKYlo2C"),
        )
}

pub(crate) fn encode() -> Box<dyn FnMut(u64)> {
    let answer = answer();
    Box::new(move |_| drop(black_box(black_box(&answer).to_outcome())))
}

pub(crate) fn decode() -> Box<dyn FnMut(u64)> {
    // As a store returns it.
    let outcome = Outcome::new(answer().to_outcome().into_bytes().to_vec());
    Box::new(move |_| {
        drop(black_box(RecordedResponse::from_outcome(black_box(&outcome)).expect("it is an answer")))
    })
}
