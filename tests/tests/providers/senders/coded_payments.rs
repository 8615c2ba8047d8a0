//! Adyen and Braintree: which parts are signed, and what a signature must not prove.

use http::Method;
use idempotency_core::provider::{Adyen, Braintree, Provider as _, Received, RejectionKind, SecretError};
use idempotency_core::testing::{self, Signer};
use idempotency_tests::vectors::Request;

use super::cases::NOW;
use super::{address, deliveries, delivery};

const HMAC_KEY: &str = "DFB1EB5485895CFA84146406857104ABB4CBCABDC8AAF103A624C8F6A3EAAB00";
const ITEM: &str = r#"{"pspReference":"1","merchantAccountCode":"Acct","merchantReference":"42","amount":{"value":1,"currency":"EUR"},"eventCode":"CAPTURE","success":"true"}"#;

fn adyen() -> Adyen {
    Adyen::new(HMAC_KEY).unwrap()
}

fn items(items: &[&str]) -> Request {
    let (headers, body) = testing::adyen(HMAC_KEY, items);
    Request::new(headers, body, NOW)
}

fn with_body(request: &Request, body: String) -> Request {
    let mut request = request.clone();
    request.body = body.into();
    request
}

fn kind(received: Result<Received, idempotency_core::provider::Rejection>) -> RejectionKind {
    received.expect_err("it was accepted").kind()
}

#[test]
fn one_item_of_adyen_with_a_wrong_signature_makes_the_request_refused() {
    let second = ITEM.replace("\"1\"", "\"2\"");
    let both = items(&[ITEM, &second]);
    let keys: Vec<_> =
        deliveries(&both, &adyen()).iter().map(|item| item.key().as_str().to_owned()).collect();
    assert_eq!(keys, ["1;CAPTURE;true", "2;CAPTURE;true"]);
    let text = String::from_utf8(both.body.to_vec()).unwrap();
    for forged in ["\"1\"", "\"2\""].map(|reference| text.replace(reference, "\"3\"")) {
        assert_eq!(kind(with_body(&both, forged).received_by(&adyen())), RejectionKind::Unauthenticated);
    }
    let unsigned = text.replacen("hmacSignature", "other", 1);
    assert_eq!(kind(with_body(&both, unsigned).received_by(&adyen())), RejectionKind::Unauthenticated);
}

/// The fields are joined with colons, which are not escaped.
#[test]
fn a_colon_cannot_move_a_border_between_adyens_fields() {
    let genuine = items(&[&ITEM.replace("\"42\"", "\"shop:42:a\"")]);
    deliveries(&genuine, &adyen());
    let text = String::from_utf8(genuine.body.to_vec()).unwrap();
    let moved = text.replace("\"Acct\"", "\"Acct:shop\"").replace("\"shop:42:a\"", "\"42:a\"");
    assert_ne!(moved, text);
    assert_eq!(kind(with_body(&genuine, moved).received_by(&adyen())), RejectionKind::Malformed);
    let reference = items(&[&ITEM.replace("\"1\"", "\"1:2\"")]);
    assert_eq!(kind(reference.received_by(&adyen())), RejectionKind::Malformed);
}

#[test]
fn an_item_of_adyen_is_read_in_one_way_or_refused() {
    let text = String::from_utf8(items(&[ITEM]).body.to_vec()).unwrap();
    let repeated = text.replace("\"pspReference\":\"1\"", "\"pspReference\":\"1\",\"pspReference\":\"1\"");
    let wrapped = text.replace("\"pspReference\":\"1\"", "\"pspReference\":{\"id\":\"1\"}");
    for body in [repeated, wrapped] {
        assert_ne!(body, text);
        let request = with_body(&items(&[ITEM]), body);
        assert_eq!(kind(request.received_by(&adyen())), RejectionKind::Unauthenticated);
    }
    let without = items(&[&ITEM.replace("\"success\":\"true\"", "\"reason\":\"\"")]);
    assert_eq!(kind(without.received_by(&adyen())), RejectionKind::KeyMissing);
    // An empty list has no signature.
    assert_eq!(kind(items(&[]).received_by(&adyen())), RejectionKind::Unauthenticated);
}

