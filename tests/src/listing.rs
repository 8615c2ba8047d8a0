//! Listings of tables that several namespaces share.

use std::collections::HashSet;
use std::time::Duration;

use idempotency_core::store::{
    Claim, Claimed, Completion, Filter, Hold, Lease, Owner, Page, StateKind, Store,
};
use idempotency_core::{Key, KeyDigest, Outcome, Scope, ScopedKey};

const HOUR: Duration = Duration::from_secs(3600);

/// Fills one table from stores of three namespaces, and checks that each of the first two lists its own records.
pub async fn each_namespace_lists_its_own(one: &dyn Store, two: &dyn Store, many: &dyn Store) {
    let mut of_two = HashSet::new();
    for number in 0..20 {
        granted(many, &format!("k{number}")).await;
    }
    for name in ["a", "b", "c"] {
        of_two.insert(granted(two, name).await.key().digest());
    }
    let held = granted(one, "a").await;
    let done = granted(one, "b").await;
    let completion = Completion::new(done.clone(), Outcome::new("done"), HOUR);
    assert_eq!(one.complete(&completion).await.expect("it answers"), Hold::Held);
    let of_one = HashSet::from([held.key().digest(), done.key().digest()]);
    for limit in [1, 2, 3, 7, 100] {
        assert_eq!(listed(one, &Filter::all(), limit).await, of_one, "in pages of {limit}");
        assert_eq!(listed(two, &Filter::all(), limit).await, of_two, "in pages of {limit}");
        let completed = Filter::all().in_state(StateKind::Completed).of_endpoint("listing");
        assert_eq!(listed(one, &completed, limit).await, HashSet::from([done.key().digest()]));
        assert!(listed(two, &completed, limit).await.is_empty(), "in pages of {limit}");
    }
    let all = one.list(&Filter::all(), &Page::first(100)).await.expect("it answers");
    assert_eq!((all.records.len(), all.next), (2, None));
}

/// The records on all pages. Each is listed once.
async fn listed(store: &dyn Store, filter: &Filter, limit: usize) -> HashSet<KeyDigest> {
    let (mut page, mut listed) = (Page::first(limit), HashSet::new());
    loop {
        let listing = store.list(filter, &page).await.expect("it answers");
        assert!(listing.records.len() <= limit, "{} records of {limit}", listing.records.len());
        for record in listing.records {
            assert!(listed.insert(record.digest), "a record is listed twice");
        }
        let Some(next) = listing.next else { return listed };
        page = Page::first(limit).after(next);
    }
}

async fn granted(store: &dyn Store, name: &str) -> Lease {
    let key =
        ScopedKey::new(store.namespace(), Scope::endpoint("listing"), Key::new(name).expect("it is a key"));
    let claim = Claim::new(key, Owner::from_bytes([7; 16]), HOUR, HOUR);
    match store.claim(&claim).await.expect("it answers") {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("not granted: {answer:?}"),
    }
}
