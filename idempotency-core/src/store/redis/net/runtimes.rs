//! A value per runtime. Each runtime has its own connections, so that a blocked runtime does not hold up the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;

/// Holds one value per runtime, created on first use.
#[derive(Debug)]
pub(crate) struct PerRuntime<T>(Mutex<HashMap<Id, Entry<T>>>);

#[derive(Debug)]
struct Entry<T> {
    value: Arc<T>,
    /// Closed when the runtime ends, since a task on it holds the receiver.
    alive: oneshot::Sender<()>,
}

impl<T: Default> PerRuntime<T> {
    /// The value of the current runtime. A new runtime's first call drops the values of runtimes that have ended.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(crate) fn current(&self) -> Arc<T> {
        let runtime = Handle::current();
        let mut all = self.lock();
        if let Some(entry) = all.get(&runtime.id()).filter(|entry| !entry.alive.is_closed()) {
            return Arc::clone(&entry.value);
        }
        let (alive, ended) = oneshot::channel::<()>();
        let value = Arc::<T>::default();
        let dead: Vec<_> = all.extract_if(|_, entry| entry.alive.is_closed()).collect();
        all.insert(runtime.id(), Entry { value: Arc::clone(&value), alive });
        // Dropping these values may take other locks, so release this one first.
        drop(all);
        drop(dead);
        runtime.spawn(async move { drop(ended.await) });
        value
    }
}

impl<T> PerRuntime<T> {
    /// Calls a function with the value of every runtime.
    pub(crate) fn for_each(&self, call: impl FnMut(&T)) {
        let all: Vec<_> = self.lock().values().map(|entry| Arc::clone(&entry.value)).collect();
        all.iter().map(|value| &**value).for_each(call);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Entry<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
