//! The claims of tokens: for whom, about which body, and for how long.

use data_encoding::BASE64URL_NOPAD;
use idempotency_core::provider::{Secret, Secrets, SettingError};
use serde_json::{Value, json};

use super::signer::{P256, Rsa, hs256, sha256};
use super::*;

const AUDIENCE: &str = "https://example.com/push";
const EMAIL: &str = "push@project.iam.gserviceaccount.com";
const PUSH: &str = r#"{"message":{"messageId":"1"},"subscription":"s"}"#;

#[test]
fn netlifys_token_is_for_its_body_its_issuer_and_any_of_the_secrets() {
    let body = r#"{"id":"1"}"#;
    let sign = |claims: Value, secret: &str| {
        let token = hs256(&json!({"alg": "HS256"}), &claims, secret.as_bytes());
        Request::new(Default::default(), body, NOW).with("x-webhook-signature", &token)
    };
    let genuine = json!({"iss": "netlify", "sha256": sha256(body.as_bytes())});
    let netlify = Netlify::new("a").unwrap();
    for claims in [
        json!({"iss": "netlify"}),
        json!({"sha256": sha256(body.as_bytes())}),
        json!({"iss": "Netlify", "sha256": sha256(body.as_bytes())}),
        json!({"iss": "netlify", "sha256": sha256(b"other")}),
        json!({"iss": "netlify", "sha256": sha256(body.as_bytes()).to_uppercase()}),
        json!({"iss": ["netlify"], "sha256": sha256(body.as_bytes())}),
        json!({"iss": {"id": "netlify"}, "sha256": sha256(body.as_bytes())}),
        json!({"iss": "netlify", "sha256": {"id": sha256(body.as_bytes())}}),
    ] {
        assert_unauthenticated(&netlify, &sign(claims.clone(), "a"), &claims.to_string());
    }
    assert_unauthenticated(&netlify, &sign(genuine.clone(), "b"), "another secret");
    let rotating = [
        netlify.with_secret("b").unwrap(),
        Netlify::from_secrets(
            Secrets::any_of(["a", "b"].map(|secret| Secret::new(secret).unwrap())).unwrap(),
        ),
    ];
    for secret in ["a", "b"] {
        for netlify in &rotating {
            assert!(sign(genuine.clone(), secret).received_by(netlify).is_ok());
            assert!(!format!("{netlify:?}").contains("\"a\""));
        }
    }
    assert!(Netlify::new(" ").is_err());
}

#[test]
fn a_token_of_plaid_is_fresh_up_to_the_tolerance_in_both_directions() {
    let (request, _) = genuine("plaid");
    let keys = PublicKeys::fixed(named("plaid", "valid-1").secret).unwrap();
    let made = request.now;
    for (tolerance, plaid) in
        [(300, Plaid::new(keys.clone())), (7, Plaid::new(keys).with_tolerance(Duration::from_secs(7)))]
    {
        assert_eq!(plaid.signature_window(), Duration::from_secs(tolerance));
        for (seconds, is_fresh) in [(0, true), (tolerance, true), (tolerance + 1, false)] {
            for now in [made + Duration::from_secs(seconds), made - Duration::from_secs(seconds)] {
                let request = at(&request, now);
                match is_fresh {
                    true => assert!(request.received_by(&plaid).is_ok(), "{now:?}"),
                    false => assert_unauthenticated(&plaid, &request, &format!("{now:?}")),
                }
            }
        }
    }
    let key = P256::new();
    let plaid = Plaid::new(PublicKeys::fixed(key.jwk("k").to_string()).unwrap());
    for iat in [
        Value::Null,
        json!("1767225600"),
        json!(-1),
        json!(1.5),
        json!({"id": NOW.as_secs()}),
        json!(u64::MAX),
        json!(0),
    ] {
        let claims = json!({"iat": iat, "request_body_sha256": sha256(b"{}")});
        let request = Request::new(Default::default(), "{}", NOW);
        assert_unauthenticated(
            &plaid,
            &request.with("plaid-verification", &key.token("k", &claims)),
            "no time",
        );
    }
}

