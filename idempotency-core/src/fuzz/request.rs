//! Parses a request from bytes: `POST /path?query`, header lines, an empty line, the body. Invalid parts are left out.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

use crate::provider::{Incoming, Received, Rejection};
use crate::{Provider, Scope};

/// The time at which every request is verified.
pub(super) const NOW: Duration = Duration::from_secs(1_767_225_600);

pub(super) struct Request {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = end.map_or((&b""[..], bytes), |at| (&bytes[..at], &bytes[at + 2..]));
        let mut lines = head.split(|&byte| byte == b'\n');
        let target = lines.next().and_then(|line| line.strip_prefix(b"POST "));
        let uri = target.and_then(|target| Uri::try_from(target).ok());
        let mut headers = HeaderMap::new();
        for line in lines {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&line[..colon]), value) {
                headers.append(name, value);
            }
        }
        Self {
            uri: uri.filter(|uri| uri.path().starts_with('/')).unwrap_or_default(),
            headers,
            body: Bytes::copy_from_slice(body),
        }
    }

    /// The same request with a signature. The signer's other headers are added only if they are missing.
    pub(super) fn signed_by(&self, signer: HeaderMap) -> Self {
        let mut headers = self.headers.clone();
        for (name, value) in signer.iter() {
            let is_proof = ["signature", "hmac", "timestamp", "webhook-id"]
                .iter()
                .any(|part| name.as_str().contains(part));
            if is_proof || !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        Self { uri: self.uri.clone(), headers, body: self.body.clone() }
    }

    /// A provider's classification of this request.
    pub(super) fn received(&self, provider: &dyn Provider) -> Result<Received, Rejection> {
        let scope = Scope::endpoint("fuzz");
        let incoming = Incoming::new(&Method::POST, &self.uri, &self.headers, &self.body, NOW, &scope);
        provider.receive(&incoming).now_or_never().expect("a provider with fixed secrets never waits")
    }
}
