//! The extractor for actix-web.

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError, web};
use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use idempotency_core::engine::{BatchContext, RecordError, Recorder, Writes};
use idempotency_core::store::{Completion, Lease};
use idempotency_core::{IdempotencyContext, StoreError};

use super::{NoTransaction, Reason, Refusal, begin};
use crate::transaction::{IdempotentTransaction, NotRecorded, Transactional};

/// Begins a transaction in the store of the app's data: `.app_data(web::Data::new(store))`.
///
/// `Option<IdempotentTransaction>` is `None` if the request passed its middleware without a key. It is also `None` if the
/// transaction did not begin, since actix-web drops the error. The handler's answer is then not recorded, whatever it is, and
/// the sender gets 503.
#[cfg_attr(docsrs, doc(cfg(feature = "actix")))]
impl<DB: Transactional> FromRequest for IdempotentTransaction<DB> {
    type Error = NoTransaction;
    type Future = LocalBoxFuture<'static, Result<Self, NoTransaction>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let batch = extensions.get::<BatchContext>();
        let context = extensions.get::<IdempotencyContext>().cloned();
        let context = context.ok_or_else(|| NoTransaction::without_context(batch));
        let store = request.app_data::<web::Data<DB::Store>>().cloned();
        async move {
            let context = context?;
            let begun = match store {
                Some(store) => begin::<DB>(&store, &context).await,
                None => Err(NoTransaction { reason: Reason::NoStore }),
            };
            if begun.is_err() {
                // With an optional extractor the handler still runs. If there is a recorder already, it decides.
                let _ = context.set_recorder(NeverBegan);
            }
            begun
        }
        .boxed_local()
    }
}

impl ResponseError for NoTransaction {
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let (answer, status) = match self.refusal() {
            Refusal::Later(answer) => {
                let status = StatusCode::from_u16(answer.status.as_u16());
                (answer, status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
            }
            Refusal::Never(reason) => {
                return HttpResponse::InternalServerError()
                    .content_type(ContentType::plaintext())
                    .body(reason);
            }
        };
        let mut response = HttpResponse::with_body(status, BoxBody::new(answer.body));
        // actix-web has the types of http 0.2.
        for (name, value) in &answer.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
            {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// Fails the attempt of a handler that runs although its transaction did not begin.
struct NeverBegan;

#[async_trait]
impl Recorder for NeverBegan {
    async fn record(&mut self, _: &Completion, _: Writes) -> Result<(), RecordError> {
        Err(RecordError::not_recorded(NotRecorded::NeverBegan))
    }

    async fn roll_back(&mut self) {}

    async fn is_recorded(&mut self, _: &Lease) -> Result<bool, StoreError> {
        Ok(false)
    }
}
