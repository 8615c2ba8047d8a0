//! The documented defaults, and the effect of each setter.

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn the_defaults_of_a_webhook_are_the_documented_ones() {
    let policy = Policy::webhook();
    assert_eq!(policy.lease(), Duration::from_secs(30));
    assert_eq!(policy.retention(), 7 * DAY);
    assert_eq!(policy.wait(), Duration::from_secs(2));
    assert_eq!(policy.waiters_per_key(), 64);
    assert_eq!(policy.store_timeout(), Duration::from_millis(1500));
    assert_eq!(policy.on_expired(), OnExpired::Rerun);
    assert_eq!(policy.on_outage(), OnOutage::Refuse);
    assert_eq!(policy.attachment(), Attachment::Detached);
    assert_eq!(policy.body_limit(), 1_048_576);
    assert_eq!(policy.recorded_limit(), 65_536);
    assert_eq!(policy.completing(), Completing::success());
    assert_eq!(policy.conflict_status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(policy.in_doubt_status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(policy.mismatch_status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(policy.body_timeout(), Duration::from_secs(10));
    assert_eq!(policy.ready_timeout(), Duration::from_secs(2));
    assert_eq!(policy.verification_timeout(), Duration::from_secs(2));
    assert!(policy.records_key_text());
    assert_eq!(policy.documentation(), None);
}

#[test]
fn an_api_differs_from_a_webhook_in_six_things() {
    let policy = Policy::api();
    assert_eq!(policy.retention(), DAY);
    assert_eq!(policy.wait(), Duration::ZERO);
    assert_eq!(policy.completing(), Completing::final_answers());
    assert_eq!(policy.conflict_status(), StatusCode::CONFLICT);
    assert_eq!(policy.in_doubt_status(), StatusCode::CONFLICT);
    let webhook = Policy::webhook()
        .with_retention(policy.retention())
        .with_wait(policy.wait())
        .with_completing(policy.completing())
        .with_conflict_status(policy.conflict_status())
        .with_in_doubt_status(policy.in_doubt_status())
        .with_body_timeout(Duration::from_secs(30));
    assert_eq!(webhook, policy);
}

#[test]
fn each_setting_is_what_it_was_set_to() {
    let policy = Policy::webhook()
        .with_waiters_per_key(3)
        .with_store_timeout(Duration::from_secs(4))
        .with_on_expired(OnExpired::InDoubt)
        .with_on_outage(OnOutage::Proceed)
        .with_attachment(Attachment::FailWithCaller)
        .with_body_limit(5)
        .with_recorded_limit(6)
        .recording_errors()
        .with_mismatch_status(StatusCode::BAD_REQUEST)
        .with_body_timeout(Duration::from_secs(7))
        .with_ready_timeout(Duration::from_secs(8))
        .with_verification_timeout(Duration::from_secs(9))
        .without_key_text()
        .with_documentation("https://example.com/keys");
    assert_eq!(policy.waiters_per_key(), 3);
    assert_eq!(policy.store_timeout(), Duration::from_secs(4));
    assert_eq!(policy.on_expired(), OnExpired::InDoubt);
    assert_eq!(policy.on_outage(), OnOutage::Proceed);
    assert_eq!(policy.attachment(), Attachment::FailWithCaller);
    assert_eq!(policy.body_limit(), 5);
    assert_eq!(policy.recorded_limit(), 6);
    assert_eq!(policy.completing(), Completing::everything());
    assert_eq!(policy.mismatch_status(), StatusCode::BAD_REQUEST);
    assert_eq!(policy.body_timeout(), Duration::from_secs(7));
    assert_eq!(policy.ready_timeout(), Duration::from_secs(8));
    assert_eq!(policy.verification_timeout(), Duration::from_secs(9));
    assert!(!policy.records_key_text());
    assert_eq!(policy.documentation(), Some("https://example.com/keys"));
}

#[test]
fn a_record_is_kept_no_shorter_than_its_lease() {
    let policy = Policy::webhook().with_lease(DAY).with_retention(Duration::ZERO);
    assert_eq!(policy.retention(), DAY);
}

#[test]
fn a_lease_is_never_zero() {
    assert_eq!(Policy::webhook().with_lease(Duration::ZERO).lease(), Duration::from_millis(1));
}
