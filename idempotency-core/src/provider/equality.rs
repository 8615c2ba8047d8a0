//! Equality: what must be the same when an API's key comes again.

use std::fmt;
use std::sync::Arc;

use http::header::{self, HeaderName};

use super::canonical::{self, Pointer};
use super::{Incoming, multipart};
use crate::{Fingerprint, path};

type Compare = dyn for<'a> Fn(&Incoming<'a>) -> Option<Fingerprint> + Send + Sync;

/// What must be the same when an API's key comes again; a request that differs in it is a mismatch.
///
/// Always compared, save by [`nothing`](Self::nothing) and [`by`](Self::by): the method, the original path, the query,
/// and [the headers](super::IdempotencyKey::comparing_headers) that decide what the request means. The rest is about the
/// body.
#[derive(Clone)]
pub struct Equality(Body);

#[derive(Clone)]
enum Body {
    Bytes,
    Json { left_out: Arc<[Pointer]> },
    Multipart,
    Nothing,
    By(Arc<Compare>),
}

/// A text is no JSON pointer (RFC 6901) to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text is no json pointer to a field, such as /id")]
#[non_exhaustive]
pub struct PointerError;

impl Equality {
    /// The content type and the body, byte for byte.
    #[must_use]
    pub fn whole_request() -> Self {
        Self(Body::Bytes)
    }

    /// A JSON body by its meaning, as RFC 8785 canonicalizes it: white space, the order of names, the spelling of
    /// strings and numbers, and parameters of the content type do not count. Numbers are compared as doubles.
    ///
    /// Byte for byte all the same: a body of another content type than `application/json` or `…+json`, an encoded one,
    /// and a text for which RFC 8785 has no form, as where a name is given twice or a whole number is beyond 2^53. So is one
    /// with a member named `$serde_json::private::Number`, which the parser may take for a number.
    #[must_use]
    pub fn json() -> Self {
        Self(Body::Json { left_out: Arc::new([]) })
    }

    /// As [`json`](Self::json), without some fields: what a client makes anew for each attempt, such as the `id` of
    /// JSON-RPC or a time of sending. Each is a JSON pointer (RFC 6901).
    ///
    /// ```
    /// use idempotency_core::provider::Equality;
    /// let json_rpc = Equality::json_without(["/id"])?;
    /// # Ok::<(), idempotency_core::provider::PointerError>(())
    /// ```
    ///
    /// # Errors
    /// When a text is no pointer to a field.
    pub fn json_without<'a>(pointers: impl IntoIterator<Item = &'a str>) -> Result<Self, PointerError> {
        let left_out = pointers.into_iter().map(|text| Pointer::parse(text).ok_or(PointerError));
        Ok(Self(Body::Json { left_out: left_out.collect::<Result<_, _>>()? }))
    }

    /// A multipart body part by part, without the boundary, which clients choose anew for each attempt. Byte for byte a
    /// body of another content type, and one that is not what its boundary says.
    #[must_use]
    pub fn multipart() -> Self {
        Self(Body::Multipart)
    }

    /// Nothing: every request under a used key gets the recorded answer. A client that uses a key twice is not told.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Body::Nothing)
    }

    /// What the closure makes of the request, and nothing else; where it gives `None` nothing is compared.
    pub fn by<F>(compare: F) -> Self
    where
        F: for<'a> Fn(&Incoming<'a>) -> Option<Fingerprint> + Send + Sync + 'static,
    {
        Self(Body::By(Arc::new(compare)))
    }

    /// The fingerprint of a request, in which these headers count.
    pub(super) fn fingerprint(&self, incoming: &Incoming<'_>, headers: &[HeaderName]) -> Option<Fingerprint> {
        let content_type = incoming.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).map_or("", str::trim);
        let is_encoded = incoming.headers.contains_key(header::CONTENT_ENCODING);
        let meaning = match &self.0 {
            Body::Nothing => return None,
            Body::By(compare) => return compare(incoming),
            Body::Json { left_out } if is_json(essence) && !is_encoded => {
                canonical::digest(incoming.body, left_out)
            }
            Body::Multipart if is_multipart(essence) && !is_encoded => {
                content_type.and_then(|content_type| multipart::digest(content_type, incoming.body))
            }
            Body::Bytes | Body::Json { .. } | Body::Multipart => None,
        };
        let essence = essence.to_ascii_lowercase();
        let written = incoming.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let path = path::normalized(incoming.uri.path());
        let mut fields: Vec<&[u8]> = vec![
            incoming.method.as_str().as_bytes(),
            path.as_bytes(),
            incoming.uri.query().unwrap_or_default().as_bytes(),
        ];
        match &meaning {
            Some(meaning) => fields.extend([&b"meaning"[..], essence.as_bytes(), meaning]),
            None => fields.extend([&b"bytes"[..], written, incoming.body]),
        }
        for name in headers {
            for value in incoming.headers.get_all(name) {
                fields.extend([name.as_str().as_bytes(), value.as_bytes()]);
            }
        }
        Some(Fingerprint::of_fields(fields))
    }
}

fn is_json(essence: &str) -> bool {
    let suffix = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
    essence.eq_ignore_ascii_case("application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
}

fn is_multipart(essence: &str) -> bool {
    essence.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

impl fmt::Debug for Equality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Body::Bytes => f.write_str("whole request"),
            Body::Json { left_out } => f.debug_tuple("json without").field(left_out).finish(),
            Body::Multipart => f.write_str("multipart"),
            Body::Nothing => f.write_str("nothing"),
            Body::By(_) => f.write_str("by a closure"),
        }
    }
}