#[test]
fn a_key_of_plaid_is_refused_once_it_has_expired_and_a_token_of_another_key_always() {
    let (key, other) = (P256::new(), P256::new());
    let claims = json!({"iat": NOW.as_secs(), "request_body_sha256": sha256(b"{}")});
    let request = |token: &str| Request::new(Default::default(), "{}", NOW).with("plaid-verification", token);
    let expiring = |at: Value| {
        let mut jwk = key.jwk("k");
        jwk["expired_at"] = at;
        Plaid::new(PublicKeys::fixed(jwk.to_string()).unwrap())
    };
    let token = key.token("k", &claims);
    for (at, is_usable) in [
        (Value::Null, true),
        (json!(NOW.as_secs() + 1), true),
        (json!(NOW.as_secs()), false),
        (json!(1), false),
    ] {
        match is_usable {
            true => assert!(request(&token).received_by(&expiring(at)).is_ok()),
            false => assert_unauthenticated(&expiring(at), &request(&token), "an expired key"),
        }
    }
    let plaid = expiring(Value::Null);
    assert_unauthenticated(&plaid, &request(&other.token("k", &claims)), "another key under the same id");
    assert_unauthenticated(&plaid, &request(&key.token("other", &claims)), "the key under another id");
    for id in ["", "a b", "../k", "k?x", "ключ", &"k".repeat(65)] {
        assert_unauthenticated(&plaid, &request(&key.token(id, &claims)), id);
    }
    let rs256 = Rsa::new().token("k", &claims);
    assert_unauthenticated(&plaid, &request(&rs256), "a token of another kind of key");
}

fn pushed(key: &Rsa, claims: &Value) -> Request {
    let token = format!("Bearer {}", key.token("k", claims));
    Request::new(Default::default(), PUSH, NOW).with("authorization", &token)
}

#[test]
fn a_token_of_google_has_the_issuer_the_audience_and_the_service_account() {
    let key = Rsa::new();
    let google =
        GooglePubSub::new(AUDIENCE, EMAIL, PublicKeys::fixed(key.jwk("k").to_string()).unwrap()).unwrap();
    let now = NOW.as_secs();
    let genuine = json!({
        "iss": "https://accounts.google.com", "aud": AUDIENCE, "email": EMAIL, "email_verified": true, "iat": now, "exp": now + 3600,
    });
    assert!(pushed(&key, &genuine).received_by(&google).is_ok());
    let mut lower = pushed(&key, &genuine);
    let value = lower.headers["authorization"].to_str().unwrap().replace("Bearer", "bearer");
    lower = lower.with("authorization", &value);
    assert!(lower.received_by(&google).is_ok(), "the name of a scheme has no case");
    let mut short = genuine.clone();
    short["iss"] = json!("accounts.google.com");
    assert!(pushed(&key, &short).received_by(&google).is_ok());
    for (claim, values) in [
        (
            "iss",
            vec![
                Value::Null,
                json!("https://accounts.google.com/"),
                json!("http://accounts.google.com"),
                json!("evil"),
            ],
        ),
        (
            "aud",
            vec![
                Value::Null,
                json!(format!("{AUDIENCE}/")),
                json!([AUDIENCE]),
                json!({"id": AUDIENCE}),
                json!(""),
            ],
        ),
        ("email", vec![Value::Null, json!("other@project.iam.gserviceaccount.com"), json!("")]),
        ("email_verified", vec![Value::Null, json!(false), json!("true"), json!(1)]),
        ("iat", vec![Value::Null, json!("1"), json!(now + 301), json!(u64::MAX)]),
        (
            "exp",
            vec![Value::Null, json!("1"), json!(now - 301), json!(now + 86_401), json!(u64::MAX), json!(-1)],
        ),
    ] {
        for value in values {
            let mut claims = genuine.clone();
            claims[claim] = value;
            assert_unauthenticated(&google, &pushed(&key, &claims), &claims.to_string());
        }
    }
    for (claim, value) in [("iat", now + 300), ("exp", now - 300), ("exp", now + 86_400)] {
        let mut claims = genuine.clone();
        claims[claim] = json!(value);
        assert!(pushed(&key, &claims).received_by(&google).is_ok(), "{claims}");
    }
    let other = PublicKeys::fixed(named("google-pubsub", "valid-1").public_key.unwrap()).unwrap();
    let google = GooglePubSub::new(AUDIENCE, EMAIL, other).unwrap();
    assert_unauthenticated(&google, &pushed(&key, &genuine), "another key");
}

#[test]
fn an_audience_and_a_service_account_are_required() {
    let keys = || PublicKeys::fixed(Rsa::new().jwk("k").to_string()).unwrap();
    assert_eq!(GooglePubSub::new("", EMAIL, keys()).err(), Some(SettingError::Blank));
    assert_eq!(GooglePubSub::new(AUDIENCE, " ", keys()).err(), Some(SettingError::Blank));
}

