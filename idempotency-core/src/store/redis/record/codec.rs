//! The encoding of a record: one Redis string per key, also read by the scripts' prelude.
//!
//! | Bytes | Field |
//! |---|---|
//! | 1 | format, 3 |
//! | 1 | state: 1 in flight, 2 released, 3 completed; plus flags: 4 fingerprint, 8 order, 16 parts, 128 awaited |
//! | 16 | owner |
//! | 8 | fence |
//! | 2 | attempts, 65,535 if there were more |
//! | 6 | lease in milliseconds; in a completed record the time of its completion, in milliseconds since 1970 |
//! | 6 | retention in milliseconds |
//! | 8 | end of the key's digest |
//! | 32 | fingerprint, if flagged |
//! | 8 + 32 | version and digest of the resource, if flagged |
//! | 2 + n | length and bytes of the [`Parts`], if flagged |
//! | rest | outcome of a completed record |
//!
//! Numbers are unsigned and big endian. Any other bytes are not a record: a later format or an unknown flag is refused
//! rather than misread. Flag 32 announces a binding part, so that a reader that stops at the digest knows of it too. Flag
//! 128 says that a waiter wants a message when a record in flight changes. It says nothing about any other record.
//!
//! Redis's allocator rounds up, so a byte may cost 16 or more. Without an outcome and the key's text, a record whose
//! endpoint's name has 23 bytes takes 76. With the 4 bytes that Redis adds, that is 80, which is a size class of jemalloc.
//!
//! The TTL tells the time left. The TTL of a record in flight starts at lease + retention, so it exceeds the retention
//! by the time left of the lease. No lease leaves a TTL over two leases + retention. Such a record is pinned: it is in
//! doubt.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Parts, Record, ResourceDigest, State};
use crate::{Claim, Fence, Fingerprint, KeyDigest, Lease, Outcome, Owner, ScopedOrder, Version};

const FORMAT: u8 = 3;
/// The bits of the state in the byte of state and flags.
const STATE_BITS: u8 = 3;
const IN_FLIGHT: u8 = 1;
const RELEASED: u8 = 2;
const COMPLETED: u8 = 3;
const HAS_FINGERPRINT: u8 = 4;
const HAS_ORDER: u8 = 8;
pub(crate) const HAS_PARTS: u8 = 16;
pub(crate) const IS_AWAITED: u8 = 128;
const KNOWN_BITS: u8 = STATE_BITS | HAS_FINGERPRINT | HAS_ORDER | HAS_PARTS | IS_AWAITED;

/// The longest duration that fits into a record: 8,919 years.
const MAX_MILLIS: u64 = (1 << 48) - 1;

/// The state of a completed record, as a script argument.
pub(crate) const STATE_COMPLETED: &[u8] = &[COMPLETED];
/// The state of a released record, as a script argument.
pub(crate) const STATE_RELEASED: &[u8] = &[RELEASED];

/// The position of the byte of state and flags.
pub(crate) const STATE_AND_FLAGS: usize = 1;
/// The position of owner and fence.
const IDENTITY: Range<usize> = 2..26;
/// The position of the lease.
const LEASE: Range<usize> = 28..34;
/// The position of the retention.
const RETENTION: Range<usize> = 34..40;
/// The position of the end of the key's digest.
pub(crate) const DIGEST_END: Range<usize> = 40..48;

/// The length of a record with all flags, except for its parts themselves and its outcome.
const MAX_HEAD: usize = DIGEST_END.end + 32 + 40 + 2;

/// A record as it is stored. It has the lease's length; the time left follows from the TTL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Packed {
    /// The record. In flight, its deadline is the whole length of the lease.
    pub(crate) record: Record,
    /// The lease's length in milliseconds. In a completed record, the time of completion in milliseconds since 1970.
    pub(crate) lease: u64,
    /// The retention in milliseconds.
    pub(crate) retention: u64,
}

/// A duration in milliseconds, rounded up to at least one.
pub(crate) fn millis(duration: Duration) -> u64 {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(MAX_MILLIS).clamp(1, MAX_MILLIS)
}

/// Milliseconds as six bytes.
pub(crate) fn be48(millis: u64) -> [u8; 6] {
    let [_, _, bytes @ ..] = millis.min(MAX_MILLIS).to_be_bytes();
    bytes
}

/// The part of the key's digest that a record holds, so that a reply for another key is never mistaken for this key's.
/// The record's name holds the rest.
pub(crate) fn digest_end(digest: KeyDigest) -> [u8; 8] {
    *digest.as_bytes().last_chunk().expect("a digest has 32 bytes")
}

/// Owner and fence, as they lie next to each other in a record.
pub(crate) fn identity(owner: Owner, fence: Fence) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(owner.as_bytes());
    bytes[16..].copy_from_slice(&fence.get().to_be_bytes());
    bytes
}

/// Whether these bytes are a record that this lease was granted.
pub(crate) fn is_held_by(record: &[u8], lease: &Lease) -> bool {
    record.get(IDENTITY) == Some(&identity(lease.owner(), lease.fence()))
        && record.get(DIGEST_END) == Some(&digest_end(lease.key().digest()))
}

/// The record as it is after its completion now, from its bytes in flight. As the completion's script makes it, but with the
/// time of this worker.
pub(crate) fn completed(in_flight: &[u8], retention: u64, outcome: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(in_flight.len() + outcome.len());
    bytes.extend_from_slice(in_flight);
    bytes[STATE_AND_FLAGS] = bytes[STATE_AND_FLAGS] & !STATE_BITS | COMPLETED;
    bytes[LEASE].copy_from_slice(&be48(millis(crate::clock::system_unix_time())));
    bytes[RETENTION].copy_from_slice(&be48(retention));
    bytes.extend_from_slice(outcome);
    bytes
}

