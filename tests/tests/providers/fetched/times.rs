//! The signed times of Amazon SNS and PayPal.

use super::certificates::{ID, WEBHOOK_ID, notification_at, transmission_at};
use super::signer::Rsa;
use super::*;

const DAY: Duration = Duration::from_secs(86_400);

/// The providers with their default tolerance, and with another one if it is given.
fn providers(key: &Rsa, tolerance: Option<Duration>) -> [Box<dyn Provider>; 2] {
    let keys = || PublicKeys::fixed(key.jwk("1").to_string()).unwrap();
    let (mut sns, mut paypal) =
        (AwsSns::new(TOPIC, keys()).unwrap(), PayPal::new(WEBHOOK_ID, keys()).unwrap());
    if let Some(tolerance) = tolerance {
        (sns, paypal) = (sns.with_tolerance(tolerance), paypal.with_tolerance(tolerance));
    }
    [Box::new(sns), Box::new(paypal)]
}

/// Requests of SNS and PayPal that are signed with this time.
fn signed_at(time: &str, key: &Rsa) -> [Request; 2] {
    [notification_at(time, key, TOPIC, ID, "m"), transmission_at(time, key, "t", r#"{"id":"WH-1"}"#)]
}

#[test]
fn a_signed_time_is_accepted_up_to_the_tolerance_in_both_directions() {
    let (key, nano) = (Rsa::new(), Duration::from_nanos(1));
    for (set, tolerance) in [(None, 14 * DAY), (Some(DAY), DAY), (Some(Duration::ZERO), Duration::ZERO)] {
        for (provider, request) in providers(&key, set).iter().zip(signed_at("2026-01-01T00:00:00Z", &key)) {
            assert_eq!(provider.signature_window(), tolerance);
            for now in [NOW + tolerance, NOW - tolerance] {
                assert!(at(&request, now).received_by(&**provider).is_ok(), "{now:?}");
            }
            for now in [NOW + tolerance + nano, NOW - tolerance - nano] {
                assert_unauthenticated(&**provider, &at(&request, now), &format!("{now:?}"));
            }
        }
    }
}

#[test]
fn a_captured_request_is_refused_once_its_record_is_gone() {
    let key = Rsa::new();
    for (provider, request) in providers(&key, None).iter().zip(signed_at("2026-01-01T00:00:00Z", &key)) {
        let kept = provider.policy().retention();
        assert!(kept >= 2 * provider.signature_window(), "{}", provider.name());
        let late = at(&request, NOW + kept + Duration::from_secs(1));
        assert_unauthenticated(&**provider, &late, "a request whose record is gone");
    }
}

/// Amazon SNS retries for one hour and PayPal for three days, and a retry may keep the first time.
#[test]
fn the_last_retry_of_a_sender_is_accepted() {
    let key = Rsa::new();
    for (provider, request) in providers(&key, None).iter().zip(signed_at("2026-01-01T00:00:00.000Z", &key)) {
        let last = at(&request, NOW + 3 * DAY + Duration::from_secs(3_600));
        assert!(last.received_by(&**provider).is_ok(), "{}", provider.name());
    }
}

#[test]
fn a_signed_time_that_is_no_date_is_refused() {
    let key = Rsa::new();
    for time in ["1767225600", "2026-01-01", "2026-01-01T00:00:00", "yesterday", "1969-12-31T23:59:59Z"] {
        let any_time = providers(&key, Some(Duration::MAX));
        for (provider, request) in any_time.iter().zip(signed_at(time, &key)) {
            assert_unauthenticated(&**provider, &request, time);
        }
    }
}
