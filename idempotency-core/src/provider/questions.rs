//! Questions to a source that are under way: concurrent ones about the same thing are one.

use std::collections::HashMap;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::Rejection;
use crate::clock::ClockReading;

/// How long others may join a question. A question that hangs holds up those who came within this time, and no later ones.
const JOINABLE: Duration = Duration::from_secs(1);

/// Questions to a source that are under way, by what they are about.
///
/// A question is independent of those who wait for its answer: it goes on while any of them is left, and is dropped with the last one.
/// Nothing here needs a runtime, so whoever waits bounds the time.
#[derive(Clone)]
pub(crate) struct Questions<K, V>(Arc<Mutex<UnderWay<K, V>>>);

struct UnderWay<K, V> {
    last: u64,
    open: HashMap<K, Open<V>>,
}

struct Open<V> {
    number: u64,
    asked: ClockReading,
    answer: WeakShared<BoxFuture<'static, Result<V, Rejection>>>,
}

/// The answer to a question, for each who waits for it.
pub(crate) struct Asked<V> {
    pub(crate) answer: Shared<BoxFuture<'static, Result<V, Rejection>>>,
    /// Whether the question was asked before, by another request. It may not know what the source learnt since.
    pub(crate) is_joined: bool,
}

/// A question under way. It ends when this is dropped.
pub(crate) struct Question<K: Eq + Hash, V> {
    of: Questions<K, V>,
    about: K,
    number: u64,
}

impl<K: Eq + Hash, V> Default for Questions<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(UnderWay { last: 0, open: HashMap::new() })))
    }
}

impl<K, V> Questions<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the question about the same thing, if it was asked less than a second ago and less than `max_age`. Otherwise asks.
    ///
    /// `ask` only makes the future. A source that panics is unavailable.
    pub(crate) fn ask(
        &self,
        about: &K,
        now: ClockReading,
        max_age: Duration,
        ask: impl FnOnce(Question<K, V>) -> BoxFuture<'static, Result<V, Rejection>>,
    ) -> Asked<V> {
        let mut under_way = self.lock();
        let young = under_way.open.get(about).filter(|open| open.asked.elapsed(now) < JOINABLE.min(max_age));
        if let Some(answer) = young.and_then(|open| open.answer.upgrade()) {
            return Asked { answer, is_joined: true };
        }
        under_way.last += 1;
        let number = under_way.last;
        let answer = ask(Question { of: self.clone(), about: about.clone(), number });
        let answer = AssertUnwindSafe(answer).catch_unwind();
        let answer = answer
            .map(|answer| answer.unwrap_or_else(|_| Err(Rejection::unavailable("the source panicked"))));
        let answer = answer.boxed().shared();
        if let Some(weak) = answer.downgrade() {
            under_way.open.insert(about.clone(), Open { number, asked: now, answer: weak });
        }
        Asked { answer, is_joined: false }
    }
}

impl<K: Eq + Hash, V> Questions<K, V> {
    /// Lets no one join the questions that are under way. None of them is the [latest](Question::is_latest) any more.
    pub(crate) fn clear(&self) {
        self.lock().open.clear();
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.lock().open.len()
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Question<K, V> {
    /// Whether no later question about the same thing was asked. The answer to an earlier one may be outdated.
    pub(crate) fn is_latest(&self) -> bool {
        self.of.lock().open.get(&self.about).is_some_and(|open| open.number == self.number)
    }

    /// The number, which grows with each question.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl<K: Eq + Hash, V> Drop for Question<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.of.lock();
        if under_way.open.get(&self.about).is_some_and(|open| open.number == self.number) {
            under_way.open.remove(&self.about);
        }
    }
}
