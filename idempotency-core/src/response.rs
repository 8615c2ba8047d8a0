//! The recorded response: an HTTP answer in the form that is kept and replayed.

use bytes::{BufMut as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::Outcome;

/// An HTTP answer: status, headers and whole body. It converts to an [`Outcome`] and back without loss.
///
/// Header values are bytes. Repeated headers stay repeated and in order. `Debug` shows neither header values nor the body.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The parts of the original answer that are not kept.
    pub omitted: Omitted,
}

/// The parts of an answer that are not kept, because it streamed, was over the policy's limit, or said `no-store`.
///
/// An answer without a body omits none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "an answer has nothing to omit but a body and headers")]
pub struct Omitted {
    /// The answer had a body, or may have had one, since it was a stream of unknown length.
    pub body: bool,
    /// The answer had headers.
    pub headers: bool,
}

/// The format number of a whole HTTP answer. Readers refuse numbers that they do not know.
const WHOLE: u8 = 1;

/// The format number of a partial HTTP answer. The next byte tells what is omitted.
const PARTIAL: u8 = 3;

/// The most header lines that are reserved for at once.
const MAX_RESERVED: u16 = 64;

const BODY_OMITTED: u8 = 1;
const HEADERS_OMITTED: u8 = 2;

impl Omitted {
    fn bits(self) -> u8 {
        (if self.body { BODY_OMITTED } else { 0 }) | (if self.headers { HEADERS_OMITTED } else { 0 })
    }

    /// `None` if no bit is set, or one that this version does not know: that is another format.
    fn from_bits(bits: u8) -> Option<Self> {
        let omitted = Self { body: bits & BODY_OMITTED != 0, headers: bits & HEADERS_OMITTED != 0 };
        (bits != 0 && omitted.bits() == bits).then_some(omitted)
    }
}

impl RecordedResponse {
    /// An answer with this status and body, without headers.
    #[must_use]
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.into(), omitted: Omitted::default() }
    }

    /// Sets which parts of the original answer are not kept. Default: none.
    #[must_use]
    pub fn omitting(mut self, omitted: Omitted) -> Self {
        self.omitted = omitted;
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The bytes that a store keeps: a format number, the omitted parts if there are any, the status, the headers each with
    /// its lengths, and the body.
    ///
    /// Header lines after the 65,535th are left out, because the format cannot count them and the work is already done.
    ///
    /// # Panics
    /// Never: an HTTP header is shorter than 4 GiB.
    #[must_use]
    pub fn to_outcome(&self) -> Outcome {
        let mut bytes = head(self.status, self.omitted, || self.headers.iter(), self.body.len());
        bytes.put_slice(&self.body);
        Outcome::new(bytes)
    }

    /// Reads an answer from the bytes that a store kept. `None` if they are anything else.
    ///
    /// Header names and values are validated again, so that no stored bytes can split a header.
    #[must_use]
    pub fn from_outcome(outcome: &Outcome) -> Option<Self> {
        let mut rest = outcome.as_bytes().clone();
        let mut take = |len: usize| (len <= rest.len()).then(|| rest.split_to(len));
        let omitted = match take(1)?[0] {
            WHOLE => Omitted::default(),
            PARTIAL => Omitted::from_bits(take(1)?[0])?,
            _ => return None,
        };
        let status = StatusCode::from_u16(u16_of(&take(2)?)).ok()?;
        let count = u16_of(&take(2)?);
        // With room for the two marks of a replay. Stored bytes may claim any count.
        let mut headers = HeaderMap::with_capacity(usize::from(count.min(MAX_RESERVED)) + 2);
        for _ in 0..count {
            let len = u16_of(&take(2)?);
            let name = HeaderName::from_bytes(&take(usize::from(len))?).ok()?;
            let len = take(4)?;
            let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]);
            let value = HeaderValue::from_maybe_shared(take(usize::try_from(len).ok()?)?).ok()?;
            headers.try_append(name, value).ok()?;
        }
        Some(Self { status, headers, body: rest, omitted })
    }
}

/// The bytes that a store keeps of an answer, up to its body of `body_len` bytes, which is to be appended.
pub(crate) fn head<'a, I: Iterator<Item = (&'a HeaderName, &'a HeaderValue)>>(
    status: StatusCode,
    omitted: Omitted,
    headers: impl Fn() -> I,
    body_len: usize,
) -> Vec<u8> {
    let headers = || headers().take(usize::from(u16::MAX));
    let sizes = headers().map(|(name, value)| 6 + name.as_str().len() + value.len());
    let (count, size) = sizes.fold((0, 0), |(count, sum), size| (count + 1, sum + size));
    let start = if omitted == Omitted::default() { 5 } else { 6 };
    // To the byte: bytes with room to spare take another allocation when they are shared.
    let mut bytes = Vec::with_capacity(start + size + body_len);
    match omitted.bits() {
        0 => bytes.put_u8(WHOLE),
        bits => bytes.put_slice(&[PARTIAL, bits]),
    }
    bytes.put_u16(status.as_u16());
    bytes.put_u16(count);
    for (name, value) in headers() {
        bytes.put_u16(u16::try_from(name.as_str().len()).expect("a header name is shorter than 2^16 bytes"));
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_u32(u32::try_from(value.len()).expect("a header value is shorter than 4 GiB"));
        bytes.put_slice(value.as_bytes());
    }
    bytes
}

/// A response extension that keeps the answer from being recorded.
///
/// The answer is passed on, and the key is free for the next attempt, whatever the status is. Use it for a failure that the
/// status does not show, such as a GraphQL or JSON-RPC error in a 200.
///
/// Under [`OnExpired::InDoubt`](crate::OnExpired::InDoubt), it is the only way to free a key after its handler ran: it
/// guarantees that the effect did not happen.
///
/// The type is the same in every adapter. In axum, Tower and actix-web, call
/// `response.extensions_mut().insert(DoNotRecord)`. In axum, a handler may also return `(Extension(DoNotRecord), body)`.
///
/// If the handler has [set a recorder](crate::IdempotencyContext::set_recorder), the recorder undoes what the handler wrote,
/// also under a 2xx. That is observed as [`WritesRolledBack`](crate::engine::Event::WritesRolledBack), at `WARN`.
///
/// ```
/// use idempotency_core::DoNotRecord;
/// let mut response = http::Response::new(r#"{"errors":[{"message":"try again"}]}"#);
/// response.extensions_mut().insert(DoNotRecord);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a marker has no fields")]
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
            .field("omitted", &self.omitted)
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
    fn the_omitted_parts_survive() {
        for (body, headers) in [(false, true), (true, false), (true, true)] {
            let partial = response().omitting(Omitted { body, headers });
            assert_eq!(RecordedResponse::from_outcome(&partial.to_outcome()), Some(partial));
        }
    }

    #[test]
    fn a_truncated_head_and_an_unknown_format_are_refused() {
        for response in [response(), response().omitting(Omitted { body: true, headers: false })] {
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
            response().omitting(Omitted { body: true, headers: false }).to_outcome().into_bytes().to_vec();
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
