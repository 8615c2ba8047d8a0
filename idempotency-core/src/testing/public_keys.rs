//! The senders that sign with a private key: here, with the test keys.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use http::HeaderMap;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::tokens::{quoted, signed};
use super::{JSON, headers};

/// The public keys that verify the signatures of [`aws_sns`], [`google_pubsub`], [`paypal`], [`plaid`] and [`wise`], as a JSON Web
/// Key Set.
///
/// **Their private keys are published with this crate.** A provider that has these keys accepts requests from anyone, so use them
/// only in tests.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{Plaid, PublicKeys};
/// use idempotency_core::testing;
/// let plaid = Plaid::new(PublicKeys::fixed(testing::TEST_PUBLIC_KEYS)?);
/// let body = br#"{"webhook_type":"TRANSACTIONS","webhook_code":"SYNC_UPDATES_AVAILABLE"}"#;
/// let headers = testing::plaid(body, Duration::from_secs(1_767_225_600));
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
pub const TEST_PUBLIC_KEYS: &str = concat!(
    r#"{"keys":[{"kty":"RSA","kid":"test","use":"sig","e":"AQAB","n":""#,
    "x9FJJ6aEgFy9GG0npB6hPfwWiaTndBjQ1RCPzpvy_q5oGBJnnVB2QaVbvDq_t2MSe4OUayF9iPaG4OjHgkPhbAcVqOGXu-",
    "rPSCqbTwiM1ebeOqZAb4wLwPjdmS-0d_FDhuhy-mFf-_IE9a_wA1qNC7mdb24_k6Rhy-g4RijGaNd_hkPkr_9mb6eYB-",
    "HxIQnj4rWpnNkSaBSxdX2qu9-zjtk_DV5GrXCyx6eASIsercYjE4FHBmYcj5rcYSUKPFmNTaYN4JveGdUHwriMwb2TVJFVB1CCX-",
    "oxN4rsir1TGkVL1vKDZkTo3R-3w-p8g6Rl5io8Vk7twCYJMwyFtIvKsQ",
    r#""},{"kty":"EC","crv":"P-256","kid":"test","use":"sig","#,
    r#""x":"cv4GF_SAV9o6Yw18R4oBrDx2zzzrRgR1OhHbMOdhm9k","y":"bJcGkSime9ZWrNWSGdbpaajtWg93_uO8pjythij7Kkg"}]}"#
);

/// The private RSA key of the tests, an `RSAPrivateKey` in DER (RFC 8017, appendix A.1.2).
const TEST_RSA_KEY: &str = "\
    MIIEowIBAAKCAQEAx9FJJ6aEgFy9GG0npB6hPfwWiaTndBjQ1RCPzpvy/q5oGBJnnVB2QaVbvDq/t2MSe4OUayF9iPaG4OjHgkPh\
    bAcVqOGXu+rPSCqbTwiM1ebeOqZAb4wLwPjdmS+0d/FDhuhy+mFf+/IE9a/wA1qNC7mdb24/k6Rhy+g4RijGaNd/hkPkr/9mb6eY\
    B+HxIQnj4rWpnNkSaBSxdX2qu9+zjtk/DV5GrXCyx6eASIsercYjE4FHBmYcj5rcYSUKPFmNTaYN4JveGdUHwriMwb2TVJFVB1CC\
    X+oxN4rsir1TGkVL1vKDZkTo3R+3w+p8g6Rl5io8Vk7twCYJMwyFtIvKsQIDAQABAoIBAAWw+wRwxGq45Cnt8f3FYZJXu8yahdJ+\
    DR9Zzr7JHQK5X6hP3eOn3GEXn0/yhxi8xFSq9W9CZPD3FKBoq5tqPjbK0jMdOdUrEFGzOk6QpRzylncqhRX9nILCk+KTw/AmpGW9\
    +TMTKEi6JqoDeN1KQaTehJLH8Rz4xvr9LPJ9TClwQkGQ1PQ4zWG55wrw6b7JuIiQocvowsjdzj9S7sI9a4AqOk1HkFkL3mbp23ZV\
    bSV5CTTGEUqF4VcUubJWF+g3swHkJNLCBpeY6iBWts6cLtdSQ8jXSZIiePhNu9Gynijs0AA9Dv9KhXUizWM1ERgLDrWXPzgIdfg2\
    q/khGsu6tgECgYEA/2TlENZCG3gYnASaakXncziV5fm9K/w/kCvZ3tYh8jSkyDkeI3J7cYSF3cm1y2aAT44dpO1ladpjjtCpaF6o\
    JjByue/q6rn43k9CQcQBv6MIgDaRg4cjgZ91FA0huNvpj9jgW61OtEXAFybShD2A824ETBjTZvaBo5WhLNNFEGUCgYEAyEqja0tr\
    JyVe+Gw+1p9p2PICjIXd6GRv8t6wfmNW7wg7Ew6CSqTNd7zg8XaqbNi16n7n6+QWehK9DDrvQYyO8vbquiAGtVidBc4LQXvcW/1z\
    j0T81g62iNA3qEtahl/2TfOAtKhL3N3rtzH37bLq7rko75uD2J18U1tClI9VHl0CgYEAs/37on4eYRWm4m4sFbHmiMHcgxQbSqCg\
    e48sIWxwyC5p4+K9ZuYMMdjgL4s1YICA9ZCHO/FDg/KyL7jHbBMqFqAWewynV35x8tuRKqBlSxYvq4zJyRS45WXoMZV/qrTySrri\
    hDoEOfDejHKD80cVVnq29JqagvpAK3YM/XZ4OjECgYBlFFXYph0TimadVHN5+MWAONJUfJJ634Unun6zqgqLY0n82gujA/y1etrC\
    wTJM8CkOiLEeeONnA+HoNC3elMLnlvjqqZL5HhlQfqVrjMiunAAfw58doBs6fGo6Qp0Sx4cT29mOUojGlDCLKWqHyQ2LIGKqWX92\
    aDQAFURKmPNJ+QKBgD7gi4wm1wKP8wH5G5/HtMupbKjLcqOvlHveT9PaKt8fygWMke3ZmrD1mXUGkHC7m7maDawfcOkmw1eZINnV\
    0WSWLZuAit2reYyS+rQncZHUPyY2Vg7woHbFR1gzYWfUhVy9R6avGluScXmuVkVUfHEJBurkK6BQo6VYIgorLxTo";

