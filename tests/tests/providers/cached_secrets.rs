//! A cache in front of a source of secrets: how long an answer is used, and how many are kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, Uri};
use idempotency_core::Scope;
use idempotency_core::clock::{Clock, ManualClock};
use idempotency_core::provider::{CachedSecrets, Incoming, Rejection, RejectionKind, Secret, SecretSource};
use tokio::sync::oneshot;

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What a vault knows, by tenant, and the tenants that it was asked for. Clones share both.
#[derive(Clone, Default)]
pub(super) struct Vault {
    pub(super) known: Arc<Mutex<HashMap<String, &'static str>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Answers to the next questions wait for these, after they were read.
    gates: Arc<Mutex<VecDeque<oneshot::Receiver<()>>>>,
}

impl Vault {
    pub(super) fn knowing<const N: usize>(tenants: [&str; N]) -> Self {
        let vault = Self::default();
        tenants.iter().for_each(|tenant| vault.set(tenant, "whsec_a"));
        vault
    }

    pub(super) fn set(&self, tenant: &str, secret: &'static str) {
        self.known.lock().unwrap().insert(tenant.to_owned(), secret);
    }

    /// The answer to the next question waits for this.
    pub(super) fn gate(&self) -> oneshot::Sender<()> {
        let (open, gate) = oneshot::channel();
        self.gates.lock().unwrap().push_back(gate);
        open
    }

    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

#[async_trait::async_trait]
impl SecretSource for Vault {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let name = format!("{}/{}", incoming.provider.unwrap(), incoming.tenant.unwrap());
        self.asked.lock().unwrap().push(name);
        let secret = self.known.lock().unwrap().get(incoming.tenant.unwrap()).copied();
        let gate = self.gates.lock().unwrap().pop_front();
        if let Some(gate) = gate {
            gate.await.unwrap();
        }
        // Others may come meanwhile.
        tokio::task::yield_now().await;
        match secret {
            Some("panic") => panic!("the vault's client panics"),
            Some("down") => Err(Rejection::unavailable("the vault is out of reach")),
            Some("none") => Ok([].into()),
            Some(secret) => Ok([Secret::new(secret).unwrap()].into()),
            None => Err(Rejection::unauthenticated("the tenant is unknown")),
        }
    }
}

/// The secrets of a tenant, or how the request is refused.
pub(super) async fn ask(
    cached: &CachedSecrets,
    provider: &str,
    tenant: &str,
) -> Result<Vec<String>, RejectionKind> {
    let (uri, headers, body, scope) = (Uri::default(), HeaderMap::new(), Bytes::new(), Scope::endpoint("e"));
    let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::ZERO, &scope);
    let secrets = cached.secrets(&incoming.with_provider(provider).with_tenant(tenant)).await;
    let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    secrets.map(|secrets| secrets.iter().map(text).collect()).map_err(|rejection| rejection.kind())
}

pub(super) fn cached(vault: &Vault) -> (CachedSecrets, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (CachedSecrets::new(vault.clone(), clock.clone()), clock)
}

pub(super) fn secret(text: &str) -> Result<Vec<String>, RejectionKind> {
    Ok(vec![text.to_owned()])
}

#[tokio::test]
async fn each_provider_and_tenant_is_asked_for_once_until_its_answer_is_too_old() {
    let vault = Vault::knowing(["acme", "globex"]);
    let (cached, clock) = cached(&vault);
    for _ in 0..3 {
        assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"));
        assert_eq!(ask(&cached, "stripe", "globex").await, secret("whsec_a"));
        assert_eq!(ask(&cached, "github", "acme").await, secret("whsec_a"));
    }
    assert_eq!(vault.asked(), ["stripe/acme", "stripe/globex", "github/acme"]);
    vault.set("acme", "whsec_b");
    clock.advance(60 * SECOND - Duration::from_nanos(1));
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"));
    assert_eq!(vault.asked(), ["stripe/acme"]);
}

#[tokio::test]
async fn refusals_and_failures_are_passed_on_and_not_kept() {
    let vault = Vault::knowing(["acme"]);
    let (cached, clock) = cached(&vault);
    assert_eq!(ask(&cached, "stripe", "new").await, Err(RejectionKind::Unauthenticated));
    vault.set("new", "none");
    assert_eq!(ask(&cached, "stripe", "new").await, Ok(Vec::new()));
    vault.set("new", "whsec_new");
    assert_eq!(ask(&cached, "stripe", "new").await, secret("whsec_new"), "a new tenant is known at once");
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"));
    vault.set("acme", "down");
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"), "it is still young");
    clock.advance(60 * SECOND);
    assert_eq!(ask(&cached, "stripe", "acme").await, Err(RejectionKind::Unavailable), "it may be withdrawn");
    vault.set("acme", "whsec_b");
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"));
}

