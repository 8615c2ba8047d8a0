//! Tasks, and the list of ready tasks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

use futures_util::future::BoxFuture;

use super::ProcessId;

/// The id of a spawned task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskId(pub(super) usize);

pub(super) struct Task {
    pub(super) process: ProcessId,
    /// `None` while it is polled.
    pub(super) future: Option<BoxFuture<'static, ()>>,
    pub(super) waker: Waker,
}

impl Task {
    pub(super) fn new(
        id: usize,
        process: ProcessId,
        future: BoxFuture<'static, ()>,
        ready: Arc<Ready>,
    ) -> Self {
        let waker = Waker::from(Arc::new(TaskWaker { id, ready }));
        Self { process, future: Some(future), waker }
    }
}

/// The ready tasks, without repetition.
#[derive(Default)]
pub(super) struct Ready {
    any: AtomicBool,
    ids: Mutex<Vec<usize>>,
}

impl Ready {
    pub(super) fn push(&self, id: usize) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if !ids.contains(&id) {
            ids.push(id);
            self.any.store(true, Ordering::Relaxed);
        }
    }

    /// Takes a ready task, which `draw` selects.
    pub(super) fn take(&self, draw: impl FnOnce(u64) -> u64) -> Option<usize> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let place = if ids.len() > 1 { usize::try_from(draw(ids.len() as u64)).unwrap_or(0) } else { 0 };
        let id = ids.swap_remove(place);
        self.any.store(!ids.is_empty(), Ordering::Relaxed);
        Some(id)
    }
}

struct TaskWaker {
    id: usize,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.id);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.push(self.id);
    }
}
