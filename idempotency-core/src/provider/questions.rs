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

/// The time limit of the task that drives a question. A source that hangs holds one task for each question of this time.
#[cfg(feature = "tokio")]
const DRIVEN: Duration = Duration::from_secs(30);

/// Questions to a source that are under way, by what they are about.
///
/// A question is independent of the requests that wait for its answer. On a tokio runtime it goes on without them for up to half a
/// minute, so that a source slower than their time limit still answers a later request. Without one it ends with the last of them.
#[derive(Clone)]
pub(crate) struct Questions<K, V>(Arc<Mutex<UnderWay<K, V>>>);

struct UnderWay<K, V> {
    last: u64,
    open: HashMap<K, Open<V>>,
}

/// The questions about one thing.
struct Open<V> {
    /// The number of the first one. Those before were cleared.
    first: u64,
    /// The number of the latest one that [told](Question::is_newest_answer) something. Zero if none has.
    answered: u64,
    under_way: usize,
    /// When the latest one was asked, and its answer.
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
            let open = Open { first: number, answered: 0, under_way: 0, asked: now, answer: weak.clone() };
            let open = under_way.open.entry(about.clone()).or_insert(open);
            open.under_way += 1;
            (open.asked, open.answer) = (now, weak);
        }
        drop(under_way);
        drive(&answer);
        Asked { answer, is_joined: false }
    }
}

/// Drives a question in a task of its own, so that it goes on when the requests that wait for it have gone away.
#[cfg(feature = "tokio")]
fn drive<V: Clone + Send + Sync + 'static>(answer: &Shared<BoxFuture<'static, Result<V, Rejection>>>) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let answer = answer.clone();
        runtime.spawn(async move { drop(tokio::time::timeout(DRIVEN, answer).await) });
    }
}

#[cfg(not(feature = "tokio"))]
fn drive<V>(_: &Shared<BoxFuture<'static, Result<V, Rejection>>>) {}

impl<K: Eq + Hash, V> Questions<K, V> {
    /// Lets no request join the questions that are under way, and ignores their answers.
    pub(crate) fn clear(&self) {
        self.lock().open.clear();
    }

    /// How many are under way.
    pub(crate) fn len(&self) -> usize {
        self.lock().open.values().map(|open| open.under_way).sum()
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Question<K, V> {
    /// Whether no later question about the same thing has been answered yet. Otherwise the answer to this one may be outdated.
    ///
    /// A later question that is still under way does not count. If it did, no answer of a slow source would be the newest while
    /// requests keep coming.
    pub(crate) fn is_newest_answer(&self) -> bool {
        let mut under_way = self.of.lock();
        let open = under_way.open.get_mut(&self.about).filter(|open| open.first <= self.number);
        let Some(open) = open.filter(|open| open.answered < self.number) else { return false };
        open.answered = self.number;
        true
    }

    /// The number, which grows with each question.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl<K: Eq + Hash, V> Drop for Question<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.of.lock();
        let open = under_way.open.get_mut(&self.about).filter(|open| open.first <= self.number);
        let Some(open) = open else { return };
        open.under_way -= 1;
        if open.under_way == 0 {
            under_way.open.remove(&self.about);
        }
    }
}
