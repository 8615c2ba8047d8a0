//! Certificates: every change is refused, and nothing is fetched from where they are not.

use data_encoding::BASE64;
use serde_json::json;

use super::signer::{Rsa, certificate};
use super::source::{Answer, Source};
use super::*;

const SNS_URL: &str =
    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem";
pub(super) const PAYPAL_URL: &str = "https://api.paypal.com/v1/notifications/certs/CERT-test";
pub(super) const WEBHOOK_ID: &str = "4JH86294D6297924G";
pub(super) const ID: &str = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";
const SNS_NAME: &str = "sns.amazonaws.com";
pub(super) const PAYPAL_NAME: &str = "messageverificationcerts.paypal.com";

/// A signed notification of SNS.
pub(super) fn notification(key: &Rsa, topic: &str, id: &str, message: &str) -> Request {
    notification_at("2026-01-01T00:00:00.000Z", key, topic, id, message)
}

/// A notification of SNS that is signed with this time.
pub(super) fn notification_at(time: &str, key: &Rsa, topic: &str, id: &str, message: &str) -> Request {
    let text = format!(
        "Message\n{message}\nMessageId\n{id}\nTimestamp\n{time}\nTopicArn\n{topic}\nType\nNotification\n"
    );
    let body = json!({
        "Type": "Notification", "MessageId": id, "TopicArn": topic, "Message": message, "Timestamp": time,
        "SignatureVersion": "2", "Signature": BASE64.encode(&key.sign(text.as_bytes())), "SigningCertURL": SNS_URL,
    });
    Request::new(Default::default(), body.to_string(), NOW)
}

/// A signed transmission of PayPal.
pub(super) fn transmission(key: &Rsa, id: &str, body: &str) -> Request {
    transmission_at("2026-01-01T00:00:00Z", key, id, body)
}

/// A transmission of PayPal that is signed with this time.
pub(super) fn transmission_at(time: &str, key: &Rsa, id: &str, body: &str) -> Request {
    let text = format!("{id}|{time}|{WEBHOOK_ID}|{}", crc32(body.as_bytes()));
    Request::new(Default::default(), body.to_owned(), NOW)
        .with("paypal-transmission-id", id)
        .with("paypal-transmission-time", time)
        .with("paypal-transmission-sig", &BASE64.encode(&key.sign(text.as_bytes())))
        .with("paypal-cert-url", PAYPAL_URL)
        .with("paypal-auth-algo", "SHA256withRSA")
}

/// CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// The request with another signature.
fn with_signature(sender: &str, request: &Request, signature: &str) -> Request {
    match sender {
        "paypal" => request.clone().with("paypal-transmission-sig", signature),
        _ => with_body(request, &signature_of(sender, request), signature),
    }
}

fn signature_of(sender: &str, request: &Request) -> String {
    match sender {
        "paypal" => request.headers["paypal-transmission-sig"].to_str().unwrap().to_owned(),
        _ => {
            let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            body["Signature"].as_str().unwrap().to_owned()
        }
    }
}

/// The request with another URL of the certificate.
fn with_url(sender: &str, request: &Request, url: &str) -> Request {
    match sender {
        "paypal" => request.clone().with("paypal-cert-url", url),
        _ => with_body(request, SNS_URL, url),
    }
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_signature_is_refused() {
    for sender in ["aws-sns", "paypal"] {
        let (request, provider) = genuine(sender);
        assert!(request.received_by(&*provider).is_ok());
        let text = signature_of(sender, &request);
        let bytes = BASE64.decode(text.as_bytes()).unwrap();
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let request = with_signature(sender, &request, &BASE64.encode(&flipped));
            assert_unauthenticated(&*provider, &request, &format!("byte {at} with bit {bit} flipped"));
        }
        for len in 0..text.len() {
            let request = with_signature(sender, &request, &text[..len]);
            assert_unauthenticated(&*provider, &request, &format!("a signature cut to {len} characters"));
        }
        for other in [
            format!("{text}AAAA"),
            text.trim_end_matches('=').to_owned(),
            text.replace('/', "_").replace('+', "-"),
            BASE64.encode(&[&[0], &bytes[..]].concat()),
            BASE64.encode(&vec![0; 256]),
            BASE64.encode(&vec![1; 2_000]),
            "A".repeat(100_000),
        ] {
            assert_unauthenticated(&*provider, &with_signature(sender, &request, &other), "another form");
        }
    }
}

