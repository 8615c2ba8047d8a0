//! Rules for listing: operators find every record, with its endpoint and key.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::Harness;
use super::case::{Case, Handle};
use crate::store::{Cursor, Filter, Page, StateKind};
use crate::{Claim, Hold, KeyDigest, RecordView};

/// `load` and `list` show the endpoint and the key of a record, in every state.
pub async fn a_record_shows_its_endpoint_and_key(harness: &dyn Harness) {
    let case = Case::new(harness, "a_record_shows_its_endpoint_and_key").await;
    let states = in_every_state(&case).await;
    let listed = list(&case.two, &endpoint(&case), 100).await;
    assert_eq!(listed.len(), states.len(), "a record is missing, or listed twice");
    for name in states.keys() {
        let view = case.one.view(&case.key(name)).await;
        assert_eq!(view.digest, case.key(name).digest(), "load returned another digest");
        let in_list = listed.iter().find(|listed| listed.digest == view.digest);
        for view in [&view, in_list.unwrap_or_else(|| panic!("{name} is not listed"))] {
            assert_eq!(view.label.endpoint.as_deref(), Some(case.scope.endpoint_name()), "{name}");
            assert_eq!(view.label.key.as_ref(), Some(case.key(name).key()), "{name}");
        }
    }
}

/// A record with a label without a key shows operators the endpoint, but not the key.
pub async fn a_hidden_key_is_not_shown(harness: &dyn Harness) {
    let case = Case::new(harness, "a_hidden_key_is_not_shown").await;
    let claim = case.claim("hidden");
    let claim = Claim { label: claim.label.clone().without_key(), ..claim };
    let grant = case.one.grant(&claim).await;
    for _ in 0..2 {
        let listed = list(&case.two, &endpoint(&case), 100).await;
        assert_eq!(listed.len(), 1, "the record is listed by its endpoint");
        for view in [case.one.view(&claim.key).await, listed[0].clone()] {
            assert_eq!(view.digest, claim.key.digest());
            assert_eq!(view.label, claim.label, "the key is shown, or the endpoint is not");
        }
        assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    }
}

/// `list` can select one state.
pub async fn records_are_listed_by_state(harness: &dyn Harness) {
    let case = Case::new(harness, "records_are_listed_by_state").await;
    let states = in_every_state(&case).await;
    for (name, state) in &states {
        let listed = list(&case.two, &endpoint(&case).in_state(*state), 100).await;
        let digests: Vec<KeyDigest> = listed.iter().map(|view| view.digest).collect();
        assert_eq!(digests, [case.key(name).digest()], "the records in state {state:?}");
        assert_eq!(listed[0].state.kind(), *state);
    }
    assert!(list(&case.two, &endpoint(&case).in_state(StateKind::Unreadable), 100).await.is_empty());
}

/// `list` can select one endpoint, by its whole name only.
pub async fn records_are_listed_by_endpoint(harness: &dyn Harness) {
    let case = Case::new(harness, "records_are_listed_by_endpoint").await;
    let longer = crate::Scope::endpoint(format!("{}!", case.scope.endpoint_name()));
    let narrower = case.scope.clone().with_tenant("t");
    for scope in [&case.scope, &narrower, &longer] {
        let key = case.key_in(scope, "k");
        case.one.grant(&Claim { label: crate::Label::of(&key), key, ..case.claim("k") }).await;
    }
    let listed = list(&case.two, &endpoint(&case), 100).await;
    let listed: HashSet<KeyDigest> = listed.iter().map(|view| view.digest).collect();
    let expected = [&case.scope, &narrower].map(|scope| case.key_in(scope, "k").digest());
    assert_eq!(listed, HashSet::from(expected), "the records of the endpoint, with any tenant");
}

/// `list` can select the records that were claimed at least some time ago.
pub async fn records_are_listed_by_age(harness: &dyn Harness) {
    let case = Case::new(harness, "records_are_listed_by_age").await;
    case.one.grant(&case.claim("k")).await;
    let hour = Duration::from_secs(3600);
    let young = list(&case.two, &endpoint(&case).older_than(hour), 100).await;
    assert!(young.is_empty(), "it was claimed just now");
    let all = list(&case.two, &endpoint(&case).older_than(Duration::ZERO), 100).await;
    assert_eq!(all.len(), 1, "every record is at least zero old");
    let claimed_at = all[0].claimed_at();
    assert_eq!(claimed_at, case.one.view(&case.key("k")).await.claimed_at(), "load and list agree");
}

