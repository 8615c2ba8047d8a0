//! Converts between the types of `http` 0.2, which actix-web uses, and those of `http` 1.
//!
//! Only this file knows both.

use actix_web::dev::RequestHead;
use actix_web::http::header::{
    HeaderMap as ActixHeaders, HeaderName as ActixName, HeaderValue as ActixValue,
};
use actix_web::http::{Method as ActixMethod, StatusCode as ActixStatus, Uri as ActixUri};
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

/// Returns a request's method, URI and headers, or `None` if `http` 1 refuses what `http` 0.2 accepted.
///
/// The URI is the one that the client sent: actix-web's scopes do not change it.
pub(crate) fn head(head: &RequestHead) -> Option<(Method, Uri, HeaderMap)> {
    Some((method(&head.method)?, uri(&head.uri)?, headers(&head.headers)?))
}

/// Converts headers, with repeated ones in their order. `None` if there are more than a map holds.
pub(crate) fn headers(headers: &ActixHeaders) -> Option<HeaderMap> {
    let mut converted = HeaderMap::try_with_capacity(headers.len_keys()).ok()?;
    // The values share one allocation.
    let mut values = BytesMut::with_capacity(headers.iter().map(|(_, value)| value.len()).sum());
    headers.iter().for_each(|(_, value)| values.extend_from_slice(value.as_bytes()));
    let mut values = values.freeze();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        let value = HeaderValue::from_maybe_shared(values.split_to(value.len())).ok()?;
        converted.try_append(name, value).ok()?;
    }
    Some(converted)
}

pub(crate) fn status(status: ActixStatus) -> StatusCode {
    StatusCode::from_u16(status.as_u16()).expect("both crates allow 100 to 999")
}

pub(crate) fn actix_status(status: StatusCode) -> ActixStatus {
    ActixStatus::from_u16(status.as_u16()).expect("both crates allow 100 to 999")
}

#[cfg(feature = "testing")]
pub(crate) fn actix_method(method: &Method) -> ActixMethod {
    ActixMethod::from_bytes(method.as_str().as_bytes()).expect("both crates allow the same names")
}

/// Sets a header.
pub(crate) fn insert(headers: &mut ActixHeaders, name: &HeaderName, value: &HeaderValue) {
    headers.insert(actix_name(name), actix_value(value));
}

/// Adds headers, repeated ones in their order.
pub(crate) fn append_all(headers: &mut ActixHeaders, from: &HeaderMap) {
    for (name, value) in from {
        headers.append(actix_name(name), actix_value(value));
    }
}

fn method(method: &ActixMethod) -> Option<Method> {
    Method::from_bytes(method.as_str().as_bytes()).ok()
}

fn uri(uri: &ActixUri) -> Option<Uri> {
    match (uri.scheme(), uri.authority(), uri.path_and_query()) {
        (None, None, Some(path)) => path.as_str().parse().ok(),
        _ => uri.to_string().parse().ok(),
    }
}

fn actix_name(name: &HeaderName) -> ActixName {
    ActixName::from_bytes(name.as_str().as_bytes()).expect("both crates allow the same names")
}

fn actix_value(value: &HeaderValue) -> ActixValue {
    ActixValue::from_bytes(value.as_bytes()).expect("both crates allow the same bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_binary_and_comma_values_survive_a_round_trip() {
        let mut there = HeaderMap::new();
        for value in [&b"a, b"[..], b"caf\xe9", b"", b"a, b", b"\t\xff"] {
            there.append("x-many", HeaderValue::from_bytes(value).unwrap());
        }
        let mut actix = ActixHeaders::new();
        append_all(&mut actix, &there);
        assert_eq!(headers(&actix), Some(there));
    }

    #[test]
    fn http_1_accepts_every_path_and_query_byte_that_http_0_2_accepts() {
        for byte in 0..=255 {
            for target in [[b'/', byte, b'a'].to_vec(), [b"/?".as_slice(), &[byte]].concat()] {
                if let Ok(older) = ActixUri::from_maybe_shared(bytes::Bytes::from(target)) {
                    assert_eq!(uri(&older).unwrap().to_string(), older.to_string(), "{byte}");
                }
            }
        }
    }

    #[test]
    fn targets_in_every_form_of_rfc_9112_are_kept() {
        for target in ["/a/b?c=d&c=d", "http://host:1/a?b", "host:443", "*", "/"] {
            let older = target.parse::<ActixUri>().unwrap();
            assert_eq!(uri(&older).unwrap().to_string(), older.to_string());
        }
    }

    #[test]
    fn every_status_and_method_is_kept() {
        for code in 100..=999 {
            assert_eq!(actix_status(status(ActixStatus::from_u16(code).unwrap())).as_u16(), code);
        }
        for name in ["GET", "PATCH", "QUERY", "x-odd_~1"] {
            assert_eq!(method(&ActixMethod::from_bytes(name.as_bytes()).unwrap()).unwrap().as_str(), name);
        }
    }
}
