//! The handlers of the example, with [`Steering`](idempotency_tests::demo::Steering).

#[path = "../../../../examples/actix-webhooks/src/handlers.rs"]
mod example;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use idempotency_actix::{Idempotent, IdempotentBatch};
use idempotency_demo::Ledger;
use idempotency_tests::demo::Steering;

pub(crate) use example::entries;

pub(crate) async fn webhook(
    batch: Option<IdempotentBatch>,
    idempotent: Option<Idempotent>,
    request: HttpRequest,
    ledger: Data<dyn Ledger>,
) -> HttpResponse {
    if let Some(idempotent) = &idempotent
        && let Err(failure) = steer(idempotent, &request).await
    {
        return failure;
    }
    example::webhook(batch, idempotent, ledger).await
}

pub(crate) async fn payment(
    idempotent: Idempotent,
    request: HttpRequest,
    ledger: Data<dyn Ledger>,
    body: Bytes,
) -> HttpResponse {
    match steer(&idempotent, &request).await {
        Ok(()) => example::payment(idempotent, ledger, body).await,
        Err(failure) => failure,
    }
}

async fn steer(Idempotent(context): &Idempotent, request: &HttpRequest) -> Result<(), HttpResponse> {
    let steered = Steering::from_query(request.uri().query()).steer(context).await;
    steered.map_err(|body| HttpResponse::InternalServerError().json(body))
}
