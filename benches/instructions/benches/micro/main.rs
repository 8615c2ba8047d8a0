//! Measures single operations with criterion, and prints their times relative to the plain code as a Markdown table.

mod floor;
mod records;
mod signed;
mod table;
mod threads;

use std::time::{Duration, Instant};

use criterion::Criterion;
use idempotency_instructions::signed::{github, hmac_sha256, stripe};
use idempotency_instructions::{Operation, layer, record};

use self::table::Table;

/// The sizes of a usual body and of an event with many lines.
const SIZES: [(usize, &str); 2] = [(3_500, "3.5 KB"), (60_000, "60 KB")];

/// Prepares an operation on a body of this size.
type Prepare = fn(usize) -> Operation;

/// Each provider with the plain code that it is compared with, which comes before it.
const PROVIDERS: [(&str, Prepare, &[&str]); 10] = [
    ("HMAC-SHA-256", hmac_sha256, &[]),
    ("HMAC-SHA-256 and fingerprint", signed::hmac_and_fingerprint, &["HMAC-SHA-256"]),
    ("Stripe", stripe, &["HMAC-SHA-256"]),
    ("Slack", signed::slack, &["HMAC-SHA-256"]),
    ("Standard Webhooks", signed::standard_webhooks, &["HMAC-SHA-256"]),
    ("Checkout.com, a scheme", signed::scheme, &["HMAC-SHA-256"]),
    ("GitHub", github, &["HMAC-SHA-256", "HMAC-SHA-256 and fingerprint"]),
    ("Shopify", signed::shopify, &["HMAC-SHA-256", "HMAC-SHA-256 and fingerprint"]),
    ("HMAC-SHA-1", signed::hmac_sha1, &[]),
    ("Twilio", signed::twilio, &["HMAC-SHA-1"]),
];

fn main() {
    let criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut table = Table::new(criterion);
    records::measure(&mut table);
    for (bytes, size) in SIZES {
        let named = |name: &str| format!("{name}, {size}");
        for (name, prepare, floors) in PROVIDERS {
            let floors: Vec<_> = floors.iter().map(|floor| (named(floor), *floor)).collect();
            table.measure("receive", &named(name), &floors, |rounds| timed(prepare(bytes), rounds));
        }
    }
    let mut one = |group, name, floors: &[&str], prepare: fn() -> Operation| {
        let floors: Vec<_> = floors.iter().map(|floor| ((*floor).to_owned(), *floor)).collect();
        table.measure(group, name, &floors, |rounds| timed(prepare(), rounds));
    };
    one("record", "encode", &[], record::encode);
    one("record", "decode", &[], record::decode);
    one("layer", "the handler alone", &[], layer::handler);
    one("layer", "fresh", &["the handler alone"], layer::fresh);
    one("layer", "duplicate", &["the handler alone"], layer::duplicate);
    table.print();
}

/// The time of some rounds. What the operation leaves behind is dropped after it.
fn timed(mut operate: Operation, rounds: u64) -> Duration {
    let start = Instant::now();
    for round in 0..rounds {
        operate(round);
    }
    start.elapsed()
}
