//! `CachedStore`, which answers duplicates of completed keys from this process's memory.

mod answers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::{Clock, ClockReading, TokioClock};
use crate::store::{Filter, Listing, Page, ResourceDigest};
use crate::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, Namespace, Owner, RecordView, Release,
    Resolution, Store, StoreError, StoreErrorKind, Version,
};
use answers::{Answer, Answers};

/// Answers duplicates of completed keys from this process's memory, and asks another store for everything else.
///
/// When the inner store answers a claim with a completed record, the answer is kept for at most the
/// [maximum age](Self::with_max_age). Until then, a claim of the same key gets the answer that the inner store gave:
/// `Completed`, or `Mismatch` for another fingerprint. Only completed records are cached. Every grant comes from the inner
/// store.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::Idempotency;
/// use idempotency_core::store::cached::CachedStore;
/// use idempotency_core::store::memory::MemoryStore;
/// # let shared_store = MemoryStore::new();
/// let store = CachedStore::new(shared_store).with_max_age(Duration::from_millis(500));
/// let engine = Idempotency::new(store);
/// ```
///
/// # What it misses
///
/// An answer may be outdated by less than the maximum age, counted from the start of the call that returned it:
///
/// - **Another handle's `forget`.** After another process, or another handle in this one, forgets a key, this store may
///   still answer its old outcome. The same holds for a `forget` here whose answer is lost, because it may take effect
///   later.
/// - **The end of the retention**, if this machine's clock is behind the one that the record's times are from. Otherwise no
///   answer outlives its record.
///
/// A [`forget`](Store::forget) or [`resolve`](Store::resolve) through this store removes its key. No claim that starts
/// after the call has returned gets the old outcome, and a claim that was under way meanwhile does not bring it back. Each
/// operation on a lease also removes its key: `renew`, `complete`, `release` and `adopt`.
///
/// Every operation other than a claim is always passed to the inner store.
///
/// # Cost
///
/// A completion does not fill the cache, because its answer lacks the times of the record. So the first duplicate of each
/// key asks the inner store, and the later ones do not.
///
/// Clones share the cache.
#[derive(Clone)]
pub struct CachedStore<S> {
    inner: S,
    answers: Arc<Answers>,
    clock: Arc<dyn Clock>,
    max_age: Duration,
}

impl<S> CachedStore<S> {
    /// Creates an empty cache around this store.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            answers: Arc::new(Answers::new(16 << 20)),
            clock: Arc::new(TokioClock::new()),
            max_age: Duration::from_secs(1),
        }
    }

    /// Sets the maximum age of an answer, counted from the start of the call to the inner store that returned it. Zero
    /// turns the cache off.
    ///
    /// Default: 1 s. This absorbs a burst of copies of one delivery, and an operator who forgets a key does not notice the
    /// delay.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Sets the maximum number of bytes of the cache, and empties it. Earlier clones keep their own cache.
    ///
    /// Each record counts the bytes of its outcome plus 512. When the limit is reached, other records are dropped. A
    /// record that takes more than about a sixteenth of the limit may not be cached. An outdated record stays in memory
    /// until its key is claimed again or its room is needed.
    ///
    /// Default: 16 MiB, which is 16,000 records with outcomes of 512 bytes.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.answers = Arc::new(Answers::new(bytes));
        self
    }

    /// Sets the clock. Set it before the first claim, because answers keep the clock's times.
    ///
    /// Default: [`TokioClock`], which follows tokio's time, and so stands still while a test pauses it.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the inner store.
    #[must_use]
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns the number of cached records, including outdated ones that have not been dropped yet.
    #[must_use]
    pub fn cached_records(&self) -> usize {
        self.answers.records()
    }

    /// Returns the number of bytes that these records count.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.answers.bytes()
    }

    fn look_up(&self, claim: &Claim) -> LookUp {
        let key = claim.key.digest();
        let cached = self.answers.get(key);
        let now = ClockReading::of(&*self.clock);
        let fresh = cached.as_ref().filter(|answer| answer.is_fresh(now, self.max_age));
        if let Some(answer) = fresh.and_then(|answer| answer.to_claim(claim, now)) {
            return LookUp::Answered(answer);
        }
        let generation = self.answers.generation(key);
        LookUp::Unknown(Question { key, generation, asked_at: now, was_cached: cached.is_some() })
    }

    /// Learns from the inner store's answer.
    fn learn(&self, question: Question, answer: &Result<Claimed, StoreError>) {
        let Question { key, generation, asked_at, was_cached } = question;
        match answer {
            Ok(Claimed::Completed(completed)) => {
                self.answers.insert(key, Answer::new(completed, asked_at), generation);
            }
            // A claim under way may have seen the record from before the grant.
            Ok(Claimed::Granted(_)) => self.answers.remove(key),
            // The record is no longer the cached one, or the cached one is outdated.
            Ok(_) if was_cached => self.answers.remove(key),
            Ok(_) | Err(_) => {}
        }
    }

    /// Removes the key of a lease. No claim that starts from now on sees an earlier record of the key as completed, if the
    /// lease holds.
    fn remove_leased(&self, lease: &Lease) {
        self.answers.remove(lease.key().digest());
    }

    fn remove_on_drop(&self, key: KeyDigest) -> RemoveOnDrop<'_> {
        RemoveOnDrop { answers: &self.answers, key }
    }
}

