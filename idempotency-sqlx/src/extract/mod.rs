//! The extractors, which pass the transaction of an execution to its handler.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;

use std::error::Error;
use std::fmt;

use idempotency_core::clock::system_unix_time;
use idempotency_core::engine::{BatchContext, RecorderRefused};
use idempotency_core::protocol::{Answer, Instance};
use idempotency_core::store::Store as _;
use idempotency_core::{IdempotencyContext, Policy, RecordedResponse, ScopedKey};

use crate::transaction::{BeginError, IdempotentTransaction, Transactional};

/// An extractor found no transaction to pass to the handler.
///
/// If the database did not begin it, or the handler runs without a claim in an outage, the answer is 503 with
/// `Retry-After`: the attempt has failed, and the sender retries. If the route is set up wrongly, the answer is 500,
/// and the reason is logged at `ERROR`: the route has no idempotency layer or middleware, the request passed it without
/// a key or is a batch, or the execution has a transaction already.
#[derive(Debug)]
pub struct NoTransaction {
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    NotBegun {
        error: BeginError,
        instance: Instance,
    },
    /// The app does not know the store.
    #[cfg_attr(not(feature = "actix"), expect(dead_code, reason = "axum knows it from the state's type"))]
    NoStore,
    NotIdempotent,
    Batch,
}

/// The answer in place of a handler without a transaction.
enum Refusal {
    /// The problem is the database's.
    Later(RecordedResponse),
    /// The problem is the app's.
    Never(String),
}

/// Begins the transaction of a request's execution.
async fn begin<DB: Transactional>(
    store: &DB::Store,
    context: &IdempotencyContext,
) -> Result<IdempotentTransaction<DB>, NoTransaction> {
    DB::begin(store, context).await.map_err(|error| {
        let key = ScopedKey::new(store.namespace(), context.scope().clone(), context.key().clone());
        let instance = Instance::of_delivery(key.digest(), system_unix_time());
        NoTransaction { reason: Reason::NotBegun { error, instance } }
    })
}

impl NoTransaction {
    /// The refusal of a request that has no context of a single delivery.
    fn without_context(batch: Option<&BatchContext>) -> Self {
        Self { reason: batch.map_or(Reason::NotIdempotent, |_| Reason::Batch) }
    }

    /// Logs the reason, and says what to answer.
    fn refusal(&self) -> Refusal {
        match &self.reason {
            Reason::NotBegun { error, instance } if is_temporary(error) => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                tracing::warn!(target: "idempotency", %instance, cause, "{error}");
                Refusal::Later(Answer::Outage.response(&Policy::webhook(), instance))
            }
            _ => {
                tracing::error!(target: "idempotency", "{self}");
                Refusal::Never(self.to_string())
            }
        }
    }
}

/// Whether a retry of the request may find a transaction.
fn is_temporary(error: &BeginError) -> bool {
    match error {
        BeginError::Store(_) | BeginError::Refused(RecorderRefused::Unprotected) => true,
        BeginError::Refused(_) | BeginError::NotIdempotent => false,
    }
}

impl fmt::Display for NoTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::NotBegun { error: BeginError::Refused(cause), .. } => {
                write!(f, "{}: {cause}", BeginError::Refused(*cause))
            }
            Reason::NotBegun { error, .. } => error.fmt(f),
            Reason::NoStore => f.write_str("the app has no `web::Data` of the store"),
            Reason::NotIdempotent => BeginError::NotIdempotent.fmt(f),
            Reason::Batch => f.write_str("the request is a batch, whose items have no transactions"),
        }
    }
}

impl Error for NoTransaction {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            Reason::NotBegun { error, .. } => error.source(),
            Reason::NoStore | Reason::NotIdempotent | Reason::Batch => None,
        }
    }
}
