//! A recorded HTTP answer as bytes.

use std::hint::black_box;

use http::{HeaderName, HeaderValue, StatusCode};
use idempotency_core::{Outcome, RecordedResponse};

use crate::Operation;

fn answer() -> RecordedResponse {
    RecordedResponse::new(StatusCode::OK, &br#"{"received":true}"#[..])
        .with_header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))
        .with_header(
            HeaderName::from_static("x-request-id"),
            HeaderValue::from_static("req_1NG8Du2eZvKYlo2C"),
        )
}

/// The bytes that a store keeps of an answer.
pub fn encode() -> Operation {
    let answer = answer();
    Box::new(move |_| drop(black_box(black_box(&answer).to_outcome())))
}

/// The answer from the bytes that a store kept.
pub fn decode() -> Operation {
    // As a store returns it.
    let outcome = Outcome::new(answer().to_outcome().into_bytes().to_vec());
    Box::new(move |_| {
        drop(black_box(RecordedResponse::from_outcome(black_box(&outcome)).expect("it is an answer")))
    })
}
