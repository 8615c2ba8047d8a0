use std::time::Duration;

use super::super::record::codec::Packed;
use super::*;
use crate::{Claim, Fence, Key, Namespace, Owner, Scope, ScopedKey};

fn claim(key: &str, owner: u8) -> Claim {
    let key = ScopedKey::new(&Namespace::default(), Scope::endpoint("test"), Key::new(key).unwrap());
    Claim::new(key, Owner::from_bytes([owner; 16]), Duration::from_secs(30), Duration::from_secs(60))
}

fn granted(grants: &FirstGrants, claim: &Claim, fence: u64) -> (Lease, Vec<u8>) {
    let digest = claim.key.digest();
    let record = Packed::first_grant(claim, Fence::new(fence)).encode(digest);
    grants.remember(digest, record.clone());
    (claim.granted(Fence::new(fence)), record)
}

#[test]
fn a_record_is_taken_out_once() {
    let grants = FirstGrants::default();
    let (lease, record) = granted(&grants, &claim("a", 1), 7);
    assert_eq!(grants.take(&lease), Some(record));
    assert_eq!(grants.take(&lease), None);
}

#[test]
fn only_the_lease_that_was_granted_takes_a_record() {
    let grants = FirstGrants::default();
    let (lease, record) = granted(&grants, &claim("a", 1), 7);
    assert_eq!(grants.take(&claim("a", 2).granted(Fence::new(7))), None, "another owner");
    assert_eq!(grants.take(&claim("a", 1).granted(Fence::new(8))), None, "another fence");
    assert_eq!(grants.take(&claim("b", 1).granted(Fence::new(7))), None, "another key");
    assert_eq!(grants.take(&lease), Some(record));
}

#[test]
fn leases_that_end_in_silence_are_forgotten_and_the_latest_are_not() {
    let grants = FirstGrants::default();
    let leases: Vec<_> =
        (0..3 * GENERATION).map(|at| granted(&grants, &claim(&at.to_string(), 1), 7).0).collect();
    assert_eq!(grants.take(&leases[0]), None);
    for lease in &leases[2 * GENERATION..] {
        assert!(grants.take(lease).is_some(), "{lease:?}");
    }
    let Generations { young, old } = &*grants.0.lock().unwrap();
    assert!(young.len() + old.len() <= 2 * GENERATION);
}
