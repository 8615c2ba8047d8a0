//! Properties of recorded responses with arbitrary contents.

use http::{HeaderName, HeaderValue};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Answers whose header lines have few names, so that some are repeated, and any bytes that a value may have.
fn responses() -> impl Strategy<Value = RecordedResponse> {
    let name = prop::sample::select(vec!["via", "x-a", "content-type", "x-b"]);
    let byte = any::<u8>().prop_filter("a value has no control byte", |byte| {
        *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f)
    });
    let line = (name, vec(byte, 0..40));
    let omitted = any::<(bool, bool)>().prop_map(|(body, headers)| Omitted { body, headers });
    (100_u16..1000, vec(line, 0..12), vec(any::<u8>(), 0..200), omitted).prop_map(
        |(status, lines, body, omitted)| {
            let status = StatusCode::from_u16(status).unwrap();
            let response = RecordedResponse::new(status, body).omitting(omitted);
            lines.into_iter().fold(response, |response, (name, value)| {
                response.with_header(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap())
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_reads_back_unchanged(response in responses()) {
        let outcome = response.to_outcome();
        prop_assert_eq!(RecordedResponse::from_outcome(&outcome), Some(response));
    }

    #[test]
    fn an_outcome_of_a_later_format_is_refused(format in 4..=u8::MAX, response in responses()) {
        let mut bytes = response.to_outcome().into_bytes().to_vec();
        bytes[0] = format;
        prop_assert_eq!(RecordedResponse::from_outcome(&Outcome::new(bytes)), None);
    }
}

/// Written by the first version of this crate. Never change it: such outcomes are kept for weeks.
const FORMAT_1: &str = "01 00c9 0003 \
     000c 636f6e74656e742d74797065 00000010 6170706c69636174696f6e2f6a736f6e \
     0003 766961 00000005 312e312061 \
     0003 766961 00000004 636166e9 \
     7b226964223a317d";

#[test]
fn an_outcome_of_the_first_format_still_reads() {
    let bytes = data_encoding::HEXLOWER.decode(FORMAT_1.replace(' ', "").as_bytes()).unwrap();
    let response = RecordedResponse::new(StatusCode::CREATED, r#"{"id":1}"#)
        .with_header(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .with_header(http::header::VIA, HeaderValue::from_static("1.1 a"))
        .with_header(http::header::VIA, HeaderValue::from_bytes(b"caf\xe9").unwrap());
    let outcome = Outcome::new(bytes);
    assert_eq!(RecordedResponse::from_outcome(&outcome), Some(response.clone()));
    assert_eq!(response.to_outcome(), outcome);
}

#[test]
fn an_answer_with_more_lines_than_the_format_counts_is_still_recorded() {
    let mut response = RecordedResponse::new(StatusCode::OK, "done");
    for _ in 0..=u32::from(u16::MAX) {
        response.headers.append(http::header::VIA, HeaderValue::from_static("a"));
    }
    let read = RecordedResponse::from_outcome(&response.to_outcome()).unwrap();
    assert_eq!((read.status, read.body, read.headers.len()), (StatusCode::OK, response.body, 65_535));
}
