//! A tenant that the user sets and an account of the sender are two levels: no two pairs of them share a key.

use std::collections::HashMap;
use std::time::Duration;

use http::HeaderMap;
use idempotency_core::provider::{GitHub, Place, Provider, Received, Scheme, Slack, Stripe};
use idempotency_core::{Namespace, Scope, ScopedKey, testing};
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_test";
const ACME: Scheme = Scheme::hmac_sha256("acme")
    .signature_header("x-sig")
    .key_in(Place::Json("/id"))
    .account_in(Place::Json("/account"));

/// A provider, and what its sender sends for an account, with one id for all accounts.
type Sender = (Box<dyn Provider>, fn(Option<&str>) -> (HeaderMap, String));

fn senders() -> [Sender; 4] {
    [
        (Box::new(Stripe::new(SECRET).unwrap()), |account| {
            let account = account.map(|account| format!(r#","account":"{account}""#)).unwrap_or_default();
            let body = format!(r#"{{"id":"evt_1"{account}}}"#);
            (testing::stripe(SECRET, body.as_bytes(), NOW), body)
        }),
        (Box::new(GitHub::new(SECRET).unwrap()), |account| {
            let account =
                account.map(|account| format!(r#","installation":{{"id":"{account}"}}"#)).unwrap_or_default();
            let body = format!(r#"{{"action":"opened"{account}}}"#);
            (testing::github(SECRET, "d-1", "custom", body.as_bytes()), body)
        }),
        (Box::new(Slack::new(SECRET).unwrap()), |account| {
            let account = account.map(|account| format!(r#","team_id":"{account}""#)).unwrap_or_default();
            let body = format!(r#"{{"type":"event_callback","event_id":"Ev1"{account}}}"#);
            (testing::slack(SECRET, body.as_bytes(), NOW), body)
        }),
        (Box::new(ACME.with_secret(SECRET).unwrap()), |account| {
            let account = account.map(|account| format!(r#","account":"{account}""#)).unwrap_or_default();
            let body = format!(r#"{{"id":"n_1"{account}}}"#);
            (testing::scheme(&ACME, SECRET, "", body.as_bytes(), NOW), body)
        }),
    ]
}

#[test]
fn no_two_pairs_of_a_tenant_and_an_account_share_a_key() {
    /// Each name is tried as a tenant and as an account. `None` is no account, and the empty name is only a tenant.
    const NAMES: [Option<&str>; 5] = [None, Some(""), Some("a"), Some("b"), Some("account=a")];
    for (provider, sent) in senders() {
        let mut seen = HashMap::new();
        let tenants = NAMES.iter().flatten().map(|tenant| vec![*tenant]);
        for tenant in tenants.chain([vec![], vec!["a", "b"]]) {
            for account in NAMES.into_iter().filter(|account| *account != Some("")) {
                let (headers, body) = sent(account);
                let scope = Scope::endpoint("e");
                let scope = tenant.iter().fold(scope, |scope, tenant| scope.with_tenant(tenant));
                let received = Request::new(headers, body, NOW).received_in(&scope, &*provider);
                let Ok(Received::Delivery(delivery)) = received else {
                    panic!("{}: not a delivery: {received:?}", provider.name())
                };
                assert_eq!(
                    delivery.scope().tenants().count(),
                    tenant.len() + usize::from(account.is_some()),
                    "{}: the account of {account:?} narrows the scope",
                    provider.name()
                );
                let printed = delivery.scope().to_string();
                assert_eq!(printed.parse().as_ref(), Ok(delivery.scope()));
                let key =
                    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone());
                let pair = (tenant.clone(), account);
                if let Some(other) = seen.insert(key.digest(), pair.clone()) {
                    panic!("{}: {other:?} and {pair:?} share a key", provider.name());
                }
            }
        }
    }
}
