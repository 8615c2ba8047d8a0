//! Handshakes: how a sender checks an endpoint before it delivers to it.

use std::fmt;

use data_encoding::HEXLOWER;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};

use crate::RecordedResponse;
use crate::provider::{Incoming, Secret, form, signature};

/// How a sender checks an endpoint. The check is answered without the handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handshake {
    /// None.
    None,
    /// A HEAD request, which is answered 200.
    Head,
    /// A GET request, which is answered with the value of this query parameter.
    EchoQuery(&'static str),
    /// A signed delivery whose JSON body has a text at this pointer, which is the answer.
    EchoJson(&'static str),
    /// A signed delivery whose JSON body has a text at this pointer. The answer is a JSON object of the text and its
    /// HMAC-SHA256 in hexadecimal, under the names `plain` and `signed`.
    SignJson {
        /// The pointer to the text.
        pointer: &'static str,
        /// The text's name in the answer.
        plain: &'static str,
        /// The HMAC's name in the answer.
        signed: &'static str,
    },
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Head => f.write_str("HEAD is answered 200"),
            Self::EchoQuery(name) => write!(f, "GET with `{name}` is answered with its value"),
            Self::EchoJson(pointer) => write!(f, "`{pointer}` is sent back"),
            Self::SignJson { pointer, .. } => write!(f, "`{pointer}` is signed and sent back"),
        }
    }
}

/// The most bytes of a query parameter that are sent back. Challenges are short.
const MAX_ECHO: usize = 1024;

impl Handshake {
    /// The pointer whose value makes a delivery a handshake.
    pub(super) fn pointer(self) -> Option<&'static str> {
        match self {
            Self::EchoJson(pointer) | Self::SignJson { pointer, .. } => Some(pointer),
            Self::None | Self::Head | Self::EchoQuery(_) => None,
        }
    }

    /// The answer to a request that is a handshake by its method. It needs no signature: it gives nothing away.
    pub(super) fn answer_to_method(self, incoming: &Incoming<'_>) -> Option<RecordedResponse> {
        match self {
            Self::Head if incoming.method == Method::HEAD => Some(RecordedResponse::new(StatusCode::OK, "")),
            Self::EchoQuery(name) if incoming.method == Method::GET => {
                let value = form::single(incoming.uri.query()?.as_bytes(), name)?;
                (!value.is_empty() && value.len() <= MAX_ECHO).then(|| text(value))
            }
            _ => None,
        }
    }

    /// The answer to a verified delivery with this text at the pointer.
    pub(super) fn answer_to_text(self, value: &str, secret: &Secret) -> Option<RecordedResponse> {
        match self {
            Self::EchoJson(_) => Some(text(value.to_owned())),
            Self::SignJson { plain, signed, .. } => {
                let mac = HEXLOWER.encode(&signature::mac_sha256(secret, value.as_bytes()));
                let json = serde_json::json!({ plain: value, signed: mac }).to_string();
                Some(answer(json, "application/json"))
            }
            Self::None | Self::Head | Self::EchoQuery(_) => None,
        }
    }
}

fn text(value: String) -> RecordedResponse {
    answer(value, "text/plain")
}

/// An answer that no browser takes for a page.
fn answer(body: String, content_type: &'static str) -> RecordedResponse {
    let header = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    [header(CONTENT_TYPE, content_type), header(X_CONTENT_TYPE_OPTIONS, "nosniff")]
        .into_iter()
        .fold(RecordedResponse::new(StatusCode::OK, body), |answer, (name, value)| {
            answer.with_header(name, value)
        })
}
