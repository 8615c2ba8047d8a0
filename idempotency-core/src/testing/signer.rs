//! The signer: fills the headers of a custom sender from templates.

use std::fmt;
use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use hmac::Hmac;
use http::HeaderMap;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{JSON, headers, hmac};

/// Signs bodies with an HMAC, for testing a provider of your own.
///
/// Templates say which text is signed and what the headers contain:
///
/// | Placeholder | Stands for | In |
/// |---|---|---|
/// | `{id}` | the delivery's id | both |
/// | `{timestamp}`, `{timestamp_ms}` | seconds or milliseconds since 1970 | both |
/// | `{body}` | the body's bytes | what is signed |
/// | `{signature}` | the signature, in hexadecimal or base64 | headers |
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{Incoming, Provider, Received, Secret, from_fn, signature};
/// use idempotency_core::testing::Signer;
/// use idempotency_core::{Delivery, Key, Scope};
///
/// let signer = Signer::hmac_sha256("shared with acme")
///     .signing("{id}.{body}")
///     .with_header("acme-id", "{id}")
///     .with_header("acme-signature", "v1={signature}");
///
/// let secrets = [Secret::new("shared with acme")?];
/// let acme = from_fn("acme", move |incoming| {
///     let id = signature::header(incoming, "acme-id")?;
///     let header = signature::header(incoming, "acme-signature")?;
///     let candidate = header.strip_prefix("v1=").and_then(signature::hex::<32>);
///     let proof = signature::hmac_sha256(&secrets, &[id.as_bytes(), b"."], incoming.body, candidate)?;
///     Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?)))
/// });
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (body, now) = (bytes::Bytes::from_static(b"{}"), Duration::from_secs(1_767_225_600));
/// let headers = signer.sign("evt_1", &body, now);
/// let (method, uri, scope) = (http::Method::POST, "/acme".parse()?, Scope::endpoint("acme"));
/// let incoming = Incoming::new(&method, &uri, &headers, &body, now, &scope);
/// assert!(matches!(acme.receive(&incoming).await?, Received::Delivery(_)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Signer {
    algorithm: Algorithm,
    secret: Vec<u8>,
    signed: String,
    is_base64: bool,
    headers: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Signer {
    /// Signs with HMAC-SHA256, which most senders use.
    pub fn hmac_sha256(secret: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::Sha256, secret.as_ref())
    }

    /// Signs with HMAC-SHA1.
    pub fn hmac_sha1(secret: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::Sha1, secret.as_ref())
    }

    /// Signs with HMAC-SHA512.
    pub fn hmac_sha512(secret: impl AsRef<[u8]>) -> Self {
        Self::new(Algorithm::Sha512, secret.as_ref())
    }

    fn new(algorithm: Algorithm, secret: &[u8]) -> Self {
        Self {
            algorithm,
            secret: secret.to_vec(),
            signed: "{body}".to_owned(),
            is_base64: false,
            headers: Vec::new(),
        }
    }

    /// Sets the template of the signed text. Default: `{body}`, the least that proves a body.
    pub fn signing(mut self, template: impl Into<String>) -> Self {
        self.signed = template.into();
        self
    }

    /// Writes the signature in padded base64. Default: lower-case hexadecimal, as most senders do.
    pub fn in_base64(mut self) -> Self {
        self.is_base64 = true;
        self
    }

    /// Sets a header to a template.
    ///
    /// Default: only `content-type: application/json`.
    ///
    /// # Panics
    /// If `name` is not a lower-case header name.
    pub fn with_header(mut self, name: &'static str, template: impl Into<String>) -> Self {
        let parsed = http::HeaderName::from_lowercase(name.as_bytes());
        assert!(parsed.is_ok(), "`{name}` is not a lower-case header name");
        self.headers.push((name, template.into()));
        self
    }

    /// Returns the headers to send with exactly this body, signed at the Unix time `now`.
    ///
    /// # Panics
    /// If a template has an unknown or unclosed placeholder, or a header value is not printable ASCII.
    #[must_use]
    pub fn sign(&self, id: &str, body: &[u8], now: Duration) -> HeaderMap {
        let (seconds, millis) = (now.as_secs().to_string(), now.as_millis().to_string());
        let values = [("id", id), ("timestamp", &seconds), ("timestamp_ms", &millis)];
        let values = values.map(|(name, value)| (name, value.as_bytes()));
        let signed = fill(&self.signed, &[&values[..], &[("body", body)]].concat());
        let signature = self.signature(&signed);
        let values = [&values[..], &[("signature", signature.as_bytes())]].concat();
        let filled = self.headers.iter().map(|(name, template)| {
            let value = fill(template, &values);
            (*name, String::from_utf8(value).expect("ids and templates are text"))
        });
        let filled: Vec<_> = filled.collect();
        let filled: Vec<_> = filled.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers(JSON, &filled)
    }

    fn signature(&self, signed: &[u8]) -> String {
        let mac = match self.algorithm {
            Algorithm::Sha1 => hmac::<Hmac<Sha1>>(&self.secret, &[signed]),
            Algorithm::Sha256 => hmac::<Hmac<Sha256>>(&self.secret, &[signed]),
            Algorithm::Sha512 => hmac::<Hmac<Sha512>>(&self.secret, &[signed]),
        };
        if self.is_base64 { BASE64.encode(&mac) } else { HEXLOWER.encode(&mac) }
    }
}

