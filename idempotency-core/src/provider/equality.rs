//! Equality: the parts of a request that must match when an API's key is reused.

use std::fmt;
use std::sync::Arc;

use http::header::{self, HeaderName};

use super::canonical::{self, Pointer};
use super::{Incoming, multipart};
use crate::{Fingerprint, path};

type Compare = dyn for<'a> Fn(&Incoming<'a>) -> Option<Fingerprint> + Send + Sync;

/// The parts of a request that must match when an API's key is reused. A request that differs in them is a mismatch.
///
/// The method, the original path, the query and [some headers](super::IdempotencyKey::comparing_headers) are always
/// compared, except by [`nothing`](Self::nothing) and [`by`](Self::by). The variants differ in how they compare the body.
#[derive(Clone)]
pub struct Equality(Body);

#[derive(Clone)]
enum Body {
    Bytes,
    Json { omitted: Arc<[Pointer]> },
    Multipart,
    Nothing,
    By(Arc<Compare>),
}

/// The text is not a JSON pointer (RFC 6901) to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a json pointer to a field, such as /id")]
#[non_exhaustive]
pub struct PointerError;

impl Equality {
    /// Compares the content type and the body byte for byte.
    #[must_use]
    pub fn whole_request() -> Self {
        Self(Body::Bytes)
    }

    /// Compares JSON bodies by their RFC 8785 canonical form. White space, the order of members, the escaping of strings,
    /// the notation of numbers and the parameters of the content type do not matter. Numbers are compared as doubles.
    ///
    /// Some bodies are still compared byte for byte:
    ///
    /// - a body whose content type is not `application/json` or `…+json`,
    /// - a body with a `Content-Encoding`,
    /// - JSON that has no canonical form, such as an object with a repeated member or a whole number beyond 2^53,
    /// - JSON with a member named `$serde_json::private::Number`, which the parser may take for a number.
    #[must_use]
    pub fn json() -> Self {
        Self(Body::Json { omitted: Arc::new([]) })
    }

    /// Compares as [`json`](Self::json) does, but ignores the fields at these JSON pointers (RFC 6901). For fields that a
    /// client changes on each attempt, such as the `id` of JSON-RPC or a send time.
    ///
    /// ```
    /// use idempotency_core::provider::Equality;
    /// let json_rpc = Equality::json_without(["/id"])?;
    /// # Ok::<(), idempotency_core::provider::PointerError>(())
    /// ```
    ///
    /// # Errors
    /// When a text is not a pointer to a field.
    pub fn json_without<'a>(pointers: impl IntoIterator<Item = &'a str>) -> Result<Self, PointerError> {
        let omitted = pointers.into_iter().map(|text| Pointer::parse(text).ok_or(PointerError));
        Ok(Self(Body::Json { omitted: omitted.collect::<Result<_, _>>()? }))
    }

    /// Compares multipart bodies part by part and ignores the boundary, which clients choose anew for each attempt.
    ///
    /// A body of another content type, an encoded one and one that does not match its boundary are compared byte for byte.
    #[must_use]
    pub fn multipart() -> Self {
        Self(Body::Multipart)
    }

    /// Compares nothing: every request under a used key gets the recorded answer. A client that reuses a key by mistake is
    /// not told.
    #[must_use]
    pub fn nothing() -> Self {
        Self(Body::Nothing)
    }

    /// Compares only the fingerprint that the closure returns. If it returns `None`, nothing is compared.
    pub fn by<F>(compare: F) -> Self
    where
        F: for<'a> Fn(&Incoming<'a>) -> Option<Fingerprint> + Send + Sync + 'static,
    {
        Self(Body::By(Arc::new(compare)))
    }

    /// The fingerprint of a request, including these headers.
    pub(super) fn fingerprint(&self, incoming: &Incoming<'_>, headers: &[HeaderName]) -> Option<Fingerprint> {
        let content_type = incoming.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next()).map_or("", str::trim);
        let is_encoded = incoming.headers.contains_key(header::CONTENT_ENCODING);
        let meaning = match &self.0 {
            Body::Nothing => return None,
            Body::By(compare) => return compare(incoming),
            Body::Json { omitted } if is_json(essence) && !is_encoded => {
                canonical::digest(incoming.body, omitted)
            }
            Body::Multipart if is_multipart(essence) && !is_encoded => {
                content_type.and_then(|content_type| multipart::digest(content_type, incoming.body))
            }
            Body::Bytes | Body::Json { .. } | Body::Multipart => None,
        };
        let essence = essence.to_ascii_lowercase();
        let written = incoming.headers.get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        let path = path::normalized(incoming.uri.path());
        // It names nothing: where both spellings have one scope, as in a registry, a retry may come under the other one.
        let path = path.strip_suffix('/').unwrap_or(&path);
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
            Body::Json { omitted } => f.debug_tuple("json without").field(omitted).finish(),
            Body::Multipart => f.write_str("multipart"),
            Body::Nothing => f.write_str("nothing"),
            Body::By(_) => f.write_str("closure"),
        }
    }
}
