//! The handler: what a delivery causes, whatever the framework.

use bytes::Bytes;
use http::StatusCode;
use idempotency_core::IdempotencyContext;
use serde::Deserialize;
use serde_json::json;

use crate::{Ledger, Steering};

/// What the handler answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The `Location`, where something was made.
    pub location: Option<String>,
    /// The JSON body.
    pub body: Bytes,
}

impl Reply {
    fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self { status, location: None, body: body.to_string().into() }
    }
}

/// Handles a webhook: the effect is a line in the ledger. Without a context it is a message that has no id by its nature,
/// such as Slack's `view_closed` and `block_suggestion`: there is nothing to do, and no options to suggest.
///
/// # Panics
/// When the steering says so.
pub async fn webhook(context: Option<IdempotencyContext>, steering: Steering, ledger: &dyn Ledger) -> Reply {
    let Some(context) = context else {
        return Reply::json(StatusCode::OK, &json!({ "options": [] }));
    };
    match execute(&context, steering, ledger).await {
        Ok(()) => answer(
            steering,
            Reply::json(
                StatusCode::OK,
                &json!({ "received": context.key().as_str(), "attempt": context.attempt() }),
            ),
        ),
        Err(failure) => failure,
    }
}

/// Handles a payment: the effect is a line in the ledger, and a new payment.
///
/// # Panics
/// When the steering says so.
pub async fn payment(
    context: IdempotencyContext,
    steering: Steering,
    ledger: &dyn Ledger,
    body: &[u8],
) -> Reply {
    #[derive(Deserialize)]
    struct Payment {
        amount: serde_json::Number,
    }
    let Ok(Payment { amount }) = serde_json::from_slice(body) else {
        return Reply::json(StatusCode::BAD_REQUEST, &json!({ "error": "expected {\"amount\": NUMBER}" }));
    };
    if let Err(failure) = execute(&context, steering, ledger).await {
        return failure;
    }
    let id = format!("pay_{}", uuid::Uuid::new_v4().simple());
    let mut reply = Reply::json(StatusCode::CREATED, &json!({ "id": id, "amount": amount }));
    reply.location = Some(format!("/payments/{id}"));
    answer(steering, reply)
}

/// The gate and the delay, then the failure that was asked for or the effect. An attempt that fails writes nothing.
async fn execute(context: &IdempotencyContext, steering: Steering, ledger: &dyn Ledger) -> Result<(), Reply> {
    if let Some(gate) = ledger.gate().filter(|_| steering.gated) {
        gate.pass().await.map_err(|error| unwritable("the gate", &error))?;
    }
    tokio::time::sleep(steering.delay).await;
    let attempt = context.attempt();
    assert!(attempt > steering.panic_times, "told to panic in attempt {attempt}");
    if attempt <= steering.fail_times {
        let body = json!({ "error": "told to fail", "attempt": attempt });
        return Err(Reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body));
    }
    // A line in a file cannot be fenced, so ask before it is written.
    if context.is_protected() && context.is_lease_lost() {
        let body = json!({ "error": "the lease is lost", "attempt": attempt });
        return Err(Reply::json(StatusCode::SERVICE_UNAVAILABLE, &body));
    }
    ledger.record(context).map_err(|error| unwritable("the ledger", &error))
}

fn unwritable(what: &str, error: &std::io::Error) -> Reply {
    tracing::error!(%error, "{what} cannot be written");
    let body = json!({ "error": format!("{what} cannot be written") });
    Reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
}

fn answer(steering: Steering, reply: Reply) -> Reply {
    match steering.body_bytes {
        Some(bytes) => Reply { body: Bytes::from(vec![b'x'; bytes]), ..reply },
        None => reply,
    }
}
