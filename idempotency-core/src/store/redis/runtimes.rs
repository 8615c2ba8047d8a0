//! The runtimes: each has connections of its own, so that one whose thread is blocked does not hold up the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::{Handle, Id};
use tokio::sync::oneshot;

/// A value for each runtime, made when it is first asked for there.
#[derive(Debug)]
pub(super) struct PerRuntime<T>(Mutex<HashMap<Id, Own<T>>>);

#[derive(Debug)]
struct Own<T> {
    value: Arc<T>,
    /// Closed once the runtime has ended, since a task there holds the other end.
    lives: oneshot::Sender<()>,
}

impl<T: Default> PerRuntime<T> {
    /// What the caller's runtime has. What runtimes had that have ended is dropped whenever there is a new one.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub(super) fn own(&self) -> Arc<T> {
        let runtime = Handle::current();
        let mut all = self.lock();
        if let Some(own) = all.get(&runtime.id()).filter(|own| !own.lives.is_closed()) {
            return Arc::clone(&own.value);
        }
        let (lives, ended) = oneshot::channel::<()>();
        let value = Arc::<T>::default();
        let dead: Vec<_> = all.extract_if(|_, own| own.lives.is_closed()).collect();
        all.insert(runtime.id(), Own { value: Arc::clone(&value), lives });
        // What is dropped here may need locks of its own.
        drop(all);
        drop(dead);
        runtime.spawn(async move { drop(ended.await) });
        value
    }
}

impl<T> PerRuntime<T> {
    /// Looks at what every runtime has.
    pub(super) fn each(&self, look: impl FnMut(&T)) {
        let all: Vec<_> = self.lock().values().map(|own| Arc::clone(&own.value)).collect();
        all.iter().map(|own| &**own).for_each(look);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Own<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for PerRuntime<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}
