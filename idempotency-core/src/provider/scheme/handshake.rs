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
    /// The sender does not check the endpoint.
    None,
    /// A HEAD request, which is answered 200.
    Head,
    /// A GET request, which is answered with the value of this query parameter.
    EchoQuery(&'static str),
    /// A GET request, which is answered with a JSON object of the value of this header.
    EchoHeader {
        /// The header.
        header: &'static str,
        /// The value's name in the answer.
        json: &'static str,
    },
    /// A POST request without a signature but with this header, such as one with the secret to come. Its value is sent back in
    /// the same header.
    ///
    /// The secret is not stored, because any client could send one: take it from the sender's API, or from a handler of your
    /// own, and give it to the provider.
    ReturnHeader(&'static str),
    /// A GET request with a token in a query parameter. The answer is a JSON object with the token's HMAC-SHA256, written as in
    /// the [signature header](super::Scheme::signature_header). Of several secrets, the first one signs.
    ///
    /// Such a request is not signed. The token may therefore have up to 128 letters, digits and `+/=_-`, and a delivery
    /// whose whole body is such a text is refused: any client could have it signed.
    SignQuery {
        /// The query parameter.
        parameter: &'static str,
        /// The HMAC's name in the answer.
        json: &'static str,
    },
    /// A signed JSON request with a challenge, which is sent back as plain text.
    EchoJson {
        /// Where the challenge is.
        pointer: &'static str,
        /// A pointer, and the value there that marks a handshake, such as `("/type", "url_verification")`.
        when: (&'static str, &'static str),
    },
    /// A signed delivery whose JSON body says that it is a handshake. The answer is always the same.
    ///
    /// Such a delivery must have a key. A message of another kind with that text there, but without a key, is refused and not
    /// lost.
    Answer {
        /// A pointer, and the text or the whole number there that says so, such as `("/type", "1")`.
        when: (&'static str, &'static str),
        /// The status of the answer, such as 200.
        status: u16,
        /// The JSON in the answer. Empty: no content.
        json: &'static str,
    },
    /// As [`EchoJson`](Self::EchoJson), but the answer is a JSON object with the challenge under `plain`, and its HMAC-SHA256 in
    /// hexadecimal under `signed`.
    ///
    /// The challenge may have up to 128 letters, digits and `+/=_-`, so that no handshake yields a valid signature of a JSON
    /// delivery.
    SignJson {
        /// Where the challenge is.
        pointer: &'static str,
        /// A pointer, and the value there that marks a handshake, such as `("/event", "endpoint.url_validation")`.
        when: (&'static str, &'static str),
        /// The challenge's name in the answer.
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
            Self::EchoHeader { header, json } => {
                write!(f, "GET with the header `{header}` is answered with its value as `{json}` in JSON")
            }
            Self::ReturnHeader(name) => write!(f, "`{name}` is sent back in the same header"),
            Self::SignQuery { parameter, json } => {
                write!(f, "GET with `{parameter}` is answered with its signature as `{json}` in JSON")
            }
            Self::EchoJson { pointer, when: (field, text) } => {
                write!(f, "if `{field}` is `{text}`, `{pointer}` is sent back")
            }
            Self::Answer { when: (field, text), status, json } => {
                write!(f, "if `{field}` is `{text}`, the answer is {status}")?;
                if json.is_empty() { Ok(()) } else { write!(f, " with `{json}`") }
            }
            Self::SignJson { pointer, when: (field, text), .. } => {
                write!(f, "if `{field}` is `{text}`, `{pointer}` is signed and sent back")
            }
        }
    }
}

/// The most bytes that are sent back. Challenges are short.
const MAX_ECHO: usize = 1024;
/// The most bytes that are signed.
const MAX_TOKEN: usize = 128;

impl Handshake {
    /// The pointer to the text if there is one, and the pointer and the text that make a delivery a handshake.
    pub(super) fn challenge(self) -> Option<(Option<&'static str>, (&'static str, &'static str))> {
        match self {
            Self::EchoJson { pointer, when } | Self::SignJson { pointer, when, .. } => {
                Some((Some(pointer), when))
            }
            Self::Answer { when, .. } => Some((None, when)),
            Self::None
            | Self::Head
            | Self::EchoQuery(_)
            | Self::EchoHeader { .. }
            | Self::ReturnHeader(_)
            | Self::SignQuery { .. } => None,
        }
    }

    /// The method of a request that is a handshake by its method.
    pub(super) fn method(self) -> Option<Method> {
        match self {
            Self::Head => Some(Method::HEAD),
            Self::EchoQuery(_) | Self::EchoHeader { .. } | Self::SignQuery { .. } => Some(Method::GET),
            Self::None
            | Self::ReturnHeader(_)
            | Self::EchoJson { .. }
            | Self::SignJson { .. }
            | Self::Answer { .. } => None,
        }
    }

