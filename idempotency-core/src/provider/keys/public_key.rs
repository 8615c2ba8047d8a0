//! A public key, and the check of a signature by it.

use std::time::Duration;

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{self, Decode as _, Reader as _, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::Certificate;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ELLIPTIC_CURVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// How a sender signs. A provider names it, and never takes it from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::provider) enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-1, as in version 1 of Amazon SNS. A collision of SHA-1 helps only a client
    /// that may publish to the topic, and that client may publish any message anyway.
    RsaSha1,
    /// RSASSA-PKCS1-v1_5 with SHA-256: `RS256`.
    RsaSha256,
    /// ECDSA over P-256 with SHA-256, as two numbers of 32 bytes: `ES256`.
    EcdsaP256,
}

impl Algorithm {
    /// Its name in a token (RFC 7518, section 3.1).
    pub(in crate::provider) const fn name(self) -> Option<&'static str> {
        match self {
            Self::RsaSha1 => None,
            Self::RsaSha256 => Some("RS256"),
            Self::EcdsaP256 => Some("ES256"),
        }
    }
}

/// A public key.
#[derive(Clone, Debug)]
pub(in crate::provider) struct PublicKey {
    material: Material,
    id: Option<Box<str>>,
    /// The only algorithm that it is for, if its document says so.
    algorithm: Option<Box<str>>,
    /// Since 1970, if it was withdrawn.
    expired: Option<Duration>,
    certificate: Option<Certificate>,
}

#[derive(Clone, Debug)]
enum Material {
    /// Big-endian, without leading zeros.
    Rsa { modulus: Box<[u8]>, exponent: Box<[u8]> },
    /// The uncompressed point.
    P256(Box<[u8]>),
}

impl PublicKey {
    /// An RSA key of 2048 to 8192 bits, of numbers that are big-endian.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let [modulus, exponent] = [modulus, exponent].map(|number| {
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            &number[zeros..]
        });
        let is_known = (256..=1024).contains(&modulus.len()) && (1..=5).contains(&exponent.len());
        is_known.then(|| Self::new(Material::Rsa { modulus: modulus.into(), exponent: exponent.into() }))
    }

    /// A key on the curve P-256, of two coordinates of 32 bytes.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let is_point = x.len() == 32 && y.len() == 32;
        is_point.then(|| Self::new(Material::P256([&[4], x, y].concat().into())))
    }

    /// A `SubjectPublicKeyInfo` in DER (RFC 5280, section 4.1).
    pub(super) fn from_info(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
        let key = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid {
            RSA => {
                let (modulus, exponent) = rsa_numbers(key).ok()?;
                Self::rsa(modulus.as_bytes(), exponent.as_bytes())
            }
            ELLIPTIC_CURVE => {
                let curve = info.algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?;
                let point = key.strip_prefix(&[4]).filter(|point| curve == P256 && point.len() == 64)?;
                Self::p256(&point[..32], &point[32..])
            }
            _ => None,
        }
    }

    /// A certificate in DER.
    pub(super) fn from_certificate(der: &[u8]) -> Option<Self> {
        let (certificate, info) = Certificate::parse(der)?;
        Some(Self { certificate: Some(certificate), ..Self::from_info(&info)? })
    }

    fn new(material: Material) -> Self {
        Self { material, id: None, algorithm: None, expired: None, certificate: None }
    }

    pub(super) fn with_facts(
        self,
        id: Option<&str>,
        algorithm: Option<&str>,
        expired: Option<Duration>,
    ) -> Self {
        Self { id: id.map(Into::into), algorithm: algorithm.map(Into::into), expired, ..self }
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(in crate::provider) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Whether the sender has withdrawn it.
    pub(in crate::provider) fn is_expired_at(&self, now: Duration) -> bool {
        self.expired.is_some_and(|expired| expired <= now)
    }

    /// Whether a signature of a message is by this key, and by no other algorithm.
    pub(in crate::provider) fn verifies(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        if self.algorithm.as_deref().is_some_and(|own| Some(own) != algorithm.name()) {
            return false;
        }
        match (&self.material, algorithm) {
            (Material::Rsa { modulus, exponent }, Algorithm::RsaSha1 | Algorithm::RsaSha256) => {
                let parameters = match algorithm {
                    Algorithm::RsaSha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                let key = RsaPublicKeyComponents { n: &**modulus, e: &**exponent };
                key.verify(parameters, message, signature).is_ok()
            }
            (Material::P256(point), Algorithm::EcdsaP256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// The modulus and the exponent of an `RSAPublicKey` in DER (RFC 8017, appendix A.1.1).
fn rsa_numbers(der: &[u8]) -> Result<(UintRef<'_>, UintRef<'_>), der::Error> {
    let mut reader = SliceReader::new(der)?;
    let numbers = reader
        .sequence(|reader| Ok::<_, der::Error>((UintRef::decode(reader)?, UintRef::decode(reader)?)))?;
    reader.finish()?;
    Ok(numbers)
}
