//! `RedisStore` over TLS, with the test's own certificate authority.

use std::error::Error as _;
use std::path::PathBuf;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Hold, Store as _};
use idempotency_core::{Outcome, StoreErrorKind};
use idempotency_tests::demo::scratch;
use idempotency_tests::port::Port;
use idempotency_tests::redis_case::{NAMESPACE, claim, completion, grant, key, patient};
use idempotency_tests::redis_cluster::RedisCluster;
use idempotency_tests::redis_server::RedisServer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority with the certificates that it signed for the server and for a client, as files and as bytes.
struct Authority {
    directory: PathBuf,
    root: String,
    client: (String, String),
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the test's authority");
        let root = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let sign = |names: &[&str]| {
            let key = KeyPair::generate().unwrap();
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
            (certificate.pem(), key.serialize_pem())
        };
        let directory = scratch("tls");
        std::fs::create_dir_all(&directory).unwrap();
        let (certificate, key) = sign(&["127.0.0.1", "localhost"]);
        for (file, text) in [("root.pem", &root), ("server.pem", &certificate), ("server.key", &key)] {
            std::fs::write(directory.join(file), text).unwrap();
        }
        Self { client: sign(&["app"]), directory, root }
    }

    fn arguments(&self, port: &str, authenticated: &str) -> Vec<String> {
        let file = |name: &str| self.directory.join(name).display().to_string();
        let pairs = [
            ("--tls-port", port.to_owned()),
            ("--tls-cert-file", file("server.pem")),
            ("--tls-key-file", file("server.key")),
            ("--tls-ca-cert-file", file("root.pem")),
            ("--tls-auth-clients", authenticated.to_owned()),
        ];
        pairs.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// A store that trusts this authority and no other.
    fn trusted(&self, store: RedisStore) -> RedisStore {
        store.with_root_certificate(self.root.as_str()).unwrap()
    }

    /// A store that shows the client certificate of this authority.
    fn shown(&self, store: RedisStore) -> RedisStore {
        let (certificate, key) = &self.client;
        store.with_client_certificate(certificate.as_str(), key.as_str()).unwrap()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A server with its TLS port, and the address of that.
async fn serve(authority: &Authority, authenticated: &str) -> ((RedisServer, Port), String) {
    let port = Port::free();
    let number = port.number().to_string();
    let arguments = authority.arguments(&number, authenticated);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    ((RedisServer::start_with(&arguments).await, port), format!("rediss://127.0.0.1:{number}/"))
}

fn store(url: &str) -> RedisStore {
    patient(RedisStore::new(url, NAMESPACE).unwrap())
}

async fn works(store: &RedisStore) {
    let (lease, _) = grant(store, &claim("k", 1)).await;
    store.wait_for_change(key("free").digest(), std::time::Duration::from_secs(1)).await.unwrap();
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert!(store.forget(key("k").digest()).await.unwrap());
}

#[tokio::test]
async fn a_server_whose_authority_is_trusted_is_used_and_another_is_not() {
    let authority = Authority::new();
    let (_server, url) = serve(&authority, "no").await;
    works(&authority.trusted(store(&url))).await;
    let stranger = Authority::new();
    for store in [store(&url), stranger.trusted(store(&url))] {
        let error = store.claim(&claim("k", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_requires_client_certificates_is_shown_one() {
    let authority = Authority::new();
    let (_server, url) = serve(&authority, "yes").await;
    works(&authority.shown(authority.trusted(store(&url)))).await;
    works(&authority.trusted(authority.shown(store(&url)))).await;
    let unknown = authority.trusted(store(&url));
    assert!(unknown.claim(&claim("k", 1)).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_cluster_is_reached_with_the_certificates_of_its_first_address() {
    let authority = Authority::new();
    let port = Port::free();
    let arguments = authority.arguments(&port.number().to_string(), "no");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--tls-cluster", "yes"]).collect();
    let _cluster = RedisCluster::start_with(1, false, &arguments).await;
    let url = format!("rediss://127.0.0.1:{}/", port.number());
    works(&authority.trusted(patient(RedisStore::cluster([url], NAMESPACE).unwrap()))).await;
}

#[tokio::test]
async fn an_invalid_certificate_or_a_plain_address_is_refused() {
    let authority = Authority::new();
    let (certificate, key) = (authority.client.0.as_str(), authority.client.1.as_str());
    let secure = || RedisStore::new("rediss://127.0.0.1/", NAMESPACE).unwrap();
    let plain = || RedisStore::new("redis://127.0.0.1/", NAMESPACE).unwrap();
    let refused = |result: Result<RedisStore, idempotency_core::StoreError>, why: &str| {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        let source = error.source().unwrap().to_string();
        assert!(source.contains(why), "{source}");
        assert!(!source.contains("nonsense"), "{source}");
    };
    refused(secure().with_root_certificate("nonsense"), "there is no certificate in PEM");
    refused(secure().with_client_certificate("nonsense", key), "there is no certificate in PEM");
    refused(secure().with_client_certificate(certificate, "nonsense"), "private key");
    refused(plain().with_root_certificate(authority.root.as_str()), "rediss://");
    refused(plain().with_client_certificate(certificate, key), "rediss://");
}