enum LookUp {
    Answered(Claimed),
    Unknown(Question),
}

/// A claim that only the inner store can answer.
struct Question {
    key: KeyDigest,
    /// Read before the call, as is the time.
    generation: u64,
    asked_at: ClockReading,
    was_cached: bool,
}

/// Removes a key when an operation has ended, whether it succeeded, failed, or was dropped.
struct RemoveOnDrop<'a> {
    answers: &'a Answers,
    key: KeyDigest,
}

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        self.answers.remove(self.key);
    }
}

/// Without the content of the cache.
impl<S: fmt::Debug> fmt::Debug for CachedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStore")
            .field("inner", &self.inner)
            .field("max_age", &self.max_age)
            .field("cached_records", &self.cached_records())
            .field("cached_bytes", &self.cached_bytes())
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for CachedStore<S> {
    fn namespace(&self) -> &Namespace {
        self.inner.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        if self.max_age.is_zero() {
            return self.inner.claim(claim).await;
        }
        match self.look_up(claim) {
            LookUp::Answered(answer) => Ok(answer),
            LookUp::Unknown(question) => {
                let answer = self.inner.claim(claim).await;
                self.learn(question, &answer);
                answer
            }
        }
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.remove_leased(lease);
        self.inner.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.remove_leased(&completion.lease);
        self.inner.complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.remove_leased(lease);
        self.inner.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.remove_leased(lease);
        self.inner.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.inner.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.inner.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        if self.max_age.is_zero() {
            return self.inner.claim_many(claims).await;
        }
        let (mut asked, mut questions) = (Vec::new(), Vec::new());
        let cached: Vec<Option<Claimed>> = claims
            .iter()
            .map(|claim| match self.look_up(claim) {
                LookUp::Answered(answer) => Some(answer),
                LookUp::Unknown(question) => {
                    asked.push(claim.clone());
                    questions.push(question);
                    None
                }
            })
            .collect();
        let answers = if asked.is_empty() { Vec::new() } else { self.inner.claim_many(&asked).await };
        let mut answers = questions.into_iter().zip(answers).map(|(question, answer)| {
            self.learn(question, &answer);
            answer
        });
        // A store that omits an answer may have carried out the claim.
        let omitted = || StoreError::new("cached", StoreErrorKind::Unknown);
        cached
            .into_iter()
            .map(|cached| cached.map(Ok).or_else(|| answers.next()).unwrap_or_else(|| Err(omitted())))
            .collect()
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        leases.iter().for_each(|lease| self.remove_leased(lease));
        self.inner.renew_many(leases, duration).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        completions.iter().for_each(|completion| self.remove_leased(&completion.lease));
        self.inner.complete_many(completions).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        leases.iter().for_each(|lease| self.remove_leased(lease));
        self.inner.release_many(leases, release).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.inner.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let _removal = self.remove_on_drop(key);
        self.inner.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let _removal = self.remove_on_drop(key);
        self.inner.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.inner.list(filter, page).await
    }
}
