//! The handler: the effect of a delivery, in any framework.

use bytes::Bytes;
use http::StatusCode;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;
use serde::Deserialize;
use serde_json::json;

use crate::Ledger;

/// The handler's answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The `Location` header, if something was created.
    pub location: Option<String>,
    /// The JSON body.
    pub body: Bytes,
}

impl Reply {
    fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self { status, location: None, body: body.to_string().into() }
    }
}

/// Handles a webhook by writing a line to the ledger.
///
/// A message without a context has no id, such as Slack's `view_closed` and `block_suggestion`. There is
/// nothing to do for it, and no options to suggest.
pub async fn webhook(context: Option<IdempotencyContext>, ledger: &dyn Ledger) -> Reply {
    let Some(context) = context else {
        return Reply::json(StatusCode::OK, &json!({ "options": [] }));
    };
    match execute(&context, ledger) {
        Ok(()) => Reply::json(
            StatusCode::OK,
            &json!({ "received": context.key().as_str(), "attempt": context.attempt() }),
        ),
        Err(failure) => failure,
    }
}

/// Handles a request with several events by writing a line to the ledger for each new one.
pub async fn batch(batch: BatchContext, ledger: &dyn Ledger) -> Reply {
    for item in batch.new_items() {
        if execute(item.context(), ledger).is_err() {
            batch.fail(item.index());
        }
    }
    Reply::json(StatusCode::OK, &json!({ "received": batch.len(), "new": batch.new_items().len() }))
}

/// Handles a payment by writing a line to the ledger and creating the payment.
pub async fn payment(context: IdempotencyContext, ledger: &dyn Ledger, body: &[u8]) -> Reply {
    #[derive(Deserialize)]
    struct Payment {
        amount: serde_json::Number,
    }
    let Ok(Payment { amount }) = serde_json::from_slice(body) else {
        return Reply::json(StatusCode::BAD_REQUEST, &json!({ "error": "expected {\"amount\": NUMBER}" }));
    };
    if let Err(failure) = execute(&context, ledger) {
        return failure;
    }
    let id = format!("pay_{}", uuid::Uuid::new_v4().simple());
    let mut reply = Reply::json(StatusCode::CREATED, &json!({ "id": id, "amount": amount }));
    reply.location = Some(format!("/payments/{id}"));
    reply
}

fn execute(context: &IdempotencyContext, ledger: &dyn Ledger) -> Result<(), Reply> {
    // A line in a file cannot be fenced, so check the lease before writing it.
    if context.is_protected() && context.is_lease_lost() {
        let body = json!({ "error": "the lease is lost", "attempt": context.attempt() });
        return Err(Reply::json(StatusCode::SERVICE_UNAVAILABLE, &body));
    }
    ledger.record(context).map_err(|error| {
        tracing::error!(%error, "the ledger cannot be written");
        let body = json!({ "error": "the ledger cannot be written" });
        Reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
    })
}
