//! The packed record, whatever is in it, and as the first version wrote it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Key, Scope, ScopedKey};

fn digest() -> KeyDigest {
    ScopedKey::new(Scope::endpoint("e"), Key::new("k").unwrap()).digest()
}

fn records() -> impl Strategy<Value = Packed> {
    let outcome = vec(any::<u8>(), 0..100).prop_map(|bytes| State::Completed(Outcome::new(bytes)));
    let in_flight = Just(State::InFlight { deadline: Duration::ZERO });
    let state = prop_oneof![in_flight, Just(State::Released), outcome];
    let identity = (any::<[u8; 16]>(), any::<u64>(), any::<u32>());
    let options = (prop::option::of(any::<[u8; 32]>()), prop::option::of(any::<u64>()));
    (state, identity, options, 0..=MAX_MILLIS, 0..=MAX_MILLIS).prop_map(
        |(mut state, (owner, fence, attempts), (fingerprint, version), lease, retention)| {
            if let State::InFlight { deadline } = &mut state {
                *deadline = Duration::from_millis(lease);
            }
            let record = Record {
                state,
                owner: Owner::from_bytes(owner),
                fence: Fence::new(fence),
                attempts,
                fingerprint: fingerprint.map(Fingerprint::from_bytes),
                version: version.map(Version::new),
            };
            Packed { record, lease, retention }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_record_reads_back_as_it_was(packed in records()) {
        prop_assert_eq!(Packed::decode(packed.encode(digest()), digest()), Some(packed));
    }

    #[test]
    fn a_record_of_a_later_format_is_refused_and_not_misread(format in 2..=u8::MAX, packed in records()) {
        let mut bytes = packed.encode(digest());
        bytes[0] = format;
        prop_assert_eq!(Packed::decode(bytes, digest()), None);
    }

    #[test]
    fn a_record_with_a_part_that_a_later_version_adds_is_refused(flag in 2..8_u8, packed in records()) {
        let mut bytes = packed.encode(digest());
        bytes[2] |= 1 << flag;
        prop_assert_eq!(Packed::decode(bytes, digest()), None);
    }

    #[test]
    fn what_is_left_of_a_lease_is_never_more_than_twice_the_lease(packed in records(), ttl: Option<u64>) {
        let lease = packed.lease;
        if let State::InFlight { deadline } = packed.at_ttl(ttl).state {
            prop_assert!(deadline <= Duration::from_millis(2 * lease));
        }
    }
}

const OWNER: &str = "000102030405060708090a0b0c0d0e0f";
const FINGERPRINT: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// Written by the first version of this crate, after the owner in each: never to be changed, since such records are
/// kept for weeks. The digest is that of the key `k` at the endpoint `e`.
fn golden() -> [(String, State, Option<Fingerprint>, Option<Version>); 4] {
    let tail = "0006474846204000 00000003 000000007530 0000240c8400 e68b80d9be96b8f6d3274c9facb04c60";
    let fingerprint: [u8; 32] =
        data_encoding::HEXLOWER.decode(FINGERPRINT.as_bytes()).unwrap().try_into().unwrap();
    let fingerprint = Some(Fingerprint::from_bytes(fingerprint));
    let completed = |bytes: &'static str| State::Completed(Outcome::new(bytes));
    let in_flight = State::InFlight { deadline: Duration::from_secs(30) };
    [
        (format!("01 01 00 {OWNER} {tail}"), in_flight, None, None),
        (format!("01 02 01 {OWNER} {tail} {FINGERPRINT}"), State::Released, fingerprint, None),
        (
            format!("01 03 02 {OWNER} {tail} 000000006955b900 646f6e65"),
            completed("done"),
            None,
            Some(Version::new(1_767_225_600)),
        ),
        (
            format!("01 03 03 {OWNER} {tail} {FINGERPRINT} ffffffffffffffff"),
            completed(""),
            fingerprint,
            Some(Version::new(u64::MAX)),
        ),
    ]
}

#[test]
fn records_of_the_first_format_still_read() {
    for (text, state, fingerprint, version) in golden() {
        let bytes = data_encoding::HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap();
        let record = Record {
            state,
            owner: Owner::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            fence: Fence::new(1_767_225_600_000_000),
            attempts: 3,
            fingerprint,
            version,
        };
        let packed = Packed { record, lease: 30_000, retention: 604_800_000 };
        assert_eq!(Packed::decode(bytes.clone(), digest()), Some(packed.clone()));
        assert_eq!(packed.encode(digest()), bytes);
    }
}
