//! How a sender writes its secrets.

use super::Proof;
use crate::provider::{Secret, SecretError};

/// How a sender writes its secrets.
#[derive(Clone, Copy, Debug)]
pub(super) enum SecretForm {
    Text,
    /// Base64 after this prefix, which may be missing.
    Base64(&'static str),
    Hex,
    /// Text that the sender brings into Unicode's normalization form KD.
    Nfkd,
}

impl SecretForm {
    /// The secret in the form that it is used in. A raw secret stays as it is.
    pub(super) fn decoded(self, proof: Proof, secret: &Secret) -> Result<Secret, SecretError> {
        let text = secret.expose();
        if proof == Proof::BasicAuth && !text.contains(&b':') {
            return Err(SecretError::Malformed("a user and a password with a colon between them"));
        }
        if secret.is_raw() {
            return Ok(secret.clone());
        }
        let decoded = match self {
            Self::Text => return Ok(secret.clone()),
            Self::Base64(prefix) => {
                let text = text.strip_prefix(prefix.as_bytes()).unwrap_or(text);
                let decoded = crate::provider::standard_webhooks::decoded(text);
                decoded.ok_or(SecretError::Malformed("base64"))?
            }
            Self::Hex => {
                let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(text);
                decoded.map_err(|_| SecretError::Malformed("hexadecimal"))?
            }
            Self::Nfkd => {
                let text = std::str::from_utf8(text).map_err(|_| SecretError::NotOneLine)?;
                unicode_normalization::UnicodeNormalization::nfkd(text).collect::<String>().into_bytes()
            }
        };
        Secret::raw(decoded)
    }
}
