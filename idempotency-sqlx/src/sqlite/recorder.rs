//! The transactional mode: the handler's writes and the completion are one transaction.
//!
//! The transaction has the write lock from its beginning, so no claim takes the key over meanwhile, and nothing else
//! changes the file. That is why it has a limit.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::engine::{RecordError, Recorder, Writes};
use idempotency_core::store::{Completion, Hold, Lease};
use idempotency_core::{Delivery, Idempotency, IdempotencyContext, Ran, RunError, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Connection as _, Sqlite, Transaction};

use super::fault::Fault;
use super::gate::Gate;
use super::handlers::{Begun, Places};
use super::locked::Locked;
use super::outbox::SqliteOutbox;
use super::{Shared, SqliteStore};
use crate::transaction::{BeginError, IdempotentTransaction, NotRecorded, Slot, Transactional, run};

impl SqliteStore {
    /// Begins a transaction that commits together with the record of this execution.
    ///
    /// For a handler that awaits nothing but this transaction. SQLite has one writer, so nothing else changes the file
    /// until the transaction ends: other handlers and the claims of other keys wait for it. After
    /// [`with_transaction_limit`](Self::with_transaction_limit) the engine drops the handler and rolls the transaction
    /// back.
    ///
    /// The transaction is on a new connection, which the store opens with the options of the pool that was passed to
    /// [`from_pool`](Self::from_pool). There is one such connection at a time. This waits for it and for the write lock,
    /// for at most [`with_timeout`](Self::with_timeout).
    ///
    /// The engine must keep its records in this store.
    ///
    /// # Errors
    /// When the lock is not free in time, or the execution cannot have a transaction.
    ///
    /// # Cancel safety
    /// Safe to drop: the transaction is rolled back.
    pub async fn begin(
        &self,
        context: &IdempotencyContext,
    ) -> Result<IdempotentTransaction<Sqlite>, BeginError> {
        // A handler that has a transaction would wait for itself.
        context.check_recorder().map_err(BeginError::Refused)?;
        let begun = self.shared.begin_for_handler().await;
        let Begun { transaction, gate, places } = begun.map_err(|fault| BeginError::Store(fault.into()))?;
        let outbox = Arc::new(SqliteOutbox::new(Arc::clone(&self.shared)));
        let (transaction, slot) = IdempotentTransaction::lend(transaction, context, outbox);
        let store = Arc::clone(&self.shared);
        let recorder = TransactionRecorder { store, slot, gate, places: Some(places) };
        context.set_recorder(recorder).map_err(BeginError::Refused)?;
        Ok(transaction)
    }

    /// Runs a handler for a delivery unless it ran before, as [`Idempotency::run`] does, and commits the rows that it
    /// writes in its transaction together with its value.
    ///
    /// ```no_run
    /// use idempotency_core::{Delivery, Idempotency};
    /// use idempotency_sqlx::SqliteStore;
    ///
    /// # async fn consume(store: SqliteStore, engine: Idempotency, delivery: Delivery) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    /// let ran = store.run_in_transaction(&engine, delivery, |mut transaction, context| async move {
    ///     sqlx::query("INSERT INTO orders (id) VALUES (?)").bind(context.key().as_str()).execute(&mut *transaction).await?;
    ///     Ok::<_, Error>("shipped".to_owned())
    /// });
    /// assert!(ran.await?.may_be_acknowledged());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Idempotency::run`], and [`RunError::OverLimit`] if the handler holds the transaction for too long. If the
    /// transaction cannot begin, the [`BeginError`] becomes the handler's error.
    ///
    /// # Panics
    /// If the handler panics, after the transaction is rolled back.
    ///
    /// # Cancel safety
    /// As [`Idempotency::run`].
    pub async fn run_in_transaction<T, E, H, F>(
        &self,
        engine: &Idempotency,
        delivery: Delivery,
        handler: H,
    ) -> Result<Ran<T>, RunError<E>>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        E: From<BeginError> + Send + 'static,
        H: FnOnce(IdempotentTransaction<Sqlite>, IdempotencyContext) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        run(self.clone(), engine, delivery, handler).await
    }
}

