//! Rules for grants: which claim is granted, and what the others are answered.

use super::Harness;
use super::case::{Case, LEASE, RETENTION};
use crate::{Claim, Fence, Hold, Scope, StateView};
use std::time::Duration;

/// A key without a record is granted as attempt 1, with a fence other than [`Fence::NONE`].
pub async fn a_free_key_is_granted(harness: &dyn Harness) {
    let case = Case::new(harness, "a_free_key_is_granted").await;
    let claim = case.claim("k");
    let grant = case.one.grant(&claim).await;
    assert_eq!(grant.attempt, 1, "the first grant is attempt 1");
    assert!(grant.fence() > Fence::NONE, "a fence is larger than none");
    let view = case.one.view(&claim.key).await;
    assert!(
        matches!(view.state, StateView::InFlight { .. }),
        "a granted key is in flight, not {:?}",
        view.state
    );
}

/// During the lease, every other claim is answered when to retry, which is no later than the end of the lease.
pub async fn a_second_claimant_is_told_when_to_retry(harness: &dyn Harness) {
    let case = Case::new(harness, "a_second_claimant_is_told_when_to_retry").await;
    case.one.grant(&case.claim("k")).await;
    for handle in [&case.one, &case.two] {
        let retry_after = handle.refused(&case.claim("k")).await;
        assert!(retry_after <= LEASE, "{retry_after:?} is later than the lease's end");
        assert!(retry_after > LEASE - super::SLACK, "{retry_after:?} is long before the lease's end");
    }
    case.advance(LEASE / 2).await;
    let retry_after = case.two.refused(&case.claim("k")).await;
    assert!(retry_after <= LEASE / 2, "{retry_after:?} is later than the lease's end");
}

/// A refused claim changes nothing: the holder keeps its lease and its attempt.
pub async fn a_refused_claim_leaves_the_holder_alone(harness: &dyn Harness) {
    let case = Case::new(harness, "a_refused_claim_leaves_the_holder_alone").await;
    let claim = case.claim("k");
    let grant = case.one.grant(&claim).await;
    case.two.refused(&case.claim("k")).await;
    let again = case.one.grant(&claim).await;
    assert_eq!((again.fence(), again.attempt), (grant.fence(), 1), "the holder's grant has changed");
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder can complete");
}

/// Both handles change and see the same records.
pub async fn both_handles_see_one_record(harness: &dyn Harness) {
    let case = Case::new(harness, "both_handles_see_one_record").await;
    let grant = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.two.renew(&grant.lease, LEASE).await, Hold::Held, "the other handle renews");
    assert_eq!(case.two.complete(&grant.lease, "done").await, Hold::Held, "the other handle completes");
    case.one.replayed(&case.claim("k"), b"done").await;
    case.two.replayed(&case.claim("k"), b"done").await;
}

/// Equal keys in two scopes are two records. Scopes differ by endpoint, tenant or principal.
pub async fn equal_keys_in_two_scopes_are_two_records(harness: &dyn Harness) {
    let case = Case::new(harness, "equal_keys_in_two_scopes_are_two_records").await;
    let scopes = [
        case.scope.clone(),
        Scope::endpoint(format!("{}!", case.scope.endpoint_name())),
        case.scope.clone().with_tenant("t"),
        case.scope.clone().with_tenant("u"),
        case.scope.clone().with_principal("t"),
        case.scope.clone().with_tenant("t").with_principal("t"),
    ];
    let mut leases = Vec::new();
    for scope in &scopes {
        let claim = Claim { key: case.key_in(scope, "k"), ..case.claim("k") };
        let grant = case.one.grant(&claim).await;
        leases.push(grant.lease);
    }
    let outcomes = ["0", "1", "2", "3", "4", "5"];
    for (lease, outcome) in leases.iter().zip(outcomes) {
        assert_eq!(case.one.complete(lease, outcome).await, Hold::Held, "each scope completes by itself");
    }
    for (scope, outcome) in scopes.iter().zip(outcomes) {
        let claim = Claim { key: case.key_in(scope, "k"), ..case.claim("k") };
        case.two.replayed(&claim, outcome.as_bytes()).await;
    }
}

/// Keys of 1 to 255 bytes, and of every printable byte, have distinct records.
pub async fn keys_of_every_byte_and_length_are_distinct(harness: &dyn Harness) {
    let case = Case::new(harness, "keys_of_every_byte_and_length_are_distinct").await;
    let mut names: Vec<String> = (b' '..=b'~').map(|byte| char::from(byte).to_string()).collect();
    names.extend(["{k}".into(), "k:k".into(), "*".repeat(2), "k".repeat(254), "k".repeat(255)]);
    for name in &names {
        let grant = case.one.grant(&case.claim(name)).await;
        assert_eq!(grant.attempt, 1, "two keys share a record");
    }
}

/// Leases of 1 ms and of ten years, and a retention of a hundred years, work like any others.
pub async fn extreme_durations_are_accepted(harness: &dyn Harness) {
    let case = Case::new(harness, "extreme_durations_are_accepted").await;
    let years = |n: u64| Duration::from_secs(n * 31_557_600);
    let short = Claim { lease: Duration::from_millis(1), retention: years(100), ..case.claim("short") };
    let long = Claim { lease: years(10), retention: years(100), ..case.claim("long") };
    let held = case.one.grant(&long).await;
    let abandoned = case.one.grant(&short).await;
    case.advance(super::SLACK).await;
    let taken = case.two.grant(&Claim { retention: years(100), ..case.claim("short") }).await;
    assert_eq!(taken.attempt, 2, "a lease of 1 ms has run out");
    assert!(taken.fence() > abandoned.fence(), "a takeover has a larger fence");
    case.two.refused(&case.claim("long")).await;
    let outcome = bytes::Bytes::from_static(b"done");
    assert_eq!(case.one.complete_for(&held.lease, outcome, years(100)).await, Hold::Held);
    case.advance(RETENTION).await;
    case.two.replayed(&case.claim("long"), b"done").await;
}
