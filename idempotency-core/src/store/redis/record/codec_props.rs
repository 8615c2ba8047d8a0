//! The encoding of random records, and of records that the first version wrote.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Key, Label, Namespace, Scope, ScopedKey};

fn key() -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("e"), Key::new("k").unwrap())
}

fn digest() -> KeyDigest {
    key().digest()
}

fn completed(outcome: impl Into<Bytes>, lease: u64, retention: u64) -> State {
    let (at, until) = (Duration::from_millis(lease), Duration::from_millis(lease + retention));
    State::Completed { outcome: Outcome::new(outcome), at, until }
}

/// Parts with a label, and parts that this version does not know.
fn parts() -> impl Strategy<Value = Parts> {
    let label = prop_oneof![Just(Label::default()), Just(Label::of(&key()))];
    let unknown = vec((3..128_u8, vec(any::<u8>(), 0..20)), 0..3);
    (label, unknown).prop_map(|(label, unknown)| {
        let mut bytes = Parts::of(label).to_bytes().to_vec();
        for (tag, content) in unknown {
            bytes.push(tag);
            bytes.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            bytes.extend(content);
        }
        Parts::from_bytes(bytes.into()).unwrap()
    })
}

fn records() -> impl Strategy<Value = Packed> {
    let outcome = prop::option::of(vec(any::<u8>(), 0..100));
    let state = (any::<bool>(), outcome);
    let identity = (any::<[u8; 16]>(), any::<u64>(), any::<u16>());
    let order = prop::option::of((any::<[u8; 32]>(), any::<u64>()));
    let options = (prop::option::of(any::<[u8; 32]>()), order, parts());
    (state, identity, options, 0..=MAX_MILLIS, 0..=MAX_MILLIS).prop_map(
        |((held, outcome), (owner, fence, attempts), (fingerprint, order, parts), lease, retention)| {
            let state = match outcome {
                Some(outcome) => completed(outcome, lease, retention),
                None if held => State::InFlight { deadline: Duration::from_millis(lease) },
                None => State::Released,
            };
            let mut record = Record::new(state, Owner::from_bytes(owner), Fence::new(fence));
            record.attempts = attempts.into();
            record.fingerprint = fingerprint.map(Fingerprint::from_bytes);
            record.order = order.map(|(resource, version)| {
                ScopedOrder::new(ResourceDigest::from_bytes(resource), Version::new(version))
            });
            record.parts = parts;
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
    fn a_record_of_another_format_is_refused(format in any::<u8>().prop_filter("another one", |format| *format != FORMAT), packed in records()) {
        let mut bytes = packed.encode(digest());
        bytes[0] = format;
        prop_assert_eq!(Packed::decode(bytes, digest()), None);
    }

    #[test]
    fn a_record_with_an_unknown_flag_is_refused(flag in prop_oneof![Just(32), Just(64)], packed in records()) {
        let mut bytes = packed.encode(digest());
        bytes[1] |= flag;
        prop_assert_eq!(Packed::decode(bytes, digest()), None);
    }

    #[test]
    fn the_time_left_is_never_more_than_twice_the_lease(packed in records(), ttl: Option<u64>) {
        let lease = packed.lease;
        if let State::InFlight { deadline } = packed.at_ttl(ttl).state {
            prop_assert!(deadline <= Duration::from_millis(2 * lease));
        }
    }
}

const DIGEST_END: &str = "563347b67c10567b";
const OWNER: &str = "000102030405060708090a0b0c0d0e0f";
const FINGERPRINT: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";
const RESOURCE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.replace(' ', "").as_bytes()).unwrap()
}

/// Records as this format was first written. Never change them, since servers keep such records for weeks. The digest
/// is that of the key `k` at the endpoint `e` in the namespace `default`.
fn golden() -> [(String, State, bool, Option<u64>, Parts); 4] {
    let (lease, at) = ("000000007530", "019b76daa800");
    let head = |state_and_flags: &str, lease: &str| {
        let identity = format!("{OWNER} 0006474846204000 0003");
        format!("03 {state_and_flags} {identity} {lease} 0000240c8400 {DIGEST_END}")
    };
    let label = "000c 01 0001 65 02 0001 6b 7f 0001 aa";
    let mut parts = Parts::of(Label::of(&key())).to_bytes().to_vec();
    parts.extend([127, 0, 1, 0xaa]);
    let parts = Parts::from_bytes(parts.into()).unwrap();
    let done = |outcome: &'static str| completed(outcome, 1_767_225_600_000, 604_800_000);
    let in_flight = State::InFlight { deadline: Duration::from_secs(30) };
    [
        (head("01", lease), in_flight, false, None, Parts::default()),
        (head("06", lease) + FINGERPRINT, State::Released, true, None, Parts::default()),
        (
            head("1b", at) + &format!("000000006955b900 {RESOURCE} {label} 646f6e65"),
            done("done"),
            false,
            Some(1_767_225_600),
            parts.clone(),
        ),
        (
            head("1f", at) + &format!("{FINGERPRINT} ffffffffffffffff {RESOURCE} {label}"),
            done(""),
            true,
            Some(u64::MAX),
            parts,
        ),
    ]
}

/// The formats before this one were never released. Their records have the same fields at other places.
#[test]
fn a_record_of_the_format_before_is_refused() {
    let identity = format!("{OWNER} 0006474846204000 00000003");
    let times = "000000007530 0000240c8400";
    let digest_end = data_encoding::HEXLOWER.encode(&digest().as_bytes()[16..]);
    for (state_and_flags, rest) in [("01 00", ""), ("02 01", FINGERPRINT), ("03 00", "646f6e65")] {
        let bytes = hex(&format!("02 {state_and_flags} {identity} {times} {digest_end} {rest}"));
        assert_eq!(Packed::decode(bytes, digest()), None);
    }
}

#[test]
fn the_first_records_of_this_format_read_and_encode_unchanged() {
    for (text, state, fingerprint, version, parts) in golden() {
        let bytes = hex(&text);
        let owner = Owner::from_bytes(hex(OWNER).try_into().unwrap());
        let lease = match state {
            State::Completed { .. } => 1_767_225_600_000,
            _ => 30_000,
        };
        let mut record = Record::new(state, owner, Fence::new(1_767_225_600_000_000));
        record.attempts = 3;
        record.fingerprint =
            fingerprint.then(|| Fingerprint::from_bytes(hex(FINGERPRINT).try_into().unwrap()));
        record.order = version.map(|version| {
            let resource = ResourceDigest::from_bytes(hex(RESOURCE).try_into().unwrap());
            ScopedOrder::new(resource, Version::new(version))
        });
        record.parts = parts;
        let packed = Packed { record, lease, retention: 604_800_000 };
        assert_eq!(Packed::decode(bytes.clone(), digest()), Some(packed.clone()));
        assert_eq!(packed.encode(digest()), bytes);
    }
}
