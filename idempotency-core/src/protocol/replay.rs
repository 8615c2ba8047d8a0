//! Recording: the parts of a handler's answer that are recorded and later replayed.

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};

use crate::response::{self, Omitted};

/// The extent to which an answer is recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Recording {
    /// Status, headers and body.
    Whole,
    /// Status and headers: the body streams, is over the limit together with them, or the answer says `no-store`.
    WithoutBody,
    /// Only the status: the headers are over the limit, or a record cannot hold them all.
    StatusOnly,
}

/// The maximum number of header lines in a record.
const MAX_LINES: usize = u16::MAX as usize;

impl Recording {
    /// Decides how much of an answer is recorded.
    ///
    /// `size` is the length of the body, or `None` if it is not known yet. The names and values of the recorded headers and the
    /// body have at most `limit` bytes together.
    pub(crate) fn of(headers: &HeaderMap, size: Option<u64>, limit: usize) -> Self {
        if headers.len() > MAX_LINES {
            return Self::StatusOnly;
        }
        let size = if says_no_store(headers) { size.filter(|size| *size == 0) } else { size };
        let room = |recording| {
            let lines = recorded_lines(headers, recording);
            limit.checked_sub(lines.map(|(name, value)| name.as_str().len() + value.len()).sum())
        };
        match (room(Self::Whole), size) {
            (Some(room), Some(size)) if size <= room as u64 => Self::Whole,
            _ if room(Self::WithoutBody).is_some() => Self::WithoutBody,
            _ => Self::StatusOnly,
        }
    }
}

/// The bytes of an answer's [outcome](crate::RecordedResponse::to_outcome), up to its body, which is to be appended if it is
/// recorded. `size` is the length of the body, or `None` if unknown.
pub(crate) fn recorded(
    status: StatusCode,
    headers: &HeaderMap,
    size: Option<u64>,
    recording: Recording,
) -> Vec<u8> {
    let may_have_body = size != Some(0) && !has_no_body(status);
    let omitted = Omitted {
        body: recording != Recording::Whole && may_have_body,
        headers: recording == Recording::StatusOnly && recorded_lines(headers, recording).next().is_some(),
    };
    let lines = if recording == Recording::StatusOnly { 0 } else { usize::MAX };
    let body_len = size.filter(|_| recording == Recording::Whole).and_then(|size| usize::try_from(size).ok());
    let lines = || recorded_lines(headers, recording).take(lines);
    response::head(status, omitted, lines, body_len.unwrap_or_default())
}

/// Whether answers with this status never have a body (RFC 9110, section 6.4.1).
fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status.as_u16(), 204 | 205 | 304)
}

fn recorded_lines(
    headers: &HeaderMap,
    recording: Recording,
) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let connection = named_by_connection(headers);
    headers.iter().filter(move |(name, _)| {
        let describes_body =
            name.as_str().starts_with("content-") || matches!(name.as_str(), "digest" | "repr-digest");
        let is_omitted = recording == Recording::WithoutBody && describes_body;
        !is_omitted
            && !is_never_replayed(name)
            && !connection.iter().any(|named| named.eq_ignore_ascii_case(name.as_str()))
    })
}

/// Whether a header is hop-by-hop (RFC 9110, section 7.6.1), or belongs to one moment or one caller.
fn is_never_replayed(name: &HeaderName) -> bool {
    const NEVER: [HeaderName; 10] = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        header::DATE,
        header::CONTENT_LENGTH,
        header::SET_COOKIE,
        header::AUTHORIZATION,
        header::WWW_AUTHENTICATE,
    ];
    NEVER.contains(name) || name.as_str().starts_with("proxy-") || name == "keep-alive"
}

/// The headers that `Connection` names, which are hop-by-hop too.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|name| !name.is_empty()).collect()
}

fn says_no_store(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|directive| directive.trim().eq_ignore_ascii_case("no-store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Outcome, RecordedResponse};

    fn decoded(bytes: Vec<u8>) -> RecordedResponse {
        RecordedResponse::from_outcome(&Outcome::new(bytes)).unwrap()
    }

    fn of_lines(lines: usize) -> HeaderMap {
        std::iter::repeat_n((header::LINK, HeaderValue::from_static("x")), lines).collect()
    }

    #[test]
    fn how_much_is_recorded_depends_on_the_size() {
        let of = |size, limit| Recording::of(&HeaderMap::new(), size, limit);
        assert_eq!(of(Some(10), 10), Recording::Whole);
        assert_eq!(of(Some(11), 10), Recording::WithoutBody);
        assert_eq!(of(None, 10), Recording::WithoutBody);
        assert_eq!(Recording::of(&of_lines(65_535), Some(0), usize::MAX), Recording::Whole);
        assert_eq!(Recording::of(&of_lines(65_536), Some(0), usize::MAX), Recording::StatusOnly);
    }

    #[test]
    fn a_record_is_within_the_limit_to_the_byte() {
        let mut headers = HeaderMap::new();
        headers.insert("x-id", HeaderValue::from_static("7"));
        headers.insert("content-type", HeaderValue::from_static("a/b"));
        headers.insert("set-cookie", HeaderValue::from_static("is not recorded"));
        for (size, limit, recording) in [
            (Some(2), 22, Recording::Whole),
            (Some(3), 22, Recording::WithoutBody),
            (None, 22, Recording::WithoutBody),
            (Some(0), 5, Recording::WithoutBody),
            (Some(0), 4, Recording::StatusOnly),
        ] {
            assert_eq!(Recording::of(&headers, size, limit), recording, "{size:?} {limit}");
        }
    }

    #[test]
    fn no_store_omits_the_body_and_the_headers_that_describe_it() {
        let mut headers = HeaderMap::new();
        headers.insert("cache-control", HeaderValue::from_static("max-age=0, No-Store"));
        headers.insert("location", HeaderValue::from_static("/p/1"));
        headers.insert("content-type", HeaderValue::from_static("a/b"));
        headers.insert("repr-digest", HeaderValue::from_static("sha-256=:AA==:"));
        let of = |status, size| {
            let recording = Recording::of(&headers, size, 1000);
            decoded(recorded(status, &headers, size, recording))
        };
        let kept = of(StatusCode::CREATED, Some(8));
        assert_eq!(kept.omitted, Omitted { body: true, headers: false });
        assert!(kept.headers.keys().all(|name| name == "cache-control" || name == "location"), "{kept:?}");
        assert!(of(StatusCode::CREATED, None).omitted.body);
        assert_eq!(of(StatusCode::CREATED, Some(0)).omitted, Omitted::default());
        assert_eq!(of(StatusCode::NO_CONTENT, None).omitted, Omitted::default());
    }

    #[test]
    fn an_answer_with_many_header_lines_is_recorded() {
        for lines in [20_000, 30_000, 70_000] {
            let headers = of_lines(lines);
            let recording = Recording::of(&headers, Some(0), usize::MAX);
            let response = decoded(recorded(StatusCode::OK, &headers, Some(0), recording));
            assert_eq!(response.omitted.headers, lines > MAX_LINES);
            assert_eq!(RecordedResponse::from_outcome(&response.to_outcome()), Some(response), "{lines}");
        }
    }
}
