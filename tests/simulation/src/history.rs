//! The history: what was asked of a store, when, and what it answered.

use std::fmt;
use std::time::Duration;

use idempotency_core::{
    Claim, Claimed, Hold, Lease, OnExpired, Outcome, Owner, RecordView, Resolution, StateView, Version,
};

/// Microseconds since the recording began, on the clock by which the history is judged.
pub type Micros = u64;

/// What happened to the keys of one resource, or to one key without an order. Independent of every other history.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct History {
    /// How new each key's deliveries are, where they have an order.
    pub versions: Vec<Option<Version>>,
    /// The operations in the order in which they were called.
    pub operations: Vec<Operation>,
    /// How exactly the store counts time: 0, or a little more than a millisecond.
    pub resolution: Micros,
    /// The failover on the way, if it may have forgotten something.
    pub failover: Option<Failover>,
}

/// A master died, and a replica went on in its place, which may not have had the latest writes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failover {
    /// Until when the replica surely had every write: nothing before this instant is forgotten.
    pub cut_from: Micros,
    /// When the master was still alive for the last time.
    pub from: Micros,
    /// When it surely answered nobody any more.
    pub to: Micros,
    /// Whether a grant and a completion are answered only once the replica has them.
    pub is_confirmed: bool,
}

impl Failover {
    /// A failover of a master that died between these instants, without waiting for the replica, which had all that
    /// was written before `cut_from`.
    #[must_use]
    pub fn new(cut_from: Micros, from: Micros, to: Micros) -> Self {
        Self { cut_from, from, to, is_confirmed: false }
    }

    /// Says whether grants and completions waited for the replica that went on. Default: they did not.
    #[must_use]
    pub fn with_confirmation(mut self, is_confirmed: bool) -> Self {
        self.is_confirmed = is_confirmed;
        self
    }
}

impl History {
    /// The same history, which this failover may have cut.
    #[must_use]
    pub fn with_failover(&self, failover: Failover) -> Self {
        Self { failover: Some(failover), ..self.clone() }
    }
}

/// One operation of one worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// Which of the history's keys it is about.
    pub key: usize,
    /// Who asked.
    pub worker: usize,
    /// When it was sent.
    pub call: Micros,
    /// What was asked.
    pub action: Action,
    /// What was answered, and when; `None` where nobody knows. It may then have taken effect at any time after its
    /// call, or never.
    pub answer: Option<(Micros, Answer)>,
}

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the store contract")]
pub enum Action {
    /// [`Store::claim`](idempotency_core::Store::claim).
    Claim { owner: u64, fingerprint: Option<u64>, lease: Micros, in_doubt: bool },
    /// [`Store::renew`](idempotency_core::Store::renew).
    Renew { owner: u64, fence: u64, lease: Micros },
    /// [`Store::complete`](idempotency_core::Store::complete).
    Complete { owner: u64, fence: u64, outcome: u64 },
    /// [`Store::release`](idempotency_core::Store::release).
    Release { owner: u64, fence: u64 },
    /// [`Store::load`](idempotency_core::Store::load).
    Load,
    /// [`Store::forget`](idempotency_core::Store::forget).
    Forget,
    /// [`Store::resolve`](idempotency_core::Store::resolve): completed with this outcome, or released.
    Resolve { outcome: Option<u64> },
}

/// What was answered. Outcomes are told apart by 64 bits of a digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the store contract")]
pub enum Answer {
    /// To a claim.
    Granted { fence: u64, attempt: u32 },
    /// To a claim.
    Completed { outcome: u64 },
    /// To a claim.
    InFlight { retry_after: Micros },
    /// To a claim.
    Mismatch,
    /// To a claim.
    Stale { newest: u64 },
    /// To a claim.
    InDoubt,
    /// To a renewal, completion or release.
    Held,
    /// To a renewal, completion or release.
    Lost,
    /// To a look.
    Free,
    /// To a look.
    Record { state: Seen, fence: u64, attempts: u32 },
    /// To forgetting and resolving: whether there was something to do.
    Done(bool),
}

/// The state of a record that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the store contract")]
pub enum Seen {
    /// Somebody executes.
    InFlight { lease_left: Micros },
    /// The lease ran out and nobody took over.
    Abandoned,
    /// Its holder gave up.
    Released,
    /// It was executed.
    Completed { outcome: u64 },
    /// It cannot be read.
    Unreadable,
}

impl Action {
    /// A claim.
    #[must_use]
    pub fn claim(claim: &Claim) -> Self {
        Self::Claim {
            owner: owner_id(claim.owner),
            fingerprint: claim.fingerprint.map(|fingerprint| first_bytes(fingerprint.as_bytes())),
            lease: micros(claim.lease),
            in_doubt: claim.on_expired == OnExpired::InDoubt,
        }
    }

    /// A renewal.
    #[must_use]
    pub fn renew(lease: &Lease, duration: Duration) -> Self {
        Self::Renew { owner: owner_id(lease.owner()), fence: lease.fence().get(), lease: micros(duration) }
    }