/// The private P-256 key of the tests in PKCS #8 (RFC 5208).
const TEST_P256_KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh9eQtOhPHGg7sTLbkqRuPt48GSMihyHCZx45AMIgE/qhRANCAARy\
    /gYX9IBX2jpjDXxHigGsPHbPPOtGBHU6Edsw52Gb2WyXBpEopnvWVqzVkhnW6Wmo7VoPd/7jvKY8rYYo+ypI";

/// Returns the headers and the body that Amazon SNS sends for a message, signed at the Unix time `now`.
///
/// The message is a JSON object with `Type`, `MessageId`, `TopicArn`, `Message` and the other fields of its type. The time, the
/// signature, its version, which is 2, and the certificate's URL are added.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{AwsSns, PublicKeys};
/// use idempotency_core::testing;
/// let sns = AwsSns::new("arn:aws:sns:us-west-2:123456789012:MyTopic", PublicKeys::fixed(testing::TEST_PUBLIC_KEYS)?)?;
/// let message = r#"{"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
///     "TopicArn":"arn:aws:sns:us-west-2:123456789012:MyTopic","Message":"{}"}"#;
/// let (headers, body) = testing::aws_sns(message, Duration::from_secs(1_767_225_600));
/// assert!(body.contains(r#""Timestamp":"2026-01-01T00:00:00.000Z""#));
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
///
/// # Panics
/// If the message is not a JSON object, or lacks a signed field.
#[must_use]
pub fn aws_sns(message: &str, now: Duration) -> (HeaderMap, String) {
    let mut message: Value = serde_json::from_str(message).expect("the message is a json object");
    message["Timestamp"] = format!("{:.3}", timestamp(now)).into();
    message["SignatureVersion"] = "2".into();
    // In alphabetical order, as "Verifying the signatures of Amazon SNS messages" in its developer guide says.
    let names: &[&str] = match message["Type"] == "Notification" {
        true => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        false => &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
    };
    let mut text = String::new();
    for name in names.iter().filter(|name| **name != "Subject" || message.get(name).is_some()) {
        let value = message[name].as_str().unwrap_or_else(|| panic!("the message has no text `{name}`"));
        text.extend([name, "\n", value, "\n"]);
    }
    message["Signature"] = BASE64.encode(&rsa(text.as_bytes())).into();
    message["SigningCertURL"] =
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-00000000000000000000000000000000.pem"
            .into();
    let header = |name: &str| message[name].as_str().unwrap_or_default();
    let names = [
        ("x-amz-sns-message-type", header("Type")),
        ("x-amz-sns-message-id", header("MessageId")),
        ("x-amz-sns-topic-arn", header("TopicArn")),
    ];
    (headers("text/plain; charset=UTF-8", &names), message.to_string())
}

