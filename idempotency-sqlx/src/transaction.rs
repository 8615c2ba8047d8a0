//! The transaction in a handler's hands, which the engine commits together with the record.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use idempotency_core::engine::RecorderRefused;
use idempotency_core::store::Store;
use idempotency_core::{Delivery, Idempotency, IdempotencyContext, Ran, RunError, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Database, Transaction};

use crate::outbox::{Insert, OutboxWriter, Pushing};

/// The transaction of an execution. The rows that a handler writes in it are committed together with the record of the
/// execution, or not at all.
///
/// It derefs to the connection, as a transaction of sqlx does: pass `&mut *transaction` to a query. The engine ends it
/// once the handler has answered, so never end it yourself, not even by SQL. The handler must drop it before it
/// answers. If it was moved into a task that still has it, nothing is recorded, everything is rolled back, and the
/// sender gets 503.
///
/// With the feature `axum` or `actix`, it is an extractor. Otherwise the store's `begin` returns it. [Transactions] has
/// the rules for handlers, and says what the sender gets in each case.
///
/// ```
/// use idempotency_sqlx::IdempotentTransaction;
/// # #[cfg(feature = "postgres")]
/// async fn handle(mut transaction: IdempotentTransaction<sqlx::Postgres>, order: String) -> Result<(), sqlx::Error> {
///     sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(order).execute(&mut *transaction).await?;
///     Ok(())
/// }
/// ```
///
/// | The handler's answer | Writes | Record |
/// |---|---|---|
/// | recorded, 2xx or 3xx | committed | committed with them |
/// | recorded, 4xx | rolled back | committed alone |
/// | not recorded, or a panic | rolled back | released |
///
/// [Transactions]: crate::docs::transactions
pub struct IdempotentTransaction<DB: Database> {
    /// Taken only when this is dropped.
    transaction: Option<Transaction<'static, DB>>,
    slot: Arc<Slot<DB>>,
    pushing: Pushing<DB>,
}

impl<DB: Database> IdempotentTransaction<DB> {
    /// Lends a transaction to the handler of an execution. The slot gets it back.
    pub(crate) fn lend(
        transaction: Transaction<'static, DB>,
        context: &IdempotencyContext,
        outbox: Arc<dyn Insert<DB>>,
    ) -> (Self, Arc<Slot<DB>>) {
        let slot = Arc::new(Slot { state: Mutex::new(State::Lent), has_pushed: AtomicBool::new(false) });
        let pushing = Pushing::new(context.clone(), outbox);
        (Self { transaction: Some(transaction), slot: Arc::clone(&slot), pushing }, slot)
    }

    /// Returns the outbox, which keeps messages that a [relay](crate::outbox) hands over after the commit.
    #[expect(clippy::missing_panics_doc, reason = "it never panics")]
    pub fn outbox(&mut self) -> OutboxWriter<'_, DB> {
        let transaction = self.transaction.as_mut().expect("only `drop` takes it");
        OutboxWriter::new(&mut **transaction, &mut self.pushing)
    }
}

impl<DB: Database> Deref for IdempotentTransaction<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        self.transaction.as_ref().expect("only `drop` takes it")
    }
}

impl<DB: Database> DerefMut for IdempotentTransaction<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.transaction.as_mut().expect("only `drop` takes it")
    }
}

impl<DB: Database> Drop for IdempotentTransaction<DB> {
    fn drop(&mut self) {
        self.slot.has_pushed.store(self.pushing.has_pushed(), Ordering::Relaxed);
        let mut state = self.slot.state();
        if let State::Lent = *state {
            *state = self.transaction.take().map_or(State::Closed, State::Returned);
        }
        // Otherwise the engine has ended the execution without the transaction, and this drop rolls it back.
    }
}

impl<DB: Database> fmt::Debug for IdempotentTransaction<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdempotentTransaction").finish_non_exhaustive()
    }
}

/// Where a transaction is between its handler and its recorder.
pub(crate) struct Slot<DB: Database> {
    state: Mutex<State<DB>>,
    has_pushed: AtomicBool,
}

enum State<DB: Database> {
    /// The handler has it.
    Lent,
    /// The handler has given it back.
    Returned(Transaction<'static, DB>),
    /// The recorder no longer waits for it.
    Closed,
}

impl<DB: Database> Slot<DB> {
    /// Takes the transaction, if the handler has given it back. The slot takes none back from now on.
    pub(crate) fn close(&self) -> Option<Transaction<'static, DB>> {
        match std::mem::replace(&mut *self.state(), State::Closed) {
            State::Returned(transaction) => Some(transaction),
            State::Lent | State::Closed => None,
        }
    }

    /// Whether the handler has pushed messages into the outbox.
    pub(crate) fn has_pushed(&self) -> bool {
        self.has_pushed.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State<DB>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A database whose store begins transactions for handlers. It tells the extractors the type of the store.
pub trait Transactional: Database {
    /// The store in this database.
    type Store: Store + Clone;

    /// Begins a transaction that commits together with the record of this execution.
    ///
    /// # Errors
    /// When the database does not answer, or the execution cannot have a transaction.
    ///
    /// # Cancel safety
    /// Safe to drop: the transaction is rolled back.
    fn begin(
        store: &Self::Store,
        context: &IdempotencyContext,
    ) -> impl Future<Output = Result<IdempotentTransaction<Self>, BeginError>> + Send;
}

/// Runs a handler for a delivery with a transaction in this store.
pub(crate) async fn run<DB, T, E, H, F>(
    store: DB::Store,
    engine: &Idempotency,
    delivery: Delivery,
    handler: H,
) -> Result<Ran<T>, RunError<E>>
where
    DB: Transactional,
    T: Serialize + DeserializeOwned + Send + 'static,
    E: From<BeginError> + Send + 'static,
    H: FnOnce(IdempotentTransaction<DB>, IdempotencyContext) -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let handle = |context: IdempotencyContext| async move {
        let transaction = DB::begin(&store, &context).await?;
        handler(transaction, context).await
    };
    engine.run(delivery, handle).await
}

/// Why an execution has no transaction.
#[derive(Debug)]
#[non_exhaustive]
pub enum BeginError {
    /// The database did not begin one. Nothing was written.
    Store(StoreError),
    /// The execution cannot have one: it has a recorder already, has no claim, is part of a batch, or has ended.
    Refused(RecorderRefused),
    /// The request has no execution: no layer guards the route, or the request passed it without a key.
    NotIdempotent,
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(_) => "the database did not begin a transaction",
            Self::Refused(_) => "the execution cannot have a transaction",
            Self::NotIdempotent => {
                "the request has no idempotency context: is there a layer, and does the request have a key?"
            }
        })
    }
}

impl Error for BeginError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Store(cause) => Some(cause),
            Self::Refused(cause) => Some(cause),
            Self::NotIdempotent => None,
        }
    }
}

/// Why a completion was not recorded with its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum NotRecorded {
    /// The handler still has it.
    #[error("the handler answered, and still has its transaction")]
    Kept,
    /// The completion changed no row.
    #[error(
        "the lease is lost, the handler ended the transaction by itself, or the engine keeps its records elsewhere"
    )]
    NoRow,
    /// sqlx ended a savepoint instead of the transaction.
    #[cfg(feature = "sqlite")]
    #[error("the handler left a savepoint open")]
    Savepoint,
    /// The handler ran without it.
    #[cfg(feature = "actix")]
    #[error("the handler answered, and its transaction had not begun")]
    NeverBegan,
}
