//! Signs tokens and certificates as the senders do, with a key that is made for these tests.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

use super::NOW;

/// An RSA key of 2048 bits in PKCS #8. No sender uses it.
const RSA: &str = "\
    MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCT+y7vLPZRQ1rsuTShgq67w5ABMK47RXCLlx06bl+Ac8QIm+W4\
    h5T8dWtkTaOmrQd6ItxapsyLjQW6F45ypigmv82GTJ9I3NIW5yBbFEi22d72v2GZ2zAmF3HHU5RGtWGxu0T/sSc8sW+lcS19ePzn\
    gL/2mLQmTeVzhqE0/n5JiJrOQL+IkLHw9GDRbQZaJfbRVe59MpwX8ZqPjqHReZbVmDwR4YWODb+O/Z5+Gc9mQnSy0SW6PL7nItdw\
    A2D3Qx61VudXL9abiVDKFZn/kD1yZXjAD2oa+/OrNWRMhPfYQcKXX0DPvjcqJgk/tcPibkjvqqe+WoNKQFLeZl/7i2I9AgMBAAEC\
    ggEAEfMmesmT6UCHz24Ztbuh0VHD7nkGsVbXc381guhveifQsBCk+VCs4ECn8ac/QhD79rMy0mYoKodFGhEQbNS9yxF57x/tNEvg\
    yfloIdQgi9l6o6iMQLrnKL+wQ/Ld6gPHYWUrVe6ZqVGGjuVfFLivyK8D2fgk5f6N5gj/FewGyolxppH+RiZOyvwWegF9WTzvGRle\
    v0L1LXXsIZLV/TtVnI0oGxrXY9rnuoalL1xIuHs6URoLZluh4oJttPO9Uen/4eNbcet90Op2c5KrsIjnBar73zW/bQUs4ofwnJ9m\
    OW4adS1kTk7ssjrnwtPyiKYO6bakggVrWmbsOQoy4C/nKwKBgQDLLsH6bg+IC6t3KxODvpJKb0HL7bBqSEYDMWxhYQY6klr4h4RZ\
    1dZJ+2h/QPxUaRtHw8VHvgBwicSl1Fp1Hy3fSSyqMEXkHU0j0xg7okD5RvyIf+jEyojKNQLK9BIqEseKkGrjfC4PF4vaP+fae8Rk\
    8xFZXqgodgDNvROEg5n3TwKBgQC6cuvU1IpPrUFEAlsDJ+jfWAADTZT0d3I32lfJo6CYTzG2wWKMhC7HHg+JODSE7l+WCOC7FH/s\
    2T5vM18JxacFwAO+xwO35veefw+OFUi2CcHd1xV6Hvt7RHs+uTPuizHtFMItILTqm5NfdSmZUxCiFw1T07YcS8s+/hylUoeqswKB\
    gDqGHE+C9ixMmDX6DWPsN30DMOOJckAa0zfGO56M8NtcHqHpfuDVbCThKodE86looPf51tBEVSIVPLQ7R1bnBTKEhD39K5R6MCb6\
    fcdng+mJXeH/Xc+ZOu9rd4N36+d8g0dRM8iUkzu7n4fc0m6nKbmeHcgtMKh+3Npl9MI9mdKXAoGAfPA9b+Tsue+TaItbiYXY2rER\
    cSUvx5GzDBJX+VqYZvfKjHiSHS8GWY+fQYhUSS+jBdr1HOfjwUbiO4nlCZtVDNlaqSCbMUSocaEbP06r5rArJQjX73mLc1K0c5eP\
    YS4NSp06cRsVoJCX9MOCGKg84SEpYR7hTZzMmW2WrIHdP1kCgYAb8gIqHnAzeYiVphtiQ2T5xjPTmRINEeczem0vEzebB8YQ5sij\
    akkf726bplbJJRZuAnL1g/BMiNPCBzpRrv7m8SCob35J25s93BQ5c7Fr0Vvx/o2vnoljJ1JhZHr+NjG2vbL6Vowr6FG+R/Pr3RsA\
    VblTNYXH1uaQ4btF11Wv2g==";

pub(super) struct Rsa(RsaKeyPair);

impl Rsa {
    pub(super) fn new() -> Self {
        Self(RsaKeyPair::from_pkcs8(&pkcs8()).unwrap())
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    /// Its public key, as a JSON Web Key.
    pub(super) fn jwk(&self, id: &str) -> Value {
        let components = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.0.public());
        let [n, e] = [components.n, components.e].map(|number| BASE64URL_NOPAD.encode(&number));
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": id, "n": n, "e": e})
    }

    /// A token of these claims.
    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        let signed = signed(&json!({"alg": "RS256", "kid": id, "typ": "JWT"}), claims);
        let signature = self.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

pub(super) struct P256(EcdsaKeyPair);

impl P256 {
    pub(super) fn new() -> Self {
        let (random, algorithm) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }

    pub(super) fn jwk(&self, id: &str) -> Value {
        let point = self.0.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|number| BASE64URL_NOPAD.encode(number));
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": x, "y": y})
    }

    pub(super) fn token(&self, id: &str, claims: &Value) -> String {
        let signed = signed(&json!({"alg": "ES256", "kid": id, "typ": "JWT"}), claims);
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    }
}

/// The signed part of a token.
pub(super) fn signed(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    format!("{header}.{claims}")
}

/// A token that is signed with HMAC-SHA256.
pub(super) fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = signed(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

pub(super) fn sha256(text: &[u8]) -> String {
    HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, text).as_ref())
}

/// A certificate of the RSA key in PEM: its common name, its DNS name, and how far from `NOW` it begins and ends, in seconds.
pub(super) fn certificate(common_name: &str, dns_name: Option<&str>, from: i64, to: i64) -> String {
    let mut params =
        CertificateParams::new(dns_name.map(str::to_owned).into_iter().collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let at = |seconds: i64| {
        let time = i64::try_from(NOW.as_secs()).unwrap() + seconds;
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(time.unsigned_abs())
    };
    (params.not_before, params.not_after) = (at(from), at(to));
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8().into(), &PKCS_RSA_SHA256).unwrap();
    params.self_signed(&key).unwrap().pem()
}

fn pkcs8() -> Vec<u8> {
    BASE64.decode(RSA.as_bytes()).unwrap()
}
