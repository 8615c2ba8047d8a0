//! A cache in front of a source of secrets.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Incoming, Rejection, Secret, SecretSource};
use crate::clock::Clock;

/// Keeps the secrets that another source returned, by provider and tenant, for a source that takes long, such as a vault.
///
/// The other source is asked for the [provider](Incoming::provider) and the [tenant](Incoming::tenant) only, so its answer must
/// not depend on anything else in the request.
///
/// - A secret that was withdrawn at the source is refused after [`with_max_age`](Self::with_max_age) at the latest, or at once
///   after [`clear`](Self::clear).
/// - Errors and empty answers are not kept. A tenant that is added to the source is known at once.
/// - If the source fails, the sender gets its error: make that [`Rejection::unavailable`], so that the delivery comes again.
///
/// ```
/// # use std::sync::Arc;
/// # use idempotency_core::provider::{Incoming, Rejection, Secret, SecretSource};
/// # struct Vault;
/// # #[async_trait::async_trait]
/// # impl SecretSource for Vault {
/// #     async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
/// #         Err(Rejection::unavailable("the vault is out of reach"))
/// #     }
/// # }
/// # #[cfg(feature = "tokio")] {
/// use std::time::Duration;
/// use idempotency_core::clock::TokioClock;
/// use idempotency_core::provider::{CachedSecrets, Providers, Secrets, Stripe};
///
/// let cached = Arc::new(CachedSecrets::new(Vault, TokioClock::new()).with_max_age(Duration::from_secs(30)));
/// let stripe = Stripe::from_secrets(Secrets::from_source(cached.clone()));
/// let providers = Providers::new("/webhooks/stripe/{tenant}")?.with_provider(stripe)?;
/// # }
/// # Ok::<(), idempotency_core::provider::ProvidersError>(())
/// ```
pub struct CachedSecrets {
    source: Arc<dyn SecretSource>,
    clock: Arc<dyn Clock>,
    max_age: Duration,
    capacity: usize,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    answers: HashMap<Address, Answer>,
    /// Answers to questions that were asked at this time or before are not kept.
    cleared: Option<Duration>,
}

/// The provider's name and the tenant.
type Address = (Option<Box<str>>, Option<Box<str>>);

struct Answer {
    /// When the source was asked. The answer may be as old as this.
    asked: Duration,
    secrets: Arc<[Secret]>,
}

impl CachedSecrets {
    /// A cache in front of a source, on a clock.
    #[must_use]
    pub fn new(source: impl SecretSource, clock: impl Clock) -> Self {
        Self {
            source: Arc::new(source),
            clock: Arc::new(clock),
            max_age: Duration::from_secs(60),
            capacity: 10_000,
            cache: Mutex::default(),
        }
    }

    /// Sets how long secrets are used before the source is asked again. Default: 60 s, so that a withdrawn secret is refused soon.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Sets the most answers to keep. The oldest makes room for a new one. Default: 10,000, which take a few megabytes.
    #[must_use]
    pub fn with_capacity(mut self, answers: usize) -> Self {
        self.capacity = answers;
        self
    }

    /// Forgets all secrets, so that the next request of each tenant asks the source. Call it after you withdrew one there.
    ///
    /// This includes answers that are under way, which may be older than the withdrawal.
    pub fn clear(&self) {
        let now = self.clock.now();
        let mut cache = self.lock();
        cache.answers.clear();
        cache.cleared = Some(now);
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, address: &Address, now: Duration) -> Option<Arc<[Secret]>> {
        let cache = self.lock();
        let answer = cache.answers.get(address)?;
        (now.saturating_sub(answer.asked) < self.max_age).then(|| answer.secrets.clone())
    }

    /// Keeps an answer, unless there is one to a later question: a slow answer must not bring a withdrawn secret back.
    fn keep(&self, address: Address, answer: Answer) {
        let mut cache = self.lock();
        let is_outdated = cache.cleared.is_some_and(|cleared| answer.asked <= cleared)
            || cache.answers.get(&address).is_some_and(|later| later.asked > answer.asked);
        if is_outdated || self.capacity == 0 {
            return;
        }
        if cache.answers.len() >= self.capacity && !cache.answers.contains_key(&address) {
            let oldest = cache.answers.iter().min_by_key(|(_, answer)| answer.asked);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                cache.answers.remove(&oldest);
            }
        }
        cache.answers.insert(address, answer);
    }
}

#[async_trait]
impl SecretSource for CachedSecrets {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let address = (incoming.provider.map(Into::into), incoming.tenant.map(Into::into));
        let asked = self.clock.now();
        if let Some(secrets) = self.kept(&address, asked) {
            return Ok(secrets);
        }
        let secrets = self.source.secrets(incoming).await?;
        if !secrets.is_empty() {
            self.keep(address, Answer { asked, secrets: secrets.clone() });
        }
        Ok(secrets)
    }
}

impl fmt::Debug for CachedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSecrets")
            .field("max_age", &self.max_age)
            .field("capacity", &self.capacity)
            .field("answers", &self.lock().answers.len())
            .finish_non_exhaustive()
    }
}
