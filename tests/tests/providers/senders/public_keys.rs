//! Senders that sign with a private key: the forms of their public keys, and what no signature matches.

use http::HeaderValue;
use idempotency_core::provider::{
    Handshake, Place, Received, RejectionKind, Scheme, SchemeError, Secret, SecretError, Secrets, senders,
};
use idempotency_core::testing;
use idempotency_tests::vectors::load;

use super::cases::{NOW, SECRETS, named};
use super::requests::{provider, signed, signed_by};

const ED25519: Scheme = Scheme::ed25519("acme").signature_header("x-sig").key_in(Place::Json("/id"));
const P256: Scheme = Scheme::ecdsa_p256("acme").signature_header("x-sig").base64().key_in(Place::Json("/id"));

const BODY: &str = r#"{"id":"evt_1"}"#;

/// The DER before a key.
const ED25519_INFO: &str = "302a300506032b6570032100";
const P256_INFO: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

fn bytes(hex: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}

/// The bare key of the tests in hexadecimal, and all of its forms.
fn forms(scheme: &Scheme) -> (String, Vec<String>) {
    let shown = testing::public_key(scheme, SECRETS[0]).unwrap();
    let (bare, info) = match data_encoding::BASE64.decode(shown.as_bytes()).ok().filter(|key| key.len() == 91)
    {
        Some(key) => (data_encoding::HEXLOWER.encode(&key[key.len() - 65..]), P256_INFO),
        None => (shown, ED25519_INFO),
    };
    let whole = base64(&bytes(&format!("{info}{bare}")));
    let (first, rest) = whole.split_at(40);
    let forms = vec![
        bare.clone(),
        bare.to_uppercase(),
        format!("  {bare}\n"),
        base64(&bytes(&bare)),
        base64(&bytes(&bare)).trim_end_matches('=').to_owned(),
        format!("{info}{bare}"),
        whole.clone(),
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{rest}\n-----END PUBLIC KEY-----\n"),
        format!("-----BEGIN PUBLIC KEY-----\r\n{whole}\r\n-----END PUBLIC KEY-----"),
        format!(r"-----BEGIN PUBLIC KEY-----\n{whole}\n-----END PUBLIC KEY-----\n")
            .trim_end_matches(r"\n")
            .to_owned(),
    ];
    (bare, forms)
}

#[test]
fn a_public_key_is_read_in_every_form_that_senders_show() {
    for scheme in [ED25519, P256] {
        let (bare, forms) = forms(&scheme);
        let request = signed(&scheme, "", BODY);
        for form in &forms {
            let acme = scheme.clone().with_secret(form).unwrap_or_else(|error| panic!("{form}: {error}"));
            assert!(request.received_by(&acme).is_ok(), "{form}");
        }
        for raw in [bytes(&bare), forms[7].clone().into_bytes()] {
            let acme = scheme.clone().with_secrets(Secrets::one(Secret::raw(raw).unwrap())).unwrap();
            assert!(request.received_by(&acme).is_ok());
        }
    }
}

