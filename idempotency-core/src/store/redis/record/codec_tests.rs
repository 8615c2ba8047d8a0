//! The encoding: records read back, truncated and corrupted.

use super::*;
use crate::{Key, Label, Namespace, Scope, ScopedKey};

fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("e"), Key::new(name).unwrap())
}

fn digest(name: &str) -> KeyDigest {
    key(name).digest()
}

fn completed(outcome: impl Into<Bytes>) -> State {
    let (at, until) = (Duration::from_millis(LEASE), Duration::from_millis(LEASE + RETENTION));
    State::Completed { outcome: Outcome::new(outcome), at, until }
}

const LEASE: u64 = 30_000;
const RETENTION: u64 = MAX_MILLIS;

fn samples() -> Vec<Packed> {
    let states = [
        State::InFlight { deadline: Duration::from_millis(LEASE) },
        State::Released,
        completed(vec![0, 255, 13, 10]),
        completed(Bytes::new()),
    ];
    let order = ScopedOrder::new(ResourceDigest::from_bytes([9; 32]), Version::new(u64::MAX - 1));
    let mut samples = Vec::new();
    for state in states {
        for fingerprint in [None, Some(Fingerprint::of(b"body"))] {
            for order in [None, Some(order)] {
                for label in [Label::default(), Label::of(&key("k"))] {
                    let owner = Owner::from_bytes([7; 16]);
                    let mut record = Record::new(state.clone(), owner, Fence::new(1 << 63 | 5));
                    record.attempts = u32::from(u16::MAX);
                    (record.fingerprint, record.order) = (fingerprint, order);
                    record.parts = Parts::of(label);
                    samples.push(Packed { record, lease: LEASE, retention: RETENTION });
                }
            }
        }
    }
    samples
}

#[test]
fn every_record_reads_back_as_it_was() {
    for sample in samples() {
        assert_eq!(Packed::decode(sample.encode(digest("k")), digest("k")), Some(sample));
    }
}

#[test]
fn a_released_record_without_a_label_has_48_bytes() {
    assert!(samples().iter().any(|sample| sample.encode(digest("k")).len() == 48));
}

#[test]
fn every_truncation_before_the_outcome_is_refused() {
    for sample in samples() {
        let bytes = sample.encode(digest("k"));
        let outcome = match &sample.record.state {
            State::Completed { outcome, .. } => outcome.as_bytes().len(),
            _ => 0,
        };
        for len in 0..bytes.len() - outcome {
            assert_eq!(Packed::decode(bytes[..len].to_vec(), digest("k")), None);
        }
    }
}

#[test]
fn a_record_of_another_key_is_refused() {
    for sample in samples() {
        assert_eq!(Packed::decode(sample.encode(digest("k")), digest("l")), None);
    }
}

#[test]
fn unknown_formats_states_and_flags_are_refused() {
    let bytes = samples()[0].encode(digest("k"));
    // The other states, and a waiter, need no other bytes after them.
    for (at, known) in [(0, &[3][..]), (1, &[1, 2, 3, 129, 130, 131])] {
        for byte in 0..=u8::MAX {
            let mut corrupted = bytes.clone();
            corrupted[at] = byte;
            let read = Packed::decode(corrupted, digest("k"));
            assert_eq!(read.is_some(), known.contains(&byte), "byte {byte} at {at}");
        }
    }
}

#[test]
fn a_record_with_more_attempts_than_it_can_count_keeps_the_most() {
    let mut sample = samples().remove(0);
    sample.record.attempts = u32::from(u16::MAX) + 1;
    let read = Packed::decode(sample.encode(digest("k")), digest("k")).unwrap();
    assert_eq!(read.record.attempts, 65_535);
}

#[test]
fn a_record_that_is_awaited_is_the_same_record() {
    for sample in samples() {
        let mut bytes = sample.encode(digest("k"));
        bytes[1] |= 128;
        assert_eq!(Packed::decode(bytes, digest("k")), Some(sample));
    }
}

#[test]
fn a_completed_record_keeps_all_but_state_times_and_outcome() {
    let in_flight =
        samples().into_iter().filter(|sample| matches!(sample.record.state, State::InFlight { .. }));
    for mut expected in in_flight {
        let before = millis(crate::clock::system_unix_time());
        let bytes = super::completed(&expected.encode(digest("k")), 9_000, b"done");
        let read = Packed::decode(bytes, digest("k")).unwrap();
        assert!(
            (before..=millis(crate::clock::system_unix_time())).contains(&read.lease),
            "the time of completion"
        );
        let at = Duration::from_millis(read.lease);
        expected.record.state =
            State::Completed { outcome: Outcome::new("done"), at, until: at + Duration::from_secs(9) };
        (expected.lease, expected.retention) = (read.lease, 9_000);
        assert_eq!(read, expected);
    }
}

