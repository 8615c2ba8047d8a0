//! The recorded response: an HTTP answer as it is kept and replayed.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::Outcome;

/// An HTTP answer of status, headers and whole body, which turns into an [`Outcome`] and back bit for bit.
///
/// Header values are bytes, repeated ones stay repeated and in order. `Debug` shows neither header values nor body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// What the answer had when it was new, and what is not kept of it.
    pub left_out: LeftOut,
}

/// What is not kept of an answer: it streamed, was over the policy's limit, or said `no-store`.
///
/// An answer that never had a body leaves none out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a body and headers are all that can be left out of an answer")]
pub struct LeftOut {
    /// It had a body, or may have had one: a stream whose length was not known.
    pub body: bool,
    /// It had headers.
    pub headers: bool,
}

/// Says that the outcome is an HTTP answer, in the first form of it. A reader that does not know the number refuses.
const WHOLE: u8 = 1;

/// The same, with a byte after it that says what is left out.
const PARTIAL: u8 = 3;

const BODY_LEFT_OUT: u8 = 1;
const HEADERS_LEFT_OUT: u8 = 2;

impl LeftOut {
    fn bits(self) -> u8 {
        (if self.body { BODY_LEFT_OUT } else { 0 }) | (if self.headers { HEADERS_LEFT_OUT } else { 0 })
    }

    /// `None` where a bit is set that this version does not know, or none: that is another form.
    fn from_bits(bits: u8) -> Option<Self> {
        let left_out = Self { body: bits & BODY_LEFT_OUT != 0, headers: bits & HEADERS_LEFT_OUT != 0 };
        (bits != 0 && left_out.bits() == bits).then_some(left_out)
    }
}

impl RecordedResponse {
    /// An answer of this status with a body and no headers.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), left_out: LeftOut::default() }
    }

    /// Says what the answer had that is not kept.
    #[must_use]
    pub fn leaving_out(mut self, left_out: LeftOut) -> Self {
        self.left_out = left_out;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The bytes that a store keeps: a format number, what is left out if anything is, the status, the headers each with its lengths, then the body.
    ///
    /// Header lines after the 65,535th are left out: they cannot be counted, and the work was done all the same.
    ///
    /// # Panics
    /// Never: an HTTP header is shorter than 4 GiB.
    #[must_use]
    pub fn to_outcome(&self) -> Outcome {
        let count = u16::try_from(self.headers.len()).unwrap_or(u16::MAX);
        let headers = || self.headers.iter().take(usize::from(count));
        let size: usize = headers().map(|(name, value)| 6 + name.as_str().len() + value.len()).sum();
        let mut bytes = BytesMut::with_capacity(6 + size + self.body.len());
        match self.left_out.bits() {
            0 => bytes.put_u8(WHOLE),
            bits => bytes.put_slice(&[PARTIAL, bits]),
        }
        bytes.put_u16(self.status.as_u16());
        bytes.put_u16(count);
        for (name, value) in headers() {
            bytes.put_u16(
                u16::try_from(name.as_str().len()).expect("a header name is shorter than 2^16 bytes"),
            );
            bytes.put_slice(name.as_str().as_bytes());
            bytes.put_u32(u32::try_from(value.len()).expect("a header value is shorter than 4 GiB"));
            bytes.put_slice(value.as_bytes());
        }
        bytes.put_slice(&self.body);
        Outcome::new(bytes.freeze())
    }

    /// Takes up an answer from the bytes that a store kept; `None` where they are not one, whatever they are.
    ///
    /// Names and values are parsed anew, so nothing that a store holds can split a header.
    #[must_use]
    pub fn from_outcome(outcome: &Outcome) -> Option<Self> {
        let mut rest = outcome.as_bytes().clone();
        let mut take = |len: usize| (len <= rest.len()).then(|| rest.split_to(len));
        let left_out = match take(1)?[0] {
            WHOLE => LeftOut::default(),
            PARTIAL => LeftOut::from_bits(take(1)?[0])?,
            _ => return None,
        };
        let status = StatusCode::from_u16(u16_of(&take(2)?)).ok()?;
        let count = u16_of(&take(2)?);
        let mut headers = HeaderMap::new();
        for _ in 0..count {
            let len = u16_of(&take(2)?);
            let name = HeaderName::from_bytes(&take(usize::from(len))?).ok()?;
            let len = take(4)?;
            let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]);
            let value = HeaderValue::from_maybe_shared(take(usize::try_from(len).ok()?)?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(Self { status, headers, body: rest, left_out })
    }
}

