//! The certificates for TLS: the trusted authorities, and the client's own.

use redis::{Client, ClientTlsConfig, RedisResult, TlsCertificates};

use super::fault;
use crate::{StoreError, StoreErrorKind};

/// The certificates set on a store, all in PEM.
#[derive(Clone, Default)]
pub(crate) struct Certificates {
    root: Option<Vec<u8>>,
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Certificates {
    pub(crate) fn with_root(self, pem: Vec<u8>) -> Result<Self, StoreError> {
        Ok(Self { root: Some(checked(pem)?), ..self })
    }

    pub(crate) fn with_client(self, certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, StoreError> {
        Ok(Self { client: Some((checked(certificate)?, key)), ..self })
    }

    /// A copy of the client with these certificates and no others.
    pub(crate) fn apply_to(&self, client: &Client) -> RedisResult<Client> {
        let client_tls = self.client.clone();
        let certificates = TlsCertificates {
            client_tls: client_tls
                .map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key }),
            root_cert: self.root.clone(),
        };
        Client::build_with_tls(client.get_connection_info().clone(), certificates)
    }
}

/// Refuses a text without a certificate, which would trust no authority or present no certificate.
fn checked(pem: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    match String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(pem),
        false => Err(fault::error(StoreErrorKind::Refused).with_source("there is no certificate in PEM")),
    }
}
