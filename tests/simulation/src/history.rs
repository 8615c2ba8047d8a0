//! The history: what was asked of a store, when, and what it answered.

mod print;

use std::borrow::Cow;
use std::time::Duration;

use idempotency_core::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, OnExpired, Outcome, Owner, RecordView, Release,
    Resolution, StateView, Version,
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
    /// Whether record and mark change in two steps, as in a cluster.
    pub is_split: bool,
    /// Whether such a store abandons again what a stale claim took over, as Redis does.
    pub undoes_takeovers: bool,
    /// Whether the store gives a claim back that the replicas have not confirmed, also after its caller has gone.
    pub awaits_replicas: bool,
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
    /// The same history of a store whose record and mark change in two steps.
    #[must_use]
    pub fn split(mut self) -> Self {
        self.is_split = true;
        self
    }

    /// The same history of such a store, which abandons again what a stale claim took over.
    #[must_use]
    pub fn split_with_takeovers_undone(self) -> Self {
        Self { undoes_takeovers: true, ..self.split() }
    }

    /// The same history of a store that gives a claim back that the replicas have not confirmed.
    #[must_use]
    pub fn awaiting_replicas(self) -> Self {
        Self { awaits_replicas: true, ..self }
    }

    /// The same history, with what may have been done in a step of its own where record and mark change in two: a
    /// completion raises the mark first, and a claim is granted before it is found to be stale, and given back.
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
    /// [`Store::claim`](idempotency_core::Store::claim), with the order of its key or without: what only gives a claim back
    /// starts nothing, and asks for no mark.
    Claim { owner: u64, fingerprint: Option<u64>, lease: Micros, in_doubt: bool, is_ordered: bool },
    /// [`Store::renew`](idempotency_core::Store::renew).
    Renew { owner: u64, fence: u64, lease: Micros },
    /// [`Store::complete`](idempotency_core::Store::complete).
    Complete { owner: u64, fence: u64, outcome: u64 },
    /// [`Store::release`](idempotency_core::Store::release).
    Release { owner: u64, fence: u64, how: Release },
    /// [`Store::adopt`](idempotency_core::Store::adopt).
    Adopt { owner: u64, fence: u64, adopter: u64, lease: Micros },
    /// The first step of a completion where record and mark change in two: the mark is raised.
    Raise { owner: u64 },
    /// The last step of a claim that was granted, and that the store gives back by itself.
    GiveBack { owner: u64, why: GivenBack },
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

    /// An operator's word.
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
    /// The mark, which is looked at in a step of its own, says that the claim is stale: it did not start.
    Stale,
    /// The same, of a claim that took a lease over that had run out: the key is as it was before.
    StaleTakeover,
    /// The replicas or the disk have not confirmed it.
    Unconfirmed,
}

impl Action {
    /// The attempt that asks, if it is not an operator.
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

impl From<&Claimed> for Answer {
    fn from(claimed: &Claimed) -> Self {
        match claimed {
            Claimed::Granted(grant) => Self::Granted { fence: grant.fence.get(), attempt: grant.attempt },
            Claimed::Completed(completed) => Self::Completed { outcome: outcome_id(&completed.outcome) },
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

impl From<&Adopted> for Answer {
    fn from(adopted: &Adopted) -> Self {
        match adopted {
            Adopted::Granted(grant) => Self::Granted { fence: grant.fence.get(), attempt: grant.attempt },
            Adopted::Lost => Self::Lost,
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
            StateView::Completed(completed) => Seen::Completed { outcome: outcome_id(&completed.outcome) },
            _ => Seen::Unreadable,
        };
        Self::Record { state, fence: view.fence.get(), attempts: view.attempts }
    }
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
