//! The bounds of a run: how much of the world is explored.

use std::time::Duration;

use idempotency_core::OnExpired;
use idempotency_core::store::Release;

/// How much of the world is explored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bounds {
    /// The name of the run.
    pub name: &'static str,
    /// The total number of attempts. Each has its own owner.
    pub attempts: usize,
    /// The total number of grants. It can exceed the number of attempts, since late copies of claims are granted too.
    pub grants: u32,
    /// How often the store's clock ticks.
    pub ticks: u8,
    /// How many ticks a lease lasts.
    pub lease: u8,
    /// The deliveries that may arrive. Each attempt executes one of them.
    pub arrivals: Vec<Arrival>,
    /// How often an operator may resolve a record.
    pub resolutions: u8,
    /// How often an operator may delete a record.
    pub deletions: u8,
    /// How often a record may become unreadable.
    pub corruptions: u8,
    /// How many of the attempts may adopt a suspended execution.
    pub adoptions: usize,
    /// How a holder may give up.
    pub releases: Vec<Release>,
    /// How many ticks a record is kept after its lease has run out; `None` keeps it for the whole run.
    pub retention: Option<u8>,
    /// Whether record and mark change in two steps, as in a cluster.
    pub is_split: bool,
}

impl Bounds {
    /// Bounds with a lease of two ticks, and neither operator nor corruption.
    #[must_use]
    pub fn new(name: &'static str, attempts: usize, grants: u32, ticks: u8, arrivals: &[Arrival]) -> Self {
        let (arrivals, lease) = (arrivals.to_vec(), 2);
        Self {
            name,
            attempts,
            grants,
            ticks,
            lease,
            arrivals,
            resolutions: 0,
            deletions: 0,
            corruptions: 0,
            adoptions: 0,
            releases: vec![Release::Failed],
            retention: None,
            is_split: false,
        }
    }

    /// Lets an operator resolve records this many times. Default: never.
    #[must_use]
    pub fn with_resolutions(mut self, resolutions: u8) -> Self {
        self.resolutions = resolutions;
        self
    }

    /// Lets an operator delete records this many times. Default: never.
    #[must_use]
    pub fn with_deletions(mut self, deletions: u8) -> Self {
        self.deletions = deletions;
        self
    }

    /// Lets records become unreadable this many times. Default: never.
    #[must_use]
    pub fn with_corruptions(mut self, corruptions: u8) -> Self {
        self.corruptions = corruptions;
        self
    }

    /// Lets this many attempts adopt suspended executions. Default: none.
    #[must_use]
    pub fn with_adoptions(mut self, adoptions: usize) -> Self {
        self.adoptions = adoptions;
        self
    }

    /// Lets holders release in every way. Default: as failed.
    #[must_use]
    pub fn with_all_releases(mut self) -> Self {
        self.releases = vec![Release::Failed, Release::Unstarted, Release::Abandoned];
        self
    }

    /// Keeps a record for this many ticks after its lease has run out. Default: longer than the run.
    #[must_use]
    pub fn with_retention(mut self, ticks: u8) -> Self {
        self.retention = Some(ticks);
        self
    }

    /// Changes record and mark in two steps. Default: one step.
    #[must_use]
    pub fn split(mut self) -> Self {
        self.is_split = true;
        self
    }

    pub(crate) fn retention(&self) -> Duration {
        self.retention.map_or(Duration::from_secs(1000), time)
    }

    pub(crate) fn keys(&self) -> usize {
        self.arrivals.iter().map(|arrival| arrival.key + 1).max().unwrap_or(0)
    }

    pub(crate) fn lease(&self) -> Duration {
        time(self.lease)
    }
}

/// The store's clock after this many ticks.
pub(crate) fn time(ticks: u8) -> Duration {
    Duration::from_secs(ticks.into())
}

/// A delivery that may arrive.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Arrival {
    /// Its key.
    pub key: usize,
    /// Its fingerprint; `None` compares nothing.
    pub fingerprint: Option<u8>,
    /// Its version. All versions are of one resource.
    pub version: Option<u64>,
    /// What a claim does when the holder's lease has run out.
    pub on_expired: OnExpired,
}

impl Arrival {
    /// A delivery of this key without fingerprint or order. It reruns an abandoned execution.
    #[must_use]
    pub const fn of(key: usize) -> Self {
        Self { key, fingerprint: None, version: None, on_expired: OnExpired::Rerun }
    }

    /// Adds a fingerprint.
    #[must_use]
    pub const fn with_fingerprint(mut self, fingerprint: u8) -> Self {
        self.fingerprint = Some(fingerprint);
        self
    }

    /// Adds an order.
    #[must_use]
    pub const fn with_version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// Leaves an abandoned execution in doubt.
    #[must_use]
    pub const fn in_doubt(mut self) -> Self {
        self.on_expired = OnExpired::InDoubt;
        self
    }
}

/// The worlds to explore.
#[must_use]
pub fn worlds(attempts: usize, grants: u32, ticks: u8) -> Vec<Bounds> {
    let world = |name, arrivals: &[Arrival]| Bounds::new(name, attempts, grants, ticks, arrivals);
    let less = |name, arrivals: &[Arrival]| {
        let (attempts, grants) = (attempts.saturating_sub(1), grants.saturating_sub(1));
        Bounds::new(name, attempts.max(2), grants.max(2), ticks.saturating_sub(1), arrivals)
    };
    let (one, other) = (Arrival::of(0), Arrival::of(1));
    vec![
        world("retries", &[one]),
        world("fingerprints", &[one, one.with_fingerprint(1), one.with_fingerprint(2)]),
        world("doubt", &[one, one.in_doubt()]).with_resolutions(1).with_corruptions(1),
        world("versions", &[one.with_version(1), other.with_version(2)]).with_resolutions(1),
        world("deletions", &[one]).with_deletions(1).with_resolutions(1),
        // Each of these adds many steps, so the other bounds are smaller.
        less("two steps", &[one.with_version(1), other.with_version(2)]).split(),
        world("adoptions", &[one]).with_adoptions(2),
        less("releases", &[one, one.in_doubt()]).with_all_releases(),
        world("retention", &[one]).with_retention(1),
    ]
}