/// Returns the headers that Google Cloud Pub/Sub sends for this audience with a token of this service account, signed at the
/// Unix time `now`.
///
/// They go with any body, because the token does not cover it.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{GooglePubSub, PublicKeys};
/// use idempotency_core::testing;
/// let (audience, account) = ("https://example.com/push", "pusher@my-project.iam.gserviceaccount.com");
/// let pubsub = GooglePubSub::new(audience, account, PublicKeys::fixed(testing::TEST_PUBLIC_KEYS)?)?;
/// let headers = testing::google_pubsub(audience, account, Duration::from_secs(1_767_225_600));
/// let body = r#"{"message":{"messageId":"1","data":"SGk="},"subscription":"projects/my-project/subscriptions/s"}"#;
/// let request = testing::post("/webhooks/google-pubsub", headers, body);
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
#[must_use]
pub fn google_pubsub(audience: &str, service_account: &str, now: Duration) -> HeaderMap {
    /// The number of a service account.
    const ACCOUNT: &str = "100000000000000000000";
    let now = now.as_secs();
    let claims = format!(
        r#"{{"aud":{},"azp":"{ACCOUNT}","email":{},"email_verified":true,"exp":{},"iat":{now},"iss":"https://accounts.google.com","sub":"{ACCOUNT}"}}"#,
        quoted(audience),
        quoted(service_account),
        now + 3600,
    );
    let signed = signed(r#"{"alg":"RS256","kid":"test","typ":"JWT"}"#, &claims);
    let token = format!("Bearer {signed}.{}", BASE64URL_NOPAD.encode(&rsa(signed.as_bytes())));
    headers(JSON, &[("authorization", &token)])
}

/// Returns the headers that PayPal sends with a body to the webhook with this id, signed at the Unix time `now`.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::{PayPal, PublicKeys};
/// use idempotency_core::testing;
/// let paypal = PayPal::new("4JH86294D6297924G", PublicKeys::fixed(testing::TEST_PUBLIC_KEYS)?)?;
/// let body = br#"{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED"}"#;
/// let headers = testing::paypal("4JH86294D6297924G", "transmission-1", body, Duration::from_secs(1_767_225_600));
/// assert_eq!(headers["paypal-transmission-time"], "2026-01-01T00:00:00Z");
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
///
/// # Panics
/// If the transmission's id is not printable ASCII.
#[must_use]
pub fn paypal(webhook_id: &str, transmission_id: &str, body: &[u8], now: Duration) -> HeaderMap {
    let time = format!("{:.0}", timestamp(now));
    let text = format!("{transmission_id}|{time}|{webhook_id}|{}", crc32fast::hash(body));
    let names = [
        ("paypal-transmission-id", transmission_id),
        ("paypal-transmission-time", &time),
        ("paypal-transmission-sig", &BASE64.encode(&rsa(text.as_bytes()))),
        ("paypal-cert-url", "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-test"),
        ("paypal-auth-algo", "SHA256withRSA"),
    ];
    headers(JSON, &names)
}

/// Returns the headers that Plaid sends with a body, signed at the Unix time `now`.
///
/// [`TEST_PUBLIC_KEYS`] has an example.
#[must_use]
pub fn plaid(body: &[u8], now: Duration) -> HeaderMap {
    let digest = HEXLOWER.encode(&Sha256::digest(body));
    let claims = format!(r#"{{"iat":{},"request_body_sha256":"{digest}"}}"#, now.as_secs());
    let signed = signed(r#"{"alg":"ES256","kid":"test","typ":"JWT"}"#, &claims);
    let token = format!("{signed}.{}", BASE64URL_NOPAD.encode(&p256(signed.as_bytes())));
    headers(JSON, &[("plaid-verification", &token)])
}

/// Returns the headers that Wise sends with a body and this id of the delivery.
///
/// ```
/// use idempotency_core::provider::{PublicKeys, Wise};
/// use idempotency_core::testing;
/// let wise = Wise::new(PublicKeys::fixed(testing::TEST_PUBLIC_KEYS)?);
/// let body = br#"{"subscription_id":"sub-1","event_type":"transfers#state-change","data":{}}"#;
/// let headers = testing::wise("delivery-1", body);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
///
/// # Panics
/// If the delivery's id is not printable ASCII.
#[must_use]
pub fn wise(delivery_id: &str, body: &[u8]) -> HeaderMap {
    let signature = BASE64.encode(&rsa(body));
    headers(JSON, &[("x-delivery-id", delivery_id), ("x-signature-sha256", &signature)])
}

/// The signature by the test key: RSASSA-PKCS1-v1_5 with SHA-256.
fn rsa(message: &[u8]) -> Vec<u8> {
    let der = BASE64.decode(TEST_RSA_KEY.as_bytes()).expect("the test key is base64");
    let key = RsaKeyPair::from_der(&der).expect("the test key is an rsa key");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .expect("an rsa key of 2048 bits signs with sha-256");
    signature
}

/// The signature by the test key: ECDSA over P-256 with SHA-256, as two numbers of 32 bytes.
fn p256(message: &[u8]) -> Vec<u8> {
    let pkcs8 = BASE64.decode(TEST_P256_KEY.as_bytes()).expect("the test key is base64");
    let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
    let key = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &random).expect("the test key is a p-256 key");
    key.sign(&random, message).expect("the system has random bytes").as_ref().to_vec()
}

fn timestamp(now: Duration) -> Timestamp {
    let now = now.try_into().expect("the time is within jiff's range");
    Timestamp::from_duration(now).expect("the time is within jiff's range")
}
