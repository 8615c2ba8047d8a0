//! The packed record: one Redis string per key, read here and by the scripts' prelude.
//!
//! | Bytes | Field |
//! |---|---|
//! | 1 | format, 1 |
//! | 1 | state: 1 in flight, 2 released, 3 completed |
//! | 1 | flags: 1 fingerprint, 2 version |
//! | 16 | owner |
//! | 8 | fence |
//! | 4 | attempts |
//! | 6 | lease, milliseconds |
//! | 6 | retention, milliseconds: the key's TTL when the lease began |
//! | 16 | end of the key's digest |
//! | 32 | fingerprint, where flagged |
//! | 8 | version, where flagged |
//! | rest | outcome of a completed record |
//!
//! Numbers are unsigned, big endian. Anything else is not a record, and a later format is refused rather than misread.

use std::time::Duration;

use bytes::Bytes;

use crate::{Claim, Fence, Fingerprint, KeyDigest, Outcome, Owner, Record, State, Version};

const FORMAT: u8 = 1;
const IN_FLIGHT: u8 = 1;
const RELEASED: u8 = 2;
const COMPLETED: u8 = 3;
const HAS_FINGERPRINT: u8 = 1;
const HAS_VERSION: u8 = 2;

/// The longest duration a record can name, 8,919 years.
const MAX_MILLIS: u64 = (1 << 48) - 1;

/// The byte that says completed, for a script.
pub(super) const STATE_COMPLETED: &[u8] = &[COMPLETED];
/// The byte that says released, for a script.
pub(super) const STATE_RELEASED: &[u8] = &[RELEASED];

/// A record as it is stored: its lease is a length, which only the key's TTL turns into time left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Packed {
    /// The record; the deadline of one in flight is its lease's whole length.
    pub(super) record: Record,
    /// The lease's length in milliseconds.
    pub(super) lease: u64,
    /// The key's whole TTL in milliseconds.
    pub(super) retention: u64,
}

/// A duration in whole milliseconds, rounded up, at least one.
pub(super) fn millis(duration: Duration) -> u64 {
    let millis = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(millis).unwrap_or(MAX_MILLIS).clamp(1, MAX_MILLIS)
}

/// Milliseconds as six bytes.
pub(super) fn be48(millis: u64) -> [u8; 6] {
    let [_, _, bytes @ ..] = millis.min(MAX_MILLIS).to_be_bytes();
    bytes
}

/// The part of the key's digest that a record carries, so that a reply meant for another key is never taken for its
/// own. The key's name in Redis has the rest.
pub(super) fn digest_end(digest: KeyDigest) -> [u8; 16] {
    *digest.as_bytes().last_chunk().expect("a digest has 32 bytes")
}

/// Owner and fence as a record holds them next to each other.
pub(super) fn identity(owner: Owner, fence: Fence) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(owner.as_bytes());
    bytes[16..].copy_from_slice(&fence.get().to_be_bytes());
    bytes
}

impl Packed {
    /// The record of a first grant.
    pub(super) fn first_grant(claim: &Claim, fence: Fence) -> Self {
        let lease = millis(claim.lease);
        let record = Record {
            state: State::InFlight { deadline: Duration::from_millis(lease) },
            owner: claim.owner,
            fence,
            attempts: 1,
            fingerprint: claim.fingerprint,
            version: claim.order.as_ref().map(crate::Order::version),
        };
        Self { record, lease, retention: millis(claim.retention).max(lease) }
    }

    /// The bytes.
    pub(super) fn encode(&self, digest: KeyDigest) -> Vec<u8> {
        let Record { state, owner, fence, attempts, fingerprint, version } = &self.record;
        let (state, outcome) = match state {
            State::InFlight { .. } => (IN_FLIGHT, &[][..]),
            State::Released => (RELEASED, &[][..]),
            State::Completed(outcome) => (COMPLETED, outcome.as_bytes().as_ref()),
        };
        let flags = if fingerprint.is_some() { HAS_FINGERPRINT } else { 0 }
            | if version.is_some() { HAS_VERSION } else { 0 };
        let mut bytes = Vec::with_capacity(99 + outcome.len());
        bytes.extend_from_slice(&[FORMAT, state, flags]);
        bytes.extend_from_slice(&identity(*owner, *fence));
        bytes.extend_from_slice(&attempts.to_be_bytes());
        bytes.extend_from_slice(&be48(self.lease));
        bytes.extend_from_slice(&be48(self.retention));
        bytes.extend_from_slice(&digest_end(digest));
        if let Some(fingerprint) = fingerprint {
            bytes.extend_from_slice(fingerprint.as_bytes());
        }
        if let Some(version) = version {
            bytes.extend_from_slice(&version.get().to_be_bytes());
        }
        bytes.extend_from_slice(outcome);
        bytes
    }

    /// Reads a record of this key; `None` where the bytes are not one, whatever they are.
    pub(super) fn decode(bytes: impl Into<Bytes>, digest: KeyDigest) -> Option<Self> {
        let mut rest = Reader(bytes.into());
        let [format, state, flags] = rest.take()?;
        if format != FORMAT || flags & !(HAS_FINGERPRINT | HAS_VERSION) != 0 {
            return None;
        }
        let owner = Owner::from_bytes(rest.take()?);
        let fence = Fence::new(u64::from_be_bytes(rest.take()?));
        let attempts = u32::from_be_bytes(rest.take()?);
        let lease = rest.take_be48()?;
        let retention = rest.take_be48()?;
        if rest.take()? != digest_end(digest) {
            return None;
        }
        let fingerprint = match flags & HAS_FINGERPRINT {
            0 => None,
            _ => Some(Fingerprint::from_bytes(rest.take()?)),
        };
        let version = match flags & HAS_VERSION {
            0 => None,
            _ => Some(Version::new(u64::from_be_bytes(rest.take()?))),
        };
        let state = match (state, rest.0.is_empty()) {
            (IN_FLIGHT, true) => State::InFlight { deadline: Duration::from_millis(lease) },
            (RELEASED, true) => State::Released,
            (COMPLETED, _) => State::Completed(Outcome::new(rest.0)),
            _ => return None,
        };
        let record = Record { state, owner, fence, attempts, fingerprint, version };
        Some(Self { record, lease, retention })
    }

    /// The record with what is left of its lease as its deadline, given the key's TTL in milliseconds. A TTL that no
    /// lease leaves (see the scripts' prelude) leaves nothing.
    pub(super) fn at_ttl(mut self, ttl: Option<u64>) -> Record {
        if let State::InFlight { deadline } = &mut self.record.state {
            let left = ttl
                .filter(|ttl| *ttl <= self.retention + self.lease)
                .map_or(0, |ttl| (self.lease + ttl).saturating_sub(self.retention));
            *deadline = Duration::from_millis(left);
        }
        self.record
    }
}

/// Takes fixed pieces off the front of bytes.
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
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "codec_props.rs"]
mod props;
