//! The context of a batch, for its handler.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::IdempotencyContext;

/// Describes a batch to its handler: it holds the new items, which are to be executed. Cheap to clone.
///
/// ```no_run
/// # use idempotency_core::engine::BatchContext;
/// # struct Event; impl Event { fn is_well_formed(&self) -> bool { true } }
/// # fn handle(batch: &BatchContext, events: &[Event]) {
/// for item in batch.new_items() {
///     let event = &events[item.index()];
///     if !event.is_well_formed() {
///         batch.fail(item.index()); // this one comes again; the others are done
///     }
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct BatchContext(Arc<Inner>);

struct Inner {
    len: usize,
    items: Vec<BatchItem>,
}

/// A new item of a batch.
pub struct BatchItem {
    index: usize,
    context: IdempotencyContext,
    is_failed: AtomicBool,
}

impl BatchItem {
    pub(super) fn new(index: usize, context: IdempotencyContext) -> Self {
        Self { index, context, is_failed: AtomicBool::new(false) }
    }

    /// The item's index in the request, from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The context of the item's execution: key, attempt, fence, derived keys, and whether its lease is lost.
    #[must_use]
    pub fn context(&self) -> &IdempotencyContext {
        &self.context
    }
}

impl BatchContext {
    pub(super) fn new(len: usize, items: Vec<BatchItem>) -> Self {
        Self(Arc::new(Inner { len, items }))
    }

    /// The number of items in the request, new or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether the request has no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// The indices of the items that the handler failed.
    pub(crate) fn failed_items(&self) -> Vec<usize> {
        let failed = self.0.items.iter().filter(|item| item.is_failed.load(Ordering::SeqCst));
        failed.map(BatchItem::index).collect()
    }

    /// The items to execute, in the request's order.
    ///
    /// If several items share a key, only the first is included.
    #[must_use]
    pub fn new_items(&self) -> &[BatchItem] {
        &self.0.items
    }

    /// Fails a single new item. An index that is not of a new item has no effect.
    ///
    /// The item is released even if the handler succeeds, and the sender is asked to send the batch again.
    pub fn fail(&self, index: usize) {
        if let Some(item) = self.item(index) {
            item.is_failed.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn is_failed(&self, index: usize) -> bool {
        self.item(index).is_some_and(|item| item.is_failed.load(Ordering::SeqCst))
    }

    /// The new item with this index. The items are sorted by index.
    fn item(&self, index: usize) -> Option<&BatchItem> {
        let position = self.0.items.binary_search_by_key(&index, BatchItem::index).ok()?;
        self.0.items.get(position)
    }
}

impl fmt::Debug for BatchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchContext").field("len", &self.0.len).field("new", &self.0.items).finish()
    }
}

impl fmt::Debug for BatchItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchItem").field("index", &self.index).field("context", &self.context).finish()
    }
}
