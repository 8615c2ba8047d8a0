//! Tokens: every change is refused, and the sender's algorithm is the only one.

use data_encoding::BASE64URL_NOPAD;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::signer::{hs256, sha256, signed};
use super::*;

const TOKENS: [(&str, &str, &str); 6] = [
    ("google-pubsub", "authorization", "Bearer "),
    ("plaid", "plaid-verification", ""),
    ("netlify", "x-webhook-signature", ""),
    ("livekit", "authorization", ""),
    ("monday", "authorization", ""),
    ("qstash", "upstash-signature", ""),
];

/// The token of a recorded delivery.
fn token(request: &Request, name: &str, prefix: &str) -> String {
    request.headers[name].to_str().unwrap().strip_prefix(prefix).unwrap().to_owned()
}

fn with_bytes(request: &Request, name: &str, value: &[u8]) -> Option<Request> {
    let mut request = request.clone();
    request.headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).ok()?);
    Some(request)
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_token_is_refused() {
    for (sender, name, prefix) in TOKENS {
        let (request, provider) = genuine(sender);
        assert!(request.received_by(&*provider).is_ok());
        let value = request.headers[name].as_bytes().to_vec();
        for (at, bit) in (prefix.len()..value.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = value.clone();
            flipped[at] ^= 1 << bit;
            let Some(request) = with_bytes(&request, name, &flipped) else { continue };
            assert_unauthenticated(&*provider, &request, &format!("byte {at} with bit {bit} flipped"));
        }
        for len in 0..value.len() {
            let request = with_bytes(&request, name, &value[..len]).unwrap();
            assert_unauthenticated(&*provider, &request, &format!("a token cut to {len} bytes"));
        }
        for more in ["=", "==", ".", ".AAAA", "A", "AAAA", "!"] {
            let request = with_bytes(&request, name, &[&value, more.as_bytes()].concat()).unwrap();
            assert_unauthenticated(&*provider, &request, more);
        }
        let long = format!("{prefix}{}", token(&request, name, prefix).replace('.', &"A".repeat(9_000)));
        assert_unauthenticated(
            &*provider,
            &with_bytes(&request, name, long.as_bytes()).unwrap(),
            "a long token",
        );
    }
}

#[test]
fn a_header_that_is_missing_empty_repeated_or_not_text_is_refused() {
    for (sender, name, _) in TOKENS {
        let (request, provider) = genuine(sender);
        let mut missing = request.clone();
        missing.headers.remove(name);
        assert_unauthenticated(&*provider, &missing, "no token");
        for value in [&b""[..], b"\xff", b"Bearer", b"Bearer ", b"Basic dTpw"] {
            assert_unauthenticated(&*provider, &with_bytes(&request, name, value).unwrap(), "no token");
        }
        let mut repeated = request.clone();
        repeated.headers.append(name, request.headers[name].clone());
        assert_eq!(refused(repeated.received_by(&*provider)), RejectionKind::Malformed, "{sender}");
    }
}

#[test]
fn a_token_that_names_another_algorithm_than_the_senders_is_refused_however_it_is_signed() {
    for (sender, name, prefix) in TOKENS {
        let (request, provider) = genuine(sender);
        let vector = load(sender).into_iter().find(|vector| vector.valid).unwrap();
        let genuine = token(&request, name, prefix);
        let parts: Vec<_> = genuine.split('.').collect();
        let [header, claims]: [Value; 2] = [parts[0], parts[1]]
            .map(|part| serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap());
        let secrets = [vector.secret.as_str(), vector.public_key.as_deref().unwrap_or_default(), ""];
        for algorithm in [
            "none", "None", "NONE", "", "HS256", "HS384", "HS512", "RS256", "RS384", "PS256", "ES256",
            "ES384", "EdDSA", "rs256", "hs256",
        ] {
            if header["alg"] == algorithm {
                continue;
            }
            let mut other = header.clone();
            other["alg"] = json!(algorithm);
            let unsigned = signed(&other, &claims);
            // Without a signature, with the genuine one, and with the public key as the secret.
            let mut tokens =
                vec![format!("{unsigned}."), unsigned.clone(), format!("{unsigned}.{}", parts[2])];
            tokens.extend(secrets.map(|secret| hs256(&other, &claims, secret.as_bytes())));
            for token in tokens {
                let value = format!("{prefix}{token}");
                let request = with_bytes(&request, name, value.as_bytes()).unwrap();
                assert_unauthenticated(&*provider, &request, algorithm);
            }
        }
        for alg in [Value::Null, json!(["HS256"]), json!({"id": "none"}), json!(1)] {
            let mut other = header.clone();
            other["alg"] = alg;
            for token in [
                format!("{}.{}", signed(&other, &claims), parts[2]),
                hs256(&other, &claims, vector.secret.as_bytes()),
            ] {
                let value = format!("{prefix}{token}");
                assert_unauthenticated(
                    &*provider,
                    &with_bytes(&request, name, value.as_bytes()).unwrap(),
                    "no text",
                );
            }
        }
    }
}

#[test]
fn a_well_signed_token_with_critical_extensions_or_repeated_fields_is_refused() {
    let secret = "secret";
    let netlify = Netlify::new(secret).unwrap();
    let body = r#"{"id":"1"}"#;
    let claims = json!({"iss": "netlify", "sha256": sha256(body.as_bytes())});
    let request =
        |token: &str| Request::new(Default::default(), body, NOW).with("x-webhook-signature", token);
    let header = json!({"alg": "HS256", "typ": "JWT"});
    assert!(request(&hs256(&header, &claims, secret.as_bytes())).received_by(&netlify).is_ok());
    for crit in [json!(["b64"]), json!([]), Value::Null] {
        let header = json!({"alg": "HS256", "crit": crit, "b64": false});
        let token = hs256(&header, &claims, secret.as_bytes());
        assert_unauthenticated(&netlify, &request(&token), "critical extensions");
    }
    let raw = |header: &str, claims: &str| {
        let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let signature = ring::hmac::sign(&key, format!("{header}.{claims}").as_bytes());
        format!("{header}.{claims}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
    };
    let claims = claims.to_string();
    assert!(request(&raw(r#"{"alg":"HS256"}"#, &claims)).received_by(&netlify).is_ok());
    for (header, claims) in [
        (r#"{"alg":"none","alg":"HS256"}"#, claims.clone()),
        (r#"{"alg":"HS256","alg":"none"}"#, claims.clone()),
        (r#"["HS256"]"#, claims.clone()),
        ("", claims.clone()),
        (r#"{"alg":"HS256"}"#, claims.replace('{', r#"{"iss":"evil","#)),
        (r#"{"alg":"HS256"}"#, "[]".to_owned()),
        (r#"{"alg":"HS256"}"#, String::new()),
    ] {
        assert_unauthenticated(&netlify, &request(&raw(header, &claims)), header);
    }
}

#[test]
fn every_changed_byte_of_a_body_that_a_token_covers_is_refused() {
    for sender in ["plaid", "netlify", "livekit", "qstash"] {
        let (request, provider) = genuine(sender);
        for at in 0..request.body.len() {
            let mut body = request.body.to_vec();
            body[at] ^= 1 << (at % 8);
            let request = bearing(&request, body);
            assert_unauthenticated(&*provider, &request, &format!("byte {at} of the body"));
        }
        for body in [&b""[..], b" "] {
            let body = [&request.body[..], body].concat();
            let changed = bearing(&request, body[1..].to_vec());
            assert_unauthenticated(&*provider, &changed, "a cut body");
        }
    }
}
