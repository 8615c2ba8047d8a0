//! The extractors in axum and in actix-web, through the real layers.

use std::net::SocketAddr;

use actix_web::{App, HttpResponse, HttpServer, web};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post as route;
use http::StatusCode;
use idempotency_actix::IdempotencyMiddleware;
use idempotency_tests::http::{Answer, TestSender, post};
use idempotency_tower::IdempotencyLayer;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Adapter {
    Axum,
    Actix,
}

const BOTH: [Adapter; 2] = [Adapter::Axum, Adapter::Actix];

/// The status that a path such as `/order/201` asks for. Each insertion waits for an advisory lock.
async fn handle(transaction: Option<Transaction>, status: u16) -> StatusCode {
    if let Some(mut transaction) = transaction {
        insert(&mut transaction).await.unwrap();
        sqlx::query("SELECT pg_advisory_xact_lock_shared(1)").execute(&mut *transaction).await.unwrap();
    }
    assert_ne!(status, 999, "of the handler");
    StatusCode::from_u16(status).unwrap()
}

/// `/order` takes a transaction, `/maybe` takes one if there is a key, `/open` has no layer.
fn axum_app(process: &Process, sender: TestSender) -> Router {
    let order = async |transaction: Transaction, axum::extract::Path(status): axum::extract::Path<u16>| {
        handle(Some(transaction), status).await
    };
    let maybe = async |State(_): State<PostgresStore>, transaction: Option<Transaction>| -> Response {
        let text = if transaction.is_some() { "transaction" } else { "none" };
        (handle(transaction, 200).await, text).into_response()
    };
    let layer = IdempotencyLayer::on_engine(&process.engine, sender);
    Router::new()
        .route("/order/{status}", route(order))
        .route("/maybe", route(maybe))
        .layer(layer)
        .route("/open/{status}", route(order))
        .with_state(process.store.clone())
}

async fn actix_order(transaction: Transaction, status: web::Path<u16>) -> HttpResponse {
    let status = handle(Some(transaction), *status).await;
    HttpResponse::new(actix_web::http::StatusCode::from_u16(status.as_u16()).unwrap())
}

async fn actix_maybe(transaction: Option<Transaction>) -> HttpResponse {
    let text = if transaction.is_some() { "transaction" } else { "none" };
    handle(transaction, 200).await;
    HttpResponse::Ok().body(text)
}

/// A server that stops when it is dropped.
struct Server {
    addr: SocketAddr,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().unwrap()();
    }
}

impl Server {
    async fn start(adapter: Adapter, process: &Process, sender: TestSender) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let stop: Box<dyn FnOnce() + Send> = match adapter {
            Adapter::Axum => {
                listener.set_nonblocking(true).unwrap();
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let app = axum_app(process, sender);
                let task = tokio::spawn(async move { axum::serve(listener, app).await });
                Box::new(move || task.abort())
            }
            Adapter::Actix => {
                let (send, handle) = oneshot::channel();
                let (store, engine) = (process.store.clone(), process.engine.clone());
                std::thread::spawn(move || {
                    let server = HttpServer::new(move || {
                        let middleware = IdempotencyMiddleware::on_engine(&engine, sender.clone());
                        let guarded = |path: &str| web::resource(path.to_owned()).wrap(middleware.clone());
                        App::new()
                            .app_data(web::Data::new(store.clone()))
                            .service(guarded("/order/{status}").to(actix_order))
                            .service(guarded("/maybe").to(actix_maybe))
                            .service(web::resource("/open/{status}").to(actix_order))
                    });
                    let server = server.workers(1).disable_signals().listen(listener).unwrap();
                    actix_web::rt::System::new().block_on(async move {
                        let server = server.run();
                        drop(send.send(server.handle()));
                        server.await
                    })
                });
                let handle = handle.await.unwrap();
                Box::new(move || drop(handle.stop(false)))
            }
        };
        Self { addr, stop: Some(stop) }
    }

    async fn post(&self, path: &str) -> Answer {
        post(path).key("evt").send_to(self.addr).await.unwrap()
    }
}