#[test]
fn a_request_to_a_tenant_is_never_authenticated_by_a_public_key() {
    let scope = Scope::endpoint("e");
    for sender in ["aws-sns", "google-pubsub", "paypal", "plaid", "wise"] {
        let (request, provider) = genuine(sender);
        let incoming = Incoming::new(
            &request.method,
            &request.uri,
            &request.headers,
            &request.body,
            request.now,
            &scope,
        );
        let received = futures_util::FutureExt::now_or_never(provider.receive(&incoming.with_tenant("acme")));
        assert_eq!(refused(received.unwrap()), RejectionKind::Unavailable, "{sender}");
    }
}

/// Their lives, as the senders' own libraries check them: with a skew in seconds at both ends.
#[test]
fn a_token_is_accepted_from_its_beginning_up_to_its_end() {
    let url = "https://example.com/a";
    let body = r#"{"id":"1","event":{"triggerUuid":"1"}}"#;
    let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let (base64, url_base64) =
        (data_encoding::BASE64.encode(digest.as_ref()), BASE64URL_NOPAD.encode(digest.as_ref()));
    let providers: [(&dyn Provider, &str, Value, u64); 3] = [
        (&LiveKit::new("k", "s").unwrap(), "authorization", json!({"iss": "k", "sha256": base64}), 10),
        (&Monday::new(url, "s").unwrap(), "authorization", json!({"aud": url, "accountId": 1}), 0),
        (
            &QStash::new(url, "s").unwrap(),
            "upstash-signature",
            json!({"iss": "Upstash", "sub": url, "body": url_base64}),
            0,
        ),
    ];
    let now = NOW.as_secs();
    for (provider, name, claims, skew) in providers {
        for (nbf, exp, is_live) in [
            (json!(now), json!(now + 300), true),
            (Value::Null, json!(now + 300), true),
            (json!(now + skew), json!(now + 300), true),
            (json!(now + skew + 1), json!(now + 300), false),
            (json!("0"), json!(now + 300), false),
            (json!({}), json!(now + 300), false),
            (json!([now]), json!(now + 300), false),
            (json!({"id": now}), json!(now + 300), false),
            (json!(now), json!({"id": now + 300}), false),
            (json!(now), json!(now + 1 - skew), true),
            (json!(now), json!(now - skew), false),
            (json!(now), Value::Null, false),
            (json!(now), json!((now + 300).to_string()), false),
            (json!(now), json!(-1), false),
        ] {
            let mut claims = claims.clone();
            (claims["nbf"], claims["exp"]) = (nbf, exp);
            let request = Request::new(Default::default(), body, NOW)
                .with(name, &hs256(&json!({"alg": "HS256"}), &claims, b"s"))
                .with("upstash-message-id", "1");
            match is_live {
                true => assert!(request.received_by(provider).is_ok(), "{}: {claims}", provider.name()),
                false => assert_unauthenticated(provider, &request, &claims.to_string()),
            }
        }
    }
}

#[test]
fn the_challenge_of_monday_is_answered_with_itself_and_nothing_else_is() {
    let monday = Monday::new("https://example.com/a", "s").unwrap();
    let of = |body: &str| Request::new(Default::default(), body.to_owned(), NOW).received_by(&monday);
    let Ok(Received::Handshake(answer)) =
        of(r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#)
    else {
        panic!("not answered")
    };
    assert_eq!(answer.body, r#"{"challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#);
    assert_eq!(answer.headers["content-type"], "application/json");
    let long = format!(r#"{{"challenge":"{}"}}"#, "a".repeat(1_024));
    for body in [
        r#"{"challenge":""}"#,
        r#"{"challenge":"<script>"}"#,
        r#"{"challenge":"a b"}"#,
        r#"{"challenge":7}"#,
        r#"{"challenge":{"id":"a"}}"#,
        r#"{"challenge":"a","event":{"triggerUuid":"1"}}"#,
        r#"["a"]"#,
        "",
        &long,
    ] {
        assert_eq!(refused(of(body)), RejectionKind::Unauthenticated, "{body}");
    }
}

/// A message has up to 10 MB of data, in base64.
#[test]
fn the_longest_message_of_pubsub_fits_the_limit_of_its_body() {
    let keys = PublicKeys::fixed(Rsa::new().jwk("k").to_string()).unwrap();
    let pubsub = GooglePubSub::new(AUDIENCE, EMAIL, keys).unwrap();
    assert!(pubsub.policy().body_limit() > 10_000_000 * 4 / 3 + 1024 * 1024);
}
