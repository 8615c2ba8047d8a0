//! Certificates (RFC 5280): their key, their names and their dates.

use std::time::Duration;

use x509_cert::Certificate as Parsed;
use x509_cert::der::asn1::Any;
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The names and the dates of a certificate. Its chain is not checked: the server that it came from vouches for it.
#[derive(Clone, Debug)]
pub(in crate::provider) struct Certificate {
    /// The common names of its subject, and its DNS names.
    names: Vec<Box<str>>,
    /// Since 1970.
    not_before: Duration,
    not_after: Duration,
}

impl Certificate {
    /// Reads a certificate in DER. Returns its key as a `SubjectPublicKeyInfo` in DER too.
    pub(super) fn parse(der: &[u8]) -> Option<(Self, Vec<u8>)> {
        let parsed = Parsed::from_der(der).ok()?;
        let content = parsed.tbs_certificate();
        let common_names = content.subject().iter().filter(|name| name.oid == COMMON_NAME);
        let mut names: Vec<Box<str>> =
            common_names.filter_map(|name| text(&name.value)).map(Into::into).collect();
        if let Ok(Some((_, alternatives))) = content.get_extension::<SubjectAltName>() {
            names.extend(alternatives.0.iter().filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(name.as_str().into()),
                _ => None,
            }));
        }
        let validity = content.validity();
        let certificate = Self {
            names,
            not_before: validity.not_before.to_unix_duration(),
            not_after: validity.not_after.to_unix_duration(),
        };
        Some((certificate, content.subject_public_key_info().to_der().ok()?))
    }

    pub(in crate::provider) fn is_valid_at(&self, now: Duration) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }

    pub(in crate::provider) fn has_name(&self, is_expected: impl Fn(&str) -> bool) -> bool {
        self.names.iter().any(|name| is_expected(name))
    }
}

fn text(value: &Any) -> Option<&str> {
    let is_ascii_or_utf8 = matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    std::str::from_utf8(value.value()).ok().filter(|_| is_ascii_or_utf8)
}