impl Packed {
    /// The record of a first grant.
    pub(crate) fn first_grant(claim: &Claim, fence: Fence) -> Self {
        let lease = millis(claim.lease);
        let deadline = Duration::from_millis(lease);
        let mut record = Record::new(State::InFlight { deadline }, claim.owner, fence);
        record.fingerprint = claim.fingerprint;
        record.order = claim.order;
        record.parts = Parts::of(claim.label.clone());
        Self { record, lease, retention: millis(claim.retention) }
    }

    /// The TTL of a record in flight at the start of its lease, in milliseconds.
    pub(crate) fn ttl(&self) -> u64 {
        self.lease + self.retention
    }

    /// Encodes the record of this key.
    pub(crate) fn encode(&self, digest: KeyDigest) -> Vec<u8> {
        let record = &self.record;
        let (state, outcome) = match &record.state {
            State::InFlight { .. } => (IN_FLIGHT, &[][..]),
            State::Released => (RELEASED, &[][..]),
            State::Completed { outcome, .. } => (COMPLETED, outcome.as_bytes().as_ref()),
        };
        // Omits a label that is too long: no decision depends on it.
        let parts_len = u16::try_from(record.parts.encoded_len()).ok().filter(|len| *len > 0);
        let flags = if record.fingerprint.is_some() { HAS_FINGERPRINT } else { 0 }
            | if record.order.is_some() { HAS_ORDER } else { 0 }
            | if parts_len.is_some() { HAS_PARTS } else { 0 };
        let attempts = u16::try_from(record.attempts).unwrap_or(u16::MAX);
        let mut bytes =
            Vec::with_capacity(MAX_HEAD + usize::from(parts_len.unwrap_or_default()) + outcome.len());
        bytes.extend_from_slice(&[FORMAT, state | flags]);
        bytes.extend_from_slice(&identity(record.owner, record.fence));
        bytes.extend_from_slice(&attempts.to_be_bytes());
        bytes.extend_from_slice(&be48(self.lease));
        bytes.extend_from_slice(&be48(self.retention));
        bytes.extend_from_slice(&digest_end(digest));
        if let Some(fingerprint) = record.fingerprint {
            bytes.extend_from_slice(fingerprint.as_bytes());
        }
        if let Some(order) = record.order {
            bytes.extend_from_slice(&order.version.get().to_be_bytes());
            bytes.extend_from_slice(order.resource.as_bytes());
        }
        if let Some(len) = parts_len {
            bytes.extend_from_slice(&len.to_be_bytes());
            record.parts.encode_into(&mut bytes);
        }
        bytes.extend_from_slice(outcome);
        bytes
    }

    /// Decodes a record of this key. `None` if the bytes are anything else.
    pub(crate) fn decode(bytes: impl Into<Bytes>, digest: KeyDigest) -> Option<Self> {
        let mut rest = Reader(bytes.into());
        let [format, state_and_flags] = rest.take()?;
        if format != FORMAT || state_and_flags & !KNOWN_BITS != 0 {
            return None;
        }
        let owner = Owner::from_bytes(rest.take()?);
        let fence = Fence::new(u64::from_be_bytes(rest.take()?));
        let attempts = u16::from_be_bytes(rest.take()?).into();
        let lease = rest.take_be48()?;
        let retention = rest.take_be48()?;
        if rest.take()? != digest_end(digest) {
            return None;
        }
        let has = |flag| state_and_flags & flag != 0;
        let fingerprint =
            if has(HAS_FINGERPRINT) { Some(rest.take().map(Fingerprint::from_bytes)?) } else { None };
        let order = if has(HAS_ORDER) { Some(rest.take_order()?) } else { None };
        let parts = if has(HAS_PARTS) { rest.take_parts()? } else { Parts::default() };
        let state = match (state_and_flags & STATE_BITS, rest.0.is_empty()) {
            (IN_FLIGHT, true) => State::InFlight { deadline: Duration::from_millis(lease) },
            (RELEASED, true) => State::Released,
            (COMPLETED, _) => State::Completed {
                outcome: Outcome::new(rest.0),
                at: Duration::from_millis(lease),
                until: Duration::from_millis(lease + retention),
            },
            _ => return None,
        };
        let record = Record { state, owner, fence, attempts, fingerprint, order, parts };
        Some(Self { record, lease, retention })
    }

    /// The record with the time left of its lease as its deadline, given its TTL in milliseconds. No time is left with
    /// a TTL that no lease leaves, or without a TTL.
    pub(crate) fn at_ttl(mut self, ttl: Option<u64>) -> Record {
        if let State::InFlight { deadline } = &mut self.record.state {
            let left = ttl
                .filter(|ttl| *ttl <= self.retention + 2 * self.lease)
                .map_or(0, |ttl| ttl.saturating_sub(self.retention));
            *deadline = Duration::from_millis(left);
        }
        self.record
    }
}

/// Takes fields off the front of the bytes.
struct Reader(Bytes);

impl Reader {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let piece = *self.0.first_chunk()?;
        self.0 = self.0.slice(N..);
        Some(piece)
    }

    fn take_be48(&mut self) -> Option<u64> {
        let bytes: [u8; 6] = self.take()?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn take_order(&mut self) -> Option<ScopedOrder> {
        let version = Version::new(u64::from_be_bytes(self.take()?));
        Some(ScopedOrder::new(ResourceDigest::from_bytes(self.take()?), version))
    }

    fn take_parts(&mut self) -> Option<Parts> {
        let len = usize::from(u16::from_be_bytes(self.take()?));
        if self.0.len() < len {
            return None;
        }
        Parts::from_bytes(self.0.split_to(len)).ok()
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "codec_props.rs"]
mod props;