impl Transactional for Sqlite {
    type Store = SqliteStore;

    fn begin(
        store: &SqliteStore,
        context: &IdempotencyContext,
    ) -> impl Future<Output = Result<IdempotentTransaction<Self>, BeginError>> + Send {
        store.begin(context)
    }
}

/// Completes an execution in the transaction of its handler.
struct TransactionRecorder {
    store: Arc<Shared>,
    slot: Arc<Slot<Sqlite>>,
    gate: Arc<Gate>,
    /// Given back once the transaction has ended.
    places: Option<Places>,
}

#[async_trait]
impl Recorder for TransactionRecorder {
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError> {
        let transaction = self.slot.close();
        let mut transaction = transaction.ok_or_else(|| RecordError::not_recorded(NotRecorded::Kept))?;
        if writes == Writes::RollBack {
            self.undo(transaction).await;
            return match self.store.change_one(completion).await {
                Ok(Hold::Held) => Ok(()),
                Ok(Hold::Lost) => Err(RecordError::not_recorded(NotRecorded::NoRow)),
                Err(error) => Err(of_store(error)),
            };
        }
        // If the handler put another connection in its place, the record would be committed alone there.
        if !transaction.is_in_transaction() {
            self.undo(transaction).await;
            return Err(RecordError::not_recorded(NotRecorded::NoRow));
        }
        let deadline = self.store.deadline();
        let mut locked = Locked::new(&mut transaction, &self.store.statements, deadline);
        let completed = locked.change(&completion, &self.store.namespace, self.store.now()).await;
        let refusal = match completed {
            // The record was written outside the transaction.
            Err(fault) if fault.is_refused_commit() => Some(RecordError::not_recorded(NotRecorded::NoRow)),
            Err(fault) => Some(RecordError::not_recorded(StoreError::from(fault))),
            // Asked after the statements, because sqlx may send the rollback of a savepoint just before them.
            Ok(changed) if !changed.has_written || self.gate.has_rolled_back() => {
                Some(RecordError::not_recorded(NotRecorded::NoRow))
            }
            Ok(_) => None,
        };
        if let Some(refusal) = refusal {
            self.undo(transaction).await;
            return Err(refusal);
        }
        self.gate.open();
        let committed = transaction.commit().await;
        self.places = None;
        match committed {
            Ok(()) if self.gate.was_passed() => {
                self.committed(&completion.lease);
                Ok(())
            }
            // The connection is closed, which rolls everything back.
            Ok(()) => Err(RecordError::not_recorded(NotRecorded::Savepoint)),
            Err(cause) => Err(of_store(Fault::of_commit(cause).into())),
        }
    }

    async fn roll_back(&mut self) {
        match self.slot.close() {
            Some(transaction) => self.undo(transaction).await,
            None => self.places = None,
        }
    }

    /// Takes the write lock: a transaction that is still under way holds it until it has committed or failed.
    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        self.places = None;
        let mut transaction = self.store.begin(self.store.deadline()).await?;
        let found = transaction.locked().find(lease.key().digest(), None).await?;
        let is_recorded = found.is_completed_by(lease);
        transaction.commit().await?;
        if is_recorded {
            self.committed(lease);
        }
        Ok(is_recorded)
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.store.transaction_limit)
    }
}

impl TransactionRecorder {
    /// Wakes those that wait for the commit: duplicates, and relays if there are messages.
    fn committed(&self, lease: &Lease) {
        self.store.waiters.wake(lease.key().digest());
        if self.slot.has_pushed() {
            self.store.pushes.send_replace(());
        }
    }

    /// Rolls the transaction back. If that fails, the pool closes the connection.
    async fn undo(&mut self, transaction: Transaction<'static, Sqlite>) {
        if let Err(error) = transaction.rollback().await {
            tracing::debug!(?error, "the rollback failed");
        }
        self.places = None;
    }
}

/// A failure of a step that may be the commit.
fn of_store(error: StoreError) -> RecordError {
    match error.may_have_executed() {
        true => RecordError::unknown(error),
        false => RecordError::not_recorded(error),
    }
}