/// As an extension of a handler's response, marks the answer as no result: it is passed on, nothing is recorded, and the key is
/// free for the next attempt, regardless of the status.
///
/// For a failure that the status does not show, such as the errors of GraphQL or JSON-RPC in a 200. Under
/// [`OnExpired::InDoubt`](crate::OnExpired::InDoubt) it is the only way to free a key after its handler ran: it vouches
/// for the effect not having happened. The same type in every adapter: in axum and Tower
/// `response.extensions_mut().insert(DoNotRecord)`, or `(Extension(DoNotRecord), body)`; in actix-web
/// `response.extensions_mut().insert(DoNotRecord)`.
///
/// ```
/// use idempotency_core::DoNotRecord;
/// let mut response = http::Response::new(r#"{"errors":[{"message":"try again"}]}"#);
/// response.extensions_mut().insert(DoNotRecord);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a mark has nothing in it")]
pub struct DoNotRecord;

fn u16_of(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

impl std::fmt::Debug for RecordedResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordedResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("left_out", &self.left_out)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response() -> RecordedResponse {
        RecordedResponse::new(StatusCode::CREATED, vec![0, 255, 13, 10])
            .with_header(http::header::VIA, HeaderValue::from_static("1.1 a, 1.1 b"))
            .with_header(http::header::VIA, HeaderValue::from_static("1.1 c"))
            .with_header(HeaderName::from_static("x-latin"), HeaderValue::from_bytes(b"caf\xe9").unwrap())
    }

    #[test]
    fn repeated_binary_and_non_utf8_values_survive() {
        let read = RecordedResponse::from_outcome(&response().to_outcome()).unwrap();
        assert_eq!(read, response());
        assert_eq!(read.headers.get_all(http::header::VIA).iter().count(), 2);
    }

    #[test]
    fn what_is_left_out_survives() {
        for (body, headers) in [(false, true), (true, false), (true, true)] {
            let partial = response().leaving_out(LeftOut { body, headers });
            assert_eq!(RecordedResponse::from_outcome(&partial.to_outcome()), Some(partial));
        }
    }

    #[test]
    fn every_truncation_of_the_head_and_every_foreign_format_is_refused() {
        for response in [response(), response().leaving_out(LeftOut { body: true, headers: false })] {
            let bytes = response.to_outcome().into_bytes();
            let head = bytes.len() - response.body.len();
            for len in 0..head {
                assert_eq!(RecordedResponse::from_outcome(&Outcome::new(bytes.slice(..len))), None, "{len}");
            }
            let mut foreign = bytes.to_vec();
            foreign[0] = 2;
            assert_eq!(RecordedResponse::from_outcome(&Outcome::new(foreign)), None);
        }
        let mut partial =
            response().leaving_out(LeftOut { body: true, headers: false }).to_outcome().into_bytes().to_vec();
        for bits in [0, 4, 255] {
            partial[1] = bits;
            assert_eq!(RecordedResponse::from_outcome(&Outcome::new(partial.clone())), None, "{bits}");
        }
    }

    #[test]
    fn a_stored_line_break_cannot_split_a_header() {
        let mut bytes = response().to_outcome().into_bytes().to_vec();
        let at = bytes.windows(4).position(|window| window == b"caf\xe9").unwrap();
        bytes[at + 1] = b'\r';
        assert_eq!(RecordedResponse::from_outcome(&Outcome::new(bytes)), None);
    }
}

#[cfg(test)]
#[path = "response_props.rs"]
mod props;