#[test]
fn every_change_of_a_signed_field_of_sns_is_refused() {
    let (request, sns) = genuine("aws-sns");
    for (from, to) in [
        ("Hello world", "Hello World"),
        ("Hello world! ", "Hello world!  "),
        ("22b80b92", "22b80b93"),
        ("My First Message", "My Last Message"),
        (r#""Subject": "My First Message","#, ""),
        ("00:54:06.655Z", "00:54:06.656Z"),
        (r#""Type": "Notification""#, r#""Type": "SubscriptionConfirmation""#),
        (r#""Type": "Notification""#, r#""Type": "Other""#),
        (
            r#""TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic""#,
            r#""TopicArn": "arn:aws:sns:us-west-2:123456789012:Other""#,
        ),
        (r#""SignatureVersion": "1""#, r#""SignatureVersion": "2""#),
        (r#""SignatureVersion": "1""#, r#""SignatureVersion": "3""#),
        (r#""SignatureVersion": "1""#, r#""SignatureVersion": 1"#),
        (r#""SignatureVersion": "1""#, r#""SignatureVersion": "none""#),
        (r#""SignatureVersion": "1","#, ""),
        (r#""Timestamp": "2012-05-02T00:54:06.655Z","#, ""),
        (r#"{"#, r#"{"MessageId":"00000000-0000-4000-8000-000000000000","#),
        (r#"{"#, r#"["#),
    ] {
        assert_unauthenticated(&*sns, &with_body(&request, from, to), to);
    }
}

/// Another reader of the body would see another message than the signed one.
#[test]
fn a_signed_field_of_sns_that_is_no_text_is_refused() {
    let key = Rsa::new();
    let sns = AwsSns::new(TOPIC, PublicKeys::fixed(key.jwk("1").to_string()).unwrap()).unwrap();
    let genuine = notification(&key, TOPIC, ID, r#"{"paid":1}"#);
    let fields: serde_json::Value = serde_json::from_slice(&genuine.body).unwrap();
    let with = |name: &str, value: &serde_json::Value| {
        let mut fields = fields.clone();
        fields[name] = value.clone();
        bearing(&genuine, fields.to_string())
    };
    for name in
        ["Message", "MessageId", "TopicArn", "Timestamp", "Type", "SignatureVersion", "SigningCertURL"]
    {
        let object = json!({"id": fields[name], "paid": 1_000_000});
        for value in [object, json!([fields[name]]), json!(7), json!(true), json!(null)] {
            assert_unauthenticated(&sns, &with(name, &value), &format!("{name}: {value}"));
        }
    }
    // The genuine notification has none.
    for value in [json!(7), json!(["forged"]), json!({"forged": true}), json!(false), json!("")] {
        assert_unauthenticated(&sns, &with("Subject", &value), &format!("Subject: {value}"));
    }
    assert!(with("Subject", &json!(null)).received_by(&sns).is_ok(), "null is no subject");
}

#[test]
fn an_id_of_sns_that_is_no_uuid_and_a_line_break_in_a_signed_field_are_refused_however_they_are_signed() {
    let key = Rsa::new();
    let keys = PublicKeys::fixed(certificate(SNS_NAME, None, 0, 1)).unwrap();
    let sns = AwsSns::new(TOPIC, keys).unwrap();
    assert!(
        notification(&key, TOPIC, ID, "a\nb").received_by(&sns).is_ok(),
        "a message may have line breaks"
    );
    let time = "2026-01-01T00:00:00.000Z";
    for (time, id) in [
        (time, "1"),
        (time, ""),
        (time, &*ID.to_uppercase()),
        (time, &*ID.replace('-', "0")),
        (time, &*format!("{ID}\nSubject\nx")),
        (&*format!("{time}\n"), ID),
    ] {
        let received = notification_at(time, &key, TOPIC, id, "m").received_by(&sns);
        assert_eq!(refused(received), RejectionKind::Malformed, "{time} {id}");
    }
}

#[test]
fn every_change_of_what_paypal_signs_is_refused() {
    let (key, body) = (Rsa::new(), r#"{"id":"WH-1"}"#);
    let keys = || PublicKeys::fixed(certificate(PAYPAL_NAME, None, 0, 1)).unwrap();
    let paypal = PayPal::new(WEBHOOK_ID, keys()).unwrap();
    let request = transmission(&key, "t-1", body);
    assert!(request.received_by(&paypal).is_ok());
    for (name, value) in [
        ("paypal-transmission-id", "t-2"),
        ("paypal-transmission-id", "t-1|2026-01-01T00:00:00Z"),
        ("paypal-transmission-id", &*"t".repeat(51)),
        ("paypal-transmission-time", "2026-01-01T00:00:01Z"),
        ("paypal-transmission-time", ""),
        ("paypal-auth-algo", "SHA1withRSA"),
        ("paypal-auth-algo", "sha256withrsa"),
        ("paypal-auth-algo", "none"),
        ("paypal-auth-algo", ""),
        ("paypal-transmission-sig", ""),
        ("paypal-cert-url", ""),
    ] {
        assert_unauthenticated(&paypal, &request.clone().with(name, value), value);
    }
    for name in request.headers.keys() {
        let mut missing = request.clone();
        missing.headers.remove(name);
        assert_unauthenticated(&paypal, &missing, name.as_str());
        let mut repeated = request.clone();
        repeated.headers.append(name, request.headers[name].clone());
        assert_eq!(refused(repeated.received_by(&paypal)), RejectionKind::Malformed, "{name}");
    }
    for at in 0..body.len() {
        let mut changed = body.as_bytes().to_vec();
        changed[at] ^= 1;
        assert_unauthenticated(&paypal, &bearing(&request, changed), "a changed body");
    }
    // Of the parts, a `|` could move a border.
    let split = transmission(&key, "t|1", body);
    assert_unauthenticated(&paypal, &split, "a separator in the id");
    assert_unauthenticated(&PayPal::new("0AB12345CD678901E", keys()).unwrap(), &request, "another webhook");
    assert!(PayPal::new("a|b", keys()).is_err() && PayPal::new("", keys()).is_err());
}

#[test]
fn a_signature_by_another_key_is_refused() {
    let key = Rsa::new();
    let keys = PublicKeys::fixed(named("aws-sns", "valid-notification").public_key.unwrap()).unwrap();
    let sns = AwsSns::new(TOPIC, keys.clone()).unwrap();
    assert_unauthenticated(&sns, &notification(&key, TOPIC, ID, "m"), "another key");
    let paypal = PayPal::new(WEBHOOK_ID, keys).unwrap();
    assert_unauthenticated(&paypal, &transmission(&key, "t", r#"{"id":"1"}"#), "another key");
}

/// Its request, the provider with a source, the URL of the certificate and a name that it may have.
fn fetching(sender: &str, source: &Source) -> (Request, Box<dyn Provider>) {
    let (key, cached) = (Rsa::new(), source.cached().0);
    match sender {
        "paypal" => {
            (transmission(&key, "t", r#"{"id":"1"}"#), Box::new(PayPal::new(WEBHOOK_ID, cached).unwrap()))
        }
        _ => (notification(&key, TOPIC, ID, "m"), Box::new(AwsSns::new(TOPIC, cached).unwrap())),
    }
}

#[tokio::test]
async fn nothing_is_fetched_from_a_url_that_is_not_the_senders() {
    for (sender, url, host) in
        [("aws-sns", SNS_URL, "sns.us-east-1.amazonaws.com"), ("paypal", PAYPAL_URL, "api.paypal.com")]
    {
        let source = Source::new();
        let (request, provider) = fetching(sender, &source);
        let replaced = |to: &str| url.replace(host, to);
        for url in [
            url.replace("https", "http"),
            url.replace("https://", "//"),
            url.replace("https", "file"),
            replaced("127.0.0.1"),
            replaced("localhost"),
            replaced("169.254.169.254"),
            replaced("evil.example"),
            replaced(&format!("{host}.evil.example")),
            replaced(&format!("{host}:443")),
            replaced(&format!("{host}:8443")),
            replaced(&format!("user@{host}")),
            replaced(&format!("user:password@{host}")),
            replaced(&format!("{host}@evil.example")),
            replaced(&format!("evil.example/{host}")),
            replaced(&format!("evil{host}")),
            replaced(&format!("{host}.")),
            replaced(&host.to_uppercase()),
            replaced("sns.s3-us-west-2.amazonaws.com"),
            replaced("www.paypal.com"),
            replaced("api.paypal.com.evil.example"),
            replaced("api-paypal.com"),
            format!("{url}?x"),
            format!("{url}#x"),
            format!("{url}/../x"),
            format!("{url}%2f"),
            format!("https://{host}/x.pem"),
            format!("https://{host}"),
            String::new(),
        ] {
            let received = receive(&*provider, &with_url(sender, &request, &url)).await;
            assert_eq!(refused(received), RejectionKind::Unauthenticated, "{url}");
            assert!(source.asked().is_empty(), "{url} was fetched");
        }
    }
}

#[tokio::test]
async fn nothing_is_fetched_for_a_request_that_names_another_algorithm_or_topic() {
    let source = Source::new();
    let (request, sns) = fetching("aws-sns", &source);
    let (transmission, paypal) = fetching("paypal", &source);
    for (provider, request) in [
        (&*sns, with_body(&request, "MyTopic", "TheirTopic")),
        (&*sns, with_body(&request, r#""SignatureVersion":"2""#, r#""SignatureVersion":"3""#)),
        (&*sns, with_body(&request, "Notification", "Other")),
        (&*paypal, transmission.clone().with("paypal-auth-algo", "SHA1withRSA")),
        (&*paypal, transmission.with("paypal-transmission-sig", "!")),
    ] {
        assert_eq!(refused(receive(provider, &request).await), RejectionKind::Unauthenticated);
    }
    assert!(source.asked().is_empty());
}

#[tokio::test]
async fn a_fetched_certificate_needs_the_senders_name_and_must_be_valid_now() {
    let whole = [-60, 60];
    for (sender, url, name) in [("aws-sns", SNS_URL, SNS_NAME), ("paypal", PAYPAL_URL, PAYPAL_NAME)] {
        for (common_name, dns_name, [from, to], is_accepted) in [
            (name, None, whole, true),
            ("x", Some(name), whole, true),
            (name, None, [0, 1], true),
            (name, None, [-1, 0], true),
            (name, None, [1, 60], false),
            (name, None, [-60, -1], false),
            ("x", None, whole, false),
            ("x", Some("evil.example"), whole, false),
            (&*format!("{name}.evil.example"), None, whole, false),
            (&*format!("evil{name}"), None, whole, false),
            ("www.paypal.com", Some("s3.amazonaws.com"), whole, false),
        ] {
            let source = Source::holding(url, certificate(common_name, dns_name, from, to));
            let (request, provider) = fetching(sender, &source);
            let received = receive(&*provider, &request).await;
            assert_eq!(source.asked(), [url]);
            match is_accepted {
                true => assert!(received.is_ok(), "{sender}: {common_name} {dns_name:?} {from} {to}"),
                false => {
                    assert_eq!(refused(received), RejectionKind::Unauthenticated, "{sender}: {common_name}");
                }
            }
        }
        // A bare key has no name, and the further certificates of a chain are no keys of the sender.
        let bare = Source::holding(url, Rsa::new().jwk("a"));
        let (request, provider) = fetching(sender, &bare);
        assert_eq!(refused(receive(&*provider, &request).await), RejectionKind::Unauthenticated);
        let chain = certificate(name, None, -1, 1) + &certificate("An authority", None, -1, 1);
        let source = Source::holding(url, chain);
        let (request, provider) = fetching(sender, &source);
        assert!(receive(&*provider, &request).await.is_ok());
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_there_is_401_and_one_out_of_reach_is_503() {
    for (sender, url) in [("aws-sns", SNS_URL), ("paypal", PAYPAL_URL)] {
        let source = Source::new();
        let (request, provider) = fetching(sender, &source);
        assert_eq!(refused(receive(&*provider, &request).await), RejectionKind::Unauthenticated, "{sender}");
        for failure in [Answer::Down, Answer::Document("-----BEGIN CERTIFICATE-----\nAAAA".to_owned())] {
            source.set(url, failure);
            let (request, provider) = fetching(sender, &source);
            assert_eq!(refused(receive(&*provider, &request).await), RejectionKind::Unavailable, "{sender}");
        }
    }
}