    /// A completion.
    #[must_use]
    pub fn complete(lease: &Lease, outcome: &Outcome) -> Self {
        Self::Complete {
            owner: owner_id(lease.owner()),
            fence: lease.fence().get(),
            outcome: outcome_id(outcome),
        }
    }

    /// A release.
    #[must_use]
    pub fn release(lease: &Lease) -> Self {
        Self::Release { owner: owner_id(lease.owner()), fence: lease.fence().get() }
    }

    /// An operator's word.
    #[must_use]
    pub fn resolve(resolution: &Resolution) -> Self {
        match resolution {
            Resolution::Completed(outcome) => Self::Resolve { outcome: Some(outcome_id(outcome)) },
            _ => Self::Resolve { outcome: None },
        }
    }
}

impl Action {
    /// The attempt that asks, if it is not an operator.
    #[must_use]
    pub fn owner(&self) -> Option<u64> {
        match *self {
            Self::Claim { owner, .. }
            | Self::Renew { owner, .. }
            | Self::Complete { owner, .. }
            | Self::Release { owner, .. } => Some(owner),
            Self::Load | Self::Forget | Self::Resolve { .. } => None,
        }
    }
}

impl Answer {
    /// Whether an operation with this answer surely left the store as it was.
    #[must_use]
    pub fn changed_nothing(&self) -> bool {
        !matches!(self, Self::Granted { .. } | Self::Held | Self::Done(true))
    }
}

impl From<&Claimed> for Answer {
    fn from(claimed: &Claimed) -> Self {
        match claimed {
            Claimed::Granted { fence, attempt } => Self::Granted { fence: fence.get(), attempt: *attempt },
            Claimed::Completed(outcome) => Self::Completed { outcome: outcome_id(outcome) },
            Claimed::InFlight { retry_after } => Self::InFlight { retry_after: micros(*retry_after) },
            Claimed::Mismatch => Self::Mismatch,
            Claimed::Stale { newest } => Self::Stale { newest: newest.get() },
            Claimed::InDoubt => Self::InDoubt,
        }
    }
}

impl From<&Hold> for Answer {
    fn from(hold: &Hold) -> Self {
        match hold {
            Hold::Held => Self::Held,
            Hold::Lost => Self::Lost,
        }
    }
}

impl From<&bool> for Answer {
    fn from(done: &bool) -> Self {
        Self::Done(*done)
    }
}

impl From<&Option<RecordView>> for Answer {
    fn from(view: &Option<RecordView>) -> Self {
        let Some(view) = view else { return Self::Free };
        let state = match &view.state {
            StateView::InFlight { lease_left } => Seen::InFlight { lease_left: micros(*lease_left) },
            StateView::Abandoned => Seen::Abandoned,
            StateView::Released => Seen::Released,
            StateView::Completed(outcome) => Seen::Completed { outcome: outcome_id(outcome) },
            _ => Seen::Unreadable,
        };
        Self::Record { state, fence: view.fence.get(), attempts: view.attempts }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Micros| format!("{}.{:03}", time / 1000, time % 1000);
        let end = self.answer.map_or_else(|| "?".to_owned(), |(end, _)| ms(end));
        write!(f, "[{:>9} .. {end:>9}] worker {} key {} ", ms(self.call), self.worker, self.key)?;
        match self.action {
            Action::Claim { owner, fingerprint, lease, in_doubt } => {
                write!(f, "claim as {} for {} ms", short(owner), lease / 1000)?;
                if let Some(fingerprint) = fingerprint {
                    write!(f, ", fingerprint {}", short(fingerprint))?;
                }
                f.write_str(if in_doubt { ", at most once" } else { "" })?;
            }
            Action::Renew { owner, fence, .. } => write!(f, "renew {}/{fence}", short(owner))?,
            Action::Complete { owner, fence, outcome } => {
                write!(f, "complete {}/{fence} with {}", short(owner), short(outcome))?;
            }
            Action::Release { owner, fence } => write!(f, "release {}/{fence}", short(owner))?,
            Action::Load => f.write_str("load")?,
            Action::Forget => f.write_str("forget")?,
            Action::Resolve { outcome: None } => f.write_str("resolve as released")?,
            Action::Resolve { outcome: Some(outcome) } => {
                write!(f, "resolve as completed with {}", short(outcome))?;
            }
        }
        match self.answer {
            Some((_, Answer::Completed { outcome })) => write!(f, " -> Completed {}", short(outcome)),
            Some((_, answer)) => write!(f, " -> {answer:?}"),
            None => f.write_str(" -> ?"),
        }
    }
}

fn short(id: u64) -> String {
    format!("{:04x}", id >> 48)
}

pub(crate) fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn owner_id(owner: Owner) -> u64 {
    first_bytes(owner.as_bytes())
}

/// FNV-1a: outcomes are compared bit for bit, short of a collision in 2^64.
pub(crate) fn outcome_id(outcome: &Outcome) -> u64 {
    outcome
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn first_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
