//! The secrets and the credentials.

use super::*;

/// The result for a POST with the secret of the signer.
fn signed_by(scheme: &Scheme, secret: &str, signer: &str) -> Result<Received, Rejection> {
    let provider = scheme.clone().with_secret(secret).unwrap();
    let headers = testing::scheme(scheme, signer, "", br#"{"id":1}"#, NOW);
    receive(&provider, &Method::POST, "/", &headers, r#"{"id":1}"#)
}

#[test]
fn a_secret_in_another_form_is_refused() {
    let refused = |scheme: Scheme, secret: &str| match scheme.with_secret(secret) {
        Err(SchemeError::Secret(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(ACME, " "), SecretError::Blank);
    assert_eq!(refused(ACME.secret_in_base64("whsec_"), "whsec_"), SecretError::Blank);
    assert!(matches!(refused(ACME.secret_in_base64("whsec_"), "whsec_%"), SecretError::Malformed(_)));
    assert!(matches!(refused(ACME.secret_in_hex(), "0g"), SecretError::Malformed(_)));
    let basic = Scheme::basic_auth("acme").key_in(Place::Digest);
    assert!(matches!(refused(basic, "password"), SecretError::Malformed(_)));
    assert!(ACME.secret_in_hex().with_secret("00Ff").is_ok());
    assert!(matches!(
        ACME.secret_in_hex().with_secret("00").unwrap().with_secret("g"),
        Err(SecretError::Malformed(_))
    ));
    assert!(!format!("{:?}", ACME.with_secret("s3cret").unwrap()).contains("s3cret"));
}

#[test]
fn a_malformed_secret_of_a_source_is_left_out_while_another_is_usable() {
    struct Source(&'static [&'static str]);
    #[async_trait::async_trait]
    impl SecretSource for Source {
        async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
            Ok(self.0.iter().map(|secret| Secret::new(secret).unwrap()).collect())
        }
    }
    let scheme = ACME.secret_in_hex();
    let body = r#"{"id":1}"#;
    let received = |secrets: Secrets, signer: &str| {
        let headers = testing::scheme(&scheme, signer, "", body.as_bytes(), NOW);
        let provider = scheme.clone().with_secrets(secrets).unwrap();
        receive(&provider, &Method::POST, "/", &headers, body)
    };
    let of = |secrets| Secrets::from_source(Source(secrets));
    assert!(received(of(&["not hex", "00ff"]), "00ff").is_ok());
    assert!(received(of(&["not hex"]).with_secret(Secret::new("00ff").unwrap()), "00ff").is_ok());
    assert_eq!(refusal(received(of(&["not hex", "00ff"]), "00fe")), RejectionKind::Unauthenticated);
    assert_eq!(refusal(received(of(&["not hex"]), "00ff")), RejectionKind::Unavailable);
}

#[test]
fn a_fixed_secret_in_another_form_is_refused_when_the_provider_is_made() {
    let secrets = |texts: [&str; 2]| Secrets::any_of(texts.map(|text| Secret::new(text).unwrap())).unwrap();
    let made = |texts| ACME.secret_in_hex().with_secrets(secrets(texts));
    assert!(made(["00ff", "00fe"]).is_ok());
    for texts in [["00ff", "not hex"], ["not hex", "00ff"]] {
        assert!(matches!(made(texts), Err(SchemeError::Secret(SecretError::Malformed(_)))), "{texts:?}");
    }
}

#[test]
fn credentials_without_a_password_are_refused() {
    let basic = Scheme::basic_auth("acme").key_in(Place::Digest);
    for secret in ["user:", ":", "user: ", "user", "user:\u{a0}"] {
        let refused = basic.clone().with_secret(secret);
        assert_eq!(refused.is_ok(), secret.ends_with('\u{a0}'), "{secret}");
        assert!(basic.clone().with_secret("user:p").unwrap().with_secret(secret).is_ok() == refused.is_ok());
    }
    assert!(basic.clone().with_secrets(Secrets::one(Secret::raw("user:\t").unwrap())).is_err());
    assert!(basic.with_secret(":p:").is_ok());
}

#[test]
fn a_token_is_compared_as_bytes_and_must_fit_a_header() {
    let scheme = Scheme::token("acme").signature_header("x-token").prefix("t ").key_in(Place::Json("/id"));
    assert!(signed_by(&scheme, "pässwort", "pässwort").is_ok());
    assert_eq!(refusal(signed_by(&scheme, "pässwort", "passwort")), RejectionKind::Unauthenticated);
    for raw in [&b"a\nb"[..], b"ab ", b"\0"] {
        assert!(scheme.clone().with_secrets(Secrets::one(Secret::raw(raw).unwrap())).is_err(), "{raw:?}");
    }
}

#[test]
fn a_credential_of_another_kind_is_refused() {
    let scheme = ACME.refusing(&["sk_", "pk_"], "the webhook's secret: it is an api key");
    let expected = SecretError::Malformed("the webhook's secret: it is an api key");
    assert_eq!(scheme.clone().with_secret("sk_live").unwrap_err(), SchemeError::Secret(expected.clone()));
    assert_eq!(scheme.with_secret("whsec_sk_").unwrap().with_secret(" pk_1").unwrap_err(), expected);
}

#[test]
fn credentials_are_compared_after_their_decoding() {
    let provider = Scheme::basic_auth("acme").key_in(Place::Json("/id")).with_secret("user:p4ss").unwrap();
    let provider = provider.with_secret("user:old").unwrap();
    assert_eq!(provider.challenge(), "Basic realm=\"acme\"");
    let of = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value.parse().unwrap());
        receive(&provider, &Method::POST, "/", &headers, r#"{"id":1}"#).is_ok()
    };
    assert!(of("Basic dXNlcjpwNHNz") && of("basic  dXNlcjpwNHNz") && of("Basic dXNlcjpvbGQ="));
    for value in [
        "dXNlcjpwNHNz",
        "Bearer dXNlcjpwNHNz",
        "Basic dXNlcjpwNHN6",
        "Basic dXNlcjpwNHNz=",
        "Basic ",
        "Basic",
    ] {
        assert!(!of(value), "{value}");
    }
}

#[test]
fn a_secret_that_may_be_base64_or_text_is_tried_as_both() {
    let scheme = ACME.secret_in_base64_or_text("whsec_");
    let (as_text, as_base64) = (ACME, ACME.secret_in_base64("whsec_"));
    let provider = scheme.clone().with_secret("whsec_c2VjcmV0").unwrap();
    for signer in [&as_text, &as_base64] {
        let headers = testing::scheme(signer, "whsec_c2VjcmV0", "", br#"{"id":1}"#, NOW);
        assert!(receive(&provider, &Method::POST, "/", &headers, r#"{"id":1}"#).is_ok());
    }
    // Without the prefix it is text alone, and so it is if it is not base64.
    assert!(signed_by(&scheme, "c2VjcmV0", "c2VjcmV0").is_ok());
    assert_eq!(refusal(signed_by(&scheme, "c2VjcmV0", "whsec_c2VjcmV0")), RejectionKind::Unauthenticated);
    assert!(signed_by(&scheme, "whsec_%", "whsec_%").is_ok());
    assert!(matches!(scheme.with_secret("whsec_"), Err(SchemeError::Secret(SecretError::Blank))));
}
