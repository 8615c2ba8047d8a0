//! The documents that hold public keys: PEM (RFC 7468) and JSON Web Keys (RFC 7517).

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use super::PublicKey;
use crate::provider::json::{self, Object, Scalar};
use crate::provider::standard_webhooks;

/// The keys of a document that can be used here. `None` if there are none, or it is no such document.
pub(super) fn keys(text: &[u8]) -> Option<Vec<PublicKey>> {
    let keys = match text.trim_ascii_start() {
        json @ [b'{', ..] => from_json(json),
        pem => from_pem(std::str::from_utf8(pem).ok()?),
    };
    keys.filter(|keys| !keys.is_empty())
}

/// Certificates and public keys, one after the other, with other text between them. Keys of other kinds, as the further
/// certificates of a chain may have, are left out.
fn from_pem(text: &str) -> Option<Vec<PublicKey>> {
    let mut keys = Vec::new();
    for block in text.split("-----BEGIN ").skip(1) {
        let (label, rest) = block.split_once("-----")?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        // In an environment variable, line breaks are often written as `\n`.
        let body: String = body.replace("\\r", "").replace("\\n", "").split_ascii_whitespace().collect();
        let der = standard_webhooks::decoded(body.as_bytes())?;
        keys.extend(match label {
            "CERTIFICATE" => PublicKey::from_certificate(&der),
            "PUBLIC KEY" => PublicKey::from_info(&der),
            _ => return None,
        });
    }
    Some(keys)
}

/// A key, a set of keys, or a key as Plaid's endpoint answers it. Keys of other kinds are left out.
fn from_json(text: &[u8]) -> Option<Vec<PublicKey>> {
    let document: Document<'_> = json::fields(text)?;
    let listed = document.keys.into_iter().flatten().chain([document.key]);
    let alone = json::fields::<Key<'_>>(text);
    let keys = listed.filter_map(|key| key.0).chain(alone);
    Some(keys.filter_map(|key| key.public_key()).collect())
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    keys: Option<Vec<Object<Key<'a>>>>,
    #[serde(borrow, default)]
    key: Object<Key<'a>>,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(borrow, default)]
    kty: Scalar<'a>,
    #[serde(borrow, default)]
    crv: Scalar<'a>,
    #[serde(borrow, default)]
    kid: Scalar<'a>,
    #[serde(borrow, default)]
    alg: Scalar<'a>,
    #[serde(borrow, default, rename = "use")]
    usage: Scalar<'a>,
    #[serde(borrow, default)]
    n: Scalar<'a>,
    #[serde(borrow, default)]
    e: Scalar<'a>,
    #[serde(borrow, default)]
    x: Scalar<'a>,
    #[serde(borrow, default)]
    y: Scalar<'a>,
    /// Plaid's, in seconds since 1970.
    #[serde(borrow, default)]
    expired_at: Scalar<'a>,
}

impl Key<'_> {
    fn public_key(&self) -> Option<PublicKey> {
        if self.usage.text().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let number = |value: &Scalar<'_>| BASE64URL_NOPAD.decode(value.text()?.as_bytes()).ok();
        let key = match (self.kty.text()?, self.crv.text()) {
            ("RSA", _) => PublicKey::rsa(&number(&self.n)?, &number(&self.e)?)?,
            ("EC", Some("P-256")) => PublicKey::p256(&number(&self.x)?, &number(&self.y)?)?,
            _ => return None,
        };
        let expired = self.expired_at.number().map(Duration::from_secs);
        Some(key.with_facts(self.kid.text(), self.alg.text(), expired))
    }
}
