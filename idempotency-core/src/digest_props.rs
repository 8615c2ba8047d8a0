//! Different values never share a digest, however their bytes are split.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::{Fingerprint, Key, Namespace, Resource, Scope, ScopedKey};

/// Fields of few distinct bytes and lengths, so that lists often share a concatenation, and bytes look like lengths.
fn fields() -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(vec(prop::sample::select(vec![0_u8, 1, 2, b'a']), 0..4), 0..5)
}

/// Endpoint, tenants, principal and key, of few letters.
type Parts = (String, Vec<String>, Option<String>, String);

fn parts() -> impl Strategy<Value = Parts> {
    let text = || prop::sample::select(vec!["", "a", "b", "ab", "ba", "aa", "1:a/b", "\0", "\u{1}", "\u{2}"]);
    let owned = || text().prop_map(str::to_owned);
    let key = prop::sample::select(vec!["a", "b", "ab", "ba", "aab"]).prop_map(str::to_owned);
    (owned(), vec(owned(), 0..4), prop::option::of(owned()), key)
}

fn scope((endpoint, tenants, principal, _): &Parts) -> Scope {
    let endpoint = Scope::endpoint(endpoint.as_str());
    let scope = tenants.iter().fold(endpoint, |scope, tenant| scope.with_tenant(tenant.as_str()));
    match principal {
        Some(principal) => scope.with_principal(principal),
        None => scope,
    }
}

/// The kind of a resource.
fn kind() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "b", "ab", "\u{1}"])
}

/// An optional tenant, and a tenant inside it.
fn nested() -> impl Strategy<Value = (Option<&'static str>, &'static str)> {
    let tenant = || prop::sample::select(vec!["", "x", "abc", "3:abc/x", "0:/x", "1:x/x", "\u{1}", "\u{2}"]);
    (prop::option::of(tenant()), tenant())
}

fn narrowed((outer, inner): &(Option<&str>, &str)) -> Scope {
    let scope = outer.iter().fold(Scope::endpoint("e"), |scope, tenant| scope.with_tenant(*tenant));
    scope.with_tenant(*inner)
}

fn split(bytes: &[u8], at: &[usize]) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = at.iter().map(|at| at % (bytes.len() + 1)).collect();
    ends.push(0);
    ends.push(bytes.len());
    ends.sort_unstable();
    ends.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

fn fingerprint(fields: &[Vec<u8>]) -> Fingerprint {
    Fingerprint::of_fields(fields.iter().map(Vec::as_slice))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_lists_have_the_same_fingerprint_only_if_they_are_equal(a in fields(), b in fields()) {
        prop_assert_eq!(fingerprint(&a) == fingerprint(&b), a == b);
    }

    #[test]
    fn the_same_bytes_split_differently_have_different_fingerprints(
        bytes in vec(any::<u8>(), 0..64),
        a in vec(any::<usize>(), 0..4),
        b in vec(any::<usize>(), 0..4),
    ) {
        let (a, b) = (split(&bytes, &a), split(&bytes, &b));
        prop_assert_eq!(fingerprint(&a) == fingerprint(&b), a == b);
    }

    #[test]
    fn two_scoped_keys_have_the_same_digest_only_if_they_are_equal(a in parts(), b in parts()) {
        let digest = |parts: &Parts| ScopedKey::new(&Namespace::default(), scope(parts), Key::new(&parts.3).unwrap()).digest();
        prop_assert_eq!(digest(&a) == digest(&b), a == b);
    }

    #[test]
    fn two_nested_scopes_are_equal_only_if_outer_and_inner_tenant_are(a in nested(), b in nested()) {
        prop_assert_eq!(narrowed(&a) == narrowed(&b), a == b);
        let digest = |nested| ScopedKey::new(&Namespace::default(), narrowed(nested), Key::new("k").unwrap()).digest();
        prop_assert_eq!(digest(&a) == digest(&b), a == b);
    }

    #[test]
    fn two_resources_have_the_same_mark_only_if_they_are_equal(a in (parts(), kind()), b in (parts(), kind())) {
        let mark = |(parts, kind): &(Parts, &str)| {
            Resource::new(&scope(parts), kind, &parts.3).digest(&Namespace::default())
        };
        prop_assert_eq!(mark(&a) == mark(&b), a == b);
    }
}