#[tokio::test]
async fn a_2xx_commits_and_is_replayed() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let server = Server::start(adapter, &process, TestSender::new(policy())).await;
        server.post("/order/201").await.is(201, "executed");
        assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
        server.post("/order/201").await.is(201, "replayed");
        assert_eq!(process.orders().await, "1");
    }
}

#[tokio::test]
async fn a_recorded_4xx_rolls_the_writes_back_and_is_replayed() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let api = Policy::api().with_store_timeout(PATIENCE);
        let server = Server::start(adapter, &process, TestSender::new(api)).await;
        server.post("/order/422").await.is(422, "executed");
        assert_eq!((process.orders().await, process.state().await), ("0".into(), "3".into()));
        server.post("/order/422").await.is(422, "replayed");
    }
}

#[tokio::test]
async fn an_answer_that_is_not_recorded_rolls_back_and_a_retry_runs() {
    for adapter in BOTH {
        for status in [500, 422] {
            let process = Process::alone().await;
            let server = Server::start(adapter, &process, TestSender::new(policy())).await;
            let path = format!("/order/{status}");
            server.post(&path).await.is(status, "executed");
            assert_eq!((process.orders().await, process.state().await), ("0".into(), "2".into()));
            server.post(&path).await.is(status, "executed");
        }
    }
}

#[tokio::test]
async fn a_sender_that_hangs_up_stops_no_commit() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let server = Server::start(adapter, &process, TestSender::new(policy())).await;
        let mut blocker = PgConnection::connect(&process.url).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut blocker).await.unwrap();
        let mut sender = TcpStream::connect(server.addr).await.unwrap();
        let request = b"POST /order/200 HTTP/1.1\r\nhost: test\r\nx-key: evt\r\ncontent-length: 0\r\n\r\n";
        sender.write_all(request).await.unwrap();
        process.until(WAITING, "1").await;
        drop(sender);
        blocker.close().await.unwrap();
        process.until("SELECT state FROM idempotency_records", "3").await;
        assert_eq!(process.orders().await, "1");
        server.post("/order/200").await.is(200, "replayed");
    }
}

#[tokio::test]
async fn a_route_without_a_layer_is_a_mistake() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let server = Server::start(adapter, &process, TestSender::new(policy())).await;
        let answer = server.post("/open/200").await;
        assert_eq!(answer.status, 500);
        assert!(answer.text().contains("the request has no idempotency context"), "{}", answer.text());
        assert_eq!(process.orders().await, "0");
    }
}

#[tokio::test]
async fn a_request_without_a_key_may_pass_without_a_transaction() {
    for adapter in BOTH {
        let process = Process::alone().await;
        let sender = TestSender::new(policy()).optional();
        let server = Server::start(adapter, &process, sender).await;
        let keyless = post("/maybe").send_to(server.addr).await.unwrap();
        keyless.is(200, "bypassed").says("none");
        server.post("/maybe").await.is(200, "executed").says("transaction");
        assert_eq!(process.orders().await, "1");
        let keyless = post("/order/200").send_to(server.addr).await.unwrap();
        assert_eq!(keyless.status, 500);
    }
}

/// A database that begins nothing, although the store still has its own connections.
#[tokio::test]
async fn a_transaction_that_does_not_begin_is_a_503() {
    for adapter in BOTH {
        let url = database().await;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_millis(50))
            .connect(&url)
            .await
            .unwrap();
        let store = PostgresStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
        let process = Process::on(store, &url);
        let server = Server::start(adapter, &process, TestSender::new(policy())).await;
        let held = pool.acquire().await.unwrap();
        for path in ["/order/200", "/maybe"] {
            let answer = server.post(path).await;
            assert_eq!(answer.status, 503, "{adapter:?} {path} {answer:?}");
            answer.is_problem("unavailable").is_retryable(true).retries_later();
            assert_eq!(process.query("SELECT state FROM idempotency_records LIMIT 1").await, "2");
        }
        drop(held);
        server.post("/order/200").await.is(200, "executed");
    }
}