#[test]
fn trailing_bytes_are_refused_if_there_is_no_outcome() {
    for sample in samples() {
        let mut bytes = sample.encode(digest("k"));
        bytes.push(0);
        let completed = matches!(sample.record.state, State::Completed { .. });
        assert_eq!(Packed::decode(bytes, digest("k")).is_some(), completed);
    }
}

#[test]
fn decoding_random_bytes_does_not_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..round % 130)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // Half of the bytes are small, to pass the first checks.
                if seed & 1 << 40 == 0 { (seed >> 20) as u8 & 3 } else { (seed >> 20) as u8 }
            })
            .collect();
        let _ = Packed::decode(bytes, digest("k"));
    }
}

#[test]
fn durations_are_rounded_up_to_milliseconds() {
    let cases = [
        (Duration::ZERO, 1),
        (Duration::from_micros(1500), 2),
        (Duration::from_millis(30_000), 30_000),
        (Duration::MAX, MAX_MILLIS),
    ];
    for (duration, expected) in cases {
        assert_eq!(millis(duration), expected);
    }
}

#[test]
fn the_ttl_determines_the_time_left_of_a_lease() {
    let packed = |lease, retention| {
        let mut sample = samples()[0].clone();
        (sample.lease, sample.retention) = (lease, retention);
        sample
    };
    let cases = [
        (Some(130_000), 30_000),
        (Some(120_000), 20_000),
        (Some(100_000), 0),
        (Some(99_999), 0),
        (Some(1), 0),
        // The clock went back a little, and then so far that the record counts as pinned.
        (Some(131_000), 31_000),
        (Some(160_000), 60_000),
        (Some(160_001), 0),
        (None, 0),
    ];
    for (ttl, left) in cases {
        let record = packed(30_000, 100_000).at_ttl(ttl);
        assert_eq!(record.state, State::InFlight { deadline: Duration::from_millis(left) }, "ttl {ttl:?}");
    }
}

/// The bytes of a record with a label, and with more parts after it.
fn with_parts(state: State, more: &[u8]) -> Vec<u8> {
    let mut record = Record::new(state, Owner::from_bytes([7; 16]), Fence::new(5));
    record.parts = Parts::of(Label::of(&key("k")));
    let mut bytes = Packed { record, lease: LEASE, retention: RETENTION }.encode(digest("k"));
    let label = Parts::of(Label::of(&key("k"))).to_bytes();
    let len = u16::try_from(label.len() + more.len()).unwrap();
    bytes[48..50].copy_from_slice(&len.to_be_bytes());
    bytes.splice(50 + label.len()..50 + label.len(), more.iter().copied());
    bytes
}

#[test]
fn an_unknown_ignorable_part_is_kept() {
    for state in [State::Released, completed("done")] {
        let bytes = with_parts(state, &[127, 0, 2, 7, 8]);
        let packed = Packed::decode(bytes.clone(), digest("k")).expect("the part can be ignored");
        assert_eq!(packed.record.parts.label(), &Label::of(&key("k")));
        assert_eq!(packed.encode(digest("k")), bytes);
    }
}

#[test]
fn an_unknown_binding_part_is_refused() {
    for state in [State::Released, completed("done")] {
        let announced = {
            let mut bytes = with_parts(state.clone(), &[]);
            bytes[1] |= 32;
            bytes
        };
        for bytes in [announced, with_parts(state, &[128, 0, 0])] {
            assert_eq!(Packed::decode(bytes, digest("k")), None);
        }
    }
}

#[test]
fn a_label_that_is_too_long_is_omitted() {
    let key = key("k");
    let mut claim = Claim::new(key.clone(), Owner::from_bytes([7; 16]), Duration::MAX, Duration::MAX);
    claim.label.endpoint = Some("e".repeat(usize::from(u16::MAX)).into());
    let mut packed = Packed::first_grant(&claim, Fence::new(5));
    assert_eq!(packed.ttl(), 2 * MAX_MILLIS);
    let read = Packed::decode(packed.encode(key.digest()), key.digest());
    packed.record.parts = Parts::default();
    assert_eq!(read, Some(packed));
}

#[test]
fn the_label_of_a_long_endpoint_is_kept_truncated() {
    let endpoint = "e".repeat(usize::from(u16::MAX));
    let key = ScopedKey::new(&Namespace::default(), Scope::endpoint(endpoint), Key::new("k").unwrap());
    let claim = Claim::new(key.clone(), Owner::from_bytes([7; 16]), Duration::MAX, Duration::MAX);
    let packed = Packed::first_grant(&claim, Fence::new(5));
    let read = Packed::decode(packed.encode(key.digest()), key.digest()).unwrap();
    assert_eq!(read.record.parts.label(), &Label::of(&key));
}
