//! The transactional mode: the handler's writes and the completion are one transaction.
//!
//! The completion is the last statement before COMMIT, and changes the row only if the owner and the fence are those of
//! the execution. So after a takeover it changes no row, and everything is rolled back.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use idempotency_core::engine::{RecordError, Recorder, Writes};
use idempotency_core::store::{Completion, Hold, Lease};
use idempotency_core::{Delivery, Idempotency, IdempotencyContext, Ran, RunError, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, Postgres, Row as _, Transaction};

use super::call::Call;
use super::outbox::PostgresOutbox;
use super::{PostgresStore, Shared, fault};
use crate::row::{COMPLETED, fence_column};
use crate::transaction::{BeginError, IdempotentTransaction, NotRecorded, Slot, Transactional, run};

impl PostgresStore {
    /// Begins a transaction that commits together with the record of this execution.
    ///
    /// Takes a connection of the pool that was passed to [`from_pool`](Self::from_pool), or else of a second pool of
    /// the store, and holds it until the execution ends. If handlers hold every connection, this waits for one: in the
    /// store's own pool for [`with_timeout`](Self::with_timeout), and in your pool for its `acquire_timeout`, which is
    /// 30 s by default. The isolation level is READ COMMITTED. The server ends a transaction that is silent for longer
    /// than [`with_idle_limit`](Self::with_idle_limit).
    ///
    /// The engine must keep its records in this store.
    ///
    /// # Errors
    /// When the database does not answer, or the execution cannot have a transaction.
    ///
    /// # Cancel safety
    /// Safe to drop: the transaction is rolled back.
    pub async fn begin(
        &self,
        context: &IdempotencyContext,
    ) -> Result<IdempotentTransaction<Postgres>, BeginError> {
        context.check_recorder().map_err(BeginError::Refused)?;
        // These settings are gone as soon as the transaction has ended, however it ends. They are queries, so the
        // handler cannot set another isolation level after them. None of them can fail: sqlx would return the
        // connection with the failed transaction.
        let idle = self.shared.idle_limit.as_millis().min(MAX_IDLE_MILLIS);
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; \
             SELECT set_config('idempotency.fence', '{fence}', true), \
             set_config('idle_in_transaction_session_timeout', '{idle}', true)",
            fence = context.fence(),
        );
        let shared = Arc::clone(&self.shared);
        // In a task of its own: if the future were dropped after BEGIN is sent, sqlx would return the connection to its
        // pool within the transaction.
        let begun = tokio::spawn(async move { shared.handlers().begin_with(AssertSqlSafe(begin)).await });
        let begun = begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed));
        let transaction = begun.map_err(|cause| BeginError::Store(fault::of_connection(cause)))?;
        let outbox = Arc::new(PostgresOutbox::new(Arc::clone(&self.shared)));
        let (transaction, slot) = IdempotentTransaction::lend(transaction, context, outbox);
        let recorder = TransactionRecorder { store: Arc::clone(&self.shared), slot };
        context.set_recorder(recorder).map_err(BeginError::Refused)?;
        Ok(transaction)
    }

    /// Runs a handler for a delivery unless it ran before, as [`Idempotency::run`] does, and commits the rows that it
    /// writes in its transaction together with its value.
    ///
    /// ```no_run
    /// use idempotency_core::{Delivery, Idempotency};
    /// use idempotency_sqlx::PostgresStore;
    ///
    /// # async fn consume(store: PostgresStore, engine: Idempotency, delivery: Delivery) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// type Error = Box<dyn std::error::Error + Send + Sync>;
    /// let ran = store.run_in_transaction(&engine, delivery, |mut transaction, context| async move {
    ///     sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(context.key().as_str()).execute(&mut *transaction).await?;
    ///     Ok::<_, Error>("shipped".to_owned())
    /// });
    /// assert!(ran.await?.may_be_acknowledged());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Idempotency::run`]. If the transaction cannot begin, the [`BeginError`] becomes the handler's error.
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
        H: FnOnce(IdempotentTransaction<Postgres>, IdempotencyContext) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        run(self.clone(), engine, delivery, handler).await
    }
}

