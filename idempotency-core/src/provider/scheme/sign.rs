//! Signs a body as a scheme says, for tests.

use std::time::Duration;

use data_encoding::BASE64;
use hmac::Hmac;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::compile::{CompiledTime, Source, compile};
use super::template::Part;
use super::{Proof, Scheme, TimeUnit};
use crate::provider::Secret;
use crate::testing::hmac;

impl Scheme {
    /// The headers that the sender sends with a body, signed at the Unix time `now`. Every header that the key may be in
    /// has the id.
    pub(crate) fn sign(&self, secret: &str, id: &str, body: &[u8], now: Duration) -> HeaderMap {
        let compiled = compile(self).expect("the scheme is one");
        let timestamp = match self.unit() {
            TimeUnit::Seconds => now.as_secs().to_string(),
            TimeUnit::Milliseconds => now.as_millis().to_string(),
            TimeUnit::Rfc3339 => date(now),
            TimeUnit::Rfc3339Utc => date(now).trim_end_matches('Z').to_owned(),
        };
        let mut headers = HeaderMap::new();
        let mut set = |name: &HeaderName, value: &str| {
            headers
                .insert(name, HeaderValue::from_bytes(value.as_bytes()).expect("the text is a header value"));
        };
        set(&CONTENT_TYPE, "application/json");
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in &compiled.signed_text {
            parts.push(match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body(_) => body,
                Part::Timestamp => timestamp.as_bytes(),
                Part::Url => self.url.as_ref().map_or(&b""[..], |url| url.as_str().as_bytes()),
                Part::Method => b"POST",
                Part::Header(name, _) => {
                    set(name, id);
                    id.as_bytes()
                }
            });
        }
        for source in compiled.key.iter().flat_map(|place| &place.sources) {
            if let Source::Header(name) = source {
                set(name, id);
            }
        }
        let proof = match self.proof.key_pair() {
            Some(pair) => pair.sign(secret, &parts.concat()),
            None => self.mac(secret, &parts),
        };
        let mut signature = self.prefix.to_owned();
        signature.push_str(&match (self.proof, self.encoding) {
            (Proof::Token, _) => String::from_utf8(proof).expect("a token is text"),
            (Proof::BasicAuth, _) => format!("Basic {}", BASE64.encode(&proof)),
            (_, encoding) => encoding.alphabet().encode(&proof),
        });
        match (&compiled.time, self.separator) {
            (CompiledTime::Header(name), _) => set(name, &timestamp),
            (CompiledTime::Item(prefix), Some(separator)) => {
                signature = format!("{prefix}{timestamp}{separator}{signature}");
            }
            _ => {}
        }
        set(&compiled.signature_headers[0], &signature);
        headers
    }

    /// The HMAC of the parts, or the secret itself.
    fn mac(&self, secret: &str, parts: &[&[u8]]) -> Vec<u8> {
        let secret = Secret::new(secret).expect("the secret is one");
        let forms = self.decoded(&secret).expect("the secret is in the sender's form");
        let secret = &forms[0];
        match self.proof {
            Proof::HmacSha1 => hmac::<Hmac<Sha1>>(secret.expose(), parts),
            Proof::HmacSha256 => hmac::<Hmac<Sha256>>(secret.expose(), parts),
            Proof::HmacSha512 => hmac::<Hmac<Sha512>>(secret.expose(), parts),
            _ => secret.expose().to_vec(),
        }
    }

    /// The public key to the private key that is made of a text. `None` if the sender signs with a secret, or does not sign.
    pub(crate) fn public_key(&self, text: &str) -> Option<String> {
        self.proof.key_pair().map(|pair| pair.of(text))
    }
}

fn date(time: Duration) -> String {
    let seconds = i64::try_from(time.as_secs()).expect("the time is within jiff's range");
    jiff::Timestamp::from_second(seconds).expect("the time is within jiff's range").to_string()
}
