//! A cache in front of a source of secrets.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::{Incoming, Rejection, RejectionKind, Secret, SecretSource};
use crate::clock::{Clock, ClockReading};

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

/// The counters of refusals. Addresses that share one only lose answers to each other.
const COUNTERS: usize = 1024;

/// Questions are numbered, because two of them may have one time.
struct Cache {
    answers: HashMap<Address, Answer>,
    /// How many questions were asked.
    questions: u64,
    /// Answers to this question and to earlier ones are not kept.
    cleared: u64,
    /// The last question, by a hash of its address, to which the source knew no secret. Answers to earlier ones are not kept.
    refused: Box<[u64]>,
    hasher: RandomState,
}

impl Default for Cache {
    fn default() -> Self {
        let refused = vec![0; COUNTERS].into();
        Self { answers: HashMap::new(), questions: 0, cleared: 0, refused, hasher: RandomState::new() }
    }
}

impl Cache {
    fn refused_at(&mut self, address: &Address) -> &mut u64 {
        let hash = usize::try_from(self.hasher.hash_one(address) % COUNTERS as u64).unwrap_or(0);
        &mut self.refused[hash]
    }
}

/// The provider's name and the tenant.
type Address = (Option<Box<str>>, Option<Box<str>>);

struct Answer {
    question: u64,
    /// When the source was asked. The answer may be as old as this.
    asked: ClockReading,
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
        let mut cache = self.lock();
        cache.answers.clear();
        cache.cleared = cache.questions;
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The secrets that are kept, or the number of the question that is now to be asked.
    fn kept(&self, address: &Address, now: ClockReading) -> Result<Arc<[Secret]>, u64> {
        let mut cache = self.lock();
        let young = cache.answers.get(address).filter(|answer| answer.asked.elapsed(now) < self.max_age);
        if let Some(answer) = young {
            return Ok(answer.secrets.clone());
        }
        cache.questions += 1;
        Err(cache.questions)
    }

    /// Keeps an answer, unless there is one to a later question: a slow answer must not bring a withdrawn secret back.
    fn keep(&self, address: Address, answer: Answer) {
        let mut cache = self.lock();
        let is_outdated = answer.question <= cache.cleared
            || answer.question < *cache.refused_at(&address)
            || cache.answers.get(&address).is_some_and(|later| later.question > answer.question);
        if is_outdated || self.capacity == 0 {
            return;
        }
        if cache.answers.len() >= self.capacity && !cache.answers.contains_key(&address) {
            let oldest = cache.answers.iter().min_by_key(|(_, answer)| answer.question);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                cache.answers.remove(&oldest);
            }
        }
        cache.answers.insert(address, answer);
    }

    /// The source knew no secret, so what it answered to earlier questions is withdrawn.
    fn refuse(&self, address: &Address, question: u64) {
        let mut cache = self.lock();
        if cache.answers.get(address).is_some_and(|answer| answer.question < question) {
            cache.answers.remove(address);
        }
        let refused = cache.refused_at(address);
        *refused = question.max(*refused);
    }
}

#[async_trait]
impl SecretSource for CachedSecrets {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let address = (incoming.provider.map(Into::into), incoming.tenant.map(Into::into));
        let asked = ClockReading::of(&*self.clock);
        let question = match self.kept(&address, asked) {
            Ok(secrets) => return Ok(secrets),
            Err(question) => question,
        };
        let answer = self.source.secrets(incoming).await;
        match &answer {
            Ok(secrets) if !secrets.is_empty() => {
                self.keep(address, Answer { question, asked, secrets: secrets.clone() });
            }
            // A source that is out of reach tells nothing.
            Err(rejection) if rejection.kind() == RejectionKind::Unavailable => {}
            Ok(_) | Err(_) => self.refuse(&address, question),
        }
        answer
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
