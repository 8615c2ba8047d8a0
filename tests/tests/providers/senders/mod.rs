//! The catalogue of senders: their recorded deliveries, their keys, every change of a signed request, and the page.

mod batches;
mod cases;
mod cases_of_apps;
mod cases_of_batches;
mod cases_of_checked_endpoints;
mod cases_of_commerce;
mod cases_of_sdks;
mod cases_of_services;
mod coded;
mod coded_apps;
mod coded_cases;
mod coded_events;
mod coded_habits;
mod coded_payments;
mod cuts;
mod habits;
mod handshakes;
mod ids;
mod negatives;
mod order;
mod pages;
mod public_keys;
mod requests;
mod schemes;
mod signed_headers;
mod times;
mod vectors;

use std::collections::BTreeSet;

use idempotency_core::provider::{Provider, Received, Scheme, senders};
use idempotency_core::{Delivery, KeyDigest, Namespace, ScopedKey};
use idempotency_tests::vectors::Request;

/// The scheme with a URL, if its sender signs one.
fn with_url(scheme: &Scheme, url: &str) -> Scheme {
    match scheme.is_url_signed() {
        true => scheme.clone().with_url(url),
        false => scheme.clone(),
    }
}

/// The only delivery of a request.
fn delivery(request: &Request, provider: &dyn Provider) -> Delivery {
    match <[Delivery; 1]>::try_from(deliveries(request, provider)) {
        Ok([delivery]) => delivery,
        Err(several) => panic!("{}: not one delivery: {several:?}", provider.name()),
    }
}

/// The deliveries of a request.
fn deliveries(request: &Request, provider: &dyn Provider) -> Vec<Delivery> {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => vec![delivery],
        Ok(Received::Batch(deliveries)) => deliveries,
        other => panic!("{}: not a delivery: {other:?}", provider.name()),
    }
}

/// The address of its record.
fn address(delivery: &Delivery) -> KeyDigest {
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

#[test]
fn every_sender_of_the_catalogue_has_a_case() {
    let cases: BTreeSet<_> = cases::cases().iter().map(|case| case.scheme.name()).collect();
    assert_eq!(cases, senders::ALL.iter().map(Scheme::name).collect());
}
