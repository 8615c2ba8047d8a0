//! The history: the operations on a store, their times and their answers.

mod answers;
mod print;

use std::borrow::Cow;
use std::time::Duration;

use idempotency_core::store::{Claim, Completion, Lease, Owner, Release, Resolution};
use idempotency_core::{OnExpired, Outcome, Version};

/// Microseconds since the recording began, on the clock by which the history is judged.
pub type Micros = u64;

/// The operations on the keys of one resource, or on one key without an order. It is independent of other histories.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct History {
    /// The version of each key's deliveries, if they have an order.
    pub versions: Vec<Option<Version>>,
    /// The operations in the order of their calls.
    pub operations: Vec<Operation>,
    /// The resolution of the store's clock: 0, or a little more than a millisecond.
    pub resolution: Micros,
    /// The failover during the history, if it may have lost writes.
    pub failover: Option<Failover>,
    /// Whether record and mark change in two steps, as in a cluster.
    pub is_split: bool,
    /// Whether such a store abandons the record again when the claim that took over turns out to be stale, as Redis does.
    pub undoes_takeovers: bool,
    /// Whether the store gives back a claim that the replicas did not confirm, even after its caller has gone.
    pub awaits_replicas: bool,
    /// Whether the store may read its clock before an operation takes effect or sees the record, but not before the call.
    /// This is so if an operation takes effect only once it is on the disk.
    pub reads_clock_early: bool,
    /// Whether the store itself repeats an operation if it loses the connection before the answer. The operation may then
    /// take effect several times before it is answered.
    pub repeats_operations: bool,
}

/// A master died, and a replica took its place that may lack the latest writes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Failover {
    /// The replica has every write before this instant.
    pub cut_from: Micros,
    /// The last instant at which the master was alive.
    pub from: Micros,
    /// The first instant at which it surely did not answer any more.
    pub to: Micros,
    /// Whether grants and completions are answered only once the replica has them.
    pub is_confirmed: bool,
}

impl Failover {
    /// A failover of a master that died between these instants and did not wait for the replica. The replica has every
    /// write before `cut_from`.
    #[must_use]
    pub fn new(cut_from: Micros, from: Micros, to: Micros) -> Self {
        Self { cut_from, from, to, is_confirmed: false }
    }

    /// Sets whether grants and completions waited for the promoted replica. Default: they did not.
    #[must_use]
    pub fn with_confirmation(mut self, is_confirmed: bool) -> Self {
        self.is_confirmed = is_confirmed;
        self
    }
}

impl History {
    /// The same history of a store whose record and mark change in two steps.
    #[must_use]
    pub fn split(mut self) -> Self {
        self.is_split = true;
        self
    }

    /// The same history of such a store that abandons the record again after a stale takeover.
    #[must_use]
    pub fn split_with_takeovers_undone(self) -> Self {
        Self { undoes_takeovers: true, ..self.split() }
    }

    /// The same history of a store that gives back a claim that the replicas did not confirm.
    #[must_use]
    pub fn awaiting_replicas(self) -> Self {
        Self { awaits_replicas: true, ..self }
    }

    /// The same history with the separate steps of a store that changes record and mark in two: a completion raises the
    /// mark first, and a stale claim is granted first and then given back.
    pub(crate) fn in_steps(&self) -> Cow<'_, Self> {
        if !self.is_split && !self.awaits_replicas {
            return Cow::Borrowed(self);
        }
        let mut operations = Vec::with_capacity(self.operations.len() * 2);
        for operation in &self.operations {
            operations.push(operation.clone());
            let answer = operation.answer.map(|(_, answer)| answer);
            let mut also = |action| operations.push(Operation { action, answer: None, ..operation.clone() });
            if let (true, Action::Claim { owner, .. }, None) =
                (self.awaits_replicas, operation.action, answer)
            {
                also(Action::GiveBack { owner, why: GivenBack::Unconfirmed });
            }
            if !self.is_split || self.versions[operation.key].is_none() {
                continue;
            }
            match operation.action {
                Action::Claim { owner, is_ordered: true, .. }
                    if matches!(answer, None | Some(Answer::Stale { .. })) =>
                {
                    if answer.is_some() {
                        also(operation.action);
                    }
                    also(Action::GiveBack { owner, why: GivenBack::Stale });
                    if self.undoes_takeovers {
                        also(Action::GiveBack { owner, why: GivenBack::StaleTakeover });
                    }
                }
                Action::Complete { owner, .. } => also(Action::Raise { owner }),
                Action::Resolve { outcome: Some(_) } => also(Action::Raise { owner: 0 }),
                _ => {}
            }
        }
        Cow::Owned(Self { operations, ..self.clone() })
    }

    /// The same history of a store that repeats an operation when it loses the connection before the answer.
    #[must_use]
    pub fn repeating_operations(self) -> Self {
        Self { repeats_operations: true, ..self }
    }

    /// The same history with this failover.
    #[must_use]
    pub fn with_failover(&self, failover: Failover) -> Self {
        Self { failover: Some(failover), ..self.clone() }
    }
}

