//! Runs one operation a number of times, so that callgrind counts its instructions. `run` beside this folder's manifest
//! does so for each operation, and compares the counts with the committed ones.
//!
//! All of it runs on one thread, over fixed inputs. Three things still differ from run to run, and change a count by less
//! than 1 %: the seed of the standard library's hash tables, the bytes of owners, and the time, whose digits have lengths.

use idempotency_instructions::{Operation, layer, record, signed, store};

/// Prepares an operation, which is not counted.
type Prepare = fn() -> Operation;

/// Each with the rounds that make its count steady in little time.
const OPERATIONS: [(&str, u64, Prepare); 11] = [
    ("layer-fresh", 1000, layer::fresh),
    ("layer-duplicate", 1000, layer::duplicate),
    ("memory-fresh", 1000, store::fresh),
    ("memory-duplicate", 1000, store::duplicate),
    ("record-encode", 1000, record::encode),
    ("record-decode", 1000, record::decode),
    ("hmac-3500", 100, || signed::hmac_sha256(3_500)),
    ("stripe-3500", 100, || signed::stripe(3_500)),
    ("hmac-60000", 10, || signed::hmac_sha256(60_000)),
    ("stripe-60000", 10, || signed::stripe(60_000)),
    ("github-3500", 100, || signed::github(3_500)),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        OPERATIONS.iter().for_each(|(name, rounds, _)| println!("{name} {rounds}"));
        return;
    };
    let count: u64 = arguments.next().and_then(|count| count.parse().ok()).expect("a number of times");
    let (.., prepare) = OPERATIONS.iter().find(|(known, ..)| *known == name).expect("a known operation");
    let mut operate = prepare();
    for round in 0..count {
        operate(round);
    }
}
