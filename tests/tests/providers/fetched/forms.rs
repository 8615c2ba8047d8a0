//! The forms of a fixed key, and the texts that are none.

use std::sync::Arc;

use idempotency_core::provider::{ContentKey, SecretError};
use serde_json::json;

use super::signer::{P256, Rsa, certificate, sha256};
use super::*;

/// A token, a CRC-32, and the fields of a message without their white space prove less than the body.
#[test]
fn only_a_body_that_is_signed_as_a_whole_is_a_content_key() {
    for sender in SENDERS {
        let (request, provider) = genuine(sender);
        let received = request.received_by(&ContentKey::over(Arc::<dyn Provider>::from(provider)));
        match sender {
            "livekit" | "netlify" | "plaid" | "qstash" | "wise" => {
                assert_eq!(delivery(received).key().as_str(), sha256(&request.body));
            }
            _ => assert_eq!(refused(received), RejectionKind::Unavailable, "{sender}"),
        }
    }
}

#[test]
fn a_fixed_key_is_read_in_pem_and_as_a_json_web_key() {
    let (request, _) = genuine("google-pubsub");
    let vector = named("google-pubsub", "valid-1");
    let pem = vector.public_key.unwrap();
    let other = Rsa::new();
    let forms = [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        format!("  {pem}\n\n"),
        format!("subject=CN = x\n{pem}"),
        // Several keys, of which any may match.
        format!("{}{pem}", certificate("x", None, 0, 1)),
        format!("{pem}{}", certificate("x", None, 0, 1)),
    ];
    for form in forms {
        let keys = PublicKeys::fixed(&form).unwrap_or_else(|error| panic!("{form}: {error}"));
        let [audience, email] =
            [&vector.expected_audience, &vector.expected_email].map(|text| text.as_deref().unwrap());
        assert!(request.received_by(&GooglePubSub::new(audience, email, keys).unwrap()).is_ok(), "{form}");
    }
    let (key, set) = (P256::new(), json!({"keys": [other.jwk("a"), {"kty": "OKP"}, 7, {}]}).to_string());
    for form in [key.jwk("a").to_string(), json!({"key": key.jwk("a")}).to_string(), set] {
        assert!(PublicKeys::fixed(&form).is_ok(), "{form}");
    }
    assert_eq!(format!("{:?}", PublicKeys::fixed(&pem).unwrap()), "PublicKeys(1 fixed)");
}

#[test]
fn a_text_without_a_usable_key_is_an_error() {
    let pem = named("google-pubsub", "valid-1").public_key.unwrap();
    let jwk = P256::new().jwk("a");
    let with = |name: &str, value: serde_json::Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        jwk.to_string()
    };
    for text in [
        String::new(),
        " ".to_owned(),
        "a secret".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        pem.replace("PUBLIC", "PRIVATE"),
        pem.replace("-----END PUBLIC KEY-----", ""),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        pem.replace("MIIB", "MIIC"),
        pem[..pem.len() - 60].to_owned() + "\n-----END PUBLIC KEY-----",
        with("crv", json!("P-384")),
        with("kty", json!("oct")),
        with("use", json!("enc")),
        with("x", json!("AA")),
        with("y", json!("!")),
        json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}).to_string(),
        json!({"kty": "RSA", "n": jwk["x"], "e": "AQAB"}).to_string(),
    ] {
        match PublicKeys::fixed(&text) {
            Err(SecretError::Malformed(_)) => {}
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_key_for_another_algorithm_verifies_nothing() {
    let (request, _) = genuine("plaid");
    let secret = named("plaid", "valid-1").secret;
    assert!(request.received_by(&Plaid::new(PublicKeys::fixed(&secret).unwrap())).is_ok());
    let other = secret.replace("ES256", "ES384");
    assert_unauthenticated(&Plaid::new(PublicKeys::fixed(other).unwrap()), &request, "another algorithm");
}
