//! How a sender writes its secrets.

use http::HeaderValue;

use super::{Proof, Scheme};
use crate::provider::{Secret, SecretError};

/// How a sender writes its secrets.
#[derive(Clone, Copy, Debug)]
pub(super) enum SecretForm {
    Text,
    /// Base64 after this prefix, which may be missing.
    Base64(&'static str),
    Hex,
    /// Base64 after this prefix, or the text itself. Which one does not show, so both are tried.
    Base64OrText(&'static str),
    /// Text that the sender brings into Unicode's normalization form KD.
    Nfkd,
}

/// How the sender's credentials of another kind begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusedSecrets {
    pub(super) prefixes: &'static [&'static str],
    pub(super) expected: &'static str,
}

impl RefusedSecrets {
    pub(super) const NONE: Self = Self { prefixes: &[], expected: "" };
}

impl Scheme {
    /// A secret as the sender shows it. A public key may have several lines.
    pub(super) fn secret(&self, text: &[u8]) -> Result<Secret, SecretError> {
        match self.proof.key_pair() {
            Some(_) if text.trim_ascii_start().starts_with(b"-----BEGIN") => Secret::raw(text),
            _ => Secret::new(text),
        }
    }

    /// The secret in each form that it may be used in.
    pub(super) fn decoded(&self, secret: &Secret) -> Result<Vec<Secret>, SecretError> {
        let text = secret.expose();
        let refused = self.refused_secrets;
        if !secret.is_raw() && refused.prefixes.iter().any(|prefix| text.starts_with(prefix.as_bytes())) {
            return Err(SecretError::Malformed(refused.expected));
        }
        if let Some(pair) = self.proof.key_pair() {
            return pair.public_key(secret).map(|key| vec![key]);
        }
        match self.proof {
            Proof::BasicAuth if !has_password(text) => {
                Err(SecretError::Malformed("of the form `user:password`, with a password"))
            }
            Proof::Token if !is_in_header(self.prefix, text) => Err(SecretError::Malformed(
                "a valid header value (no white space at its ends, no control characters)",
            )),
            _ => self.secret_form.decoded(secret),
        }
    }
}

/// A blank password would let any client in that leaves it out.
fn has_password(credentials: &[u8]) -> bool {
    let colon = credentials.iter().position(|byte| *byte == b':');
    colon.is_some_and(|colon| !credentials[colon + 1..].trim_ascii().is_empty())
}

fn is_in_header(prefix: &str, token: &[u8]) -> bool {
    // A server removes white space at the end.
    token.trim_ascii_end() == token && HeaderValue::from_bytes(&[prefix.as_bytes(), token].concat()).is_ok()
}

impl SecretForm {
    /// A raw secret stays as it is.
    fn decoded(self, secret: &Secret) -> Result<Vec<Secret>, SecretError> {
        let text = secret.expose();
        if secret.is_raw() {
            return Ok(vec![secret.clone()]);
        }
        let decoded = match self {
            Self::Text => return Ok(vec![secret.clone()]),
            Self::Base64OrText(prefix) => {
                let decoded = text.strip_prefix(prefix.as_bytes());
                let decoded = decoded.and_then(crate::provider::standard_webhooks::decoded);
                // The prefix alone is blank, and no secret.
                let decoded = decoded.map(Secret::raw).transpose()?;
                return Ok(decoded.into_iter().chain([secret.clone()]).collect());
            }
            Self::Base64(prefix) => {
                let text = text.strip_prefix(prefix.as_bytes()).unwrap_or(text);
                let decoded = crate::provider::standard_webhooks::decoded(text);
                decoded.ok_or(SecretError::Malformed("valid base64"))?
            }
            Self::Hex => {
                let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(text);
                decoded.map_err(|_| SecretError::Malformed("valid hexadecimal"))?
            }
            Self::Nfkd => {
                let text = std::str::from_utf8(text).map_err(|_| SecretError::NotOneLine)?;
                unicode_normalization::UnicodeNormalization::nfkd(text).collect::<String>().into_bytes()
            }
        };
        Secret::raw(decoded).map(|secret| vec![secret])
    }
}
