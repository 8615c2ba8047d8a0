//! The handlers: extract a delivery and send a reply with actix-web.

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{Bytes, Data};
use idempotency_actix::{Idempotent, IdempotentBatch};
use idempotency_demo::{Ledger, Reply};

pub(crate) async fn webhook(
    batch: Option<IdempotentBatch>,
    idempotent: Option<Idempotent>,
    ledger: Data<dyn Ledger>,
) -> HttpResponse {
    if let Some(IdempotentBatch(batch)) = batch {
        return respond(idempotency_demo::batch(batch, &**ledger).await);
    }
    let context = idempotent.map(|Idempotent(context)| context);
    respond(idempotency_demo::webhook(context, &**ledger).await)
}

pub(crate) async fn payment(
    Idempotent(context): Idempotent,
    ledger: Data<dyn Ledger>,
    body: Bytes,
) -> HttpResponse {
    respond(idempotency_demo::payment(context, &**ledger, &body).await)
}

pub(crate) async fn entries(ledger: Data<dyn Ledger>) -> HttpResponse {
    match ledger.entries() {
        Ok(entries) => HttpResponse::Ok().json(entries),
        Err(error) => {
            tracing::error!(%error, "the ledger cannot be read");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn respond(reply: Reply) -> HttpResponse {
    let status =
        actix_web::http::StatusCode::from_u16(reply.status.as_u16()).expect("both types hold HTTP statuses");
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    if let Some(location) = reply.location {
        response.insert_header((LOCATION, location));
    }
    response.body(reply.body)
}
