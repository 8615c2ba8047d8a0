//! A cache in front of a source of secrets.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use super::questions::{Asked, Questions};
use super::{Incoming, Rejection, RejectionKind, Secret, SecretSource};
use crate::Scope;
use crate::clock::{Clock, ClockReading};

/// Keeps the secrets that another source returned, by provider and tenant, for a source that takes long, such as a vault.
///
/// The other source is asked for the [provider](Incoming::provider) and the [tenant](Incoming::tenant) only. It sees no header, no
/// path and no body, since its answer serves other requests too.
///
/// - Requests of a tenant share a question that is less than a second old. If the first of them goes away, the others still get
///   the answer. Later requests ask again.
/// - On a tokio runtime, a question goes on for up to 30 s when all of them have gone away, for example because the source takes
///   longer than the time limit of a verification. Its answer serves the next delivery. Without tokio, it ends with the last of them.
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
    /// Shared with the questions, which outlive those who ask them. Locked before the questions are.
    cache: Arc<Mutex<Cache>>,
    questions: Questions<Address, Arc<[Secret]>>,
}

/// The provider's name and the tenant.
type Address = Arc<(Option<Box<str>>, Option<Box<str>>)>;

#[derive(Default)]
struct Cache {
    answers: HashMap<Address, Answer>,
    /// The addresses of the answers by their questions, the oldest first.
    by_age: BTreeMap<u64, Address>,
}

struct Answer {
    /// The number of the question.
    question: u64,
    /// When the source was asked. The answer may be as old as this.
    asked: ClockReading,
    secrets: Arc<[Secret]>,
}

impl Cache {
    fn insert(&mut self, address: &Address, answer: Answer) {
        self.remove(address);
        self.by_age.insert(answer.question, address.clone());
        self.answers.insert(address.clone(), answer);
    }

    fn remove(&mut self, address: &Address) {
        if let Some(answer) = self.answers.remove(address) {
            self.by_age.remove(&answer.question);
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, address)) = self.by_age.pop_first() {
            self.answers.remove(&address);
        }
    }
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
            cache: Arc::default(),
            questions: Questions::default(),
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
        let mut cache = lock(&self.cache);
        *cache = Cache::default();
        self.questions.clear();
    }

    /// The secrets that are kept, or else a question to the source.
    fn kept(
        &self,
        address: &Address,
        incoming: &Incoming<'_>,
    ) -> Result<Arc<[Secret]>, Asked<Arc<[Secret]>>> {
        let now = ClockReading::of(&*self.clock);
        let cache = lock(&self.cache);
        let young = cache.answers.get(address).filter(|answer| answer.asked.elapsed(now) < self.max_age);
        if let Some(answer) = young {
            return Ok(answer.secrets.clone());
        }
        let (source, kept, capacity) = (self.source.clone(), self.cache.clone(), self.capacity);
        let unix_time = incoming.now;
        Err(self.questions.ask(address, now, self.max_age, |question| {
            let address = address.clone();
            Box::pin(async move {
                let answer = asked(&*source, &address, unix_time).await;
                let mut cache = lock(&kept);
                // A source that is out of reach tells nothing.
                let tells =
                    !matches!(&answer, Err(rejection) if rejection.kind() == RejectionKind::Unavailable);
                // A slow answer must not bring back what a later one withdrew.
                if tells && question.is_newest_answer() {
                    match &answer {
                        Ok(secrets) if !secrets.is_empty() && capacity > 0 => {
                            let (question, secrets) = (question.number(), secrets.clone());
                            cache.insert(&address, Answer { question, asked: now, secrets });
                            if cache.answers.len() > capacity {
                                cache.remove_oldest();
                            }
                        }
                        Ok(_) | Err(_) => cache.remove(&address),
                    }
                }
                drop(question);
                answer
            })
        }))
    }
}

/// Asks a source for the secrets at an address. It sees nothing else of the request, because the answer serves others too.
async fn asked(
    source: &dyn SecretSource,
    address: &Address,
    now: Duration,
) -> Result<Arc<[Secret]>, Rejection> {
    let (provider, tenant) = &**address;
    let (uri, headers, body) = (Uri::default(), HeaderMap::new(), Bytes::new());
    let scope = Scope::endpoint(provider.as_deref().unwrap_or_default());
    let mut incoming = Incoming::new(&Method::POST, &uri, &headers, &body, now, &scope);
    (incoming.provider, incoming.tenant) = (provider.as_deref(), tenant.as_deref());
    source.secrets(&incoming).await
}

fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl SecretSource for CachedSecrets {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let address = Arc::new((incoming.provider.map(Into::into), incoming.tenant.map(Into::into)));
        let mut is_second = false;
        loop {
            let asked = match self.kept(&address, incoming) {
                Ok(secrets) => return Ok(secrets),
                Err(asked) => asked,
            };
            let answer = asked.answer.await;
            let is_refused = match &answer {
                Ok(secrets) => secrets.is_empty(),
                Err(rejection) => rejection.kind() != RejectionKind::Unavailable,
            };
            // A question that was asked before this request came may not know a tenant that was added since. The next one does.
            if !(is_refused && asked.is_joined) || is_second {
                return answer;
            }
            is_second = true;
        }
    }
}

impl fmt::Debug for CachedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSecrets")
            .field("max_age", &self.max_age)
            .field("capacity", &self.capacity)
            .field("answers", &lock(&self.cache).answers.len())
            .field("questions", &self.questions.len())
            .finish_non_exhaustive()
    }
}
