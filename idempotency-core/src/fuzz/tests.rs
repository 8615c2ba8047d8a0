//! Runs the targets on their corpus, on mutated corpus entries, and on random bytes.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

type Target = fn(&[u8]);

const CASES: u32 = 512;

const TARGETS: &[(&str, Target)] = &[
    #[cfg(feature = "redis")]
    ("redis_record", redis_record),
    #[cfg(feature = "redis")]
    ("redis_reply", redis_reply),
    ("recorded_response", recorded_response),
    ("idempotency_key", idempotency_key),
    ("stripe", stripe),
    ("slack", slack),
    ("standard_webhooks", standard_webhooks),
    ("twilio", twilio),
    ("github", github),
    ("shopify", shopify),
    ("scheme", scheme),
    ("events", events),
];

/// The committed inputs of a target.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("the corpus is at {}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn no_committed_input_breaks_a_guarantee() {
    for (name, target) in TARGETS.iter().copied() {
        let inputs = corpus(name);
        assert!(!inputs.is_empty(), "{name}");
        inputs.iter().for_each(|input| target(input));
    }
}

/// Otherwise a change of the format would leave a corpus of values that are all refused.
#[cfg(feature = "redis")]
#[test]
fn most_committed_records_of_redis_can_be_read() {
    let inputs = corpus("redis_record");
    let records = inputs.iter().filter(|input| crate::store::redis::fuzz::record(input)).count();
    assert!(records > inputs.len() / 2, "{records} of {}", inputs.len());
}

/// A corpus entry in which a few bytes are replaced, inserted, cut off or doubled.
fn mutated(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), any::<u8>(), 0..4_u8);
    (select(corpus), vec(change, 1..6)).prop_map(|(mut bytes, changes)| {
        for (index, byte, how) in changes {
            let at = index.index(bytes.len() + 1);
            match how {
                0 if at < bytes.len() => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, byte),
                _ => bytes.extend_from_within(at..),
            }
        }
        bytes
    })
}

fn run(target: Target, inputs: impl Strategy<Value = Vec<u8>>) {
    let config = ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(input in inputs)| target(&input));
}

#[test]
fn no_mutated_input_breaks_a_guarantee() {
    for (name, target) in TARGETS.iter().copied() {
        run(target, mutated(corpus(name)));
    }
}

#[test]
fn no_random_bytes_break_a_guarantee() {
    for (_, target) in TARGETS.iter().copied() {
        run(target, vec(any::<u8>(), 0..200));
    }
}