/// All pages together have every record, and each record once if nothing changes. No page has many more records than
/// its limit.
pub async fn pages_have_every_record(harness: &dyn Harness) {
    let case = Case::new(harness, "pages_have_every_record").await;
    let mut expected = HashSet::new();
    for number in 0..300 {
        expected.insert(case.one.grant(&case.claim(&format!("{number}"))).await.lease.key().digest());
    }
    for limit in [10, 299, 300, 1_000] {
        // A store that scans its table may list a record twice while other tests change it.
        let mut listings = Vec::new();
        for _ in 0..5 {
            let listed = digests(&case, limit).await;
            assert_eq!(listed.iter().copied().collect::<HashSet<_>>(), expected, "a record is missing");
            listings.push(listed.len());
        }
        assert!(listings.contains(&300), "each listing in pages of {limit} has a record twice: {listings:?}");
    }
}

/// The digests on all pages of the case's endpoint. Panics if a page is much larger than its limit.
async fn digests(case: &Case<'_>, limit: usize) -> Vec<KeyDigest> {
    let (mut page, mut listed) = (Page::first(limit), Vec::new());
    loop {
        let listing = case.two.list(&endpoint(case), &page).await;
        assert!(listing.records.len() <= 10 * limit, "{} records of {limit}", listing.records.len());
        listed.extend(listing.records.iter().map(|view| view.digest));
        let Some(next) = listing.next else { return listed };
        // Operators pass cursors on as text.
        page = Page::first(limit).after(Cursor::new(next.to_string()));
    }
}

/// An expired or forgotten record is not listed.
pub async fn a_record_that_is_gone_is_not_listed(harness: &dyn Harness) {
    let case = Case::new(harness, "a_record_that_is_gone_is_not_listed").await;
    let brief = Claim { retention: super::SLACK, ..case.claim("expired") };
    case.one.grant(&brief).await;
    case.one.grant(&case.claim("forgotten")).await;
    assert!(case.one.forget(&case.key("forgotten")).await, "there was a record");
    case.advance(brief.lease + 2 * super::SLACK).await;
    assert!(list(&case.two, &endpoint(&case), 100).await.is_empty(), "a record that is gone is listed");
}

/// An unreadable record is listed, so that operators find it.
///
/// Passes if the harness cannot corrupt a record.
pub async fn an_unreadable_record_is_listed(harness: &dyn Harness) {
    let case = Case::new(harness, "an_unreadable_record_is_listed").await;
    let grant = case.one.grant(&case.claim("k")).await;
    if !harness.corrupt(grant.lease.key()).await {
        return;
    }
    let unreadable = Filter::all().in_state(StateKind::Unreadable);
    let listed = list(&case.two, &unreadable, 1_000).await;
    let digest = grant.lease.key().digest();
    assert!(listed.iter().any(|view| view.digest == digest), "the unreadable record is not listed");
    assert!(list(&case.two, &endpoint(&case), 100).await.is_empty(), "an unreadable record has no endpoint");
}

/// A cursor that is not from this store is an error.
pub async fn a_foreign_cursor_is_an_error(harness: &dyn Harness) {
    let case = Case::new(harness, "a_foreign_cursor_is_an_error").await;
    case.one.grant(&case.claim("k")).await;
    for text in ["", "no cursor", "\0", "ä", "-1", "1e9", "99999999999999999999999999", "{}", ":", "::"] {
        let page = Page::first(10).after(Cursor::new(text));
        let answer = case.two.store().list(&Filter::all(), &page).await;
        assert!(answer.is_err(), "the cursor {text:?} was accepted: {answer:?}");
    }
}

fn endpoint(case: &Case<'_>) -> Filter {
    Filter::all().of_endpoint(case.scope.endpoint_name())
}

/// Creates a record in each state, with a key named after the state.
async fn in_every_state(case: &Case<'_>) -> HashMap<&'static str, StateKind> {
    case.one.grant(&case.claim("abandoned")).await;
    case.let_leases_expire().await;
    case.one.grant(&case.claim("in flight")).await;
    let released = case.one.grant(&case.claim("released")).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    HashMap::from([
        ("abandoned", StateKind::Abandoned),
        ("in flight", StateKind::InFlight),
        ("released", StateKind::Released),
        ("completed", StateKind::Completed),
    ])
}

/// The records on all pages of a listing.
async fn list(handle: &Handle, filter: &Filter, limit: usize) -> Vec<RecordView> {
    let (mut page, mut records) = (Page::first(limit), Vec::new());
    loop {
        let listing = handle.list(filter, &page).await;
        records.extend(listing.records);
        let Some(next) = listing.next else { return records };
        page = Page::first(limit).after(next);
    }
}
