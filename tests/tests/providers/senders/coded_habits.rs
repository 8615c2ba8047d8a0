//! The habits of single senders whose provider is code.

use std::time::Duration;

use idempotency_core::provider::{Cloudinary, Mailgun, Mandrill, Provider as _, Received, RejectionKind};
use idempotency_core::testing;
use idempotency_tests::vectors::{Request, load};

use super::cases::{NOW, SECRETS};
use super::coded_cases::MANDRILL_URL;
use super::delivery;

const EVENT: &str = r#"{"id":"DACS","event":"opened"}"#;

fn mailgun() -> Mailgun {
    Mailgun::new(SECRETS[0]).unwrap()
}

fn refused(request: &Request, provider: &Mailgun) -> RejectionKind {
    request.received_by(provider).expect_err("it was accepted").kind()
}

/// Subaccounts have keys of their own, and the primary account's key is enough.
#[test]
fn a_mailgun_event_of_a_subaccount_is_accepted_by_either_signature() {
    let of = |secret: &str| testing::mailgun(secret, "t0ken", EVENT, NOW);
    let signature = |body: &str| body.split('"').nth(13).unwrap().to_owned();
    let [(headers, ours), (_, other)] = [of(SECRETS[0]), of(SECRETS[1])];
    let [ours, other] = [ours, other].map(|body| signature(&body));
    for (first, parent, is_accepted) in
        [(&other, &ours, true), (&ours, &other, true), (&other, &other, false)]
    {
        let body = format!(
            r#"{{"signature":{{"timestamp":"{}","token":"t0ken","signature":"{first}","parent-signature":"{parent}"}},"event-data":{EVENT}}}"#,
            NOW.as_secs()
        );
        let request = Request::new(headers.clone(), body, NOW);
        assert_eq!(request.received_by(&mailgun()).is_ok(), is_accepted);
    }
}

/// The time and the token are joined without a separator.
#[test]
fn a_digit_cannot_move_between_mailguns_time_and_token() {
    let (headers, body) = testing::mailgun(SECRETS[0], "1token", EVENT, NOW);
    let seconds = NOW.as_secs();
    let moved = [
        (format!("{seconds}1"), "token".to_owned()),
        ((seconds / 10).to_string(), format!("{}1token", seconds % 10)),
    ];
    for (time, token) in moved {
        let moved = body.replace(&format!("\"{seconds}\""), &format!("\"{time}\"")).replace("1token", &token);
        assert_ne!(moved, body);
        let request = Request::new(headers.clone(), moved, NOW);
        assert_eq!(refused(&request, &mailgun()), RejectionKind::Unauthenticated);
    }
}

#[test]
fn a_tolerance_bounds_the_age_of_mailguns_signature() {
    let (headers, body) = testing::mailgun(SECRETS[0], "token", EVENT, NOW);
    let tolerance = Duration::from_secs(300);
    let within = mailgun().with_tolerance(tolerance);
    assert_eq!([mailgun().signature_window(), within.signature_window()], [Duration::ZERO, tolerance]);
    for (age, is_fresh) in [(0, true), (300, true), (301, false)] {
        let late = Request::new(headers.clone(), body.clone(), NOW + Duration::from_secs(age));
        let early = Request::new(headers.clone(), body.clone(), NOW - Duration::from_secs(age));
        for request in [late, early] {
            delivery(&request, &mailgun());
            assert_eq!(request.received_by(&within).is_ok(), is_fresh, "{age}");
        }
    }
}

#[test]
fn a_mailgun_event_without_an_id_or_with_two_is_refused_and_so_is_a_form() {
    for (event, kind) in [
        (r#"{"event":"opened"}"#, RejectionKind::KeyMissing),
        (r#"{"id":"","event":"opened"}"#, RejectionKind::KeyMissing),
        (r#"{"id":"a","id":"b"}"#, RejectionKind::Malformed),
        ("[]", RejectionKind::Malformed),
        (r#"{"id":"a"},"event-data":{"id":"b"}"#, RejectionKind::Unauthenticated),
    ] {
        let (headers, body) = testing::mailgun(SECRETS[0], "token", event, NOW);
        assert_eq!(refused(&Request::new(headers, body, NOW), &mailgun()), kind, "{event}");
    }
    let (headers, _) = testing::mailgun(SECRETS[0], "token", EVENT, NOW);
    let form = Request::new(headers, "timestamp=1767225600&token=t&signature=00&subject=a", NOW);
    assert_eq!(refused(&form, &mailgun()), RejectionKind::Unauthenticated);
}

/// The recorded deliveries of an account that is set to SHA-1, and of one that is set to SHA-256.
#[test]
fn cloudinarys_sha1_is_refused_by_default_and_its_sha256_where_sha1_is_set() {
    let vectors = load("cloudinary");
    let of = |name: &str, is_sha1: bool| {
        let vector = vectors.iter().find(|vector| vector.name == name).unwrap();
        let provider = Cloudinary::new(&vector.secret).unwrap();
        let provider = if is_sha1 { provider.with_insecure_sha1() } else { provider };
        vector.request().received_by(&provider).map_err(|rejection| rejection.kind())
    };
    for (name, is_sha1) in [("valid", false), ("sha256", true)] {
        assert_eq!(of(name, is_sha1).unwrap_err(), RejectionKind::Unauthenticated);
        assert!(matches!(of(name, !is_sha1), Ok(Received::Delivery(_))));
    }
}

#[test]
fn a_digit_cannot_move_between_cloudinarys_body_and_its_time() {
    let (body, seconds) = ("{}", NOW.as_secs().to_string());
    let genuine = Request::new(testing::cloudinary(SECRETS[0], body.as_bytes(), NOW), body, NOW);
    let provider = Cloudinary::new(SECRETS[0]).unwrap().with_tolerance(Duration::MAX);
    delivery(&genuine, &provider);
    let mut moved = genuine.with("x-cld-timestamp", &seconds[1..]);
    moved.body = format!("{body}{}", &seconds[..1]).into();
    assert_eq!(moved.received_by(&provider).unwrap_err().kind(), RejectionKind::Unauthenticated);
}

#[test]
fn the_longest_form_of_mandrill_fits_the_limit_of_its_body() {
    let mandrill = Mandrill::new(MANDRILL_URL, SECRETS[0]).unwrap();
    let text = "x".repeat(4_000);
    let events: Vec<_> =
        (0..1_000).map(|id| format!(r#"{{"event":"open","_id":"{id}","text":"{text}"}}"#)).collect();
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let (headers, body) = testing::mandrill(SECRETS[0], MANDRILL_URL, &events);
    assert!((4_000_000..mandrill.policy().body_limit()).contains(&body.len()), "{}", body.len());
    let received = Request::new(headers, body, NOW).received_by(&mandrill).unwrap();
    let Received::Batch(items) = received else { panic!("no batch: {received:?}") };
    assert_eq!(items.len(), 1_000);
}
