//! Every recorded delivery of a sender of the catalogue is accepted with the right key, or refused.

use idempotency_core::provider::{Provider as _, Received, RejectionKind, Scheme, SchemeProvider, senders};
use idempotency_tests::vectors::{Vector, load_of};

use super::{address, deliveries, delivery, with_url};

fn recordings(scheme: &Scheme) -> Vec<Vector> {
    load_of(scheme.name())
}

fn provider(scheme: &Scheme, vector: &Vector) -> SchemeProvider {
    // Mollie's classic webhooks have no secret. They must be refused, whatever the secret is.
    let secret = if vector.secret.is_empty() { "another" } else { &vector.secret };
    let url = vector.url.as_deref().unwrap_or("https://example.com/");
    with_url(scheme, url).with_secret(secret).unwrap()
}

/// Whether a key is the recorded id. With Zendesk, it has the event's type before the id and its time after it. With HubSpot
/// and Xero, it has more parts.
fn is_key(scheme: &Scheme, key: &str, id: &str) -> bool {
    match scheme.name() {
        "zendesk" => key.split(';').nth(1) == Some(id),
        "hubspot" | "xero" => key.replace(';', ":").starts_with(&format!("{id}:")),
        // The recorded ids are those of messages, of which an entry may have several.
        "meta" => key.len() == 64,
        _ => key == id,
    }
}