/// One operation of one worker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The index of its key in the history.
    pub key: usize,
    /// The worker that sent it.
    pub worker: usize,
    /// The time of the call.
    pub call: Micros,
    /// The request.
    pub action: Action,
    /// The answer and its time; `None` if it is unknown. The operation may then have taken effect at any time after its
    /// call, or never.
    pub answer: Option<(Micros, Answer)>,
}

/// The request of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the store contract")]
pub enum Action {
    /// [`Store::claim`](idempotency_core::store::Store::claim), with or without the order of its key. A claim that is only
    /// repeated to give it back has none: it starts no execution.
    Claim { owner: u64, fingerprint: Option<u64>, lease: Micros, in_doubt: bool, is_ordered: bool },
    /// [`Store::renew`](idempotency_core::store::Store::renew).
    Renew { owner: u64, fence: u64, lease: Micros },
    /// [`Store::complete`](idempotency_core::store::Store::complete).
    Complete { owner: u64, fence: u64, outcome: u64 },
    /// [`Store::release`](idempotency_core::store::Store::release).
    Release { owner: u64, fence: u64, how: Release },
    /// [`Store::adopt`](idempotency_core::store::Store::adopt).
    Adopt { owner: u64, fence: u64, adopter: u64, lease: Micros },
    /// The first of the two steps of a completion: the mark is raised.
    Raise { owner: u64 },
    /// The last step of a granted claim that the store itself gives back.
    GiveBack { owner: u64, why: GivenBack },
    /// [`Store::load`](idempotency_core::store::Store::load).
    Load,
    /// [`Store::forget`](idempotency_core::store::Store::forget).
    Forget,
    /// [`Store::resolve`](idempotency_core::store::Store::resolve): completed with this outcome, or released.
    Resolve { outcome: Option<u64> },
}

/// The answer of an operation. 64 bits of a digest identify an outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are those of the store contract")]
pub enum Answer {
    /// To a claim or an adoption.
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
    /// To a renewal, completion, release or adoption.
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
    /// Another attempt executes.
    InFlight { lease_left: Micros },
    /// The lease ran out without a takeover.
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
            is_ordered: claim.order.is_some(),
        }
    }

    /// A renewal.
    #[must_use]
    pub fn renew(lease: &Lease, duration: Duration) -> Self {
        Self::Renew { owner: owner_id(lease.owner()), fence: lease.fence().get(), lease: micros(duration) }
    }

    /// A completion.
    #[must_use]
    pub fn complete(completion: &Completion) -> Self {
        Self::Complete {
            owner: owner_id(completion.lease.owner()),
            fence: completion.lease.fence().get(),
            outcome: outcome_id(&completion.outcome),
        }
    }

    /// The first step of a completion in two.
    #[must_use]
    pub fn raise(lease: &Lease) -> Self {
        Self::Raise { owner: owner_id(lease.owner()) }
    }

    /// A release.
    #[must_use]
    pub fn release(lease: &Lease, how: Release) -> Self {
        Self::Release { owner: owner_id(lease.owner()), fence: lease.fence().get(), how }
    }

    /// An adoption.
    #[must_use]
    pub fn adopt(lease: &Lease, adopter: Owner, duration: Duration) -> Self {
        Self::Adopt {
            owner: owner_id(lease.owner()),
            fence: lease.fence().get(),
            adopter: owner_id(adopter),
            lease: micros(duration),
        }
    }

    /// A resolution by an operator.
    #[must_use]
    pub fn resolve(resolution: &Resolution) -> Self {
        match resolution {
            Resolution::Completed(outcome) => Self::Resolve { outcome: Some(outcome_id(outcome)) },
            _ => Self::Resolve { outcome: None },
        }
    }
}

/// Why a store gives back what it granted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum GivenBack {
    /// The separate read of the mark showed that the claim is stale. Its handler did not start.
    Stale,
    /// The same after a takeover: the key is as it was before.
    StaleTakeover,
    /// The replicas or the disk did not confirm the grant.
    Unconfirmed,
}

impl Action {
    /// The owner that sends the request; `None` for an operator.
    #[must_use]
    pub fn owner(&self) -> Option<u64> {
        match *self {
            Self::Claim { owner, .. }
            | Self::Renew { owner, .. }
            | Self::Complete { owner, .. }
            | Self::Release { owner, .. }
            | Self::Adopt { owner, .. }
            | Self::Raise { owner }
            | Self::GiveBack { owner, .. } => Some(owner),
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

pub(crate) fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn owner_id(owner: Owner) -> u64 {
    first_bytes(owner.as_bytes())
}

/// FNV-1a: outcomes are compared bit for bit, up to a collision in 2^64.
pub(crate) fn outcome_id(outcome: &Outcome) -> u64 {
    outcome
        .as_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn first_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
