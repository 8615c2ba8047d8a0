//! The packed record, read back, cut short and spoiled.

use super::*;
use crate::{Key, Scope, ScopedKey};

fn digest(key: &str) -> KeyDigest {
    ScopedKey::new(Scope::endpoint("e"), Key::new(key).unwrap()).digest()
}

fn samples() -> Vec<Packed> {
    let states = [
        State::InFlight { deadline: Duration::from_millis(30_000) },
        State::Released,
        State::Completed(Outcome::new(vec![0, 255, 13, 10])),
        State::Completed(Outcome::default()),
    ];
    let mut samples = Vec::new();
    for state in states {
        for fingerprint in [None, Some(Fingerprint::of(b"body"))] {
            for version in [None, Some(Version::new(u64::MAX - 1))] {
                let record = Record {
                    state: state.clone(),
                    owner: Owner::from_bytes([7; 16]),
                    fence: Fence::new(1 << 63 | 5),
                    attempts: u32::MAX,
                    fingerprint,
                    version,
                };
                samples.push(Packed { record, lease: 30_000, retention: MAX_MILLIS });
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
fn a_tombstone_has_59_bytes() {
    assert!(samples().iter().any(|sample| sample.encode(digest("k")).len() == 59));
}

#[test]
fn every_truncation_is_refused_save_that_of_an_outcome() {
    for sample in samples() {
        let bytes = sample.encode(digest("k"));
        let outcome = match &sample.record.state {
            State::Completed(outcome) => outcome.as_bytes().len(),
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
    for (at, known) in [(0, &[1][..]), (1, &[1]), (2, &[0])] {
        for byte in (0..=u8::MAX).filter(|byte| !known.contains(byte)) {
            let mut spoiled = bytes.clone();
            spoiled[at] = byte;
            let read = Packed::decode(spoiled, digest("k"));
            let other_state = at == 1 && (byte == RELEASED || byte == COMPLETED);
            assert_eq!(read.is_some(), other_state, "byte {byte} at {at}");
        }
    }
}

#[test]
fn trailing_bytes_are_refused_where_there_is_no_outcome() {
    for sample in samples() {
        let mut bytes = sample.encode(digest("k"));
        bytes.push(0);
        let completed = matches!(sample.record.state, State::Completed(_));
        assert_eq!(Packed::decode(bytes, digest("k")).is_some(), completed);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..round % 130)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // Small numbers half of the time, to get past the first checks.
                if seed & 1 << 40 == 0 { (seed >> 20) as u8 & 3 } else { (seed >> 20) as u8 }
            })
            .collect();
        let _ = Packed::decode(bytes, digest("k"));
    }
}

#[test]
fn durations_count_whole_milliseconds_rounded_up() {
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
fn the_ttl_tells_what_is_left_of_a_lease() {
    let packed = |lease, retention| {
        let mut sample = samples()[0].clone();
        (sample.lease, sample.retention) = (lease, retention);
        sample
    };
    let cases = [
        (Some(100_000), 30_000),
        (Some(90_000), 20_000),
        (Some(70_000), 0),
        (Some(1), 0),
        // The clock went back a little, or so far that nobody can tell.
        (Some(101_000), 31_000),
        (Some(130_001), 0),
        (None, 0),
    ];
    for (ttl, left) in cases {
        let record = packed(30_000, 100_000).at_ttl(ttl);
        assert_eq!(record.state, State::InFlight { deadline: Duration::from_millis(left) }, "ttl {ttl:?}");
    }
}
