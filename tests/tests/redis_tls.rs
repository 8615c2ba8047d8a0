//! `RedisStore` over TLS, with an authority of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::error::Error as _;
use std::path::PathBuf;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Hold, Outcome, Store as _, StoreErrorKind};
use idempotency_tests::redis_case::{NAMESPACE, claim, completion, grant, key};
use idempotency_tests::redis_cluster::RedisCluster;
use idempotency_tests::redis_server::{RedisServer, free_port};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// An authority, and what it has signed for the server and for a client, as files and as bytes.
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
        let directory =
            std::env::temp_dir().join(format!("idempotency-tls-{}-{}", std::process::id(), free_port()));
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

    /// A store that shows what this authority has signed.
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

/// A server, and the address of its TLS port.
async fn serve(authority: &Authority, authenticated: &str) -> (RedisServer, String) {
    let port = free_port().to_string();
    let arguments = authority.arguments(&port, authenticated);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    (RedisServer::start_with(&arguments).await, format!("rediss://127.0.0.1:{port}/"))
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
    works(&authority.trusted(RedisStore::new(&url, NAMESPACE).unwrap())).await;
    let stranger = Authority::new();
    for store in [
        RedisStore::new(&url, NAMESPACE).unwrap(),
        stranger.trusted(RedisStore::new(&url, NAMESPACE).unwrap()),
    ] {
        let error = store.claim(&claim("k", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_wants_to_know_its_clients_is_shown_a_certificate() {
    let authority = Authority::new();
    let (_server, url) = serve(&authority, "yes").await;
    let store = || RedisStore::new(&url, NAMESPACE).unwrap();
    works(&authority.shown(authority.trusted(store()))).await;
    works(&authority.trusted(authority.shown(store()))).await;
    let unknown = authority.trusted(store());
    assert!(unknown.claim(&claim("k", 1)).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn a_cluster_is_reached_with_the_certificates_of_its_first_address() {
    let authority = Authority::new();
    let port = free_port().to_string();
    let arguments = authority.arguments(&port, "no");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--tls-cluster", "yes"]).collect();
    let _cluster = RedisCluster::start_with(1, false, &arguments).await;
    let url = format!("rediss://127.0.0.1:{port}/");
    works(&authority.trusted(RedisStore::cluster([url], NAMESPACE).unwrap())).await;
}

#[tokio::test]
async fn what_is_no_certificate_or_no_tls_address_is_refused() {
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
