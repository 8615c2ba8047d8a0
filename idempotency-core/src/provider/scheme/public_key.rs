//! The sender's public keys: their forms, and the signatures by them.

use data_encoding::HEXLOWER_PERMISSIVE;
use ed25519_dalek::VerifyingKey;

use super::{Encoding, Proof};
use crate::Verified;
use crate::provider::{Rejection, Secret, SecretError, signature, standard_webhooks};

/// The most signatures of a request that are tried. Each costs a digest of the whole body, and the header is not
/// authenticated.
const MAX_TRIED: usize = 8;
/// The most characters of an encoded signature. An ECDSA signature of 72 bytes has 144 in hexadecimal.
const MAX_LEN: usize = 144;

/// What comes before the 32 bytes of an Ed25519 key in a `SubjectPublicKeyInfo` (RFC 8410, section 4).
const ED25519_INFO: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// What comes before the 65 bytes of an uncompressed point of P-256 in a `SubjectPublicKeyInfo` (RFC 5480, section 2).
#[cfg(feature = "p256")]
const P256_INFO: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// The kind of key pair that a sender signs with.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyPair {
    Ed25519,
    #[cfg(feature = "p256")]
    P256,
}

impl Proof {
    /// The kind of key pair, if the sender signs with one.
    pub(super) const fn key_pair(self) -> Option<KeyPair> {
        match self {
            Self::Ed25519 => Some(KeyPair::Ed25519),
            #[cfg(feature = "p256")]
            Self::EcdsaP256 => Some(KeyPair::P256),
            _ => None,
        }
    }
}

impl KeyPair {
    /// Reads a public key in hexadecimal, base64 or PEM, bare or as a `SubjectPublicKeyInfo`. A raw secret is the key's bytes
    /// or PEM.
    pub(super) fn public_key(self, secret: &Secret) -> Result<Secret, SecretError> {
        let text = secret.expose();
        let forms = match (pem(text), secret.is_raw()) {
            (Some(body), _) => [standard_webhooks::decoded(&body), None],
            (None, true) => [Some(text.to_vec()), None],
            (None, false) => [HEXLOWER_PERMISSIVE.decode(text).ok(), standard_webhooks::decoded(text)],
        };
        let key = forms.into_iter().flatten().find_map(|bytes| self.checked(&bytes));
        Secret::raw(key.ok_or_else(|| SecretError::Malformed(self.expected()))?)
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Ed25519 => "the sender's ed25519 public key in hexadecimal, base64 or pem",
            #[cfg(feature = "p256")]
            Self::P256 => "the sender's p-256 public key in hexadecimal, base64 or pem",
        }
    }

    /// The bytes of a key that signatures can be checked with.
    fn checked(self, bytes: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ed25519 => {
                let key = bytes.strip_prefix(ED25519_INFO).unwrap_or(bytes);
                // Any signature would match a weak key.
                let is_strong =
                    VerifyingKey::from_bytes(key.try_into().ok()?).is_ok_and(|key| !key.is_weak());
                is_strong.then(|| key.to_vec())
            }
            #[cfg(feature = "p256")]
            Self::P256 => {
                let key = bytes.strip_prefix(P256_INFO).unwrap_or(bytes);
                p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
                Some(key.to_vec())
            }
        }
    }

    /// Verifies a body by a signature over a message that must cover the whole body. The keys are
    /// [read](Self::public_key) already.
    pub(super) fn verify<'a, 't>(
        self,
        keys: &[Secret],
        message: &[u8],
        candidates: impl Iterator<Item = &'t str> + Clone,
        encoding: Encoding,
        body: &'a [u8],
    ) -> Result<Verified<'a>, Rejection> {
        let candidates = candidates.take(MAX_TRIED).filter(|candidate| candidate.len() <= MAX_LEN);
        let candidates = candidates.filter_map(|text| encoding.alphabet().decode(text.as_bytes()).ok());
        match self {
            Self::Ed25519 => {
                let keys = keys.iter().filter_map(|key| key.expose().try_into().ok());
                let keys: Vec<_> = keys.filter_map(|key| VerifyingKey::from_bytes(key).ok()).collect();
                signature::ed25519(&keys, message, body, candidates.filter_map(|bytes| bytes.try_into().ok()))
            }
            #[cfg(feature = "p256")]
            Self::P256 => {
                use p256::ecdsa::signature::Verifier as _;
                use p256::ecdsa::{Signature, VerifyingKey};
                let candidates: Vec<_> =
                    candidates.filter_map(|bytes| Signature::from_der(&bytes).ok()).collect();
                let mut keys = keys.iter().filter_map(|key| VerifyingKey::from_sec1_bytes(key.expose()).ok());
                let matches = |key: &VerifyingKey, candidate| key.verify(message, candidate).is_ok();
                match keys.any(|key| candidates.iter().any(|candidate| matches(&key, candidate))) {
                    true => Ok(Verified::by_signature(body)),
                    false => Err(Rejection::unauthenticated("no signature matches")),
                }
            }
        }
    }
}

/// The base64 in a PEM text (RFC 7468), whose line breaks may be missing or written as `\n`.
fn pem(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let body = text.strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    Some(body.replace("\\n", "").split_ascii_whitespace().collect::<String>().into_bytes())
}

/// Key pairs for tests.
#[cfg(feature = "testing")]
mod test_keys {
    use data_encoding::HEXLOWER;
    use ed25519_dalek::{Signer as _, SigningKey};
    use sha2::{Digest as _, Sha256};

    use super::KeyPair;

    impl KeyPair {
        /// The signature by a private key that is made of a text.
        pub(in super::super) fn sign(self, text: &str, message: &[u8]) -> Vec<u8> {
            let seed: [u8; 32] = Sha256::digest(text).into();
            match self {
                Self::Ed25519 => SigningKey::from_bytes(&seed).sign(message).to_bytes().to_vec(),
                #[cfg(feature = "p256")]
                Self::P256 => {
                    let signature: p256::ecdsa::Signature = p256_key(&seed).sign(message);
                    signature.to_der().as_bytes().to_vec()
                }
            }
        }

        /// The public key to a private key that is made of a text.
        pub(in super::super) fn of(self, text: &str) -> String {
            let seed: [u8; 32] = Sha256::digest(text).into();
            match self {
                Self::Ed25519 => HEXLOWER.encode(SigningKey::from_bytes(&seed).verifying_key().as_bytes()),
                #[cfg(feature = "p256")]
                Self::P256 => {
                    let point = p256_key(&seed).verifying_key().to_sec1_point(false);
                    data_encoding::BASE64.encode(&[super::P256_INFO, point.as_bytes()].concat())
                }
            }
        }
    }

    #[cfg(feature = "p256")]
    fn p256_key(seed: &[u8; 32]) -> p256::ecdsa::SigningKey {
        p256::ecdsa::SigningKey::from_slice(seed).expect("a digest is a number below the order of the group")
    }
}