/// Adyen signs a missing field as an empty text. A value of another kind is not missing.
#[test]
fn a_signed_field_of_adyen_cannot_be_added_as_a_value_of_another_kind() {
    let short = ITEM.replace(r#""amount":{"value":1,"currency":"EUR"},"#, "");
    assert_ne!(short, ITEM);
    let genuine = items(&[&short]);
    let text = String::from_utf8(genuine.body.to_vec()).unwrap();
    let with = |added: &str| with_body(&genuine, text.replacen("\"psp", &format!("{added},\"psp"), 1));
    for added in [r#""amount":null"#, r#""amount":{"value":null}"#, r#""originalReference":"""#] {
        deliveries(&with(added), &adyen());
    }
    for added in [
        r#""amount":{"value":1000000.0}"#,
        r#""amount":{"value":1e6}"#,
        r#""amount":"EUR 10000.00""#,
        r#""amount":1000000"#,
        r#""amount":true"#,
        r#""amount":["",""]"#,
        r#""amount":[{"value":1000000,"currency":"EUR"}]"#,
        r#""originalReference":["2"]"#,
        r#""originalReference":{"id":"2"}"#,
        r#""originalReference":true"#,
    ] {
        assert_eq!(kind(with(added).received_by(&adyen())), RejectionKind::Unauthenticated, "{added}");
    }
}

#[test]
fn a_webhook_of_adyens_platform_is_signed_as_a_whole_and_keyed_by_its_content() {
    // The secret of the signer is text, and these bytes are text.
    let secret = "secret of the platform";
    let provider = Adyen::new(secret.bytes().map(|byte| format!("{byte:02x}")).collect::<String>()).unwrap();
    let signer = Signer::hmac_sha256(secret).in_base64().with_header("hmacsignature", "{signature}");
    let of = |body: &str| Request::new(signer.sign("", body.as_bytes(), NOW), body.to_owned(), NOW);
    let [a, b] =
        [1, 2].map(|n| format!(r#"{{"type":"balancePlatform.transfer.updated","data":{{"n":{n}}}}}"#));
    let [first, again, other] = [&a, &a, &b].map(|body| delivery(&of(body), &provider));
    assert_eq!(address(&first), address(&again));
    assert_ne!(address(&first), address(&other));
    assert_eq!(first.attributes().event_type(), Some("balancePlatform.transfer.updated"));
    let forged = with_body(&of(&a), b);
    assert_eq!(kind(forged.received_by(&provider)), RejectionKind::Unauthenticated);
    // A body with signed items does not make up for a wrong header.
    let both = items(&[ITEM]).with("hmacsignature", "AAAA");
    assert_eq!(kind(both.received_by(&adyen())), RejectionKind::Unauthenticated);
}

/// The signed text of an item is its joined fields, and that of the platform is the body.
#[test]
fn a_signature_of_an_item_of_adyen_is_none_of_a_body() {
    let genuine = items(&[ITEM]);
    let text = String::from_utf8(genuine.body.to_vec()).unwrap();
    let (_, rest) = text.split_once(r#""hmacSignature":""#).unwrap();
    let (signature, _) = rest.split_once('"').unwrap();
    let forged = with_body(&genuine, "1::Acct:42:1:EUR:CAPTURE:true".to_owned());
    let forged = forged.with("hmacsignature", signature);
    assert_eq!(kind(forged.received_by(&adyen())), RejectionKind::Malformed);
}

#[test]
fn a_signature_of_a_body_of_adyen_is_none_of_an_item() {
    for start in ["{", " \n{"] {
        let item = ITEM.replace("\"1\"", &serde_json::json!(format!("{start}\"type\"")).to_string());
        assert_eq!(kind(items(&[&item]).received_by(&adyen())), RejectionKind::Malformed, "{item}");
    }
}

#[test]
fn adyens_keys_are_hexadecimal_and_its_records_outlive_its_retries() {
    for key in ["not hex", "0", "00f"] {
        assert!(matches!(Adyen::new(key), Err(SecretError::Malformed(_))), "{key}");
        assert!(matches!(adyen().with_secret(key), Err(SecretError::Malformed(_))), "{key}");
    }
    assert!(adyen().policy().retention().as_secs() >= 60 * 86_400);
}

fn braintree() -> Braintree {
    Braintree::new("public|private").unwrap()
}

fn challenge(challenge: &str) -> Request {
    let mut request = Request::new(http::HeaderMap::new(), "", NOW);
    request.method = Method::GET;
    request.uri = format!("/webhooks?bt_challenge={challenge}").parse().unwrap();
    request
}

/// Braintree signs both in the same way, so an answer is the signature of a payload.
#[test]
fn no_challenge_of_braintree_signs_a_payload() {
    let text = "20f9f8ed05f77439fe955c977e4c8a53";
    // The second one is text in base64, as a payload is.
    for text in [text, "a000a000a000a000a000"] {
        let Ok(Received::Handshake(answer)) = challenge(text).received_by(&braintree()) else { panic!() };
        let answer = String::from_utf8(answer.body.to_vec()).unwrap().replace('|', "%7C");
        let form = format!("bt_signature={answer}&bt_payload={text}");
        let forged = Request::new(http::HeaderMap::new(), form, NOW);
        assert_eq!(kind(forged.received_by(&braintree())), RejectionKind::Malformed, "{text}");
    }
    let long = "a".repeat(33);
    for text in ["", "abc", "20F9F8ED05F77439FE955C977E4C8A53", "PG5vdGlmaWNhdGlvbj4K", &long] {
        assert_eq!(kind(challenge(text).received_by(&braintree())), RejectionKind::Unauthenticated, "{text}");
    }
    // The first pair of keys answers.
    let rotating = braintree().with_secret("other|key").unwrap();
    let Ok(Received::Handshake(answer)) = challenge(text).received_by(&rotating) else { panic!() };
    assert!(answer.body.starts_with(b"public|"));
}

#[test]
fn a_braintree_signature_counts_under_its_public_key_only() {
    let (headers, form) = testing::braintree("public|private", "<n><kind>check</kind></n>");
    let of = |form: String| Request::new(headers.clone(), form, NOW).received_by(&braintree());
    assert!(of(form.clone()).is_ok());
    assert_eq!(kind(of(form.replace("=public", "=another"))), RejectionKind::Unauthenticated);
    let both = form.replace("bt_signature=", "bt_signature=another%7C00%26");
    assert!(of(both).is_ok());
    for repeated in ["&bt_payload=x", "&bt_signature=x"] {
        assert_eq!(kind(of(format!("{form}{repeated}"))), RejectionKind::Unauthenticated);
    }
}

#[test]
fn a_braintree_notification_has_its_kind_as_the_type_if_there_is_one() {
    for (xml, expected) in [
        ("<notification><kind>subscription_canceled</kind></notification>", Some("subscription_canceled")),
        ("<notification><kind>a</kind><kind>b</kind></notification>", None),
        ("<notification></notification>", None),
        ("<notification><kind></kind></notification>", None),
    ] {
        let (headers, form) = testing::braintree("public|private", xml);
        let delivery = delivery(&Request::new(headers, form, NOW), &braintree());
        assert_eq!(delivery.attributes().event_type(), expected, "{xml}");
    }
}

#[test]
fn braintrees_keys_are_two() {
    for keys in ["public", "public|", "|private", " | "] {
        assert!(matches!(Braintree::new(keys), Err(SecretError::Malformed(_))), "{keys}");
        assert!(matches!(braintree().with_secret(keys), Err(SecretError::Malformed(_))), "{keys}");
    }
    // A private key may have any character.
    assert!(Braintree::new("public|a|b").is_ok());
}