impl Transactional for Postgres {
    type Store = PostgresStore;

    fn begin(
        store: &PostgresStore,
        context: &IdempotencyContext,
    ) -> impl Future<Output = Result<IdempotentTransaction<Self>, BeginError>> + Send {
        store.begin(context)
    }
}

/// The longest `idle_in_transaction_session_timeout` that the server accepts.
const MAX_IDLE_MILLIS: u128 = 0x7fff_ffff;

/// Completes an execution in the transaction of its handler.
struct TransactionRecorder {
    store: Arc<Shared>,
    slot: Arc<Slot<Postgres>>,
}

#[async_trait]
impl Recorder for TransactionRecorder {
    async fn record(&mut self, completion: &Completion, writes: Writes) -> Result<(), RecordError> {
        let transaction = self.slot.close();
        let mut transaction = transaction.ok_or_else(|| RecordError::not_recorded(NotRecorded::Kept))?;
        if writes == Writes::RollBack {
            transaction.rollback().await.map_err(RecordError::not_recorded)?;
            return match self.store.complete(completion).await {
                Ok(Hold::Held) => Ok(()),
                Ok(Hold::Lost) => Err(RecordError::not_recorded(NotRecorded::NoRow)),
                Err(error) if error.may_have_executed() => Err(RecordError::unknown(error)),
                Err(error) => Err(RecordError::not_recorded(error)),
            };
        }
        // Nothing stays unless COMMIT succeeds.
        let completed = self.store.complete_with_writes(completion).send(&mut transaction).await;
        let refusal = match completed {
            Err(cause) => Some(RecordError::not_recorded(cause)),
            Ok(rows) if rows.is_empty() => Some(RecordError::not_recorded(NotRecorded::NoRow)),
            Ok(_) => None,
        };
        if let Some(refusal) = refusal {
            undo(transaction).await;
            return Err(refusal);
        }
        match transaction.commit().await {
            Ok(()) => {
                self.committed(&completion.lease);
                Ok(())
            }
            Err(cause) if fault::is_connection_lost(&cause) => Err(RecordError::unknown(cause)),
            Err(cause) => Err(RecordError::not_recorded(cause)),
        }
    }

    async fn roll_back(&mut self) {
        if let Some(transaction) = self.slot.close() {
            undo(transaction).await;
        }
    }

    /// Locks the row: a COMMIT that is still under way holds its lock until it has succeeded or failed.
    async fn is_recorded(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        let call = Call::new(&self.store.statements.lock).bind(lease.key().digest().as_bytes().as_slice());
        let rows = self.store.rows(call).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let state: i16 = row.try_get("state").map_err(fault::of_statement)?;
        let owner: Vec<u8> = row.try_get("owner").map_err(fault::of_statement)?;
        let fence: i64 = row.try_get("fence").map_err(fault::of_statement)?;
        let is_ours = owner == lease.owner().as_bytes() && fence == fence_column(lease.fence());
        if state == COMPLETED && is_ours {
            self.committed(lease);
        }
        Ok(state == COMPLETED && is_ours)
    }
}

impl TransactionRecorder {
    /// Wakes those that wait for the commit: duplicates, and relays if there are messages.
    fn committed(&self, lease: &Lease) {
        self.store.changed(lease.key().digest());
        if self.slot.has_pushed() {
            self.store.pushes.send_replace(());
        }
    }
}

/// Rolls a transaction back. If that fails, it ends with its connection.
async fn undo(transaction: Transaction<'static, Postgres>) {
    if let Err(error) = transaction.rollback().await {
        tracing::debug!(?error, "the rollback failed");
    }
}

impl Shared {
    /// The statement that completes a record within its handler's transaction.
    fn complete_with_writes(&self, completion: &Completion) -> Call {
        self.completion(&self.statements.complete_with_writes, completion)
    }
}
