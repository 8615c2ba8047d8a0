//! Batches over HTTP on both adapters: one request with a key for each event.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, test, web};
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use idempotency_core::engine::Begun;
use idempotency_core::provider::{self, FromFn, Received};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Idempotency, Key, Verified};
use tower::ServiceExt as _;

/// Reads a JSON array of ids as a batch.
fn sender() -> FromFn {
    provider::from_fn("batches", |incoming| {
        let proof = Verified::by_other_means(incoming.body);
        let ids: Vec<String> = serde_json::from_slice(incoming.body)
            .map_err(|_| provider::Rejection::malformed("the body is not a list of ids"))?;
        let delivery = |id| Ok(Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?));
        ids.into_iter().map(delivery).collect::<Result<_, provider::Rejection>>().map(Received::Batch)
    })
}

/// The counts and the behavior of a handler.
#[derive(Clone, Default)]
struct Handler {
    calls: Arc<AtomicUsize>,
    executions: Arc<AtomicUsize>,
}

impl Handler {
    /// Fails the items with the id `bad`, and answers 500 if one is `broken`.
    fn handle(&self, batch: &idempotency_core::engine::BatchContext, ids: &[String]) -> u16 {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.executions.fetch_add(batch.new_items().len(), Ordering::SeqCst);
        for item in batch.new_items().iter().filter(|item| ids[item.index()] == "bad") {
            batch.fail(item.index());
        }
        if ids.iter().any(|id| id == "broken") { 500 } else { 202 }
    }
}

/// An answer as its sender sees it.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    marked: String,
    has_retry_after: bool,
}

fn seen(status: u16, marked: &str, has_retry_after: bool) -> Seen {
    Seen { status, marked: marked.to_owned(), has_retry_after }
}

#[derive(Clone, Copy, Debug)]
enum Adapter {
    Axum,
    Actix,
}

/// Sends one batch through an adapter.
async fn send(adapter: Adapter, engine: &Idempotency, handler: &Handler, ids: &[&str]) -> Seen {
    let body = serde_json::to_vec(ids).unwrap();
    match adapter {
        Adapter::Axum => {
            async fn handle(
                State(handler): State<Handler>,
                idempotency_tower::IdempotentBatch(batch): idempotency_tower::IdempotentBatch,
                Json(ids): Json<Vec<String>>,
            ) -> StatusCode {
                StatusCode::from_u16(handler.handle(&batch, &ids)).unwrap()
            }
            let layer = idempotency_tower::IdempotencyLayer::on_engine(engine, sender());
            let app: Router =
                Router::new().route("/events", post(handle).layer(layer)).with_state(handler.clone());
            let request = Request::post("/events").header("content-type", "application/json");
            let answer = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
            let header =
                |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            Seen {
                status: answer.status().as_u16(),
                marked: header("idempotency-status").unwrap_or_default(),
                has_retry_after: header("retry-after").is_some(),
            }
        }
        Adapter::Actix => {
            async fn handle(
                handler: web::Data<Handler>,
                idempotency_actix::IdempotentBatch(batch): idempotency_actix::IdempotentBatch,
                ids: web::Json<Vec<String>>,
            ) -> HttpResponse {
                let status = handler.handle(&batch, &ids);
                HttpResponse::build(actix_web::http::StatusCode::from_u16(status).unwrap()).finish()
            }
            let middleware = idempotency_actix::IdempotencyMiddleware::on_engine(engine, sender());
            let resource = web::resource("/events").route(web::post().to(handle)).wrap(middleware);
            let app = App::new().app_data(web::Data::new(handler.clone())).service(resource);
            let app = test::init_service(app).await;
            let request =
                test::TestRequest::post().uri("/events").insert_header(("content-type", "application/json"));
            let answer = test::call_service(&app, request.set_payload(body).to_request()).await;
            let header =
                |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            Seen {
                status: answer.status().as_u16(),
                marked: header("idempotency-status").unwrap_or_default(),
                has_retry_after: header("retry-after").is_some(),
            }
        }
    }
}

fn engine() -> Idempotency {
    Idempotency::new(MemoryStore::new()).map_policy(|policy| policy.with_wait(Duration::ZERO))
}

async fn a_batch_is_executed_item_by_item(adapter: Adapter) {
    let (engine, handler) = (engine(), Handler::default());
    let send = async |ids: &[&str]| send(adapter, &engine, &handler, ids).await;
    assert_eq!(send(&["a", "b", "a"]).await, seen(202, "executed", false));
    assert_eq!(handler.executions.load(Ordering::SeqCst), 2, "an id that comes twice is one item");
    assert_eq!(send(&["b", "a"]).await, seen(200, "replayed", false), "a plain 200 for every grouping");
    assert_eq!(send(&["b", "c"]).await, seen(202, "executed", false));
    assert_eq!((handler.calls.load(Ordering::SeqCst), handler.executions.load(Ordering::SeqCst)), (2, 3));
}

async fn an_item_that_fails_comes_again_and_the_others_do_not(adapter: Adapter) {
    let (engine, handler) = (engine(), Handler::default());
    let send = async |ids: &[&str]| send(adapter, &engine, &handler, ids).await;
    for calls in 1..4 {
        assert_eq!(send(&["a", "bad", "b"]).await, seen(503, "conflict", true));
        assert_eq!(handler.calls.load(Ordering::SeqCst), calls);
        assert_eq!(handler.executions.load(Ordering::SeqCst), 2 + calls);
    }
    assert_eq!(send(&["a", "b"]).await, seen(200, "replayed", false));
}

async fn an_answer_that_does_not_complete_frees_every_new_item(adapter: Adapter) {
    let (engine, handler) = (engine(), Handler::default());
    assert_eq!(send(adapter, &engine, &handler, &["a", "broken"]).await, seen(500, "executed", false));
    assert_eq!(send(adapter, &engine, &handler, &["a"]).await, seen(202, "executed", false));
    assert_eq!(handler.executions.load(Ordering::SeqCst), 3);
}

async fn an_item_that_another_process_holds_is_503(adapter: Adapter) {
    let (engine, handler) = (engine(), Handler::default());
    let proof = Verified::by_other_means(b"");
    let scope = idempotency_core::Scope::endpoint("batches /events");
    let held = Delivery::new(&proof, scope, Key::new("held").unwrap());
    let Begun::Run(execution) = engine.begin(held).await.unwrap() else { panic!("it is new") };
    assert_eq!(send(adapter, &engine, &handler, &["a", "held"]).await, seen(503, "conflict", true));
    assert_eq!(handler.executions.load(Ordering::SeqCst), 1, "the other one ran");
    execution.release().await;
    assert_eq!(send(adapter, &engine, &handler, &["a", "held"]).await, seen(202, "executed", false));
    assert_eq!(handler.executions.load(Ordering::SeqCst), 2);
}

macro_rules! on_both_adapters {
    ($($name:ident)*) => {
        mod axum_ {
            $(#[tokio::test] async fn $name() { super::$name(super::Adapter::Axum).await; })*
        }
        mod actix {
            $(#[actix_web::test] async fn $name() { super::$name(super::Adapter::Actix).await; })*
        }
    };
}

on_both_adapters! {
    a_batch_is_executed_item_by_item
    an_item_that_fails_comes_again_and_the_others_do_not
    an_answer_that_does_not_complete_frees_every_new_item
    an_item_that_another_process_holds_is_503
}