/// Shows neither the secret nor the templates of headers, which may contain tokens.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("signed", &self.signed)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Fills a template in one pass, so a placeholder inside a value, such as a body, stays text.
fn fill(template: &str, values: &[(&str, &[u8])]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = template;
    while let Some((text, from_name)) = rest.split_once('{') {
        let Some((name, after)) = from_name.split_once('}') else {
            panic!("a `{{` in the template `{template}` has no `}}`");
        };
        let Some((_, value)) = values.iter().find(|(known, _)| *known == name) else {
            let known: Vec<_> = values.iter().map(|(known, _)| format!("{{{known}}}")).collect();
            panic!("{{{name}}} in the template `{template}` is none of {}", known.join(", "));
        };
        filled.extend_from_slice(text.as_bytes());
        filled.extend_from_slice(value);
        rest = after;
    }
    filled.extend_from_slice(rest.as_bytes());
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(1_767_225_600_123);

    /// RFC 2202, section 3, and RFC 4231, section 4.3: test case 2.
    #[test]
    fn each_algorithm_signs_as_the_test_vectors_of_the_rfcs_say() {
        let signed = |signer: Signer| {
            let headers = signer.with_header("x-signature", "{signature}").sign(
                "",
                b"what do ya want for nothing?",
                NOW,
            );
            headers["x-signature"].to_str().unwrap().to_owned()
        };
        assert_eq!(signed(Signer::hmac_sha1("Jefe")), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(
            signed(Signer::hmac_sha256("Jefe")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            signed(Signer::hmac_sha512("Jefe")),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a\
             34d4a6b4b636e070a38bce737"
        );
        assert_eq!(signed(Signer::hmac_sha1("Jefe").in_base64()), "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    }

    #[test]
    fn templates_reproduce_the_headers_of_real_senders() {
        let body = br#"{"id":"evt_1"}"#;
        let signer = Signer::hmac_sha256("whsec_test")
            .signing("{timestamp}.{body}")
            .with_header("stripe-signature", "t={timestamp},v1={signature}");
        assert_eq!(signer.sign("evt_1", body, NOW), super::super::stripe("whsec_test", body, NOW));

        let signer = Signer::hmac_sha256("secret")
            .with_header("x-github-delivery", "{id}")
            .with_header("x-github-event", "push")
            .with_header("x-hub-signature-256", "sha256={signature}");
        assert_eq!(signer.sign("d-1", body, NOW), super::super::github("secret", "d-1", "push", body));
    }

    #[test]
    fn a_later_header_replaces_an_earlier_one_and_the_content_type() {
        let signer = Signer::hmac_sha256("secret")
            .with_header("content-type", "text/plain")
            .with_header("x-time", "{timestamp}")
            .with_header("x-time", "{timestamp_ms}");
        let headers = signer.sign("", b"", NOW);
        assert_eq!((&headers["content-type"], headers.len()), (&"text/plain".parse().unwrap(), 2));
        assert_eq!(headers["x-time"], "1767225600123");
    }

    #[test]
    fn a_placeholder_inside_a_value_is_text() {
        assert_eq!(fill("<{a}{b}>", &[("a", b"{b}"), ("b", b"2")]), b"<{b}2>");
    }

    #[test]
    #[should_panic(
        expected = "{bdy} in the template `{id}.{bdy}` is none of {id}, {timestamp}, {timestamp_ms}, {body}"
    )]
    fn an_unknown_placeholder_panics_with_those_that_are_known() {
        let _ = Signer::hmac_sha256("secret").signing("{id}.{bdy}").sign("", b"", NOW);
    }

    #[test]
    #[should_panic(expected = "a `{` in the template `{id}.{body` has no `}`")]
    fn an_unclosed_placeholder_panics() {
        let _ = Signer::hmac_sha256("secret").signing("{id}.{body").sign("", b"", NOW);
    }

    #[test]
    #[should_panic(expected = "`X-Signature` is not a lower-case header name")]
    fn a_header_name_that_is_not_lower_case_panics() {
        let _ = Signer::hmac_sha256("secret").with_header("X-Signature", "{signature}");
    }

    #[test]
    fn debug_shows_no_secret() {
        let signer = Signer::hmac_sha256("s3cret").with_header("authorization", "Bearer s3cret");
        let shown = format!("{signer:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
