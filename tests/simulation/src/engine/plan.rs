//! The plan: the decisions of a seed before anything runs.

use std::time::Duration;

use idempotency_core::{
    Attachment, Delivery, Key, OnExpired, Order, Policy, Resource, Scope, Verified, Version,
};

use crate::network::Faults;
use crate::rng::Rng;

/// The lease of every simulated engine. All other durations are multiples of it.
pub(super) const LEASE: Duration = Duration::from_secs(1);

/// The decisions of a seed before anything runs.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) policy: Policy,
    pub(super) faults: Faults,
    pub(super) processes: u64,
    pub(super) crashes: u64,
    pub(super) stalls: u64,
    pub(super) deliveries: Vec<Delivery>,
    /// How many senders send each delivery at the same time.
    pub(super) copies: u64,
    /// Whether handlers fail, panic and take longer than the lease.
    pub(super) handlers_are_bad: bool,
}

impl Plan {
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 8);
        let attachment = match rng.below(10) {
            0 => Attachment::LeaveWithCaller,
            1 => Attachment::FailWithCaller,
            _ => Attachment::Detached,
        };
        let on_expired = if rng.chance(12) { OnExpired::InDoubt } else { OnExpired::Rerun };
        let policy = Policy::webhook()
            .with_lease(LEASE)
            .with_wait(rng.part(LEASE, 0, 40))
            .with_store_timeout(rng.part(LEASE, 5, 40))
            .with_on_expired(on_expired)
            .with_attachment(attachment);
        let keys = rng.between(1, 3);
        let is_ordered = rng.chance(60);
        let mut plan = Self {
            policy,
            faults: Faults::of_seed(seed, LEASE),
            processes: rng.between(1, 3),
            crashes: rng.below(4),
            stalls: rng.below(4),
            deliveries: (0..keys).map(|number| delivery(number, is_ordered)).collect(),
            copies: rng.between(1, 3),
            handlers_are_bad: rng.chance(70),
        };
        if rng.chance(15) {
            (plan.faults, plan.crashes, plan.stalls) = (Faults::none(LEASE), 0, 0);
            if rng.chance(50) {
                let begin = rng.part(LEASE, 0, 300);
                plan.faults.outages.push((begin, begin + rng.part(LEASE, 5, 30)));
            }
        }
        plan
    }

    /// Whether no execution has a reason to lose its lease, unless its handler fails: the only faults are outages shorter
    /// than the lease, and an execution continues when its sender hangs up.
    pub(super) fn is_calm(&self) -> bool {
        let Faults { lose_request, lose_reply, break_connection, delay, duplicate, .. } = self.faults;
        let is_brief = |(begin, end): &(Duration, Duration)| *end - *begin <= LEASE * 3 / 10;
        lose_request + lose_reply + break_connection + delay + duplicate + self.crashes + self.stalls == 0
            && self.faults.outages.len() <= 1
            && self.faults.outages.iter().all(is_brief)
            && self.policy.attachment() == Attachment::Detached
    }

    pub(super) fn is_at_most_once(&self) -> bool {
        self.policy.on_expired() == OnExpired::InDoubt
    }
}

fn delivery(number: u64, is_ordered: bool) -> Delivery {
    let scope = Scope::endpoint("engine");
    let key = Key::new(format!("key-{number}")).expect("it is printable ascii");
    let delivery = Delivery::new(&Verified::by_other_means(b"simulated"), scope.clone(), key);
    if is_ordered {
        delivery.with_order(Order::new(Resource::new(&scope, "simulated", "resource"), Version::new(number)))
    } else {
        delivery
    }
}