    /// Whether its header name can be one, and its answer is a success with JSON or without content.
    pub(super) fn is_well_formed(self) -> bool {
        match self {
            Self::EchoHeader { header, .. } | Self::ReturnHeader(header) => {
                HeaderName::from_bytes(header.as_bytes()).is_ok()
            }
            Self::Answer { status, json, .. } => {
                let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(json).is_ok();
                let may_have_content = !matches!(status, 204 | 205);
                self.fixed_answer().is_some() && (json.is_empty() || may_have_content && is_json())
            }
            _ => true,
        }
    }

    /// The answer to a request that is a handshake by its method or its header. It needs no signature: it gives nothing away.
    pub(super) fn answer_to_unsigned(
        self,
        incoming: &Incoming<'_>,
        signature_headers: &[HeaderName],
    ) -> Option<RecordedResponse> {
        match self {
            Self::Head if incoming.method == Method::HEAD => Some(RecordedResponse::new(StatusCode::OK, "")),
            Self::EchoQuery(name) if incoming.method == Method::GET => {
                let value = form::single(incoming.uri.query()?.as_bytes(), name)?;
                (!value.is_empty() && value.len() <= MAX_ECHO).then(|| text(value))
            }
            Self::EchoHeader { header, json } if incoming.method == Method::GET => {
                let value = incoming.headers.get(header)?.to_str().ok()?;
                let is_short = !value.is_empty() && value.len() <= MAX_ECHO;
                is_short.then(|| json_answer(json, value))
            }
            // A delivery is never acknowledged so, whatever header a proxy adds to it.
            Self::ReturnHeader(name)
                if incoming.method == Method::POST
                    && !signature_headers.iter().any(|name| incoming.headers.contains_key(name)) =>
            {
                let value = incoming.single_header(name).ok().flatten()?;
                let is_short = !value.is_empty() && value.len() <= MAX_ECHO;
                let (name, value) = (HeaderName::from_bytes(name.as_bytes()).ok()?, value.parse().ok()?);
                is_short.then(|| RecordedResponse::new(StatusCode::OK, "").with_header(name, value))
            }
            _ => None,
        }
    }

    /// The token in the query that is sent back signed, and the name of its signature. `None` if the request is no such
    /// handshake.
    pub(super) fn token_to_sign(self, incoming: &Incoming<'_>) -> Option<(String, &'static str)> {
        let Self::SignQuery { parameter, json } = self else { return None };
        let query = incoming.uri.query().filter(|_| incoming.method == Method::GET)?;
        let token = form::single(query.as_bytes(), parameter)?;
        (!token.is_empty() && is_token(token.as_bytes())).then_some((token, json))
    }

    /// Whether any client can have this body signed.
    pub(super) fn signs(self, body: &[u8]) -> bool {
        matches!(self, Self::SignQuery { .. }) && is_token(body)
    }

    /// The answer that is always the same.
    pub(super) fn fixed_answer(self) -> Option<RecordedResponse> {
        let Self::Answer { status, json, .. } = self else { return None };
        let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_success)?;
        Some(match json {
            "" => RecordedResponse::new(status, ""),
            json => answer(status, json.to_owned(), "application/json"),
        })
    }

    /// The answer to a verified handshake with this text at the pointer. `None` if the text is none that is answered.
    pub(super) fn answer_to_text(self, value: &str, secret: &Secret) -> Option<RecordedResponse> {
        match self {
            Self::EchoJson { .. } if value.len() <= MAX_ECHO => Some(text(value.to_owned())),
            Self::SignJson { plain, signed, .. } if is_token(value.as_bytes()) => {
                let mac = HEXLOWER.encode(&signature::mac_sha256(secret, value.as_bytes()));
                let json = serde_json::json!({ plain: value, signed: mac }).to_string();
                Some(answer(StatusCode::OK, json, "application/json"))
            }
            _ => None,
        }
    }
}

fn is_token(text: &[u8]) -> bool {
    let is_in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(byte);
    text.len() <= MAX_TOKEN && text.iter().all(is_in_token)
}

/// A JSON object with one text.
pub(super) fn json_answer(name: &str, value: &str) -> RecordedResponse {
    answer(StatusCode::OK, serde_json::json!({ name: value }).to_string(), "application/json")
}

fn text(value: String) -> RecordedResponse {
    answer(StatusCode::OK, value, "text/plain")
}

/// An answer that no browser takes for a page.
fn answer(status: StatusCode, body: String, content_type: &'static str) -> RecordedResponse {
    let header = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    [header(CONTENT_TYPE, content_type), header(X_CONTENT_TYPE_OPTIONS, "nosniff")]
        .into_iter()
        .fold(RecordedResponse::new(status, body), |answer, (name, value)| answer.with_header(name, value))
}