#[tokio::test]
async fn the_oldest_answer_makes_room_for_a_new_one() {
    let vault = Vault::knowing(["a", "b", "c"]);
    let (cached, clock) = cached(&vault);
    let cached = cached.with_capacity(2);
    for tenant in ["a", "b", "c"] {
        ask(&cached, "stripe", tenant).await.unwrap();
        clock.advance(SECOND);
    }
    assert!(format!("{cached:?}").contains("answers: 2"), "{cached:?}");
    vault.asked();
    for tenant in ["b", "c", "a"] {
        ask(&cached, "stripe", tenant).await.unwrap();
    }
    assert_eq!(vault.asked(), ["stripe/a"]);
    assert!(!format!("{cached:?}").contains("whsec"), "{cached:?}");
}

#[tokio::test]
async fn an_answer_that_was_renewed_is_not_the_oldest() {
    let vault = Vault::knowing(["a", "b", "c"]);
    let (cached, clock) = cached(&vault);
    let cached = cached.with_capacity(2).with_max_age(10 * SECOND);
    for (tenant, later) in [("a", 5), ("b", 5), ("a", 0), ("c", 0)] {
        ask(&cached, "stripe", tenant).await.unwrap();
        clock.advance(later * SECOND);
    }
    assert_eq!(vault.asked(), ["stripe/a", "stripe/b", "stripe/a", "stripe/c"]);
    for tenant in ["a", "c", "b"] {
        ask(&cached, "stripe", tenant).await.unwrap();
    }
    assert_eq!(vault.asked(), ["stripe/b"]);
}

#[tokio::test]
async fn a_slow_answer_does_not_bring_a_withdrawn_secret_back() {
    for clears in [false, true] {
        let vault = Vault::knowing(["acme"]);
        let (cached, clock) = cached(&vault);
        let open = vault.gate();
        let mut slow = std::pin::pin!(ask(&cached, "stripe", "acme"));
        assert_eq!(slow.as_mut().now_or_never(), None, "it waits for the vault");
        vault.set("acme", "whsec_b");
        if clears {
            cached.clear();
        } else {
            clock.advance(SECOND);
            assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"));
        }
        open.send(()).unwrap();
        assert_eq!(slow.await, secret("whsec_a"), "it was verified with what was valid when it was read");
        clock.advance(SECOND);
        assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"));
    }
}

/// The answer to a later question may be that there is no secret, and both questions may have one time.
#[tokio::test]
async fn a_slow_answer_does_not_bring_back_what_a_later_one_refused_or_replaced() {
    let refused = Err(RejectionKind::Unauthenticated);
    let later = [(None, refused), (Some("none"), Ok(Vec::new())), (Some("whsec_b"), secret("whsec_b"))];
    for ((now, later), clears) in later.iter().flat_map(|later| [(later, false), (later, true)]) {
        let vault = Vault::knowing(["acme"]);
        let (cached, clock) = cached(&vault);
        let open = vault.gate();
        let mut slow = std::pin::pin!(ask(&cached, "stripe", "acme"));
        assert_eq!(slow.as_mut().now_or_never(), None, "it waits for the vault");
        match now {
            Some(now) => vault.set("acme", now),
            None => drop(vault.known.lock().unwrap().remove("acme")),
        }
        if clears {
            cached.clear();
        } else {
            clock.advance(SECOND);
        }
        assert_eq!(ask(&cached, "stripe", "acme").await, *later);
        open.send(()).unwrap();
        assert_eq!(slow.await, secret("whsec_a"), "it was verified with what was valid when it was read");
        assert_eq!(ask(&cached, "stripe", "acme").await, *later);
    }
}

/// A clock of a machine that is suspended: only the wall clock moves on.
#[derive(Debug, Default)]
struct Suspended(Mutex<Duration>);

impl Clock for Suspended {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_time(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_withdrawn_secret_is_refused_after_the_machine_was_suspended() {
    let vault = Vault::knowing(["acme"]);
    let clock = Arc::new(Suspended::default());
    let cached = CachedSecrets::new(vault.clone(), clock.clone());
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_a"));
    vault.set("acme", "whsec_b");
    *clock.0.lock().unwrap() = 3600 * SECOND;
    assert_eq!(ask(&cached, "stripe", "acme").await, secret("whsec_b"));
}
