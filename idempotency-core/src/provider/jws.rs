//! Signed tokens: JSON Web Signatures in compact form (RFC 7515), as senders put them into a header.

use std::time::Duration;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use sha2::{Digest as _, Sha256};

use super::json::{self, Text};
#[cfg(feature = "public-keys")]
use super::keys::{Algorithm, PublicKey};
use super::signature;
use super::{Rejection, Secret};

/// The longest token. Those of senders have less than 2 KB.
const MAX_LEN: usize = 8 * 1024;

/// A token whose signature is not checked yet. Its claims can only be read after the check.
pub(super) struct Token<'t> {
    /// The header and the claims, encoded.
    signed: &'t str,
    signature: &'t str,
    claims: Vec<u8>,
    #[cfg(feature = "public-keys")]
    key_id: Option<String>,
}

/// The claims of a token whose signature is right.
pub(super) struct Claims(Vec<u8>);

impl<'t> Token<'t> {
    /// Reads a token that must name an algorithm: the sender's, whatever the token says.
    pub(super) fn parse(text: &'t str, algorithm: &str) -> Result<Self, Rejection> {
        let malformed = || Rejection::unauthenticated("the token is not a signed one");
        let text = Some(text).filter(|text| text.len() <= MAX_LEN).ok_or_else(malformed)?;
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
        let decoded = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| malformed());
        let (header, claims) = (decoded(header)?, decoded(claims)?);
        let header: Header<'_> = json::fields(&header).ok_or_else(malformed)?;
        if header.alg.as_deref() != Some(algorithm) {
            return Err(Rejection::unauthenticated("the token names another algorithm than the sender's"));
        }
        // RFC 7515, section 4.1.11: extensions that are not known must be refused.
        if header.crit.0 {
            return Err(Rejection::unauthenticated("the token has critical extensions"));
        }
        Ok(Self {
            signed,
            signature,
            claims,
            #[cfg(feature = "public-keys")]
            key_id: header.kid.as_deref().map(str::to_owned),
        })
    }

    /// The id of the key that it says to be signed with, of letters, digits and hyphens.
    #[cfg(feature = "public-keys")]
    pub(super) fn key_id(&self) -> Result<&str, Rejection> {
        let is_id = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let id = self.key_id.as_deref().filter(is_id);
        id.ok_or_else(|| Rejection::unauthenticated("the token names no key"))
    }

    /// The claims, if the token is signed with any of the secrets by HMAC-SHA256: `HS256`.
    pub(super) fn signed_with(self, secrets: &[Secret]) -> Result<Claims, Rejection> {
        let (parts, candidate) = ([self.signed.as_bytes()], std::iter::once(self.signature));
        let algorithm = signature::Algorithm::Sha256;
        signature::hmac_over(algorithm, secrets, &parts, candidate, &BASE64URL_NOPAD, &self.claims)?;
        Ok(Claims(self.claims))
    }

    /// The claims, if the token is signed with any of the keys.
    #[cfg(feature = "public-keys")]
    pub(super) fn signed_by<'k>(
        self,
        algorithm: Algorithm,
        mut keys: impl Iterator<Item = &'k PublicKey>,
    ) -> Result<Claims, Rejection> {
        let signature = BASE64URL_NOPAD.decode(self.signature.as_bytes()).ok();
        let verifies = |key: &PublicKey| {
            signature
                .as_ref()
                .is_some_and(|signature| key.verifies(algorithm, self.signed.as_bytes(), signature))
        };
        match keys.any(verifies) {
            true => Ok(Claims(self.claims)),
            false => Err(Rejection::unauthenticated("no signature matches")),
        }
    }
}

impl Claims {
    /// Reads some claims. One of another kind than expected is refused.
    pub(super) fn read<'c, T: Deserialize<'c>>(&'c self) -> Result<T, Rejection> {
        json::fields(&self.0).ok_or(Rejection::unauthenticated("the token's claims cannot be read"))
    }
}

/// The time in which a token may be used.
#[derive(Deserialize)]
pub(super) struct Life {
    nbf: Option<u64>,
    exp: Option<u64>,
}

impl Life {
    /// Refuses a token without an end, after its end, or before its beginning, with a clock skew in seconds.
    pub(super) fn check(&self, now: Duration, skew: u64) -> Result<(), Rejection> {
        let now = now.as_secs();
        let is_begun = self.nbf.is_none_or(|from| from <= now.saturating_add(skew));
        let is_over = self.exp.is_none_or(|to| to.saturating_add(skew) <= now);
        match is_begun && !is_over {
            true => Ok(()),
            false => Err(Rejection::unauthenticated("the token is outside its time")),
        }
    }
}

/// Checks that a claim is the SHA-256 of the body in lower-case hexadecimal.
pub(super) fn check_digest(claim: Option<&str>, body: &[u8]) -> Result<(), Rejection> {
    match claim == Some(&HEXLOWER.encode(&Sha256::digest(body))) {
        true => Ok(()),
        false => Err(Rejection::unauthenticated("the token is for another body")),
    }
}

/// Checks that a claim has the only value that is accepted.
pub(super) fn check_text(
    claim: Option<&str>,
    expected: &str,
    refused: &'static str,
) -> Result<(), Rejection> {
    match claim == Some(expected) {
        true => Ok(()),
        false => Err(Rejection::unauthenticated(refused)),
    }
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow, default)]
    alg: Option<Text<'a>>,
    #[cfg(feature = "public-keys")]
    #[serde(borrow, default)]
    kid: Option<Text<'a>>,
    #[serde(default)]
    crit: Present,
}

/// Whether a field is there, whatever its value is.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}