#[test]
fn a_malformed_public_key_is_refused_when_the_provider_is_made() {
    for scheme in [ED25519, P256] {
        let (bare, forms) = forms(&scheme);
        let whole = &forms[6];
        let mut texts = vec![
            "x".to_owned(),
            bare[2..].to_owned(),
            format!("{bare}00"),
            format!("{}00", &bare[1..]),
            format!("30{}", &forms[5]),
            whole[..whole.len() - 8].to_owned(),
            format!("-----BEGIN PRIVATE KEY-----\n{whole}\n-----END PRIVATE KEY-----"),
            format!("-----BEGIN PUBLIC KEY-----\n{whole}"),
            format!(
                "-----BEGIN PUBLIC KEY-----\n{whole}\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----"
            ),
            SECRETS[0].to_owned(),
            // Not on the curve.
            format!("04{}", "11".repeat(64)),
            "00".to_owned(),
        ];
        // The points of small order, with which a signature of anything can be made.
        texts.extend(["00".repeat(32), format!("01{}", "00".repeat(31)), format!("ec{}7f", "ff".repeat(30))]);
        for text in texts {
            match scheme.clone().with_secret(&text) {
                Err(SchemeError::Secret(SecretError::Malformed(expected))) => {
                    assert!(expected.contains("public key"), "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        for (blank, expected) in [("", SecretError::Blank), ("'00'", SecretError::Quoted)] {
            let refused = scheme.clone().with_secret(blank).unwrap_err();
            assert_eq!(refused, SchemeError::Secret(expected), "{blank}");
        }
    }
}

#[test]
fn a_key_of_the_other_curve_is_refused() {
    let [ed25519, p256] = [ED25519, P256].map(|scheme| testing::public_key(&scheme, SECRETS[0]).unwrap());
    assert!(ED25519.with_secret(p256).is_err());
    assert!(P256.with_secret(ed25519).is_err());
}

#[test]
fn the_recorded_signatures_of_sendgrid_are_accepted_and_every_change_is_refused() {
    let scheme = Scheme::ecdsa_p256("sendgrid")
        .signature_header("x-twilio-email-event-webhook-signature")
        .base64()
        .timestamp_header("x-twilio-email-event-webhook-timestamp")
        .any_age()
        .signing("{timestamp}{body}")
        .key_in(Place::Digest);
    let mut seen = [0, 0];
    for vector in load("sendgrid") {
        let received = vector.request().received_by(&scheme.clone().with_secret(&vector.secret).unwrap());
        assert_eq!(received.is_ok(), vector.valid, "{}: {received:?}", vector.id);
        seen[usize::from(vector.valid)] += 1;
    }
    assert!(seen.iter().all(|count| *count >= 3), "{seen:?}");
}

/// Anyone can make it, so no key may depend on a signature.
#[test]
fn the_second_signature_of_an_ecdsa_signature_is_accepted() {
    /// The order of the group.
    const N: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let mut request = signed(&P256, "", BODY);
    let der = data_encoding::BASE64.decode(request.headers["x-sig"].as_bytes()).unwrap();
    let r = &der[4..4 + usize::from(der[3])];
    let s = &der[6 + r.len()..];
    // n - s, byte by byte.
    let (n, mut borrow) = (bytes(N), 0_i16);
    let s: Vec<u8> = std::iter::repeat_n(0, 32_usize.saturating_sub(s.len()))
        .chain(s.iter().copied().skip(s.len().saturating_sub(32)))
        .collect();
    let mut other = [0; 32];
    for at in (0..32).rev() {
        let difference = i16::from(n[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(difference < 0);
        other[at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let start = other.iter().position(|byte| *byte != 0).unwrap();
    let mut other = other[start..].to_vec();
    if other[0] >= 0x80 {
        other.insert(0, 0);
    }
    let len = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let integer = |bytes: &[u8]| [&[2, len(bytes)][..], bytes].concat();
    let both = [integer(r), integer(&other)].concat();
    let der = [&[0x30, len(&both)][..], &both].concat();
    request.headers.insert("x-sig", HeaderValue::from_str(&base64(&der)).unwrap());
    assert!(request.received_by(&provider(&P256)).is_ok());
}

#[test]
fn only_the_first_eight_signatures_are_tried() {
    for scheme in [ED25519, P256] {
        let scheme = scheme.items(',');
        let request = signed(&scheme, "", BODY);
        let genuine = request.headers["x-sig"].to_str().unwrap().to_owned();
        let other = signed_by(&scheme, SECRETS[1], "", BODY).headers["x-sig"].to_str().unwrap().to_owned();
        for (others, is_accepted) in [(7, true), (8, false)] {
            let header = format!("{}{genuine}", format!("{other},").repeat(others));
            let received = request.clone().with("x-sig", &header).received_by(&provider(&scheme));
            assert_eq!(received.is_ok(), is_accepted, "{others} others before it");
        }
        let long = format!("{},{genuine}", "0".repeat(100_000));
        assert!(request.with("x-sig", &long).received_by(&provider(&scheme)).is_ok());
    }
}

#[test]
fn discord_is_answered_its_ping_and_no_event_is_taken_for_one() {
    let answer = |sender: &str, body: &str| {
        let case = named(sender);
        match case.signed(0, ("", body), NOW).received_by(&case.provider()) {
            Ok(Received::Handshake(answer)) => Some((answer.status.as_u16(), answer.body)),
            Ok(_) => None,
            Err(rejection) => Some((0, format!("{:?}", rejection.kind()).into())),
        }
    };
    let ping = r#"{"application_id":"1","id":"786008729715212339","token":"t","type":1,"version":1}"#;
    assert_eq!(answer("discord", ping), Some((200, r#"{"type":1}"#.into())));
    // An event has the type of an interaction's ping.
    assert_eq!(answer("discord", named("discord-events").event.1), Some((0, "KeyMissing".into())));
    assert_eq!(answer("discord", named("discord").event.1), None);
    let ping = r#"{"version":1,"application_id":"1","type":0}"#;
    assert_eq!(answer("discord-events", ping), Some((204, "".into())));
    assert_eq!(answer("discord-events", named("discord-events").event.1), None);
    let case = named("discord");
    let forged = case.signed(1, ("", r#"{"id":"1","type":1}"#), NOW).received_by(&case.provider());
    assert_eq!(forged.unwrap_err().kind(), RejectionKind::Unauthenticated);
}

#[test]
fn a_setting_that_does_not_fit_a_key_pair_is_refused_when_the_provider_is_made() {
    let secret = testing::public_key(&ED25519, SECRETS[0]).unwrap();
    let when = ("/type", "check");
    let signs = Handshake::SignJson { pointer: "/text", when, plain: "plain", signed: "signed" };
    let fails = Handshake::Answer { when, status: 404, json: "" };
    let wrong = [
        ("a form of the secret", ED25519.secret_in_hex()),
        ("an answer signed with a secret", ED25519.handshake(signs)),
        ("an answer that is no success", ED25519.handshake(fails)),
    ];
    for (what, scheme) in wrong {
        assert!(matches!(scheme.with_secret(&secret), Err(SchemeError::Setting(_))), "{what}");
    }
    assert_eq!(testing::public_key(&senders::SQUARE, SECRETS[0]), None);
}