fn named<'v>(vectors: &'v [Vector], name: &str) -> &'v Vector {
    vectors.iter().find(|vector| vector.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

#[test]
fn recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let (mut accepted, mut refused) = (0, 0);
    for scheme in senders::ALL {
        for vector in recordings(scheme) {
            let id = &vector.id;
            // The order of the items proves nothing.
            let is_order = vector.name == "order-other";
            // The header that names Pusher's key is not signed. The signature shows which secret it is.
            let is_key_name = vector.id.starts_with("pusher-") && vector.name == "key-other";
            let is_harmless = vector.policy_dependent || is_order || is_key_name;
            let is_unsigned = vector.secret.is_empty();
            let is_ambiguous = vector.attack.as_deref() == Some("canonicalization-ambiguity");
            let may_be_genuine = vector.valid && !is_unsigned && !is_ambiguous;
            match vector.request().received_by(&provider(scheme, &vector)) {
                Ok(Received::Delivery(delivery)) => {
                    assert!(may_be_genuine || is_harmless, "{id} was accepted");
                    if let Some(expected) = vector.key() {
                        assert!(is_key(scheme, delivery.key().as_str(), &expected), "{id}");
                    }
                    assert_eq!(
                        delivery.fingerprint().is_none(),
                        scheme.is_key_signed() || scheme.name() == "zendesk",
                        "{id}"
                    );
                    accepted += 1;
                }
                Ok(Received::Batch(deliveries)) => {
                    assert!(may_be_genuine || is_harmless, "{id} was accepted");
                    let expected = vector.event_ids.unwrap_or_default();
                    let has_ids = !["asana", "meta", "pusher", "quickbooks-legacy"].contains(&scheme.name());
                    let is_counted = has_ids && vector.attack.is_none();
                    assert!(deliveries.len() == expected.len() || !is_counted, "{id}");
                    for (delivery, expected) in deliveries.iter().zip(&expected) {
                        assert!(is_key(scheme, delivery.key().as_str(), expected), "{id}");
                        assert_eq!(delivery.fingerprint().is_none(), scheme.is_key_signed(), "{id}");
                    }
                    accepted += 1;
                }
                // A handshake by GET is not signed.
                Ok(Received::Handshake(_)) => assert!(vector.valid, "{id} was answered"),
                Ok(Received::Bypass) if scheme.is_keyless() => {
                    assert!(may_be_genuine, "{id} was accepted");
                    accepted += 1;
                }
                Ok(other) => panic!("{id}: {other:?}"),
                Err(rejection) if rejection.kind() == RejectionKind::Unauthenticated => {
                    assert!(!may_be_genuine || vector.policy_dependent, "{id} was refused: {rejection}");
                    refused += 1;
                }
                // A sample without an event, signed well.
                Err(rejection) => {
                    let has_event = vector.event_id.is_some() || vector.event_ids.is_some();
                    assert!(!has_event || is_ambiguous, "{id}: {rejection}");
                }
            }
        }
    }
    assert!(accepted >= 140 && refused >= 240, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_recorded_retry_has_the_key_of_the_first_attempt() {
    for (sender, retries) in [
        ("paddle", &["retry-resigned", "manual-replay-new-notification-id", "rotation-good-first"][..]),
        ("coinbase-commerce", &["retry-different-envelope"]),
        ("bitbucket", &["retry-attempt-2"]),
        ("intercom", &["retry-delivery-attempts-2"]),
        ("heroku", &["retry-new-attempt-id"]),
        ("box", &["retry-new-delivery-id", "delivery-id-swapped"]),
        ("jira", &["retry"]),
        ("twitch", &["retry"]),
        ("hubspot", &["retry-attempt-1"]),
        ("line", &["redelivery"]),
        ("docusign", &["retry-count-1", "two-keys-second-matches"]),
        ("pagerduty", &["rotation"]),
        ("circleci", &["list-with-v2"]),
    ] {
        let scheme = senders::ALL.iter().find(|scheme| scheme.name() == sender).unwrap();
        let vectors = recordings(scheme);
        let of = |name: &str| {
            let vector = named(&vectors, name);
            deliveries(&vector.request(), &provider(scheme, vector))
        };
        for retry in retries {
            let (first, retry) = (of("valid-1"), of(retry));
            assert_eq!(first.len(), retry.len(), "{sender}");
            for (first, retry) in first.iter().zip(&retry) {
                assert_eq!(address(first), address(retry), "{sender}");
                assert_eq!(first.fingerprint(), retry.fingerprint(), "{sender}");
            }
        }
    }
}

/// The vectors of the SDKs have the same names: a redelivery is the same event, everything else genuine is another one.
#[test]
fn a_redelivery_has_the_key_of_its_event_and_no_other_event_has_it() {
    let mut senders_seen = 0;
    for scheme in senders::ALL {
        let vectors = recordings(scheme);
        let find = |name: &str| vectors.iter().find(|vector| vector.name == name);
        let (Some(valid), Some(redelivery)) = (find("valid"), find("redelivery")) else { continue };
        senders_seen += 1;
        let of = |vector: &Vector| -> Vec<_> {
            let deliveries = deliveries(&vector.request(), &provider(scheme, vector));
            deliveries.iter().map(|delivery| (address(delivery), delivery.fingerprint())).collect()
        };
        let first = of(valid);
        assert_eq!(first, of(redelivery), "{}", scheme.name());
        let is_other = |name: &str| name == "second-occurrence" || name.starts_with("other-kind");
        let others = vectors.iter().filter(|vector| is_other(&vector.name));
        let others: Vec<_> = others.map(of).collect();
        assert!(others.len() >= 2, "{}", scheme.name());
        for (at, other) in others.iter().enumerate() {
            assert!(*other != first && !others[..at].contains(other), "{}", scheme.name());
        }
    }
    assert_eq!(senders_seen, 111);
}

#[test]
fn a_recorded_request_under_a_swapped_id_is_bound_to_its_body() {
    for (sender, genuine, swapped) in [
        ("linear", "valid-1", "unsigned-key-swapped"),
        ("razorpay", "valid-1", "unsigned-key-swapped"),
        ("bitbucket", "valid-1", "unsigned-key-swapped"),
        ("sentry", "valid-1", "unsigned-key-swapped"),
        ("sanity", "valid-1", "unsigned-key-swapped"),
        ("jira", "valid-1", "unsigned-key-swapped"),
        ("gitlab", "static-valid", "static-key-swapped"),
    ] {
        let scheme = senders::ALL.iter().find(|scheme| scheme.name() == sender).unwrap();
        let vectors = recordings(scheme);
        let [a, b] = [genuine, swapped].map(|name| {
            let vector = named(&vectors, name);
            delivery(&vector.request(), &provider(scheme, vector))
        });
        assert_ne!(address(&a), address(&b), "{sender}");
        assert!(a.fingerprint().is_some() && a.fingerprint() == b.fingerprint(), "{sender}");
    }
}

#[test]
fn a_body_that_is_forged_with_a_token_is_another_one_under_the_same_key() {
    let vectors = recordings(&senders::GITLAB);
    let [a, b] = ["static-valid", "static-body-forged"].map(|name| {
        let vector = named(&vectors, name);
        delivery(&vector.request(), &provider(&senders::GITLAB, vector))
    });
    assert_eq!(address(&a), address(&b));
    assert_ne!(a.fingerprint(), b.fingerprint());
}

/// The delivery id is the same for all deliveries of a webhook within one second, so it is not enough. The body is not
/// enough either: each deletion of an order is `{"id":727}`. A delivery id that an attacker swaps therefore makes another
/// event. No other choice loses none, because WooCommerce signs only the body and never sends an event twice.
#[test]
fn two_woocommerce_orders_with_one_delivery_id_are_two_deliveries() {
    let vectors = recordings(&senders::WOOCOMMERCE);
    let of = |name: &str| {
        let vector = named(&vectors, name);
        delivery(&vector.request(), &provider(&senders::WOOCOMMERCE, vector))
    };
    let genuine = of("valid-1");
    assert_ne!(address(&genuine), address(&of("same-delivery-id-different-order")));
    let swapped = of("unsigned-key-swapped");
    assert_ne!(address(&genuine), address(&swapped));
    assert!(genuine.fingerprint().is_some() && genuine.fingerprint() == swapped.fingerprint());
}

#[test]
fn the_recorded_handshakes_of_twitch_and_zoom_are_answered() {
    for (scheme, name, expected) in [
        (senders::TWITCH, "callback-verification", "pogchamp-kappa-360noscope-vohiyo"),
        (
            senders::ZOOM,
            "crc-url-validation",
            // Computed with another program.
            r#"{"encryptedToken":"839bd7502b880cd27285965dda4d26e3770b843bd775eb277369da2dcca165df","plainToken":"qgg8vlvZRS6UYooatFL8Aw"}"#,
        ),
    ] {
        let vectors = recordings(&scheme);
        let vector = named(&vectors, name);
        let provider = provider(&scheme, vector);
        let Ok(Received::Handshake(answer)) = vector.request().received_by(&provider) else {
            panic!("{name} is not answered")
        };
        assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, expected.as_bytes()));
        let mut forged = vector.request();
        forged.body = [&forged.body[..], b" "].concat().into();
        let refused = forged.received_by(&provider).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{}", provider.name());
    }
}

#[test]
fn a_recorded_id_that_swallowed_a_digit_of_the_time_is_refused() {
    let vectors = recordings(&senders::TWITCH);
    let vector = named(&vectors, "boundary-shift-id-timestamp");
    assert!(vector.request().received_by(&provider(&senders::TWITCH, vector)).is_err());
}
